"""Verbs on study sessions: schedule, move, cancel, say that one was not held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from courses import line_queries, meeting_links, session_history
from courses.models import (
    Attendance,
    AttendanceCredit,
    HostAttendance,
    ReadingClass,
    StudySession,
)
from credits import ledger, rule_book
from credits.ledger import Request, Source
from credits.models import Form, Programme
from credits.rule_book import RuleBook
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, Organization
from portal.prepared import Prepared, columns, given
from portal.refusals import Conflict, Refusal

State = StudySession.State
LONGEST = timedelta(hours=14)


class NotNow(Refusal):
    """The session is in a state that does not allow this."""


class BadTime(Refusal):
    """The session's times contradict themselves or the programme."""


@dataclass(frozen=True)
class Plan:
    """What is known of a session to be held."""

    title: str
    form: str
    starts_at: datetime
    ends_at: datetime
    period: str = ""
    occasion: str = "class"
    place: str = ""
    lecturer: str = ""
    host: str = ""
    recorder: str = ""
    link: str = ""
    content: str = ""
    band: str = ""
    method: str = StudySession.Method.ROLL_CALL
    ceiling: int | None = None
    ceiling_reason: str = ""
    key: str = field(default_factory=lambda: get_random_string(20))


def schedule(
    organiser: Organization,
    programmes: Sequence[Programme],
    plan: Plan,
    *,
    by: Actor,
    at: datetime,
    reading_class: ReadingClass | None = None,
) -> StudySession:
    """Plan one session; see `schedule_many`."""
    return schedule_many(organiser, programmes, [plan], by=by, at=at, reading_class=reading_class)[
        0
    ]


@transaction.atomic
def schedule_many(
    organiser: Organization,
    programmes: Sequence[Programme],
    plans: Sequence[Plan],
    *,
    by: Actor,
    at: datetime,
    reading_class: ReadingClass | None = None,
) -> list[StudySession]:
    """Plan sessions, all or none. Raises BadTime naming the first whose times do not fit; NotNow
    for a class that has ended or a programme whose books are not open."""
    if reading_class and reading_class.state != ReadingClass.State.RUNNING:
        raise NotNow(f"读书班{reading_class.get_state_display()}，不能再加活动。")
    books = [(programme, rule_book.of(programme)) for programme in programmes]
    for plan in plans:
        _check_plan(books, plan)
    sessions = StudySession.objects.bulk_create(
        StudySession(
            organiser=organiser,
            reading_class=reading_class,
            made_by=by.member,
            made_at=at,
            **_columns(plan),
        )
        for plan in plans
    )
    through = StudySession.programmes.through
    through.objects.bulk_create(
        through(studysession=session, programme=programme)
        for session in sessions
        for programme in programmes
    )
    if reading_class is None:
        audit.record_many(
            audit.event(AuditEvent.Event.CLASS, by=by, at=at, on=organiser, subject=f"安排：{s}")
            for s in sessions
        )
    return sessions


@transaction.atomic
def change(
    session: StudySession, values: dict[str, Any], *, seen_version: int, by: Actor, at: datetime
) -> StudySession:
    """Change a planned session's time, place, topic …; nothing once its roll is open.

    Raises Conflict when somebody changed it meanwhile, NotNow, BadTime.
    """
    session = lock(session)
    if session.version != seen_version:
        raise Conflict
    if session.state != State.PLANNED:
        raise NotNow(f"活动{session.get_state_display()}，不能再改时间和内容；请用更正。")
    before = {name: getattr(session, name) for name in values}
    for name, value in values.items():
        setattr(session, name, value)
    _check_plan([(p, rule_book.of(p)) for p in session.programmes.order_by("pk")], session)
    changed = [name for name, value in values.items() if value != before[name]]
    if not changed:
        return session
    session.version += 1
    session.save()
    session_history.note(session, _told(session, before, changed), by=by, at=at)
    return session


@transaction.atomic
def cancel(session: StudySession, *, reason: str, by: Actor, at: datetime) -> StudySession:
    """Call a session off. One that was credited is reversed: nobody keeps its hours."""
    session = _call_off(session, State.CANCELLED, reason, at=at, by=by)
    session_history.note(session, "取消活动", reason=reason, by=by, at=at)
    return session


@transaction.atomic
def not_held(session: StudySession, *, reason: str, by: Actor, at: datetime) -> StudySession:
    """Say that a session did not take place; it counts neither as held nor as 0 % attendance."""
    if session.starts_at > at:
        raise NotNow("活动还没有到时间；如不举行，请取消活动。")
    session = _call_off(session, State.NOT_HELD, reason, at=at, by=by)
    session_history.note(session, "登记为未举行", reason=reason, by=by, at=at)
    return session


def source_of(session: StudySession) -> Source:
    """How the ledger names a session."""
    return Source("session", session.key, session.title)


_locked = Prepared(
    lambda: StudySession.objects.filter(pk=given("session", int)).values_list(
        *columns(StudySession, *columns(Organization, of="organiser"))
    ),
    lock="NO KEY UPDATE",
)


def lock(session: StudySession) -> StudySession:
    """Lock a session's row and read it anew: the first lock of every act on it."""
    return lock_many([session])[0]


def lock_many(sessions: Sequence[StudySession]) -> list[StudySession]:
    """Lock the rows of several sessions by id and read them anew; returns them as they came.

    Without the key: a scan holds its mark and then refers to the session, it must not wait here.
    """
    found = {}
    for pk in sorted({session.pk for session in sessions}):
        [found[pk]] = _locked.objects(session=pk)
    return [found[session.pk] for session in sessions]


def lock_closed(session: StudySession) -> StudySession:
    """Lock a session whose hours are credited. Raises NotNow for any other."""
    session = lock(session)
    if not session.is_closed:
        raise NotNow(f"活动{session.get_state_display()}，还没有记学时。")
    return session


def reverse_all(session: StudySession, *, reason: str, by: Actor, at: datetime) -> None:
    """Take back what a session credited, in every programme; see `reverse_many`."""
    reverse_many([session], reason=reason, by=by, at=at)


def reverse_many(sessions: Sequence[StudySession], *, reason: str, by: Actor, at: datetime) -> None:
    """Take back what sessions credited, one batch a programme; their rows are locked. What members
    asked about their lines waits until they are closed again, or called off."""
    known: dict[int, Member] = {}  # whoever stands on several of the rolls is one object
    people = {
        session.pk: [known.setdefault(one.pk, one) for one in _on_roll.objects(session=session.pk)]
        for session in sessions
    }
    counted: dict[Programme, list[StudySession]] = {}
    for session in sessions:
        for programme in session.programmes.all():
            counted.setdefault(programme, []).append(session)
    for programme in sorted(counted, key=lambda p: p.pk):
        sources = {session.pk: source_of(session) for session in counted[programme]}
        turns = ledger.next_revisions(programme, list(sources.values()))
        requests = [
            Request(
                sources[s.pk], s.organiser, [], turns[s.key], withdraw=people[s.pk], reason=reason
            )
            for s in counted[programme]
            if turns[s.key] > 1
        ]
        if requests:
            ledger.post_many(programme, requests, by=by, at=at)
    AttendanceCredit.objects.filter(attendance__session__in=[*people]).delete()


_on_roll = Prepared(
    lambda: (
        Member.objects.filter(attendances__session=given("session", int))
        .order_by("pk")
        .values_list(*columns(Member))
    )
)


def answer_queries(session: StudySession, *, by: Actor, at: datetime) -> None:
    """Answer what members asked about lines of a session that has lost them for good."""
    for programme in session.programmes.order_by("pk"):
        line_queries.follow(programme, source_of(session), by=by, at=at)


def _call_off(
    session: StudySession, state: StudySession.State, reason: str, *, by: Actor, at: datetime
) -> StudySession:
    if not reason.strip():
        raise Refusal("请写明原因。", field="reason")
    session = lock(session)
    if session.is_called_off:
        raise NotNow(f"活动{session.get_state_display()}。")
    if session.is_closed:
        reverse_all(session, reason=reason, by=by, at=at)
    answer_queries(session, by=by, at=at)
    Attendance.objects.filter(session=session, status="not_yet").delete()
    _end_attested(session, state, at=at)
    session.state, session.reason = state, reason.strip()[:200]
    session.version += 1
    session.save(update_fields=["state", "reason", "version"])
    return session


def _end_attested(session: StudySession, state: StudySession.State, *, at: datetime) -> None:
    """What was attested of mobile members ends with the session; what their branches have
    recognised stays until they reverse it (courses/host_decisions.py)."""
    waiting = HostAttendance.objects.waiting().filter(session=session)
    waiting.update(state="withdrawn", decided_at=at, reason=f"流入地的活动{state.label}。")


def _told(session: StudySession, before: dict[str, Any], changed: Sequence[str]) -> str:
    """What was changed, for the history: a moved time from when to when, else the columns."""
    words = []
    if {"starts_at", "ends_at"} & set(changed):
        now = {"starts_at": session.starts_at, "ends_at": session.ends_at}
        old = now | {name: before[name] for name in now if name in before}
        words.append(f"时间由 {_span(*old.values())} 改为 {_span(*now.values())}")
    fields = {f.name: str(f.verbose_name) for f in StudySession._meta.fields}
    others = [fields[name] for name in changed if name not in ("starts_at", "ends_at")]
    if others:
        words.append(f"调整{'、'.join(others)}")
    return "；".join(words)


def _span(starts: datetime, ends: datetime) -> str:
    first, last = timezone.localtime(starts), timezone.localtime(ends)
    return f"{first.month}月{first.day}日 {first:%H:%M}–{last:%H:%M}"


def _columns(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in plan.__dataclass_fields__}


def _check_plan(books: Sequence[tuple[Programme, RuleBook]], plan: Plan | StudySession) -> None:
    for programme, _ in books:
        if programme.is_over:
            raise NotNow(f"{programme}{programme.get_state_display()}，不能再安排活动。")
    _check_times(plan.starts_at, plan.ends_at, [programme for programme, _ in books])
    meeting_links.check(plan.link)
    if plan.link and plan.method == StudySession.Method.PAPER:
        raise Refusal("线上活动没有纸质签到，请改用扫码签到或点名。", field="method")
    for programme, book in books:
        rules = book.on(timezone.localdate(plan.starts_at)).rules
        if rules.form(plan.form) is None:
            other = f"请改学习方式，或者不计入{programme}。" if len(books) > 1 else ""
            raise Refusal(f"{programme}不计{Form(plan.form).label}的学时。{other}", field="form")
        if plan.period and rules.periods and rules.period(plan.period) is None:
            raise Refusal(f"{programme}没有这个历史时期。", field="period")


def _check_times(starts: datetime, ends: datetime, programmes: Sequence[Programme]) -> None:
    if ends <= starts:
        raise BadTime("结束时间要晚于开始时间。", field="ends_at")
    if ends - starts > LONGEST:
        most = LONGEST // timedelta(hours=1)
        raise BadTime(f"一次活动不能超过 {most} 小时；几天的活动请逐日安排。", field="ends_at")
    day = timezone.localdate(starts)
    for programme in programmes:
        if not programme.starts <= day <= programme.ends:
            raise BadTime(
                f"{day} 不在{programme}的起止日期（{programme.starts} 至 {programme.ends}）内。",
                field="starts_at",
            )
