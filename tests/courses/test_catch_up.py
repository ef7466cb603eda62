"""Late study entered in a catch-up window: logs, rolls and sheets, each told what is open."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from courses import corrections, crediting, reading_classes, roll_call, study_logs
from courses.marks import Mark, Wish
from courses.sessions import NotNow
from courses.study_logs import CannotLog, Study
from credits import catch_up, late_entries, statements, verification
from credits.catch_up import Span
from credits.models import LateEntry
from tests.cast import BEFORE, NOW, STARTS, TODAY, days_ago, moment
from tests.courses.conftest import mark_of, plan

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("clock")]
LATE = Study("self", days_ago(40), 45, "补记的自学", "reform")


@pytest.fixture
def window(city, programme):
    def make(over=None, *, first=STARTS):
        return catch_up.open_(
            programme, over or city.county, days=Span(first, TODAY),
            dates=Span(TODAY, TODAY + timedelta(days=7)), reason="换届", by=city.by, at=NOW,
        )  # fmt: skip

    return make


@pytest.fixture
def enter(city, programme):
    def make(name):
        browser = Client()
        browser.force_login(city.people[name], "portal.sign_in.MemberBackend")
        return browser

    return make


def test_a_late_log_is_handed_in_confirmed_and_marked(city, programme, window, lin, secretary):
    by = city.actor("lin")
    with pytest.raises(CannotLog, match="没有开设补录期"):
        study_logs.submit(programme, lin, LATE, by=by, at=NOW)
    made = window()

    log = study_logs.submit(programme, lin, LATE, by=by, at=NOW)
    after = NOW + timedelta(days=20)  # the window is over; the log was handed in inside it
    [outcome] = study_logs.confirm([log], by=secretary, at=after)

    assert (outcome.hours, outcome.reason) == (100, "")
    assert late_entries.of_member(programme, lin) == {("log", log.key): made}
    assert verification.verify(at=after).problems == []


def test_a_refusal_says_until_when_the_window_is_open_and_what_it_takes(
    city, programme, window, lin
):
    window(first=days_ago(35))

    with pytest.raises(CannotLog) as caught:
        study_logs.submit(programme, lin, LATE, by=city.actor("lin"), at=NOW)

    assert f"补录期到 {TODAY + timedelta(days=7)} 为止" in caught.value.message
    assert f"{days_ago(35)} 至 {TODAY}" in caught.value.message
    assert caught.value.field == "day"


def test_a_late_roll_is_closed_in_a_window_and_all_its_lines_are_marked(
    city, schedule, secretary, window, lin
):
    session = schedule(day=days_ago(40))
    roll_call.open_(session, by=secretary, at=moment(days_ago(40), 9))
    with pytest.raises(NotNow, match=r"已过去 40 天.*没有开设补录期"):
        roll_call.close(session, {}, by=secretary, at=NOW)
    window(city.jia)

    roll_call.close(session, {}, by=secretary, at=NOW)

    marks = LateEntry.objects.filter(kind="session", key=session.key)
    assert set(marks.values_list("member__name", flat=True)) == {"林小满", "周明远"}


def test_a_guest_whose_own_branch_has_the_window_is_credited_the_others_are_told(
    city, programme, schedule, secretary, window, wu
):
    session = schedule(day=days_ago(40))
    roll_call.open_(session, by=secretary, at=moment(days_ago(40), 9))
    roll_call.add(session, wu, "present", by=secretary, at=moment(days_ago(40), 9))
    window(city.yi)

    [posted] = roll_call.close(session, {}, by=secretary, at=NOW)

    assert [line.member for line in posted.lines] == [wu.pk]
    assert {r.code for r in posted.refused} == {"late"}
    credited = [line.late is not None for line in statements.of(programme, wu).lines]
    assert credited == [True]


def test_mistake_17_a_late_roll_is_corrected_after_the_window(
    city, programme, schedule, secretary, window, lin
):
    session = schedule(day=days_ago(40))
    roll_call.open_(session, by=secretary, at=moment(days_ago(40), 9))
    made = window()
    roll_call.close(session, {}, by=secretary, at=NOW)
    later = NOW + timedelta(days=30)

    crediting.revise(session, [mark_of(session, lin)], reason="核对", by=secretary, at=later)

    assert all(line.late == made for line in statements.of(programme, lin).lines)
    assert verification.verify(at=later).problems == []


@pytest.mark.parametrize("late", [True, False])
def test_the_roll_and_the_class_roll_show_that_hours_were_entered_late(
    city, programme, secretary, window, enter, late
):
    """Closed, corrected and whole; a roll closed without a window shows nothing."""
    day = days_ago(40) if late else days_ago(2)
    class_ = reading_classes.found(
        programme, city.jia, name="读书班", plans=[plan(day=day)], starts=days_ago(60), ends=TODAY,
        by=secretary, at=BEFORE,
    )  # fmt: skip
    session = class_.sessions.get()
    roll_call.open_(session, by=secretary, at=moment(day, 9))
    if late:
        window(city.jia)
    desk = enter("zhou")
    pages = [reverse("session-detail", args=[session.pk]), reverse("class-roll", args=[class_.pk])]
    mark = '<span class="tag wait">补录</span>'
    assert all(mark not in desk.get(page).content.decode() for page in pages)

    roll_call.close(session, {}, by=secretary, at=NOW)

    assert all((mark in desk.get(page).content.decode()) is late for page in pages)


def test_a_roll_marks_those_whose_hours_were_entered_late_and_nobody_else(
    city, programme, secretary, window, enter, lin
):
    """Whoever a correction added afterwards has no mark: it was no catching up."""
    day = days_ago(40)
    class_ = reading_classes.found(
        programme, city.jia, name="读书班", plans=[plan(day=day)], starts=days_ago(60), ends=TODAY,
        by=secretary, at=BEFORE,
    )  # fmt: skip
    session = class_.sessions.get()
    roll_call.open_(session, by=secretary, at=moment(day, 9))
    away = {lin.pk: Wish(Mark.parse("present"), Mark.parse("absent"))}
    roll_call.save(session, away, by=secretary, at=moment(day, 10))
    window(city.jia)
    roll_call.close(session, {}, by=secretary, at=NOW)
    there = session.attendances.filter(status="present").count()

    back = {lin.pk: Wish(Mark.parse("absent"), Mark.parse("present"))}
    corrections.correct(session, back, reason="到会了", by=secretary, at=NOW + timedelta(days=30))

    desk = enter("zhou")
    roll = desk.get(reverse("session-detail", args=[session.pk])).content.decode()
    matrix = desk.get(reverse("class-roll", args=[class_.pk])).content.decode()
    assert roll.count('<span class="name still">周明远 <small>补录</small>') == there == 1
    assert "林小满 <small>补录" not in roll
    assert matrix.count("（补录）") == there
    assert session.attendances.filter(status="present").count() == there + 1


# --- Pages ----------------------------------------------------------------------------------------


def test_the_log_form_says_that_a_window_is_open_and_for_which_days(enter, window, lin):
    assert "补录期" not in enter("lin").get(reverse("log-new")).content.decode()
    window()

    for who, address in (("lin", reverse("log-new")), ("zhou", reverse("log-for", args=[lin.pk]))):
        text = enter(who).get(address).content.decode()
        assert "补录期到 2021-06-10 为止" in text
        assert "2021-03-01 至 2021-06-03" in text


def test_the_refused_form_keeps_what_was_typed_and_says_who_can_open_one(enter):
    body = {
        "day": str(LATE.day), "form": "self", "period": "reform", "topic": LATE.topic,
        "minutes": "45", "key": "k1",
    }  # fmt: skip

    response = enter("lin").post(reverse("log-new"), body)

    text = response.content.decode()
    assert response.status_code == 422
    assert "可以请上级党组织开设" in text
    assert LATE.topic in text


def test_lists_of_logs_show_the_mark(city, programme, enter, window, lin, secretary):
    window()
    for study in (LATE, Study("self", TODAY, 45, "当天的自学", "reform")):
        log = study_logs.submit(programme, lin, study, by=city.actor("lin"), at=NOW)
        study_logs.confirm([log], by=secretary, at=NOW)

    mine = enter("lin").get(reverse("my-logs")).content.decode()
    decided = enter("zhou").get(reverse("log-list"), {"show": "decided"}).content.decode()

    assert mine.count("· 补录") == 1
    assert decided.count(">补录</span>") == 1
