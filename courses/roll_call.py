"""The roll call: open, mark, take in, add, close. Locks: session → its marks → the ledger's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from courses import (
    crediting,
    expected,
    live_sessions,
    marks,
    session_history,
    sessions,
    who_is_due,
)
from courses.crediting import Earning
from courses.marks import Mark, Wish
from courses.models import Attendance, AttendancePlan, Status, StudySession
from courses.session_history import Note
from courses.sessions import NotNow
from credits.ledger import Posted
from portal import set_wise
from portal.audit import Actor
from portal.models import Member
from portal.refusals import Refusal
from portal.transactions import joining

State = StudySession.State
EARLY = timedelta(hours=3)  # how long before its start a roll may be opened


class Unmarked(Refusal):
    """Somebody has no mark yet; closing must say what becomes of them."""


@dataclass(frozen=True)
class Closing:
    """One roll to be closed: what is still wished for, by whom, what becomes of the unmarked; and
    of a meeting at a distance how many that person counted in it."""

    session: StudySession
    wishes: Mapping[int, Wish]
    by: Actor
    not_yet_becomes: str = ""
    compared: int | None = None


def open_(session: StudySession, *, by: Actor, at: datetime) -> StudySession:
    """Open one roll; see `open_many`."""
    return open_many([(session, by)], at=at)[0]


@joining
def open_many(
    openings: Sequence[tuple[StudySession, Actor]], *, at: datetime
) -> list[StudySession]:
    """Open rolls, all or none: everyone due gets a row, present by default, "not yet" for check-in
    and at a distance, on leave where that was approved.

    Opening an open roll changes nothing. Raises NotNow too early or once it is over.
    """
    locked = sessions.lock_many([session for session, _ in openings])
    actors = {session.pk: by for session, by in openings}
    fresh = [session for session in locked if session.state != State.OPEN]
    for session in fresh:
        _check_may_open(session, at=at)
    people = who_is_due.of_each(fresh)
    _enter(((s, member, home) for s in fresh for member, home in people[s.pk]), at=at)
    for session in fresh:
        session.state, session.opened_at = State.OPEN, at
    _turn(fresh, "opened_at")
    session_history.note_many([Note(s, "开始点名", actors[s.pk]) for s in fresh], at=at)
    return locked


def _turn(locked: Sequence[StudySession], moment: str) -> None:
    """Write locked sessions that are in another state since `moment`, each as its next version."""
    for session in locked:
        session.version += 1
    rows = [(s.state, getattr(s, moment), s.version, s.pk) for s in locked]
    set_wise.update_by_id(StudySession, ["state", moment, "version"], rows)


def _check_may_open(session: StudySession, *, at: datetime) -> None:
    if session.state != State.PLANNED:
        raise NotNow(f"活动{session.get_state_display()}，不能再开始点名。")
    if at < session.starts_at - EARLY:
        first = timezone.localtime(session.starts_at - EARLY)
        raise NotNow(f"{first.month}月{first.day}日 {first:%H:%M} 起才能开始点名。")


def _enter(people: Iterable[tuple[StudySession, int, int]], *, at: datetime) -> None:
    """Put those due, given with member and home by id, onto the roll: with the leave that was
    approved before, else with its default mark."""
    rows = list(people)
    leave = AttendancePlan.objects.granted({s.pk for s, _, _ in rows})
    marks.enter(
        (
            (s.pk, member, home, Mark(Status.LEAVE, leave[s.pk, member]))
            if (s.pk, member) in leave
            else (s.pk, member, home, _default_mark(s))
            for s, member, home in rows
        ),
        at=at,
    )


def _default_mark(session: StudySession) -> Mark:
    """Nobody is taken for present where a code says who came, or whom no room shows."""
    by_itself = session.method == StudySession.Method.CHECK_IN or session.link
    return Mark(Status.NOT_YET if by_itself else Status.PRESENT)


@transaction.atomic
def take_by_code(session: StudySession, *, by: Actor, at: datetime) -> StudySession:
    """Take the attendance of an open roll by code from now on: whoever was present only because
    nobody had touched the mark is "not yet". Raises NotNow unless the roll is open.
    """
    session = sessions.lock(session)
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，不能改为扫码签到。")
    if session.method == StudySession.Method.CHECK_IN:
        return session
    untouched = Attendance.objects.filter(session=session, marked_by=None, status=Status.PRESENT)
    untouched.update(status=Status.NOT_YET, marked_at=at)
    session.method = StudySession.Method.CHECK_IN
    session.version += 1
    session.save(update_fields=["method", "version"])
    session_history.note(session, "改为扫码签到", by=by, at=at)
    return session


@transaction.atomic
def save(
    session: StudySession, wishes: Mapping[int, Wish], *, by: Actor, at: datetime
) -> list[Attendance]:
    """Save marks; only what this person changed is written. Returns the rows that changed.

    Raises Conflict naming whose mark somebody else changed meanwhile, NotOnRoll for people who
    do not stand on this roll, NotNow unless the roll is open. In each case nothing is written.
    """
    session = sessions.lock(session)
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，请用更正修改。")
    return save_many([(session, marks.locked(session), wishes)], by=by, at=at)


def save_many(
    rolls: Iterable[tuple[StudySession, Mapping[int, Attendance], Mapping[int, Wish]]],
    *,
    by: Actor,
    at: datetime,
) -> list[Attendance]:
    """The same of several open rolls that the caller has locked, with their marks: all or none."""
    changed: list[Attendance] = []
    touched = []
    for session, rows, wishes in rolls:
        if own := marks.grant(rows, wishes, by=by, at=at):
            session.version += 1
            touched.append((session.version, session.pk))
            changed += own
    marks.write(changed)
    set_wise.update_by_id(StudySession, ["version"], touched)
    return changed


@transaction.atomic
def take_in(session: StudySession, *, by: Actor, at: datetime) -> list[Attendance]:
    """Take those who became due after the roll was opened onto it, with its default mark.

    Guests who are due by now stay guests. Raises NotNow unless the roll is open.
    """
    session = sessions.lock(session)
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，不能再补入名单。")
    rows = expected.not_on_roll(session)
    if not rows:
        return []
    _enter(((session, row.member, row.branch) for row in rows), at=at)
    session.version += 1
    session.save(update_fields=["version"])
    people = Member.objects.in_bulk([row.member for row in rows])
    notes = [Note(session, "补入名单", by, member=people[row.member]) for row in rows]
    session_history.note_many(notes, at=at)
    taken = session.attendances.filter(member__in=people)
    return list(taken.order_by("pk"))


@transaction.atomic
def add(
    session: StudySession,
    member: Member,
    status: str,
    *,
    by: Actor,
    at: datetime,
    remark: str = "",
) -> Attendance:
    """Add somebody who takes part without being due: a guest (credited) or an observer (not).

    Raises Refusal for whoever stands on the roll already, has left, or is a mobile member of the
    organiser.
    """
    return add_many(session, [(member, status)], by=by, at=at, remark=remark)[0]


@transaction.atomic
def add_many(
    session: StudySession,
    people: Sequence[tuple[Member, str]],
    *,
    by: Actor,
    at: datetime,
    remark: str = "",
) -> list[Attendance]:
    """The same of several people, with what each is: all or none."""
    session = sessions.lock(session)
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，不能再添加。")
    return marks.add_many(session, people, by=by, at=at, remark=remark)


def close(
    session: StudySession,
    wishes: Mapping[int, Wish],
    *,
    by: Actor,
    at: datetime,
    not_yet_becomes: str = "",
    compared: int | None = None,
) -> list[Posted]:
    """Close one roll; returns what was posted, programme by programme. See `close_many`."""
    return close_many([Closing(session, wishes, by, not_yet_becomes, compared)], at=at)[0]


@joining
def close_many(
    closings: Sequence[Closing],
    *,
    at: datetime,
    rolls: Mapping[int, Mapping[int, Attendance]] | None = None,
) -> list[list[Posted]]:
    """Close rolls, all or none, and credit everyone who was there, once in each programme.

    not_yet_becomes: what the unmarked were, `absent` or `present`; the person who counted heads
    decides. compared: how many they counted in a meeting at a distance, which the list must bear
    out. One person's conflict never blocks the others: it is kept with its reason for "credit
    now". Closing a closed roll changes nothing. rolls: the marks by session and member, of a caller
    who has locked and written them. Raises Unmarked, live_sessions.NotCompared, Conflict,
    NotOnRoll, NotNow.
    """
    locked = sessions.lock_many([closing.session for closing in closings])
    actors = {closing.session.pk: closing.by for closing in closings}
    fresh = [session for session in locked if not session.is_closed]
    for session in fresh:
        _check_may_close(session, at=at)
    if rolls is None:
        rolls = marks.locked_many(fresh)
    changed: list[Attendance] = []
    for closing in closings:
        if closing.session.pk in rolls:
            changed += _settle_marks(rolls[closing.session.pk], closing, at=at)
    counted = {closing.session.pk: closing.compared for closing in closings}
    live_sessions.compare(fresh, rolls, counted)
    marks.write(changed)
    campaigns = crediting.campaigns(fresh)
    crediting.check_not_too_late(campaigns, fresh, at=at)
    for session in fresh:
        session.state, session.closed_at = State.CLOSED, at
    _turn(fresh, "closed_at")
    earning = {pk: [row for row in rows.values() if row.earns] for pk, rows in rolls.items()}
    asked = [Earning(s, earning[s.pk], actors[s.pk]) for s in fresh]
    posted = crediting.post_many(campaigns, asked, at=at)
    notes = []
    for session in fresh:
        there = sum(row.is_there for row in rolls[session.pk].values())
        told = f"，与会议中的 {session.compared} 人核对一致" if session.link else ""
        notes.append(Note(session, f"记学时：{there} 人到会{told}", actors[session.pk]))
    session_history.note_many(notes, at=at)
    return [posted.get(session.pk, []) for session in locked]


def _check_may_close(session: StudySession, *, at: datetime) -> None:
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，不能记学时。")
    if session.ends_at > at:
        ends = timezone.localtime(session.ends_at)
        raise NotNow(f"活动 {ends:%H:%M} 才结束，结束后才能记学时；现在可以先暂存。")


def _settle_marks(
    rows: Mapping[int, Attendance], closing: Closing, *, at: datetime
) -> list[Attendance]:
    """Give the last wishes, and to those who have no mark yet what becomes of them; returns the
    rows that changed."""
    changed = marks.grant(rows, closing.wishes, by=closing.by, at=at)
    waiting = [row for row in rows.values() if row.status == Status.NOT_YET]
    if waiting and closing.not_yet_becomes not in (Status.ABSENT, Status.PRESENT):
        raise Unmarked(
            f"还有 {len(waiting)} 人未签到，请选择按缺席还是按出席记。",
            field="not_yet_becomes",
        )
    for row in waiting:
        marks.give(row, Mark(closing.not_yet_becomes), by=closing.by, at=at)
    return changed + waiting
