"""The roll of a whole class: several open columns saved at once, credited ones locked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses import (
    class_rolls,
    reading_classes,
    roll_call,
    sessions,
)
from courses.marks import Mark, NotOnRoll, Wish
from courses.models import Attendance, StudySession
from courses.sessions import NotNow, Plan
from credits.models import Standing
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses.conftest import mark_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("clock")]


@pytest.fixture
def desk(city):
    browser = Client()
    browser.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    return browser


def address(class_):
    return reverse("class-roll", args=[class_.pk])


def body(*cells, **more):
    """What the page sends: (session, member, seen, wanted)."""
    sent = dict(more)
    for session, member, seen, wanted in cells:
        sent |= {f"seen-{session.pk}-{member.pk}": seen, f"mark-{session.pk}-{member.pk}": wanted}
    return sent


def cell(session, member):
    return str(Mark.of(mark_of(session, member)))


# --- The page --------------------------------------------------------------------------------


def test_days_stand_across_and_members_down(desk, class_, halves):
    text = desk.get(address(class_)).content.decode()

    heads = re.findall(
        r"<th scope=\"col\" id.*?(\d+月\d+日..)</a>.*?<span class=\"tag[^>]*>(.*?)</span>", text
    )
    assert heads == [("6月2日上午", "已锁定"), ("6月2日下午", "点名中"), ("6月3日上午", "点名中"),
                     ("6月3日下午", "未开始")]  # fmt: skip
    assert re.findall(r"<th scope=\"row\">(\S+)", text) == ["林小满", "吴远舟", "周明远"]
    assert text.count('<select class="form-select" name="mark-') == 6  # two open columns
    assert text.count('name="open"') == 1
    assert text.count('name="close"') == 2


def test_all_open_columns_are_saved_at_once(desk, class_, halves, lin, wu):
    _, second, third, _ = halves
    answer = desk.post(
        address(class_),
        body((second, lin, "present", "late"), (third, lin, "present", "leave:sick"),
             (third, wu, "present", "present")),
        follow=True,
    )  # fmt: skip

    assert "改动 2 处" in answer.content.decode()
    assert (cell(second, lin), cell(third, lin)) == ("late", "leave:sick")
    before = second.version
    second.refresh_from_db()
    assert second.version == before + 1


def test_a_planned_column_is_opened_with_one_tap_and_nothing_typed_is_lost(desk, class_, halves,
                                                                           lin):  # fmt: skip
    second, last = halves[1], halves[3]
    desk.post(address(class_), body((second, lin, "present", "late"), open=last.pk))

    last.refresh_from_db()
    assert last.state == "open"
    assert cell(second, lin) == "late"
    assert last.attendances.count() == 3


def test_closing_a_column_posts_it_and_locks_it(desk, class_, halves, programme, lin):
    second = halves[1]
    answer = desk.post(
        address(class_), body((second, lin, "present", "absent"), close=second.pk), follow=True
    )

    assert "这一列已锁定" in answer.content.decode()
    second.refresh_from_db()
    assert second.state == "closed"
    assert Standing.objects.get(programme=programme, member=lin).recognised == 400  # the first half
    assert f'name="mark-{second.pk}-' not in answer.content.decode()


def test_closing_asks_what_becomes_of_the_unmarked_and_leads_back(desk, class_, halves, lin):
    second = halves[1]
    Attendance.objects.filter(session=second, member=lin).update(status="not_yet")
    asked = desk.post(address(class_), {"close": second.pk}).content.decode()
    assert "还有 1 人未签到" in asked
    assert 'name="of_class"' in asked

    answer = desk.post(
        reverse("session-save", args=[second.pk]),
        {"close": "1", "confirmed": "1", "of_class": "1", "not_yet_becomes": "absent"},
    )
    assert answer.headers["Location"] == address(class_)
    assert cell(second, lin) == "absent"


def test_a_column_that_is_not_over_is_not_closed(desk, class_, halves, secretary):
    last = halves[3]
    StudySession.objects.filter(pk=last.pk).update(ends_at=NOW + timedelta(hours=1))
    roll_call.open_(last, by=secretary, at=NOW)
    assert f'name="close" value="{last.pk}"' not in desk.get(address(class_)).content.decode()
    sent = {"close": "1", "confirmed": "1", "of_class": "1"}
    answer = desk.post(reverse("session-save", args=[last.pk]), sent)
    assert answer.status_code == 422
    assert "结束后才能记学时" in answer.content.decode()


def test_a_conflict_names_every_cell_and_keeps_what_was_wanted(desk, class_, halves, lin, zhou):
    _, second, third, _ = halves
    for session in (second, third):
        Attendance.objects.filter(session=session, member=lin).update(status="absent")
    sent = body(
        (second, lin, "present", "late"), (third, lin, "present", "left_early"),
        (third, zhou, "present", "late"),
    )  # fmt: skip
    answer = desk.post(address(class_), sent)

    text = answer.content.decode()
    assert answer.status_code == 409
    assert "6月2日下午 林小满已被改为“缺席”（您看到的是“出席”）" in text
    assert "6月3日上午 林小满已被改为" in text
    assert cell(third, zhou) == "present"  # all or nothing
    chosen = re.search(rf'name="mark-{third.pk}-{zhou.pk}".*?</select>', text, re.DOTALL)[0]
    assert '<option value="late" selected>' in chosen
    again = re.search(rf'name="seen-{second.pk}-{lin.pk}" value="(\w+)"', text)[1]
    assert again == "absent"


def test_a_column_locked_meanwhile_is_named_and_nothing_is_written(class_, halves, secretary, lin):
    first, second = halves[:2]
    wishes = {s.pk: wish(mark_of(s, lin), "late") for s in (first, second)}
    with pytest.raises(NotNow, match="6月2日上午已记学时，这一列已经锁定"):
        class_rolls.save(class_, wishes, by=secretary, at=NOW)
    assert cell(second, lin) == "present"


def test_an_unchanged_column_locked_meanwhile_is_no_matter(class_, halves, secretary, lin):
    first, second = halves[:2]
    wishes = {first.pk: wish(mark_of(first, lin), "present"),
              second.pk: wish(mark_of(second, lin), "late")}  # fmt: skip
    assert class_rolls.save(class_, wishes, by=secretary, at=NOW) == 1


def test_mistake_05_saving_again_or_opening_again_keeps_every_mark(desk, class_, halves, lin,
                                                                   secretary):  # fmt: skip
    second = halves[1]
    sent = body((second, lin, "present", "late"))
    desk.post(address(class_), sent)
    version = StudySession.objects.get(pk=second.pk).version
    desk.post(address(class_), sent)
    desk.post(address(class_), {"open": second.pk})
    assert cell(second, lin) == "late"
    assert StudySession.objects.get(pk=second.pk).version == version


def test_other_classes_and_other_people_are_no_cells(city, class_, halves, secretary, schedule, lin,
                                                     zheng):  # fmt: skip
    other = roll_call.open_(schedule(hour=18), by=secretary, at=moment(TODAY, 18))
    present, late = Mark("present"), Mark("late")
    for session, member in ((other, lin), (halves[1], zheng)):
        with pytest.raises(NotOnRoll):
            class_rolls.save(class_, {session.pk: {member.pk: Wish(present, late)}}, by=secretary,
                             at=NOW)  # fmt: skip
    assert cell(other, lin) == "present"


@pytest.mark.parametrize("act", ["open", "close"])
def test_a_column_of_another_class_is_neither_opened_nor_closed(desk, class_, schedule, act):
    other = schedule()
    answer = desk.post(address(class_), {act: other.pk})
    assert answer.status_code == 422
    other.refresh_from_db()
    assert other.state == "planned"


def test_mistake_02_who_was_not_due_shows_a_dash(city, desk, class_, halves, secretary):
    late = city.enrol(city.jia, "后来人", day=TODAY)
    reading_classes.enrol(class_, [late], by=secretary, at=NOW)
    text = desk.get(address(class_)).content.decode()
    line = re.search(r"<th scope=\"row\">后来人.*?</tr>", text, re.DOTALL)[0]
    assert re.findall(r"<td>(.*?)</td>", line) == ["—", "—", "—", ""]


def test_mistake_08_a_session_called_off_is_no_column(desk, class_, halves, secretary):
    sessions.cancel(halves[3], reason="改期", by=secretary, at=NOW)
    text = desk.get(address(class_)).content.decode()
    assert "6月3日下午" not in text


def test_the_page_asks_no_more_for_more_rows_and_columns(city, desk, class_, halves, secretary):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert desk.get(address(class_)).status_code == 200
        return len(asked)

    queries()
    few = queries()
    people = [city.enrol(b) for b in (city.jia, city.jia, city.yi)]
    reading_classes.enrol(class_, people, by=secretary, at=moment(days_ago(1), 7))
    for number in range(3):
        start = moment(TODAY, 18, number)
        made = sessions.schedule(
            city.jia, [class_.programme], Plan("加", "seminar", start, start + timedelta(hours=1)),
            by=secretary, at=NOW, reading_class=class_,
        )  # fmt: skip
        roll_call.open_(made, by=secretary, at=NOW)
    assert queries() <= few


# --- Plans by half day -----------------------------------------------------------------------


def test_a_class_of_several_days_is_laid_out_by_half_days(desk, programme):
    form = {
        "name": "专题读书班", "first": TODAY, "layout": "morning afternoon", "clock": "14:30",
        "minutes": "90", "each": "1", "every": "1", "form": "seminar", "method": "roll_call",
    }  # fmt: skip
    desk.post(reverse("class-new"), form)

    rows = StudySession.objects.order_by("starts_at")
    assert [class_rolls.named(s) for s in rows] == [
        "6月3日上午", "6月3日下午", "6月4日上午", "6月4日下午"
    ]  # fmt: skip
    assert {s.band for s in rows} == {"half_day"}
    assert [s.period for s in rows] == ["new-democratic", "socialist", "reform", "new-era"]
