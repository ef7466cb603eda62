"""Pages of sessions at a distance: who sees the link, digits typed, the shared screen, closing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from courses import check_in, roll_call
from courses.models import Scan, Status, StudySession, WalkIn
from tests.cast import TODAY, moment
from tests.courses.conftest import mark_of

pytestmark = pytest.mark.django_db
LINK = "https://meeting.example.com/dm/a1B2c3"
START = moment(TODAY, 9)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def live(schedule, secretary, clock):
    session = schedule(link=LINK, method="check_in")
    return roll_call.open_(session, by=secretary, at=START)


def text_of(response):
    return response.content.decode()


def at(name, *args):
    return reverse(name, args=args)


def test_a_member_due_sees_the_link_with_its_host_and_where_to_type(live, enter):
    page = text_of(enter("lin").get(at("session-detail", live.pk)))

    assert f'href="{LINK}" target="_blank" rel="noopener noreferrer">' in page
    assert "进入会议（meeting.example.com）" in page
    assert "输入六位数字签到" in page


def test_who_sees_figures_only_does_not_see_the_link(live, enter, city):
    page = enter("gao").get(at("session-detail", live.pk))

    assert page.status_code == 200
    assert "meeting.example.com" not in text_of(page)


def test_outside_the_unit_there_is_no_link_anywhere(live, enter):
    for name in ("guan", "xun"):
        for page in ("session-detail", "session-visit"):
            assert LINK not in text_of(enter(name).get(at(page, live.pk)))


def test_after_the_end_the_link_is_shown_no_longer(live, enter, clock):
    clock.move_to(live.ends_at)

    assert LINK not in text_of(enter("lin").get(at("session-detail", live.pk)))


def test_the_staff_sees_the_link_and_may_replace_it(live, enter):
    zhou = enter("zhou")
    assert LINK in text_of(zhou.get(at("session-detail", live.pk)))

    wrong = zhou.post(at("session-link", live.pk), {"link": "javascript:alert(1)"})
    assert wrong.status_code == 422
    assert "要以 https:// 开头" in text_of(wrong)
    other = "https://meeting.example.com/dm/other"
    assert zhou.post(at("session-link", live.pk), {"link": other}).status_code == 302
    assert other in text_of(enter("lin").get(at("session-detail", live.pk)))


def test_the_form_plans_one_and_says_what_is_wrong_beside_the_link(enter, clock, programme):
    body = {
        "title": "线上党课", "occasion": "three", "form": "lecture", "period": "reform",
        "day": "2021-06-03", "start": "19:00", "end": "20:30", "method": "check_in", "link": LINK,
    }  # fmt: skip
    zhou = enter("zhou")

    bad = zhou.post(at("session-new"), body | {"link": "http://meeting.example.com/"})
    paper = zhou.post(at("session-new"), body | {"method": "paper"})
    good = zhou.post(at("session-new"), body)

    assert (bad.status_code, paper.status_code, good.status_code) == (422, 422, 302)
    assert "要以 https:// 开头" in text_of(bad)
    assert "没有纸质签到" in text_of(paper)
    session = StudySession.objects.get()
    assert session.link == LINK
    changed = zhou.post(at("session-change", session.pk), body | {"link": LINK + "x"})
    assert changed.status_code == 302
    assert session.changes.get().what == "调整会议链接"
    home = text_of(enter("lin").get(reverse("home")))
    assert "线上" in home
    assert LINK not in home


def test_a_class_is_planned_with_the_link_for_each_session(enter, clock, programme):
    body = {
        "name": "线上读书班", "first": "2021-06-04", "layout": "", "clock": "14:30",
        "minutes": "90", "each": "1", "every": "7", "form": "seminar", "method": "check_in",
        "link": LINK,
    }  # fmt: skip

    assert enter("zhou").post(at("class-new"), body).status_code == 302
    assert {s.link for s in StudySession.objects.all()} == {LINK}


def test_digits_are_typed_three_taps_from_the_start(live, enter, lin):
    client = enter("lin")
    assert at("check-in") in text_of(client.get(reverse("home")))
    form = text_of(client.get(at("check-in")))
    assert "输入会议里的六位数字" in form
    assert "扫一扫" not in form

    digits = check_in.code_at(live, START).digits
    answer = client.post(at("check-in"), {"digits": f"{digits[:3]} {digits[3:]}"})

    assert answer.url == at("session-detail", live.pk)
    assert mark_of(live, lin).status == Status.PRESENT


def test_the_shared_screen_shows_digits_and_counts_and_no_name(live, enter, city, lin):
    zhou, digits = enter("zhou"), check_in.code_at(live, START).digits
    enter("lin").post(at("check-in"), {"digits": digits})
    check_in.refuse(live, city.people["wu"], "签到码不对", at=START)

    for headers in ({}, {"HX-Request": "true"}):
        page = text_of(zhou.get(at("check-in-screen", live.pk), headers=headers))
        main = page.split("<main")[-1]
        assert digits in main
        assert "已签到 <b>1</b>" in main
        assert not any(person.name in main for person in city.people.values())


def test_a_guest_types_the_digits_and_is_confirmed(live, enter, city, secretary):
    wu = enter("wu")
    page = text_of(wu.get(at("session-visit", live.pk)))
    assert LINK in page
    assert "请求加入名单" in page
    body = {"session": live.pk, "digits": check_in.code_at(live, START).digits}

    wrong = wu.post(at("check-in-ask"), body | {"digits": "000000"})
    assert wrong.status_code == 422
    assert Scan.objects.get(accepted=False).member == city.people["wu"]
    asked = wu.post(at("check-in-ask"), body)
    assert asked.status_code == 302

    enter("zhou").post(at("walk-in-decide", WalkIn.objects.get().pk))
    row = mark_of(live, city.people["wu"])
    assert (row.status, row.guest, row.scanned) == (Status.PRESENT, True, True)


@pytest.mark.parametrize("session", ["0", "x", "9" * 30, ""])
def test_a_forged_session_is_not_found(live, enter, session):
    assert enter("wu").post(at("check-in-ask"), {"session": session}).status_code == 404


def test_nobody_of_another_unit_asks_in_by_digits(live, enter):
    body = {"session": live.pk, "digits": check_in.code_at(live, START).digits}

    assert enter("guan").post(at("check-in-ask"), body).status_code == 404
    assert not WalkIn.objects.exists()


def test_in_a_room_nobody_asks_in_by_digits(schedule, secretary, enter, clock):
    session = roll_call.open_(schedule(method="check_in"), by=secretary, at=START)
    body = {"session": session.pk, "digits": check_in.code_at(session, START).digits}

    assert enter("wu").post(at("check-in-ask"), body).status_code == 404


def test_closing_asks_for_the_count_and_refuses_another(live, enter, clock, lin):
    zhou = enter("zhou")
    enter("lin").post(at("check-in"), {"digits": check_in.code_at(live, START).digits})
    clock.move_to(live.ends_at)
    address, seen = at("session-save", live.pk), {"close": "1"}

    asked = text_of(zhou.post(address, seen))
    assert "与会议里的人核对" in asked
    assert "人未签到，记为" in asked
    assert 'name="compared"' in asked
    body = seen | {"confirmed": "1", "not_yet_becomes": "absent"}
    for wrong in ({}, {"compared": ""}, {"compared": "3"}, {"compared": "x"}, {"compared": "-1"}):
        answer = zhou.post(address, body | wrong)
        assert answer.status_code == 422, wrong
    assert "名单上到会 1 人" in text_of(zhou.post(address, body | {"compared": "3"}))
    assert StudySession.objects.get(pk=live.pk).state == "open"

    assert zhou.post(address, body | {"compared": "1"}).status_code == 302
    live.refresh_from_db()
    assert (live.state, live.compared) == ("closed", 1)
    assert "与会议中的 1 人核对一致" in text_of(zhou.get(at("session-detail", live.pk)))


def test_it_is_asked_even_when_everybody_has_a_mark(live, enter, clock):
    live.attendances.update(status=Status.PRESENT)
    clock.move_to(live.ends_at)

    asked = text_of(enter("zhou").post(at("session-save", live.pk), {"close": "1"}))
    assert 'name="compared"' in asked


def test_the_class_roll_asks_as_well(class_, secretary, enter):
    column = class_.sessions.order_by("starts_at")[2]
    StudySession.objects.filter(pk=column.pk).update(link=LINK)
    column.refresh_from_db()
    roll_call.open_(column, by=secretary, at=column.starts_at)
    with time_machine.travel(column.ends_at + timedelta(hours=1), tick=False):
        asked = enter("zhou").post(at("class-roll", class_.pk), {"close": column.pk})

    assert 'name="compared"' in text_of(asked)
    column.refresh_from_db()
    assert column.state == "open"
