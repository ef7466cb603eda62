"""Host sessions: attested where somebody lives, recognised at home, credited once in its book."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from courses import (
    corrections,
    host_decisions,
    host_sessions,
    line_queries,
    roll_call,
    sessions,
    start_pages,
    study_logs,
    unfinished,
)
from courses.host_sessions import CannotAttest, NotYourself
from courses.models import HostAttendance, StudySession
from courses.study_logs import Study
from credits import catch_up, programmes, verification
from credits.catch_up import Span
from credits.models import LateEntry, LedgerEntry, Posting, Standing
from portal import members, mobile_stays, reorganizations
from portal.access import scope_of
from portal.mobile_stays import Away
from portal.refusals import Refusal
from tests.cast import BEFORE, ENDS, NOW, STARTS, TODAY, days_ago, moment, rules_json

pytestmark = [pytest.mark.django_db, pytest.mark.both]
State = HostAttendance.State


@pytest.fixture
def host(city):
    """The secretary of 乙, where 林小满 of 甲 lives."""
    return city.actor("zheng", "secretary")


@pytest.fixture
def away(city):
    def go(member, *, host=None, since=None, at=NOW):
        stay = Away(since or days_ago(200), "云岭市", "work", host=host or city.yi)
        return mobile_stays.register(member, stay, by=city.by, at=at)

    return go


@pytest.fixture
def stay(away, lin):
    return away(lin)


@pytest.fixture
def held(city, schedule, host):
    """Holds a session of 乙 and closes its roll."""

    def hold(title="乙支部主题党日", **values):
        session = schedule(title, organiser=city.yi, **values)
        roll_call.open_(session, by=host, at=session.starts_at)
        roll_call.close(session, {}, by=host, at=session.ends_at)
        session.refresh_from_db()
        return session

    return hold


@pytest.fixture
def attested(held, stay, host):
    def attest(session=None, at=NOW):
        [row] = host_sessions.attest(session or held(), [stay], by=host, at=at)
        return row

    return attest


@pytest.fixture
def waiting(city, programme):
    """What waits on somebody's start page, by kind and number."""

    def read(name):
        scope = scope_of(city.people[name], at=NOW)
        desk = start_pages.desk(programme, scope, scope.organization, at=NOW)
        return [(kind.code, n) for kind, n in desk.waiting]

    return read


def states():
    return list(HostAttendance.objects.order_by("pk").values_list("state", flat=True))


def hours_of(member):
    return Standing.objects.get(member=member).recognised


def sound(at=NOW):
    return verification.verify(at=at).problems == []


# --- Attested, recognised, credited once ------------------------------------------------------


def test_what_the_host_attests_counts_once_the_home_branch_recognises_it(
    city, attested, secretary, lin
):
    row = attested()
    assert (row.state, row.branch, row.session.organiser) == (State.WAITING, city.jia, city.yi)
    assert hours_of(lin) == 0

    [outcome] = host_decisions.recognise([row], by=secretary, at=NOW)

    assert (outcome.hours, outcome.reason) == (200, "")
    assert hours_of(lin) == 200
    posting = Posting.objects.get(kind="host")
    assert (posting.key, posting.book.organization) == (row.key, city.jia)
    line = LedgerEntry.objects.get(posting=posting)
    assert (line.member, line.home, line.hours, line.minutes) == (lin, city.jia, 200, 90)
    assert (line.start, line.end) == (row.session.starts_at, row.session.ends_at)
    assert sound()


def test_it_is_worth_what_the_session_gives_its_own_guests(
    city, schedule, away, host, secretary, lin, wu
):
    guest = city.enrol(city.bing, "客人")
    session = schedule("半天", organiser=city.yi, minutes=200, band="half_day", content="course:c",
                       ceiling=300, ceiling_reason="有一段是事务")  # fmt: skip
    roll_call.open_(session, by=host, at=session.starts_at)
    roll_call.add(session, guest, "present", by=host, at=session.starts_at)
    roll_call.close(session, {}, by=host, at=session.ends_at)
    [row] = host_sessions.attest(session, [away(lin)], by=host, at=NOW)

    host_decisions.recognise([row], by=secretary, at=NOW)

    names = ("form", "period", "content", "day", "minutes", "start", "end", "hours", "rules")
    [here] = LedgerEntry.objects.filter(member=guest).values_list(*names)
    [there] = LedgerEntry.objects.filter(member=lin).values_list(*names)
    assert here == there
    assert here[-2] == 300


def test_attesting_and_recognising_again_change_nothing(attested, stay, host, secretary, lin):
    row = attested()
    assert host_sessions.attest(row.session, [stay], by=host, at=NOW) == []
    host_decisions.recognise([row], by=secretary, at=NOW)

    assert host_decisions.recognise([row], by=secretary, at=NOW) == []
    assert host_sessions.attest(row.session, [stay], by=host, at=NOW) == []

    assert states() == ["recognised"]
    assert hours_of(lin) == 200
    assert Posting.objects.filter(kind="host").count() == 1


def test_at_the_time_of_a_session_at_home_it_is_refused_and_waits_until_that_is_gone(
    schedule, attested, secretary, lin
):
    home = roll_call.open_(schedule(hour=10), by=secretary, at=moment(TODAY, 10))
    roll_call.close(home, {}, by=secretary, at=NOW)
    row = attested()

    [outcome] = host_decisions.recognise([row], by=secretary, at=NOW)

    assert "时间重叠" in outcome.reason
    assert states() == ["waiting"]
    assert LedgerEntry.objects.filter(member=lin).count() == 1
    assert sound()
    sessions.cancel(home, reason="误报", by=secretary, at=NOW)
    [outcome] = host_decisions.recognise([row], by=secretary, at=NOW)
    assert outcome.hours == 200
    assert sound()


def test_the_daily_cap_and_repeated_content_refuse(programme, city, attested, held, secretary, lin):
    study = Study("self", TODAY, 315, "自学", "reform")
    log = study_logs.submit(programme, lin, study, by=city.actor("lin"), at=NOW)
    study_logs.confirm([log], by=secretary, at=NOW)
    first = attested()
    earlier = attested(held("同一课", day=days_ago(2), content="course:c"))
    again = attested(held("同一课又讲", day=days_ago(1), content="course:c"))

    outcomes = host_decisions.recognise([first, earlier, again], by=secretary, at=NOW)

    said = {outcome.row: outcome.reason for outcome in outcomes}
    assert "每日上限" in said[first]
    assert said[earlier] == ""
    assert "不重复计算" in said[again]
    assert states() == ["waiting", "recognised", "waiting"]
    assert sound()


def test_what_was_attested_in_time_may_be_recognised_late(attested, secretary, held):
    row = attested(held(day=days_ago(29)))

    [outcome] = host_decisions.recognise([row], by=secretary, at=NOW + timedelta(days=20))

    assert outcome.hours == 200
    assert sound(at=NOW + timedelta(days=20))


def test_recognised_while_a_window_is_open_it_is_no_late_entry(
    city, programme, attested, secretary, held
):
    """It was attested in time: neither does the window mark it, nor does verification miss that."""
    row, later = attested(held(day=days_ago(29))), NOW + timedelta(days=20)
    open_on = Span(later.date(), later.date())
    catch_up.open_(programme, city.county, days=Span(STARTS, TODAY), dates=open_on, reason="换届",
                   by=city.by, at=later)  # fmt: skip

    host_decisions.recognise([row], by=secretary, at=later)

    assert not LateEntry.objects.exists()
    assert sound(at=later)


# --- Whom a host may attest -------------------------------------------------------------------


def test_nobody_attests_who_was_not_here_on_that_day(city, away, held, host, lin, wu, zhou):
    session = held(day=days_ago(3))
    elsewhere, later = away(lin, host=city.bing), away(zhou, since=days_ago(2))

    with pytest.raises(CannotAttest, match="林小满登记的流入地党组织不是"):
        host_sessions.attest(session, [elsewhere], by=host, at=NOW)
    with pytest.raises(CannotAttest, match="周明远在 2021-05-31 没有流动在外"):
        host_sessions.attest(session, [later], by=host, at=NOW)

    mobile_stays.end(elsewhere, on=TODAY, by=city.by, at=NOW)
    back = away(lin, since=TODAY)
    mobile_stays.end(back, on=TODAY, how="mistake", by=city.by, at=NOW)
    with pytest.raises(CannotAttest, match="没有流动在外"):
        host_sessions.attest(held(), [back], by=host, at=NOW)
    assert states() == []


def test_the_heir_of_a_merged_host_attests_its_own_sessions_and_the_earlier_ones(
    city, away, held, host, schedule, lin
):
    """Mobile members of a branch that was merged into another are the other's."""
    stay, earlier = away(lin, host=city.bing), schedule(organiser=city.bing, day=days_ago(3))
    roll_call.open_(earlier, by=city.by, at=earlier.starts_at)
    roll_call.close(earlier, {}, by=city.by, at=earlier.ends_at)
    reorganizations.merge(city.bing, city.yi, on=days_ago(1), by=city.by, at=NOW)
    ahead = schedule("下次", organiser=city.yi, day=days_ago(-3))

    for session in (held(), earlier):
        assert host_sessions.attest(session, [stay], by=host, at=NOW)

    assert list(StudySession.objects.hosted_for(lin, NOW)) == [ahead]


def test_one_who_cannot_be_attested_leaves_all_unattested(city, away, held, host, stay, zhou):
    session = held(day=days_ago(3))

    with pytest.raises(CannotAttest):
        host_sessions.attest(session, [stay, away(zhou, since=TODAY)], by=host, at=NOW)

    assert states() == []


def test_a_guest_on_the_roll_is_credited_there_and_not_attested(city, schedule, away, host, lin):
    """Who was a guest before anybody knew of the stay."""
    session = schedule(organiser=city.yi)
    roll_call.open_(session, by=host, at=session.starts_at)
    roll_call.add(session, lin, "present", by=host, at=session.starts_at)
    roll_call.close(session, {}, by=host, at=session.ends_at)

    with pytest.raises(CannotAttest, match="林小满在这次活动的名单上（出席）"):
        host_sessions.attest(session, [away(lin)], by=host, at=NOW)


def test_only_a_session_with_a_closed_roll_is_attested(city, schedule, stay, host):
    session = schedule(organiser=city.yi)
    with pytest.raises(sessions.NotNow, match="未开始"):
        host_sessions.attest(session, [stay], by=host, at=NOW)
    roll_call.open_(session, by=host, at=session.starts_at)
    with pytest.raises(sessions.NotNow, match="点名中"):
        host_sessions.attest(session, [stay], by=host, at=NOW)


def test_it_is_too_late_beyond_the_back_dating_limit(held, stay, host):
    session = held(day=days_ago(31))

    with pytest.raises(CannotAttest, match="已过去 31 天，超过了补记期限 30 天"):
        host_sessions.attest(session, [stay], by=host, at=NOW)


def test_nobody_attests_or_decides_for_themselves(held, away, host, secretary, zhou, lin):
    session, stays = held(), [away(lin), away(zhou)]
    with pytest.raises(NotYourself):
        host_sessions.attest(session, stays, by=secretary, at=NOW)
    rows = host_sessions.attest(session, stays, by=host, at=NOW)
    own = [row for row in rows if row.member == zhou]

    for act in (
        lambda: host_decisions.recognise(rows, by=secretary, at=NOW),
        lambda: host_decisions.decline(own, reason="没有去", by=secretary, at=NOW),
        lambda: host_decisions.recognise(rows, by=host, at=NOW),  # who attested does not decide
    ):
        with pytest.raises(NotYourself):
            act()
    assert states() == ["waiting", "waiting"]
    assert not LedgerEntry.objects.filter(posting__kind="host").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"attested_by": "lin"},
        {"state": "recognised", "hours": 100, "decided_at": NOW, "decided_by": "lin"},
        {"state": "recognised", "hours": 100, "decided_at": NOW, "decided_by": "zheng"},
        {"state": "recognised", "hours": 100, "decided_at": NOW, "decided_by": None},
        {"state": "recognised", "hours": 0, "decided_at": NOW, "decided_by": "zhou"},
        {"state": "declined", "decided_at": NOW, "decided_by": "zhou", "reason": ""},
        {"state": "expired", "decided_at": NOW, "decided_by": "zhou", "reason": "封账"},
        {"state": "expired", "decided_at": NOW, "reason": ""},
        {"state": "waiting", "decided_at": NOW},
    ],
)
def test_the_database_holds_a_row_together(city, attested, values):
    row = attested()
    for name in ("attested_by", "decided_by"):
        if values.get(name):
            values = values | {name: city.people[values[name]]}

    with pytest.raises(IntegrityError), transaction.atomic():
        HostAttendance.objects.filter(pk=row.pk).update(**values)


def test_the_database_keeps_one_row_a_member_session_and_programme(attested):
    row = attested()
    row.pk, row.key = None, "another"

    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


# --- Declined, withdrawn, reversed, called off ------------------------------------------------


def test_declined_with_a_reason_it_may_be_attested_once_more(attested, stay, host, secretary, lin):
    row = attested()
    with pytest.raises(Refusal, match="理由"):
        host_decisions.decline([row], reason=" ", by=secretary, at=NOW)

    assert host_decisions.decline([row], reason="没有听说", by=secretary, at=NOW) == 1
    assert host_decisions.decline([row], reason="又一次", by=secretary, at=NOW) == 0
    [again] = host_sessions.attest(row.session, [stay], by=host, at=NOW)
    host_decisions.recognise([again], by=secretary, at=NOW)

    assert states() == ["declined", "recognised"]
    assert hours_of(lin) == 200
    assert sound()


def test_the_host_takes_back_what_nobody_has_decided(attested, host, secretary):
    row = attested()
    host_sessions.withdraw(row, by=host, at=NOW)
    assert host_decisions.recognise([row], by=secretary, at=NOW) == []
    again = attested(row.session)
    host_decisions.recognise([again], by=secretary, at=NOW)

    with pytest.raises(Refusal, match="已认定，不能撤回"):
        host_sessions.withdraw(again, by=host, at=NOW)
    assert states() == ["withdrawn", "recognised"]


def test_a_recognised_row_is_reversed_with_a_reason_in_the_same_book(
    city, attested, secretary, host, lin
):
    row = attested()
    with pytest.raises(Refusal, match="不能冲销"):
        host_decisions.reverse(row, reason="误认", by=secretary, at=NOW)
    host_decisions.recognise([row], by=secretary, at=NOW)
    with pytest.raises(Refusal, match="理由"):
        host_decisions.reverse(row, reason="", by=secretary, at=NOW)
    with pytest.raises(NotYourself):
        host_decisions.reverse(row, reason="误认", by=host, at=NOW)

    host_decisions.reverse(row, reason="误认", by=secretary, at=NOW)

    assert states() == ["reversed"]
    assert hours_of(lin) == 0
    books = Posting.objects.filter(kind="host").values_list("book__organization", "revision")
    assert list(books.order_by("revision")) == [(city.jia.pk, 1), (city.jia.pk, 2)]
    assert sound()


def test_what_waits_ends_with_the_session_and_what_counts_stays_with_a_note(
    attested, held, host, secretary, waiting, lin
):
    undecided, counts = attested(), attested(held("另一次", day=days_ago(1)))
    host_decisions.recognise([counts], by=secretary, at=NOW)

    for row in (undecided, counts):
        sessions.cancel(row.session, reason="误报", by=host, at=NOW)

    assert states() == ["withdrawn", "recognised"]
    undecided, counts = HostAttendance.objects.order_by("pk")
    assert (undecided.reason, undecided.decided_by) == ("流入地的活动已取消。", None)
    assert "已取消，请核实后冲销" in counts.note
    assert hours_of(lin) == 200
    assert sound()
    assert waiting("zhou") == [("called_off", 1)]
    host_decisions.reverse(counts, reason="没有举行", by=secretary, at=NOW)
    assert waiting("zhou") == []


def test_while_the_host_has_its_roll_open_again_nothing_is_recognised(
    attested, host, secretary, held
):
    waiting, counts = attested(), attested(held("另一次", day=days_ago(1)))
    host_decisions.recognise([counts], by=secretary, at=NOW)
    for row in (waiting, counts):
        corrections.reopen(row.session, reason="补点名", by=host, at=NOW)

    [outcome] = host_decisions.recognise([waiting], by=secretary, at=NOW)

    assert "点名中" in outcome.reason
    waiting, counts = HostAttendance.objects.order_by("pk")
    assert "正在更正" in waiting.note
    assert "正在更正" in counts.note
    later = NOW + timedelta(hours=1)
    for row in (waiting, counts):
        roll_call.close(row.session, {}, by=host, at=later)
    waiting, counts = HostAttendance.objects.order_by("pk")
    assert waiting.note == ""
    assert "重新记过" in counts.note
    [outcome] = host_decisions.recognise([waiting], by=secretary, at=later)
    assert outcome.hours == 200
    assert sound(at=later)


# --- Around it --------------------------------------------------------------------------------


def test_a_question_about_the_line_goes_to_the_home_branch_and_a_reversal_answers_it(
    city, attested, secretary, lin
):
    row = attested()
    host_decisions.recognise([row], by=secretary, at=NOW)
    entry = LedgerEntry.objects.get(posting__kind="host")
    query = line_queries.ask(entry, "not_there", by=city.actor("lin"), at=NOW)
    assert query.place == city.jia

    host_decisions.reverse(row, reason="本人说没去", by=secretary, at=NOW)

    query.refresh_from_db()
    assert (query.state, query.reply) == ("corrected", "本人说没去")


def test_each_programme_of_the_session_has_its_own_row(
    city, programme, found_programme, schedule, stay, host, secretary, lin
):
    other = found_programme(code="year-2021")
    session = schedule(organiser=city.yi)
    session.programmes.add(other)
    roll_call.open_(session, by=host, at=session.starts_at)
    roll_call.close(session, {}, by=host, at=session.ends_at)

    rows = host_sessions.attest(session, [stay], by=host, at=NOW)
    outcomes = host_decisions.recognise(rows, by=secretary, at=NOW)

    assert [row.programme for row in rows] == [programme, other]
    assert [outcome.hours for outcome in outcomes] == [200, 200]
    assert sound()


def test_a_programme_without_the_home_branch_has_none(city, programme, schedule, away, host, lin):
    """丙's members stand on no roll of a programme of the county alone."""
    county = programmes.found(
        code="county", name="县里的", organiser=city.county, scopes=[city.county], starts=STARTS,
        ends=ENDS, rules_=rules_json(), authority="测试", by=city.by, at=BEFORE,
    )  # fmt: skip
    county = programmes.open_(county, by=city.by, at=moment(STARTS, 8))
    guest = city.enrol(city.bing, "外来人")
    session = schedule(organiser=city.yi)
    session.programmes.add(county)
    roll_call.open_(session, by=host, at=session.starts_at)
    roll_call.close(session, {}, by=host, at=session.ends_at)

    rows = host_sessions.attest(session, [away(guest)], by=host, at=NOW)

    assert [row.programme for row in rows] == [programme]
    session.programmes.set([county])
    with pytest.raises(CannotAttest, match="不在这次活动所属专题教育的学习名单上"):
        host_sessions.attest(session, [away(city.enrol(city.bing))], by=host, at=NOW)


def test_what_waits_is_on_the_list_of_the_branch_that_decides(city, attested, waiting):
    row = attested()

    assert waiting("zhou") == [("hosts", 1)]
    assert waiting("zheng") == []
    assert unfinished.of(city.jia.path).counts["hosts"] == 1
    assert unfinished.of(city.yi.path).counts["hosts"] == 0
    assert row.branch == city.jia


def test_after_a_transfer_the_branch_that_was_home_decides_and_keeps_it_in_its_book(
    city, attested, secretary, lin
):
    row = attested()
    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=NOW)

    [outcome] = host_decisions.recognise([row], by=secretary, at=NOW)

    assert outcome.hours == 200
    assert Posting.objects.get(kind="host").book.organization == city.jia
    assert sound()


def test_what_ended_with_the_books_waits_again_once_they_are_open_as_it_was_attested(
    city, programme, attested, stay, host, secretary, lin
):
    row, later = attested(), moment(days_ago(-230))
    programmes.close_study(programme, by=city.by, at=moment(ENDS, 18))
    programmes.close_books(programme, by=city.by, at=later)
    with pytest.raises(CannotAttest, match="已经封账"):
        host_sessions.attest(row.session, [stay], by=host, at=later)
    assert host_decisions.recognise([row], by=secretary, at=later) == []
    programme.refresh_from_db()
    programmes.reopen(programme, reason="补认定", by=city.by, at=later)

    [again] = host_sessions.attest(row.session, [stay], by=host, at=later)
    [outcome] = host_decisions.recognise([again], by=secretary, at=later)

    assert (again.pk, again.attested_at) == (row.pk, NOW)
    assert outcome.hours == 200
    assert states() == ["recognised"]
    assert sound(at=later)
