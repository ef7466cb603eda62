"""Corrections of a closed roll: revisions with a reason, in the ledger and in the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from courses import crediting, marks, session_history, sessions
from courses.marks import Mark, NotOnRoll, Wish
from courses.models import Attendance, Status, StudySession
from courses.session_history import Note
from credits import rule_book
from credits.ledger import Posted
from portal.audit import Actor
from portal.models import Member
from portal.refusals import Refusal

State = StudySession.State
NO_LIMIT = 10_000  # days


@transaction.atomic
def reopen(session: StudySession, *, reason: str, by: Actor, at: datetime) -> StudySession:
    """Open a closed roll once more: what it credited is reversed until it is closed again."""
    session = _closed(session, reason)
    sessions.reverse_all(session, reason=reason, by=by, at=at)
    session_history.note(session, "重新打开点名", reason=reason, by=by, at=at)
    session.state = State.OPEN
    session.version += 1
    session.save(update_fields=["state", "version"])
    return session


@transaction.atomic
def correct(
    session: StudySession, wishes: Mapping[int, Wish], *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """Correct marks of a closed roll: one revision in each programme, with the reason.

    Raises Conflict, NotOnRoll, NotNow; Refusal without a reason or without any change.
    """
    session = _closed(session, reason)
    rows = marks.locked(session)
    before = {pk: row.word for pk, row in rows.items()}
    changed = marks.apply(rows, wishes, by=by, at=at)
    if not changed:
        raise Refusal("没有改动，不需要更正。")
    words = (f"{row.member.name}：{before[row.member_id]} → {row.word}" for row in changed)
    _note_each(session, changed, words, reason=reason, by=by, at=at)
    return crediting.revise(session, changed, reason=reason, by=by, at=at)


@transaction.atomic
def excuse(
    session: StudySession, member: Member, leave: str, *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """Correct a mark to leave that was approved after closing. Whoever stood as there is reversed,
    once; whoever was absent earned nothing, and nothing is posted.

    Nothing changes for whoever stands on no roll, or so already. Raises Refusal for whoever has
    scanned: that is to be corrected by hand.
    """
    session, new = _closed(session, reason), Mark(Status.LEAVE, leave)
    row = marks.locked(session).get(member.pk)
    if row is None or row.status == Status.OBSERVER or Mark.of(row) == new:
        return []
    if row.is_there and row.scanned:
        raise Refusal(f"{member.name}当时已扫码签到，不能批假；如确未到会，请先更正考勤。")
    was_there, before = row.is_there, row.word
    marks.mark(row, new, by=by, at=at)
    what = f"{member.name}：{before} → {row.word}"
    session_history.note(session, what, reason=reason, by=by, at=at, member=member)
    if was_there:
        return crediting.revise(session, [row], reason=reason, by=by, at=at)
    session.state = State.CORRECTED
    session.version += 1
    session.save(update_fields=["state", "version"])
    return []


@transaction.atomic
def exchange(
    session: StudySession,
    wrong: Member,
    right: Member,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> list[Posted]:
    """Say "this was the other 王伟": the mark moves to the right person, on the roll or not.

    The wrong one gets the right one's mark; where the right one had none, absent.
    """
    session = _closed(session, reason)
    rows = marks.locked(session)
    if wrong.pk not in rows or wrong.pk == right.pk:
        raise NotOnRoll
    first = rows[wrong.pk]
    second = rows.get(right.pk) or marks.add(session, right, Status.PRESENT, by=by, at=at)
    there = rows.get(right.pk)
    mark, other = Mark.of(first), Mark.of(second) if there else Mark(Status.ABSENT)
    first.minutes, second.minutes = second.minutes if there else None, first.minutes
    first.scanned, second.scanned = False, False
    marks.mark(first, other, by=by, at=at)
    marks.mark(second, mark, by=by, at=at)
    what = f"{wrong.name}（{wrong.tail}）改为 {right.name}（{right.tail}）"
    session_history.note(session, what, reason=reason, by=by, at=at, member=right)
    return crediting.revise(session, [first, second], reason=reason, by=by, at=at)


@transaction.atomic
def make_up(
    session: StudySession,
    member: Member,
    *,
    on: date,
    by: Actor,
    at: datetime,
    reason: str = "补学",
) -> list[Posted]:
    """Note that somebody who was on leave or absent studied it later: hours, never presence.

    Raises Refusal before the session, in the future, or beyond the rules' make-up window.
    """
    return make_up_many(session, {member.pk: on}, reason=reason, by=by, at=at)


@transaction.atomic
def make_up_many(
    session: StudySession, days: Mapping[int, date], *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """The same of several people by id, each with the day: one revision in each programme."""
    session = _closed(session, reason)
    rolls = marks.locked(session)
    if days.keys() - rolls.keys():
        raise NotOnRoll
    rows = [rolls[member] for member in days]
    window = make_up_window(session)
    for row in rows:
        on = days[row.member_id]
        check_make_up(session, row, on=on, at=at, window=window)
        row.made_up_on, row.marked_by, row.marked_at = on, by.member, at
    marks.write(rows)
    words = (f"{row.member.name}补学（{row.made_up_on}）" for row in rows)
    _note_each(session, rows, words, reason=reason, by=by, at=at)
    return crediting.revise(session, rows, reason=reason, by=by, at=at)


def make_up_window(session: StudySession) -> int:
    """How many days after a session it can be made up, by the rules of all its programmes."""
    books = [rule_book.of(programme) for programme in session.programmes.all()]
    return min((book.on(session.day).rules.make_up for book in books), default=NO_LIMIT)


def check_make_up(
    session: StudySession, row: Attendance, *, on: date, at: datetime, window: int
) -> None:
    """Raise Refusal when `row` cannot be made up on that day. window: see `make_up_window`."""
    if row.status not in (Status.LEAVE, Status.ABSENT):
        raise Refusal(f"{row.member.name}{row.word}，不需要补学。", field="member")
    if on < session.day or on > timezone.localdate(at):
        raise Refusal("补学日期要在活动之后、今天之前。", field="on")
    if (on - session.day).days > window:
        raise Refusal(
            f"补学要在活动后 {window} 天内，{on} 已是第 {(on - session.day).days} 天。",
            field="on",
        )


def _closed(session: StudySession, reason: str) -> StudySession:
    session = sessions.lock_closed(session)
    if not reason.strip():
        raise Refusal("请写明更正的理由。", field="reason")
    return session


@transaction.atomic
def add(
    session: StudySession, member: Member, status: str, *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """Add somebody who took part without being due to a closed roll: a guest or an observer."""
    return add_many(session, [(member, status)], reason=reason, by=by, at=at)


@transaction.atomic
def add_many(
    session: StudySession,
    people: Sequence[tuple[Member, str]],
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> list[Posted]:
    """The same of several people, with what each was: one revision in each programme."""
    session = _closed(session, reason)
    rows = marks.add_many(session, people, by=by, at=at)
    kinds = ("列席" if row.status == Status.OBSERVER else "客人" for row in rows)
    words = (f"添加{row.member.name}：{kind}" for row, kind in zip(rows, kinds, strict=True))
    _note_each(session, rows, words, reason=reason, by=by, at=at)
    return crediting.revise(session, rows, reason=reason, by=by, at=at)


def _note_each(
    session: StudySession,
    rows: Sequence[Attendance],
    words: Iterable[str],
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    """Note beside each person what was done to their mark."""
    notes = [
        Note(session, what, by, reason, row.member) for row, what in zip(rows, words, strict=True)
    ]
    session_history.note_many(notes, at=at)
