"""Warnings that look ahead: who is warned of, who is not, what would help, and who may see it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse

from courses import (
    attendance_plans,
    corrections,
    early_warnings,
    reading_classes,
    roll_call,
    sessions,
)
from courses.early_warnings import Watch
from courses.models import StudySession
from credits import exemptions, ledger
from credits.ledger import Credit, Source
from credits.models import Standing
from portal import appointments, members
from portal.models import Organization, Role
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses.conftest import plan, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]
PERIODS = ("new-democratic", "socialist", "reform", "new-era")


def ahead(days):
    return TODAY + timedelta(days=days)


@pytest.fixture
def study(city, programme):
    """Gives somebody hours: minutes of a form in a period on a day of their own."""
    count = iter(range(1, 30))

    def act(member, hours, period="reform", form="seminar"):
        day, n = days_ago(next(count)), str(hours) + period + form + member.key
        start = moment(day, 8)
        end = start + timedelta(minutes=hours * 45)
        credit = Credit(member, form, day, hours * 45, period, start=start, end=end)
        ledger.post(programme, Source("session", n, "课"), organiser=city.jia, credits=[credit],
                    by=city.by, at=NOW)  # fmt: skip

    return act


@pytest.fixture
def nearly(study, lin):
    """林小满 has 22 hours: 6 in three periods, 4 in 改革开放新时期."""
    for period, hours in zip(PERIODS, (6, 6, 4, 6), strict=True):
        study(lin, hours, period)
    return lin


def about(programme, member, at=NOW):
    return early_warnings.of_member(programme, member, at=at)


def missing(programme, member, at=NOW):
    found = about(programme, member, at)
    return found.forecast.missing if found and found.forecast else 0


def titles(programme, member):
    return [m.title for m in about(programme, member).forecast.proposals]


# --- Who cannot reach the target


def test_whoever_reaches_the_target_with_what_is_planned_is_not_warned(programme, nearly, schedule):
    assert missing(programme, nearly) == 200
    schedule(day=ahead(3), minutes=45)
    assert missing(programme, nearly) == 100
    schedule(day=ahead(4), minutes=45)
    assert about(programme, nearly) is None


def test_a_session_called_off_adds_nothing(programme, nearly, schedule, secretary):
    session = schedule(day=ahead(3))
    assert about(programme, nearly) is None
    sessions.cancel(session, reason="停电", by=secretary, at=NOW)
    assert missing(programme, nearly) == 200


def test_caps_and_minimums_count(programme, lin, study, schedule):
    """Ten hours of self-study count at most; a period's minimum is not met by another's hours."""
    for period in PERIODS[:3]:
        study(lin, 6, period)
    study(lin, 5, "reform")  # 23 hours recognised, none of 党的十八大以来
    schedule(day=ahead(3), minutes=180, period="reform")
    found = about(programme, lin).forecast
    assert (found.missing, found.lacking) == (400, (("党的十八大以来", 400),))

    schedule(day=ahead(4), minutes=180, period="new-era", form="online")
    assert about(programme, lin) is None


def test_hours_beyond_a_forms_cap_are_not_foreseen(programme, lin, study, schedule):
    for period, hours in zip(PERIODS, (4, 4, 3, 4), strict=True):
        study(lin, hours, period)
    study(lin, 4, "reform", "online")  # 19 of 24; four more of this form would count
    schedule(day=ahead(3), minutes=270, form="online")
    assert missing(programme, lin) == 100


def test_what_the_ledger_would_refuse_is_not_foreseen(programme, nearly, schedule):
    """Two at a time, the same content twice, more than the daily cap."""
    schedule("甲", day=ahead(3), minutes=45, content="lesson-1")
    schedule("同时", day=ahead(3), minutes=45)
    schedule("同一课", day=ahead(4), minutes=45, content="lesson-1")
    schedule("一天太多", day=ahead(5), hour=8, minutes=405)
    found = about(programme, nearly).forecast
    assert [m.title for m in found.coming] == ["甲"]
    assert found.missing == 100


def test_a_class_counts_for_those_enrolled_alone(programme, city, nearly, secretary):
    reading_class = reading_classes.found(
        programme, city.jia, name="读书班", plans=[plan(day=ahead(3))], starts=TODAY,
        ends=ahead(20), by=secretary, at=NOW,
    )  # fmt: skip
    assert about(programme, nearly) is None
    reading_classes.drop(reading_class, nearly, by=secretary, at=NOW)
    assert missing(programme, nearly) == 200


def test_approved_leave_is_no_presence_and_leave_asked_for_is_not_taken_for_granted(
    programme, city, nearly, schedule, secretary
):
    session = schedule(day=ahead(3))
    asked = attendance_plans.ask_leave(session, "sick", by=city.actor("lin"), at=NOW)
    assert about(programme, nearly) is None
    attendance_plans.decide(asked, approve=True, by=secretary, at=NOW)
    assert missing(programme, nearly) == 200
    assert titles(programme, nearly) == []  # they have leave for it


def test_what_is_over_and_not_yet_recorded_may_still_earn(programme, nearly, schedule, secretary):
    session = schedule(day=days_ago(2), hour=18)
    assert about(programme, nearly) is None
    opened = roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.save(opened, wish(opened.attendances.get(member=nearly), "absent"), by=secretary,
                   at=NOW)  # fmt: skip
    assert missing(programme, nearly) == 200
    assert about(programme, nearly, moment(TODAY + timedelta(days=40))).forecast.missing == 200


def test_the_exempt_and_those_who_completed_are_never_warned(programme, city, lin, study):
    assert missing(programme, lin) == 2400
    asked = exemptions.ask(programme, lin, target=None, since=TODAY, until=None, reason="病",
                               by=city.actor("zhou", "secretary"), at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=city.actor("shi", "official"), at=NOW)
    assert about(programme, lin) is None


def test_who_moved_is_due_in_the_new_branchs_sessions(programme, city, nearly, schedule):
    schedule(day=ahead(3))
    assert about(programme, nearly) is None
    by = city.actor("shi", "official")
    members.transfer(nearly, city.yi, on=TODAY, by=by, at=NOW)
    nearly.refresh_from_db()
    assert missing(programme, nearly) == 200
    schedule(day=ahead(3), organiser=city.yi)
    assert about(programme, nearly) is None


def test_the_forecast_is_what_the_ledger_gives_once_all_was_held(programme, lin, study, schedule,
                                                                 secretary):  # fmt: skip
    for period, hours in zip(PERIODS, (4, 5, 3, 1), strict=True):
        study(lin, hours, period)
    study(lin, 7, "reform", "self")  # its cap: 10
    days = iter(range(2, 20))
    plans = [
        schedule("自学", day=ahead(next(days)), minutes=180, form="self"),
        schedule("课", day=(day := ahead(next(days))), minutes=45, content="x", period="new-era"),
        schedule("同时", day=day, minutes=90),
        schedule("再讲", day=ahead(next(days)), minutes=45, content="x", period="new-era"),
        schedule("全天", day=(day := ahead(next(days))), hour=8, band="day", period="socialist"),
        schedule("当晚", day=day, hour=20, minutes=45, period="new-era"),
        schedule("太短", day=ahead(next(days)), minutes=10),
        schedule("减计", day=ahead(next(days)), minutes=90, ceiling=50, ceiling_reason="迟开"),
    ]
    foreseen = about(programme, lin).forecast
    assert [m.title for m in foreseen.coming] == ["自学", "课", "全天", "减计"]

    for session in sorted(plans, key=lambda s: s.starts_at):
        roll_call.open_(session, by=secretary, at=session.starts_at)
        roll_call.close(session, {}, by=secretary, at=session.ends_at)
    assert Standing.objects.get(member=lin).shortfall == foreseen.missing > 0


# --- Sessions proposed


def test_sessions_of_the_unit_that_close_the_gap_are_proposed_the_own_branchs_first(
    programme, city, nearly, schedule, secretary
):
    schedule("乙支部的", day=ahead(2), organiser=city.yi)
    schedule("丙支部的", day=ahead(1), organiser=city.bing)  # another unit
    assert titles(programme, nearly) == ["乙支部的"]
    made = reading_classes.found(
        programme, city.jia, name="甲班", plans=[plan("甲班的", day=ahead(5))], starts=TODAY,
        ends=ahead(20), by=secretary, at=NOW,
    )  # fmt: skip
    reading_classes.drop(made, nearly, by=secretary, at=NOW)
    found = about(programme, nearly).forecast
    assert [m.title for m in found.proposals] == ["甲班的"]
    assert (found.missing, found.left) == (200, 0)


def test_what_is_proposed_helps_does_not_overlap_and_is_still_to_come(
    programme, city, lin, study, schedule
):
    for period, hours in zip(PERIODS, (8, 8, 8, 0), strict=True):
        study(lin, hours, period)
    schedule("自己的", day=ahead(3), minutes=45, period="new-era")
    schedule("同时的", day=ahead(3), organiser=city.yi, period="new-era")
    schedule("别的时期", day=ahead(4), organiser=city.yi, minutes=180, period="reform")
    schedule("过去的", day=days_ago(1), organiser=city.yi, period="new-era")
    cancelled = schedule("取消的", day=ahead(6), organiser=city.yi, minutes=180, period="new-era")
    sessions.cancel(cancelled, reason="停电", by=city.actor("zheng", "secretary"), at=NOW)
    assert titles(programme, lin) == []
    schedule("短的", day=ahead(5), organiser=city.yi, minutes=45, period="new-era")
    schedule("长的", day=ahead(7), organiser=city.yi, minutes=135, period="new-era")
    assert missing(programme, lin) == 300
    assert titles(programme, lin) == ["长的"]


def test_three_at_most_are_proposed_and_what_remains_is_said(programme, city, lin, schedule):
    for n in range(5):
        schedule(f"乙{n}", day=ahead(n + 2), organiser=city.yi, minutes=45)
    found = about(programme, lin).forecast
    assert [m.title for m in found.proposals] == ["乙0", "乙1", "乙2"]
    assert (found.missing, found.left) == (2400, 2100)


# --- Three in a row


def held(schedule, secretary, member, day, mark, hour=9):
    session = schedule(day=day, hour=hour)
    roll_call.open_(session, by=secretary, at=session.starts_at)
    row = session.attendances.get(member=member)
    roll_call.close(session, wish(row, mark), by=secretary, at=NOW)
    return session


def days_missed(programme, member):
    found = about(programme, member)
    return [str(m.starts_at.date()) for m in found.missed] if found else []


def test_three_absences_in_a_row_are_told_with_their_dates(programme, schedule, secretary, lin):
    for days in (9, 6):
        held(schedule, secretary, lin, days_ago(days), "absent")
    assert days_missed(programme, lin) == []
    last = held(schedule, secretary, lin, days_ago(3), "absent")
    assert days_missed(programme, lin) == ["2021-05-31", "2021-05-28", "2021-05-25"]

    corrections.correct(last, wish(last.attendances.get(member=lin), "present"), reason="在场",
                        by=secretary, at=NOW)  # fmt: skip
    assert days_missed(programme, lin) == []


@pytest.mark.parametrize("mark", ["leave:sick", "late", "present"])
def test_whoever_was_there_or_had_leave_in_between_is_not(programme, schedule, secretary, lin,
                                                          mark):  # fmt: skip
    for days, what in ((12, "absent"), (9, "absent"), (6, mark), (3, "absent")):
        held(schedule, secretary, lin, days_ago(days), what)
    assert days_missed(programme, lin) == []


def test_a_session_called_off_or_not_recorded_neither_counts_nor_breaks_the_row(
    programme, schedule, secretary, lin
):
    for days in (12, 9):
        held(schedule, secretary, lin, days_ago(days), "absent")
    off = schedule(day=days_ago(7))
    sessions.not_held(off, reason="停电", by=secretary, at=NOW)
    schedule(day=days_ago(5))  # over, not recorded
    assert days_missed(programme, lin) == []
    held(schedule, secretary, lin, days_ago(3), "absent")
    assert len(days_missed(programme, lin)) == 3


def test_an_absence_as_a_guest_is_none(programme, city, schedule, secretary, lin):
    for days in (12, 9):
        held(schedule, secretary, lin, days_ago(days), "absent")
    session = schedule(day=days_ago(3), organiser=city.yi)
    roll_call.open_(session, by=secretary, at=session.starts_at)
    row = roll_call.add(session, lin, "present", by=secretary, at=NOW)
    roll_call.close(session, wish(row, "absent"), by=secretary, at=NOW)
    assert days_missed(programme, lin) == []


# --- Sheets overdue, branches without a session


def test_a_sheet_is_overdue_three_days_after_its_end(schedule, secretary):
    session = schedule(day=days_ago(3), hour=18, minutes=90)
    ends = session.ends_at

    def late(at):
        return list(early_warnings.overdue(StudySession.objects.all(), at=at))

    assert late(ends + timedelta(days=3) - timedelta(minutes=1)) == []
    assert late(ends + timedelta(days=3)) == [session]
    sessions.not_held(session, reason="停电", by=secretary, at=NOW)
    assert late(ends + timedelta(days=5)) == []


def test_a_branch_without_a_session_this_month_is_idle(programme, city, schedule):
    own = Organization.objects.filter(pk=city.jia.pk)

    def idle(today=TODAY):
        return early_warnings.idle(programme, own, today=today).exists()

    assert idle()
    schedule(day=date(2021, 5, 31), hour=20)
    schedule(day=date(2021, 7, 1), hour=0)
    assert idle()
    session = schedule(day=date(2021, 6, 30), hour=22)
    assert not idle()
    sessions.cancel(session, reason="停电", by=city.actor("zhou", "secretary"), at=NOW)
    assert idle()


# --- Who may see it


@pytest.fixture
def helper(city, lin):
    person = city.enrol(city.yi, "何帮学")
    appointments.appoint(person, Role.HELPER, city.jia, since=days_ago(300), by=city.by, at=NOW,
                         helped=[lin])  # fmt: skip
    return person


def opened(client, who, name="warning-list", **ids):
    client.force_login(who, "portal.sign_in.MemberBackend")
    return client.get(reverse(name, kwargs=ids))


def test_the_secretary_sees_the_branch_and_nobody_else(client, clock, city, programme, schedule,
                                                       zhou):  # fmt: skip
    schedule("没记的", day=days_ago(9))
    schedule("乙支部的课", day=ahead(3), organiser=city.yi)
    said = opened(client, zhou).content.decode()
    assert "林小满" in said
    assert "还差 22 学时" in said  # what is over and not recorded is still counted
    assert "乙支部的课" in said
    assert "没记的" in said
    assert "吴远舟" not in said


def test_a_helper_sees_those_named_alone(client, clock, city, programme, helper):
    said = opened(client, helper).content.decode()
    assert "林小满" in said
    assert "周明远" not in said
    assert "本月还没有安排活动" not in said


@pytest.mark.parametrize("who", ["gao", "shi", "xun", "guan", "lin"])
def test_officials_and_plain_members_see_no_list(client, clock, city, programme, who):
    assert opened(client, city.people[who]).status_code == 403


def test_a_member_is_told_of_themselves_with_a_way_to_the_session(
    client, clock, programme, city, nearly, schedule
):
    session = schedule("乙支部的课", day=ahead(3), organiser=city.yi)
    said = opened(client, nearly, "my-warnings").content.decode()
    assert "按现在的安排还差 2 学时" in said
    assert reverse("session-visit", args=[session.pk]) in said
    shown = opened(client, nearly, "session-visit", session=session.pk).content.decode()
    assert "乙支部的课" in shown
    assert "周明远" not in shown
    schedule(day=ahead(4))
    assert "应到的活动都参加，就能学满" in opened(client, nearly, "my-warnings").content.decode()


def test_a_session_of_another_unit_or_over_is_not_there_to_visit(client, clock, city, programme,
                                                                lin, schedule):  # fmt: skip
    other = schedule(day=ahead(3), organiser=city.bing)
    over = schedule(day=days_ago(1), organiser=city.yi)
    own = schedule(day=ahead(3))
    for session in (other, over):
        assert opened(client, lin, "session-visit", session=session.pk).status_code == 404
    answer = opened(client, lin, "session-visit", session=own.pk)
    assert answer["Location"] == reverse("session-detail", args=[own.pk])


def test_a_branch_of_two_hundred_is_looked_at_with_as_many_queries_as_one_of_ten(
    programme, city, schedule, django_assert_max_num_queries
):
    for _ in range(200):
        city.enrol(city.jia)
    for n in range(10):
        schedule(day=ahead(n + 2), minutes=45, organiser=(city.jia, city.yi)[n % 2])
    rows = Standing.objects.filter(programme=programme, branch=city.jia)
    with django_assert_max_num_queries(17):
        watch = Watch(programme, rows.select_related("member", "branch"), at=NOW)
        found = [watch.about(w.standing.member_id) for w in watch.warned]
    assert len(found) == 202
    assert {f.forecast.missing for f in found} == {1900}
    assert all(len(f.forecast.proposals) == 3 for f in found)
