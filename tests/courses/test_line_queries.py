"""This line is wrong: asked about own lines only, ends in a correction or a reasoned no, once."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from courses import corrections, line_queries, roll_call, sessions, start_pages, study_logs
from courses.line_queries import AlreadyDecided, CannotAsk, NotYourself
from courses.models import LineQuery
from courses.study_logs import Study
from credits import ledger, verification
from credits.ledger import Credit, Source
from credits.models import LedgerEntry, Programme
from portal.access import scope_of
from portal.models import AuditEvent
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago
from tests.courses.conftest import mark_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]
State = LineQuery.State


@pytest.fixture
def closed(opened, secretary):
    roll_call.close(opened, {}, by=secretary, at=NOW)
    opened.refresh_from_db()
    return opened


@pytest.fixture
def ask(city):
    """Somebody asks about their newest live line."""

    def act(name="lin", reason="not_there", **values):
        entry = LedgerEntry.objects.filter(member=city.people[name]).live().latest("pk")
        return line_queries.ask(entry, reason, by=city.actor(name), at=NOW, **values)

    return act


def correct(session, member, mark, by):
    reason = "本人说没有参加，已核实"
    return corrections.correct(
        session, wish(mark_of(session, member), mark), reason=reason, by=by, at=NOW
    )


@pytest.mark.parametrize("name", ["entry", "correction"])
def test_verification_names_a_query_about_what_is_not_there(city, closed, ask, secretary, name):
    query = ask()
    correct(closed, city.people["lin"], "absent", secretary)
    assert verification.verify(at=NOW).ok
    LineQuery.objects.update(**{f"{name}_id": 10**9})

    [problem] = verification.verify(at=NOW).problems

    what = {"entry": "学时明细", "correction": "记账"}[name]
    assert (problem.kind, problem.message) == ("reference", f"明细疑问所指的{what}不存在。")
    assert problem.member == f"{query.member.number} 林小满"
    assert problem.entry == (10**9 if name == "entry" else None)


def test_a_query_waits_for_the_secretary_of_the_sessions_organiser(city, closed, ask):
    query = ask(text=" 那天我在外地 ")

    assert (query.state, query.place, query.key) == (State.OPEN, city.jia, closed.key)
    assert (query.title, query.day, query.hours, query.text) == (
        "读书班第 1 次", TODAY, 200, "那天我在外地"
    )  # fmt: skip
    scopes = [scope_of(city.people[who], at=NOW) for who in ("zhou", "zheng")]
    of_jia, of_yi = (
        start_pages.desk(query.programme, scope, scope.organization, at=NOW).waiting
        for scope in scopes
    )
    assert ([(kind.code, n) for kind, n in of_jia], of_yi) == ([("queries", 1)], [])
    assert AuditEvent.objects.filter(subject__startswith="提出疑问：林小满").count() == 1


def test_a_guest_asks_the_organiser_not_their_own_branch(city, opened, secretary, ask, wu):
    roll_call.add(opened, wu, "present", by=secretary, at=NOW)
    roll_call.close(opened, {}, by=secretary, at=NOW)

    assert ask("wu").place == city.jia


def test_a_line_of_another_source_goes_to_the_home_branch(city, programme, ask, lin):
    credit = Credit(lin, "lecture", days_ago(3), hours=300)
    ledger.post(programme, Source("outside", "x", "外单位讲座"), organiser=city.root,
                credits=[credit], by=city.by, at=NOW)  # fmt: skip

    assert ask(reason="length").place == city.jia


def test_asking_twice_asks_once(closed, ask):
    assert ask() == ask(reason="length")
    assert LineQuery.objects.get().reason == "not_there"


def test_nobody_asks_about_a_line_of_somebody_else(city, closed, lin):
    entry = LedgerEntry.objects.get(member=lin)

    with pytest.raises(CannotAsk, match="自己的学时"):
        line_queries.ask(entry, "twice", by=city.actor("zhou"), at=NOW)
    assert not LineQuery.objects.exists()


@pytest.mark.parametrize("reason", ["", "missing", "nonsense"])
def test_only_stock_reasons_are_reasons(closed, ask, reason):
    with pytest.raises(CannotAsk, match="哪里不对"):
        ask(reason=reason)


def test_a_line_that_counts_no_more_is_not_asked_about(city, closed, secretary, lin):
    entry = LedgerEntry.objects.get(member=lin)
    correct(closed, lin, "absent", secretary)

    with pytest.raises(CannotAsk, match="已经冲销"):
        line_queries.ask(entry, "length", by=city.actor("lin"), at=NOW)


def test_nothing_is_asked_once_the_books_are_closed(closed, ask):
    Programme.objects.update(state="closed", books_close_on=TODAY)

    with pytest.raises(CannotAsk, match="账目不能再更正"):
        ask()


def test_correcting_the_session_answers_the_query_in_the_same_act(closed, ask, secretary, lin):
    query = ask()
    with transaction.atomic():
        correct(closed, lin, "absent", secretary)
        assert LineQuery.objects.get().state == State.CORRECTED
        transaction.set_rollback(True)
    assert LineQuery.objects.get().state == State.OPEN

    [posted] = correct(closed, lin, "absent", secretary)

    query.refresh_from_db()
    assert (query.state, query.decided_by, query.decided_at) == (
        State.CORRECTED, secretary.member, NOW
    )  # fmt: skip
    assert query.correction == posted.posting
    assert query.reply == "本人说没有参加，已核实"
    assert verification.verify(at=NOW).problems == []


def test_correcting_somebody_else_leaves_the_query_open(closed, ask, secretary, zhou, lin):
    ask()

    correct(closed, zhou, "absent", secretary)

    assert LineQuery.objects.get().state == State.OPEN


def test_a_line_written_anew_as_it_was_is_still_in_question(closed, ask, secretary, lin):
    query = ask(reason="length")
    before = query.entry_id

    correct(closed, lin, "late", secretary)  # late earns the same

    query.refresh_from_db()
    assert query.state == State.OPEN
    assert query.entry == LedgerEntry.objects.filter(member=lin).live().get()
    assert query.entry_id != before


@pytest.mark.parametrize(("mark", "state"), [("present", "open"), ("absent", "corrected")])
def test_a_roll_opened_once_more_answers_when_it_is_closed_again(closed, ask, secretary, lin,
                                                                 mark, state):  # fmt: skip
    ask()
    corrections.reopen(closed, reason="核对", by=secretary, at=NOW)
    assert LineQuery.objects.get().state == State.OPEN

    roll_call.close(closed, wish(mark_of(closed, lin), mark), by=secretary, at=NOW)

    assert LineQuery.objects.get().state == state


@pytest.mark.parametrize("reopened", [False, True])
def test_calling_the_session_off_answers_the_query(closed, ask, secretary, reopened):
    ask()
    if reopened:
        corrections.reopen(closed, reason="核对", by=secretary, at=NOW)

    sessions.cancel(closed, reason="误报", by=secretary, at=NOW)

    query = LineQuery.objects.get()
    assert (query.state, query.correction.revision) == (State.CORRECTED, 2)


def test_reversing_a_study_log_answers_the_query(city, programme, ask, secretary, lin):
    study = Study("self", days_ago(1), 45, "自学", "reform")
    log = study_logs.submit(programme, lin, study, by=city.actor("lin"), at=NOW)
    study_logs.confirm([log], by=secretary, at=NOW)
    query = ask(reason="twice")
    assert (query.place, query.kind) == (city.jia, "log")

    study_logs.reverse(log, reason="重复", by=secretary, at=NOW)

    query.refresh_from_db()
    assert (query.state, query.reply, query.decided_by) == (
        State.CORRECTED, "重复", secretary.member
    )  # fmt: skip


def test_a_no_needs_a_reason_and_is_told(closed, ask, secretary):
    query = ask()
    with pytest.raises(Refusal, match="理由"):
        line_queries.decline(query, reply="  ", by=secretary, at=NOW)

    line_queries.decline(query, reply="签到表上有签名", by=secretary, at=NOW)

    query.refresh_from_db()
    assert (query.state, query.reply, query.decided_by) == (
        State.DECLINED, "签到表上有签名", secretary.member
    )  # fmt: skip
    event = AuditEvent.objects.get(subject__startswith="不予更正：林小满")
    assert event.detail["reason"] == "签到表上有签名"
    assert ask() != query  # one may ask again


def test_a_query_is_decided_once(city, closed, ask, secretary, lin):
    query = ask()
    line_queries.decline(query, reply="签到表上有签名", by=secretary, at=NOW)

    with pytest.raises(AlreadyDecided):
        line_queries.decline(query, reply="另一个理由", by=city.actor("zheng"), at=NOW)
    with pytest.raises(AlreadyDecided):
        line_queries.withdraw(query, by=city.actor("lin"), at=NOW)
    correct(closed, lin, "absent", secretary)

    query.refresh_from_db()
    assert (query.state, query.reply) == (State.DECLINED, "签到表上有签名")


def test_nobody_decides_about_what_they_asked_themselves(closed, ask, secretary, zhou):
    query = ask("zhou")
    with pytest.raises(NotYourself):
        line_queries.decline(query, reply="不", by=secretary, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        LineQuery.objects.update(state="declined", decided_by=zhou, decided_at=NOW, reply="不")

    correct(closed, zhou, "absent", secretary)  # who calls the roll corrects their own mark, too

    query.refresh_from_db()
    assert (query.state, query.decided_by) == (State.CORRECTED, None)


def test_a_member_takes_back_what_they_asked_and_nobody_else_does(city, closed, ask):
    query = ask()
    with pytest.raises(CannotAsk):
        line_queries.withdraw(query, by=city.actor("zhou"), at=NOW)

    line_queries.withdraw(query, by=city.actor("lin"), at=NOW)

    assert LineQuery.objects.get().state == State.WITHDRAWN
    assert ask() != query


@pytest.mark.parametrize(
    "values",
    [
        {"state": "declined", "reply": ""},
        {"state": "declined", "reply": "不", "decided_by": None},
        {"state": "corrected"},
        {"state": "open", "reply": "答复"},
        {"reason": "missing"},
        {"entry": None},
    ],
)
def test_the_database_refuses_a_query_that_contradicts_itself(closed, ask, gao, values):
    ask()
    decided = {"decided_by": gao, "decided_at": NOW} if values.get("state", "") != "open" else {}

    with pytest.raises(IntegrityError), transaction.atomic():
        LineQuery.objects.update(**(decided | values))


def test_the_database_refuses_two_open_queries_about_a_line(closed, ask):
    query = ask()
    query.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        query.save(force_insert=True)


def test_a_missing_line_is_closed_only_by_a_line_that_was_credited(
    city, programme, schedule, secretary, lin
):
    by = city.actor("lin")
    query = line_queries.ask_missing(programme, TODAY, "上午的党课", by=by, at=NOW)
    assert line_queries.ask_missing(programme, TODAY, "又一次", by=by, at=NOW) == query
    with pytest.raises(Refusal, match="还没有补记"):
        line_queries.credited(query, by=secretary, at=NOW)
    session = roll_call.open_(schedule(), by=secretary, at=NOW.replace(hour=1))
    roll_call.close(session, {}, by=secretary, at=NOW)

    line_queries.credited(query, by=secretary, at=NOW)

    query.refresh_from_db()
    assert (query.state, query.correction.key) == (State.CORRECTED, session.key)


@pytest.mark.parametrize(("day", "text"), [(TODAY, " "), (TODAY.replace(day=4), "课")])
def test_a_missing_line_needs_words_and_a_day_that_has_come(city, programme, day, text):
    with pytest.raises(CannotAsk):
        line_queries.ask_missing(programme, day, text, by=city.actor("lin"), at=NOW)
