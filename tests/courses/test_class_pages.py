"""Pages of classes and sessions: a class in one form, sessions moved and called off."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from courses import reading_classes, roll_call, sessions
from courses.models import ReadingClass, SessionChange, StudySession
from courses.sessions import NotNow, Plan
from credits import programmes
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago, moment, rules_json
from tests.courses.conftest import plan

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def desk(city, programme):
    browser = Client()
    browser.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    return browser


def class_form(**values):
    return {
        "name": "甲支部读书班", "first": TODAY + timedelta(days=1), "clock": "14:30",
        "minutes": "90", "each": "2", "every": "14", "form": "seminar", "method": "roll_call",
    } | values  # fmt: skip


def session_form(**values):
    return {
        "title": "调整后的主题", "occasion": "class", "form": "lecture", "period": "reform",
        "day": TODAY + timedelta(days=3), "start": "15:00", "end": "16:30", "band": "",
        "method": "roll_call",
    } | values  # fmt: skip


def test_one_form_enrols_the_branch_and_lays_the_sessions_over_the_four_periods(desk, city):
    answer = desk.post(reverse("class-new"), class_form(), follow=True)

    made = ReadingClass.objects.get()
    assert "支部党员已全部入班" in answer.content.decode()
    people = {e.member.name for e in made.enrolments.all()}
    assert people == {"林小满", "周明远"}
    laid = [(s.period, s.day) for s in made.sessions.order_by("starts_at")]
    periods = ["new-democratic", "socialist", "reform", "new-era"]
    assert [p for p, _ in laid] == [p for p in periods for _ in range(2)]
    first = TODAY + timedelta(days=1)
    assert [d for _, d in laid] == [first + timedelta(weeks=2 * n) for n in range(8)]


def test_a_class_that_began_last_week_has_its_people_on_the_first_roll(desk, city, secretary):
    desk.post(reverse("class-new"), class_form(first=days_ago(7), each="1"))

    made = ReadingClass.objects.get()
    first = made.sessions.order_by("starts_at").first()
    roll_call.open_(first, by=secretary, at=NOW)

    assert made.starts == days_ago(7)
    assert {a.member.name for a in first.attendances.all()} == {"林小满", "周明远"}


def test_members_of_other_branches_and_leaders_join_by_number(desk, city):
    desk.post(reverse("class-new"), class_form())
    made = ReadingClass.objects.get()
    gao, wu = city.people["gao"], city.people["wu"]

    told = desk.post(
        reverse("class-detail", args=[made.pk]), {"numbers": f"{gao.number}\n{wu.number}"},
        follow=True,
    ).content.decode()  # fmt: skip

    assert "新入班 2 人" in told
    assert {"高望川", "吴远舟"} <= {e.member.name for e in made.enrolments.all()}
    missing = desk.post(reverse("class-detail", args=[made.pk]), {"numbers": "99999999"})
    assert missing.status_code == 422
    assert "没有找到这些编号的在册党员：99999999" in missing.content.decode()


def test_whoever_joined_the_branch_later_is_hinted_at_and_enrolled_with_one_tap(desk, city):
    desk.post(reverse("class-new"), class_form(each="1"))
    made = ReadingClass.objects.get()
    address = reverse("class-detail", args=[made.pk])
    pages = [reverse("home"), address]
    assert all("还没有入班" not in desk.get(page).content.decode() for page in pages)
    for name in ("新来一", "新来二"):
        city.enrol(city.jia, name)

    home, shown = (desk.get(page).content.decode() for page in pages)
    assert "新来的 2 人还没有入班" in home
    assert f'href="{address}"' in home
    assert "新来二、新来一" in shown
    told = desk.post(reverse("class-newcomers", args=[made.pk]), follow=True).content.decode()

    assert "新入班 2 人" in told
    since = dict(made.enrolments.values_list("member__name", "since"))
    assert since["新来一"] == since["新来二"] == TODAY
    assert all("还没有入班" not in desk.get(page).content.decode() for page in pages)
    desk.post(reverse("class-newcomers", args=[made.pk]))  # sent twice
    assert made.enrolments.count() == 4


def test_an_ended_class_lacks_nobody(desk, city, programme, secretary):
    made = reading_classes.found(programme, city.jia, name="读书班", plans=[], starts=TODAY,
                                 ends=TODAY, by=secretary, at=NOW)  # fmt: skip
    reasons = dict.fromkeys(made.enrolments.values_list("member", flat=True), "外出")
    reading_classes.end(made, reasons=reasons, by=secretary, at=NOW)
    city.enrol(city.jia, "新来人")

    assert "新来人" not in desk.get(reverse("class-detail", args=[made.pk])).content.decode()
    desk.post(reverse("class-newcomers", args=[made.pk]))
    assert made.enrolments.count() == 2


def test_a_session_is_moved_and_the_history_says_from_when_to_when(desk, schedule):
    session = schedule(day=TODAY + timedelta(days=2))

    desk.post(reverse("session-change", args=[session.pk]), session_form(version="1", place="二楼"))

    session.refresh_from_db()
    assert (session.day, session.place) == (TODAY + timedelta(days=3), "二楼")
    [change] = SessionChange.objects.filter(session=session)
    assert change.what == (
        "时间由 6月5日 09:00–10:30 改为 6月6日 15:00–16:30；调整主题、学习方式、地点"
    )
    page = desk.get(reverse("session-detail", args=[session.pk])).content.decode()
    assert "时间由 6月5日 09:00–10:30 改为 6月6日 15:00–16:30" in page


def test_saving_a_session_as_it_is_leaves_no_trace(desk, schedule):
    session = schedule(day=TODAY + timedelta(days=2))
    shown = desk.get(reverse("session-change", args=[session.pk])).context["form"].initial

    desk.post(
        reverse("session-change", args=[session.pk]),
        {k: v for k, v in shown.items() if v is not None} | {"version": "1"},
    )

    session.refresh_from_db()
    assert session.version == 1
    assert not SessionChange.objects.exists()


def test_two_people_who_move_one_session_the_second_is_told(desk, schedule):
    session = schedule(day=TODAY + timedelta(days=2))
    address = reverse("session-change", args=[session.pk])
    desk.post(address, session_form(version="1"))

    second = desk.post(address, session_form(version="1", title="另一个主题"))

    assert second.status_code == 422
    session.refresh_from_db()
    assert session.title == "调整后的主题"


def test_a_session_never_changes_to_what_the_rules_do_not_count(
    city, found_programme, schedule, secretary
):
    rules = [{"code": "seminar", "cap": None, "points": 10}]
    narrow = found_programme("narrow-2021", forms=rules)
    session = sessions.schedule(city.jia, [narrow], plan(), by=secretary, at=moment(TODAY, 7))

    with pytest.raises(Refusal, match="不计网上教育的学时"):
        sessions.change(session, {"form": "online"}, seen_version=1, by=secretary, at=NOW)
    with pytest.raises(Refusal, match="没有这个历史时期"):
        sessions.change(session, {"period": "ming"}, seen_version=1, by=secretary, at=NOW)


@pytest.mark.parametrize(
    ("query", "days", "state", "word"),
    [("", 2, "cancelled", "已取消"), ("?not_held=1", -2, "not_held", "未举行")],
)
def test_a_session_is_called_off_with_a_reason_that_the_page_shows(
    desk, schedule, query, days, state, word
):
    session = schedule(day=TODAY + timedelta(days=days))
    address = reverse("session-call-off", args=[session.pk]) + query

    assert desk.post(address, {"reason": " "}).status_code == 422
    desk.post(address, {"reason": "防汛值守"})

    session.refresh_from_db()
    assert session.state == state
    page = desk.get(reverse("session-detail", args=[session.pk])).content.decode()
    assert f"{word}：防汛值守。不计入举行次数。" in page


def test_a_session_to_come_is_cancelled_and_never_called_not_held(desk, schedule):
    session = schedule(day=TODAY + timedelta(days=2))

    address = reverse("session-call-off", args=[session.pk]) + "?not_held=1"
    answer = desk.post(address, {"reason": "停电"})

    assert answer.status_code == 422
    assert "请取消活动" in answer.content.decode()


def test_a_session_of_a_class_counts_for_the_classs_programme(
    desk, city, programme, found_programme, secretary
):
    other = found_programme("other-2021")
    made = reading_classes.found(other, city.jia, name="另一个读书班", plans=[], starts=TODAY,
                                 ends=date(2021, 11, 30), by=secretary, at=NOW)  # fmt: skip

    address = f"{reverse('session-new')}?class={made.pk}&programme={programme.code}"
    form = desk.get(address).context["form"]
    assert form["programmes"].value() == ["other-2021"]
    desk.post(address, session_form() | {"programmes": form["programmes"].value()})

    session = StudySession.objects.get()
    assert list(session.programmes.all()) == [other]
    assert session.reading_class == made


def test_an_ended_class_takes_no_session_and_nobody_in(desk, city, programme, secretary):
    made = reading_classes.found(programme, city.jia, name="读书班", plans=[], starts=TODAY,
                                 ends=TODAY, by=secretary, at=NOW)  # fmt: skip
    reasons = dict.fromkeys(made.enrolments.values_list("member", flat=True), "外出")
    reading_classes.end(made, reasons=reasons, by=secretary, at=NOW)

    answer = desk.post(f"{reverse('session-new')}?class={made.pk}", session_form())

    assert answer.status_code == 422
    assert "不能再加活动" in answer.content.decode()
    assert not StudySession.objects.exists()


def test_nothing_is_planned_in_a_programme_whose_books_are_closed(city, programme, secretary):
    at = moment(date(2021, 12, 31), 20)
    closing = programmes.close_study(programme, by=city.by, at=at)
    closed = programmes.close_books(closing, by=city.by, at=at + programmes.GRACE)

    with pytest.raises(NotNow, match="不能再安排活动"):
        sessions.schedule(city.jia, [closed], plan(), by=secretary, at=at)


def test_classes_and_sessions_can_be_planned_before_the_programme_opens(city, secretary):
    draft = programmes.found(
        code="dsxx-2022", name="来年专题教育", organiser=city.root, scopes=[city.root],
        starts=date(2022, 1, 4), ends=date(2022, 12, 31), rules_=rules_json(), authority="依据",
        by=city.by, at=NOW,
    )  # fmt: skip
    start = moment(date(2022, 1, 5), 9)
    early = Plan("开班研讨", "seminar", start, start + timedelta(minutes=90), "reform")

    made = reading_classes.found(draft, city.jia, name="读书班", plans=[early],
                                 starts=date(2022, 1, 4), ends=date(2022, 6, 30),
                                 by=secretary, at=NOW)  # fmt: skip

    assert [s.title for s in made.sessions.all()] == ["开班研讨"]


def test_a_meeting_of_the_general_branch_stands_on_its_members_start_page(
    client, city, programme, secretary
):
    """Whoever is due finds it, before any roll is open: here the county's own meeting."""
    meeting = plan("县里的大会", day=TODAY + timedelta(days=1))
    made = sessions.schedule(city.county, [programme], meeting, by=city.by, at=NOW)

    for name, there in (("lin", True), ("wu", True), ("gao", False)):
        client.force_login(city.people[name], "portal.sign_in.MemberBackend")
        found = StudySession.objects.for_member(city.people[name])
        assert found.filter(pk=made.pk).exists() is there
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    assert "县里的大会" in client.get(reverse("home")).content.decode()
    assert client.get(reverse("session-detail", args=[made.pk])).status_code == 200
