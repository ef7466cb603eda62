"""What is pending when the books are closed ends with notice, once, and nobody has decided it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from courses import (
    attendance_plans,
    expiry,
    host_sessions,
    line_queries,
    loose_ends,
    roll_call,
    study_logs,
)
from courses.loose_ends import Ends
from courses.models import (
    Answer,
    AttendancePlan,
    HostAttendance,
    LessonCredit,
    LineQuery,
    StudyLog,
    StudySession,
    WalkIn,
)
from courses.online import answers, discussions, lesson_credits, recognition
from courses.study_logs import CannotLog, Study
from credits import ledger, programmes, verification
from credits.ledger import Credit, Source
from credits.models import LedgerEntry, Programme
from portal import mobile_stays
from portal.mobile_stays import Away
from portal.models import AuditEvent
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses import lesson_hands as hands

pytestmark = [pytest.mark.django_db, pytest.mark.both]
END = moment(date(2021, 12, 31), 18)
LATER = moment(date(2022, 1, 14))
MODELS = (StudyLog, LineQuery, AttendancePlan, WalkIn, HostAttendance, LessonCredit, Answer)
AS_THEY_WERE = ["pending", "open", "pending", "asked", "waiting", "waiting", "waiting"]


@pytest.fixture
def pending(city, programme, schedule, opened, secretary, lin, talk):
    """One of everything that can be pending; two sheets are missing, one of them opened."""
    by = city.actor("lin")
    study = Study("self", days_ago(1), 45, "自学", "reform")
    study_logs.submit(programme, lin, study, by=by, at=NOW)
    line_queries.ask_missing(programme, days_ago(2), "上午的党课", by=by, at=NOW)
    later = schedule("将来的活动", day=TODAY + timedelta(days=3))
    attendance_plans.ask_leave(later, "sick", by=by, at=NOW)
    WalkIn.objects.create(session=opened, member=city.people["wu"], scanned_at=NOW)
    stay = mobile_stays.register(lin, Away(days_ago(200), "云岭市", "work", host=city.yi),
                                 by=city.by, at=NOW)  # fmt: skip
    held = schedule("乙支部的活动", organiser=city.yi, day=days_ago(4))
    roll_call.open_(held, by=city.by, at=held.starts_at)
    roll_call.close(held, {}, by=city.by, at=held.ends_at)
    held.refresh_from_db()
    host_sessions.attest(held, [stay], by=city.actor("zheng", "secretary"), at=NOW)
    xia = city.people["xia"]
    full = Credit(xia, "lecture", TODAY, minutes=360, period="reform")
    ledger.post(programme, Source("session", "full", "全天"), organiser=city.jia, credits=[full],
                by=city.by, at=NOW)  # fmt: skip
    assert hands.answer(hands.published(city.actor("shi", "official")), xia).state == "waiting"
    answers.answer(talk, "从小岗村开始", by=city.actor("wu"), at=NOW)


@pytest.fixture
def close(city):
    def act(programme, at=LATER):
        programme.refresh_from_db()
        if programme.state == Programme.State.RUNNING:
            programmes.close_study(programme, by=city.by, at=END)
        return programmes.close_books(programme, by=city.by, at=at)

    return act


def states():
    return [m.objects.get().state for m in MODELS]


def test_everything_pending_ends_in_the_closing_itself(city, programme, pending, close):
    assert expiry.pending(programme) == {
        "logs": 1, "queries": 1, "leave": 1, "walk_ins": 1, "hosts": 1, "lessons": 1,
        "answers": 1,
    }  # fmt: skip

    close(programme)

    assert states() == ["expired"] * len(MODELS)
    for model in MODELS:
        row = model.objects.get()
        assert (row.decided_by, row.decided_at) == (None, LATER)
    assert StudyLog.objects.get().reason == "封账时还没有确认，未记学时。"
    assert LineQuery.objects.get().reply.startswith("封账时还没有处理")
    event = AuditEvent.objects.get(subject__contains="已终止")
    assert event.detail == dict.fromkeys(expiry.ASKED, 1)
    assert not LedgerEntry.objects.filter(member__name="林小满").exists()
    assert verification.verify(at=LATER).problems == []


def test_where_closing_is_refused_nothing_ends(city, programme, pending):
    programmes.close_study(programme, by=city.by, at=END)

    with pytest.raises(programmes.NotNow):
        programmes.close_books(programme, by=city.by, at=END)

    assert states() == AS_THEY_WERE


def test_what_fails_while_closing_undoes_the_end_of_everything(
    city, programme, pending, monkeypatch
):
    programmes.close_study(programme, by=city.by, at=END)
    monkeypatch.setattr("credits.closings.draw_up", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        programmes.close_books(programme, by=city.by, at=LATER)

    assert states() == AS_THEY_WERE
    assert Programme.objects.get().state == Programme.State.CLOSING


def test_reopening_and_closing_again_ends_nothing_twice(city, programme, pending, close, lin):
    close(programme)
    programme.refresh_from_db()
    before = StudyLog.objects.values().get()
    programmes.reopen(programme, reason="补表", by=city.by, at=LATER)
    study = Study("self", days_ago(1), 45, "又一次", "reform")
    again = StudyLog.objects.get()
    again.pk, again.key, again.state, again.decided_at = None, "again", "pending", None
    again.reason, again.topic = "", study.topic
    again.save(force_insert=True)

    close(programme, at=LATER + timedelta(days=14))

    assert StudyLog.objects.values().get(pk=before["id"]) == before
    assert StudyLog.objects.get(key="again").decided_at == LATER + timedelta(days=14)


def test_what_was_decided_before_stays(city, programme, pending, close, secretary):
    study_logs.confirm([StudyLog.objects.get()], by=secretary, at=NOW)
    line_queries.decline(LineQuery.objects.get(), reply="已记", by=secretary, at=NOW)

    close(programme)

    assert states()[:2] == ["confirmed", "declined"]


def test_what_was_handed_in_at_the_same_moment_is_swept_up_afterwards(
    city, programme, pending, close
):
    close(programme)
    StudyLog.objects.update(state="pending", decided_at=None, reason="")

    expiry.sweep(at=LATER + timedelta(minutes=1))

    assert StudyLog.objects.get().state == "expired"
    StudyLog.objects.update(state="pending", decided_at=None, reason="")
    expiry.sweep(at=LATER + timedelta(days=30))
    assert StudyLog.objects.get().state == "pending"  # long over: not looked at any more


def test_a_session_that_counts_elsewhere_too_keeps_its_requests(
    city, programme, pending, close, found_programme
):
    other = found_programme(code="year-2021")
    for session in StudySession.objects.all():
        session.programmes.add(other)

    close(programme)

    assert states() == ["expired", "expired", "pending", "asked", "expired", "expired", "expired"]


def test_an_expired_log_is_confirmed_by_nobody(city, programme, pending, close, secretary):
    close(programme)

    assert study_logs.confirm([StudyLog.objects.get()], by=secretary, at=LATER) == []
    assert StudyLog.objects.get().state == "expired"


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (StudyLog, {"reason": ""}),
        (StudyLog, {"decided_at": None}),
        (LineQuery, {"reply": ""}),
        (LineQuery, {"decided_at": None}),
        (AttendancePlan, {"decided_at": None}),
        (AttendancePlan, {"leave": ""}),
        (WalkIn, {"decided_at": None}),
        (HostAttendance, {"reason": ""}),
        (HostAttendance, {"decided_at": None}),
        (LessonCredit, {"reason": ""}),
        (LessonCredit, {"decided_at": None}),
        (LessonCredit, {"hours": 100, "day": TODAY}),
        (Answer, {"reason": ""}),
        (Answer, {"decided_at": None}),
        (Answer, {"hours": 100}),
    ],
)
def test_the_database_refuses_an_end_without_its_moment_or_its_notice(
    city, programme, pending, close, model, values
):
    close(programme)

    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**values)


@pytest.mark.parametrize("model", MODELS)
def test_the_database_refuses_an_end_that_somebody_decided(
    city, programme, pending, close, model, gao
):
    close(programme)

    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(decided_by=gao)


def test_the_member_reads_what_became_of_it(programme, pending, close, enter, lin, clock):
    close(programme)
    browser = enter("lin")

    logs = browser.get(reverse("my-logs")).content.decode()
    hours = browser.get(reverse("my-hours")).content.decode()

    assert "封账时未确认" in logs
    assert "封账时还没有确认，未记学时。" in logs
    assert "封账时流出地还没有认定，未记学时。" in logs
    assert "None" not in logs
    assert "封账时未处理" in hours
    assert "封账时还没有确认" in browser.get(reverse("home")).content.decode()


# --- Asked for anew, once the books are open again ------------------------------------------------


@pytest.fixture
def reopened(city, programme, pending, close):
    close(programme)
    programme.refresh_from_db()
    return programmes.reopen(programme, reason="补表", by=city.by, at=LATER)


@pytest.fixture
def log(pending):
    return StudyLog.objects.get()


def test_an_ended_log_waits_again_as_it_was_and_is_confirmed(
    city, programme, log, reopened, secretary
):
    """Long after the back-dating limit: the day on which it was first handed in counts."""
    before = StudyLog.objects.values().get()

    expiry.hand_in_again(log, by=city.actor("lin"), at=LATER)
    expiry.hand_in_again(log, by=city.actor("lin"), at=LATER)

    kept = StudyLog.objects.values().get()
    changed = {name for name in kept if kept[name] != before[name]}
    assert changed == {"state", "reason", "decided_at"}
    assert AuditEvent.objects.filter(subject__startswith="再次提交").count() == 1
    [outcome] = study_logs.confirm([StudyLog.objects.get()], by=secretary, at=LATER)
    assert (outcome.hours, outcome.reason) == (100, "")
    assert verification.verify(at=LATER).problems == []


def test_nothing_waits_again_by_itself(programme, reopened):
    assert states() == ["expired"] * len(MODELS)


def test_an_ended_lesson_is_credited_when_its_member_asks(city, programme, reopened):
    """Long after it was passed: the day on which it was passed counts, once there is room in it."""
    credit, by = LessonCredit.objects.get(), city.actor("xia")
    full = Source("session", "full", "全天")
    ledger.correct(programme, full, revision=2, organiser=city.jia, withdraw=[by.member],
                   credits=[], reason="记错了", by=city.by, at=LATER)  # fmt: skip

    done = lesson_credits.credit_now(credit, by=by, at=LATER)

    assert (done.state, done.hours, done.decided_at, done.reason) == ("credited", 100, None, "")
    assert done.day == TODAY
    assert lesson_credits.credit_now(credit, by=by, at=LATER).hours == 100
    assert LedgerEntry.objects.filter(posting__kind="lesson").count() == 1
    assert verification.verify(at=LATER).problems == []


def test_an_ended_lesson_stays_so_while_something_stands_in_its_way(city, programme, reopened):
    with pytest.raises(Refusal, match="每日上限"):
        lesson_credits.credit_now(LessonCredit.objects.get(), by=city.actor("xia"), at=LATER)

    assert LessonCredit.objects.get().state == "expired"


def test_while_the_books_are_closed_no_lesson_is_credited(city, programme, pending, close):
    close(programme)

    with pytest.raises(Refusal, match="封账"):
        lesson_credits.credit_now(LessonCredit.objects.get(), by=city.actor("xia"), at=LATER)

    assert LessonCredit.objects.get().state == "expired"


def test_an_ended_answer_is_recognised_or_not_by_its_reader(city, talk, reopened, leader):
    discussions.close(talk, by=leader, at=LATER)
    assert not talk.answers.to_recognise().exists(), "nothing fills a list by itself"

    [outcome] = recognition.recognise(talk, list(talk.answers.all()), by=leader, at=LATER)

    assert (outcome.hours, outcome.reason) == (100, "")
    assert Answer.objects.get().state == "recognised"
    assert verification.verify(at=LATER).problems == []


def test_an_ended_answer_can_be_declined(talk, reopened, leader):
    discussions.close(talk, by=leader, at=LATER)

    recognition.decline(talk, list(talk.answers.all()), reason="离题", by=leader, at=LATER)

    assert Answer.objects.get().state == "declined"


def test_while_the_books_are_closed_no_log_waits_again(city, programme, log, close):
    close(programme)

    with pytest.raises(CannotLog, match="封账"):
        expiry.hand_in_again(log, by=city.actor("lin"), at=LATER)

    assert StudyLog.objects.get().state == "expired"


def test_what_was_handed_in_instead_stands_in_the_way(city, programme, log, reopened, lin):
    values = StudyLog.objects.values().get() | {"id": None, "key": "instead", "state": "pending"}
    start = moment(days_ago(1), 9)
    StudyLog.objects.create(**values | {"decided_at": None, "reason": "", "start": start})
    StudyLog.objects.filter(pk=log.pk).update(start=start)

    with pytest.raises(CannotLog, match="重叠"):
        expiry.hand_in_again(log, by=city.actor("lin"), at=LATER)


def test_what_somebody_decided_does_not_wait_again(city, programme, log, secretary, pending):
    study_logs.return_([log], reason="没有学", by=secretary, at=NOW)

    with pytest.raises(Refusal, match="已退回"):
        expiry.hand_in_again(log, by=city.actor("lin"), at=NOW)


@pytest.mark.parametrize(("who", "name", "shows"), [
    ("lin", "log-again", "my-logs"), ("zhou", "log-again-for", "log-list"),
])  # fmt: skip
def test_one_tap_on_the_page_of_the_member_or_the_secretary(
    programme, log, reopened, enter, clock, who, name, shows
):
    browser, act = enter(who), reverse(name, args=[log.pk])
    page = browser.get(reverse(shows), {"show": "decided"}).content.decode()
    assert act in page

    answer = browser.post(act)

    assert answer.url == reverse(shows)
    assert StudyLog.objects.get().state == "pending"
    assert act not in browser.get(reverse(shows), {"show": "decided"}).content.decode()


def test_while_the_books_are_closed_no_page_offers_it(programme, log, close, pending, enter, clock):
    close(programme)

    assert "/again/" not in enter("lin").get(reverse("my-logs")).content.decode()
    listed = enter("zhou").get(reverse("log-list"), {"show": "decided"}).content.decode()
    assert "again-for" not in listed


def test_leave_is_asked_for_anew(city, programme, reopened, opened, secretary):
    plan = AttendancePlan.objects.get()

    again = attendance_plans.ask_leave(plan.session, "sick", by=city.actor("lin"), at=NOW)

    assert (again.pk, again.state, again.decided_at) == (plan.pk, "pending", None)


def test_leave_that_ended_is_asked_for_anew_on_an_open_roll(
    city, programme, schedule, opened, close, secretary
):
    later = schedule("晚上的活动", method="check_in", day=TODAY + timedelta(days=1))
    attendance_plans.ask_leave(later, "sick", by=city.actor("lin"), at=NOW)
    roll_call.open_(later, by=secretary, at=moment(TODAY + timedelta(days=1), 9))
    close(programme)
    programme.refresh_from_db()
    programmes.reopen(programme, reason="补表", by=city.by, at=LATER)

    again = attendance_plans.ask_leave(later, "personal", by=city.actor("lin"), at=NOW)

    assert (again.state, again.leave) == ("pending", "personal")


# --- What is left to do ---------------------------------------------------------------------------


def test_loose_ends_are_counted_by_organisation(city, programme, pending, secretary, opened):
    later, rest = NOW + timedelta(days=10), (1, 0, 1, 1, 1, 1, 1, 1)

    assert loose_ends.of(programme, city.root, at=NOW) == Ends(0, *rest)
    assert loose_ends.of(programme, city.root, at=later) == Ends(1, *rest)
    assert loose_ends.of(programme, city.bureau, at=later).total == 0
    [county] = loose_ends.below_of(programme, city.root, at=later)
    assert (county.organization, county.ends.total) == (city.county, 8)
    [jia] = loose_ends.below_of(programme, city.county, at=later)
    assert (jia.organization, jia.ends) == (city.jia, county.ends)


def test_sessions_that_lack_something_are_listed_by_time(city, programme, pending, opened):
    later = NOW + timedelta(days=10)

    rows = loose_ends.meetings(programme, city.jia, at=later)

    assert [(m.title, m.lacks) for m in rows] == [
        ("读书班第 1 次", "点名没有结束；1 人请求加入名单"),
        ("将来的活动", "没有交考勤表；1 人请假待批"),
    ]
    assert loose_ends.meetings(programme, city.yi, at=later) == []


def test_refused_credits_are_loose_ends_until_they_are_settled(
    city, programme, opened, schedule, secretary
):
    roll_call.close(opened, {}, by=secretary, at=NOW)
    twice = roll_call.open_(schedule("同一时间"), by=secretary, at=NOW)
    roll_call.close(twice, {}, by=secretary, at=NOW)

    assert loose_ends.of(programme, city.jia, at=NOW) == Ends(refused=2)
    assert loose_ends.meetings(programme, city.jia, at=NOW)[0].lacks == "2 人未能记入"
