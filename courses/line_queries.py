"""Mistakes mended: "this line is wrong" (这条不对), and how it ends: corrected, or a reasoned no.

A query is never closed as corrected by a word: the source is corrected (courses/corrections.py,
courses/study_logs.py, courses/host_decisions.py, courses/online/recognition.py), and `follow`
closes what that made right, in the same transaction.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from courses.models import (
    Discussion,
    HostAttendance,
    LessonCredit,
    LineQuery,
    StudyLog,
    StudySession,
)
from credits.ledger import Source
from credits.models import LedgerEntry, Programme, SourceKind
from portal import audit
from portal.access import Capability
from portal.audit import Actor
from portal.models import AuditEvent, Member, Organization
from portal.prepared import Prepared, columns, given
from portal.refusals import Refusal

Reason, State = LineQuery.Reason, LineQuery.State
STOCK = [r for r in Reason if r is not Reason.MISSING]  # what may be wrong with a line


class CannotAsk(Refusal):
    """This line cannot be queried, or no longer."""


class AlreadyDecided(Refusal):
    """Somebody else decided it, or its member took it back."""

    message = "这条疑问已经处理过了。"


class NotYourself(Refusal):
    """Nobody decides about what they asked themselves."""

    message = "不能处理自己提出的疑问，请由组织委员或上级代为处理。"


def needed(kind: str) -> Capability:
    """What it takes to decide a query about a line of this kind, at its place."""
    session = kind == SourceKind.SESSION
    return Capability.RECORD_ATTENDANCE if session else Capability.CONFIRM_STUDY


@transaction.atomic
def ask(entry: LedgerEntry, reason: str, *, text: str = "", by: Actor, at: datetime) -> LineQuery:
    """Say that a line of one's own is wrong; asked again while it is open, nothing changes.

    Raises CannotAsk for a line of somebody else, one that counts no more, or closed books.
    """
    if entry.member_id != by.member.pk:
        raise CannotAsk("只能对自己的学时提出疑问。")
    if reason not in STOCK:
        raise CannotAsk("请选择哪里不对。", field="reason")
    _check_books(entry.programme)
    posting = entry.posting
    place = _place(posting.kind, posting.key) or entry.home
    if not LedgerEntry.objects.filter(programme=entry.programme, pk=entry.pk).live().exists():
        raise CannotAsk("这条学时已经冲销，不再计入。")
    return _enter(
        LineQuery(
            programme=entry.programme,
            member=by.member,
            place=place,
            entry=entry,
            kind=posting.kind,
            key=posting.key,
            title=posting.title,
            day=entry.day,
            hours=entry.hours,
            reason=reason,
            text=text.strip()[:200],
            asked_at=at,
        ),
        by=by,
    )


@transaction.atomic
def ask_missing(
    programme: Programme, day: date, text: str, *, by: Actor, at: datetime
) -> LineQuery:
    """Say that something one studied on a day was not credited; once a day while it is open."""
    if not text.strip():
        raise CannotAsk("请写明少记了什么。", field="text")
    _check_books(programme)
    if not programme.starts <= day <= min(programme.ends, timezone.localdate(at)):
        raise CannotAsk(f"日期要在 {programme.starts} 以后、今天以前。", field="day")
    if by.member.branch is None:
        raise CannotAsk("您已不在册，请联系原来的党支部。")
    return _enter(
        LineQuery(
            programme=programme,
            member=by.member,
            place=by.member.branch,
            day=day,
            reason=Reason.MISSING,
            text=text.strip()[:200],
            asked_at=at,
        ),
        by=by,
    )


@transaction.atomic
def withdraw(query: LineQuery, *, by: Actor, at: datetime) -> LineQuery:
    """Take back what one asked. Raises AlreadyDecided."""
    row = _lock_open(query)
    if row.member_id != by.member.pk:
        raise CannotAsk("只能撤回自己提出的疑问。")
    row.state, row.decided_at = State.WITHDRAWN, at
    row.save(update_fields=["state", "decided_at"])
    _record("撤回疑问", row, by=by, at=at)
    return row


@transaction.atomic
def decline(query: LineQuery, *, reply: str, by: Actor, at: datetime) -> LineQuery:
    """Say that the line stays, and why. Raises NotYourself, AlreadyDecided; Refusal without a
    reason."""
    if not reply.strip():
        raise Refusal("请写明不予更正的理由。", field="reply")
    row = _lock_open(query)
    if row.member_id == by.member.pk:
        raise NotYourself
    row.state, row.decided_by, row.decided_at = State.DECLINED, by.member, at
    row.reply = reply.strip()[:200]
    row.save(update_fields=["state", "decided_by", "decided_at", "reply"])
    _record("不予更正", row, by=by, at=at, reason=row.reply)
    return row


@transaction.atomic
def credited(query: LineQuery, *, by: Actor, at: datetime) -> LineQuery:
    """Close a query about a missing line by the line that was credited since it was asked.

    Raises NotYourself, AlreadyDecided; Refusal where nothing was credited for that day.
    """
    row = _lock_open(query)
    if row.member_id == by.member.pk:
        raise NotYourself
    lines = LedgerEntry.objects.of_member(row.programme, row.member).live()
    found = lines.filter(day=row.day, posting__at__gte=row.asked_at).order_by("-pk").first()
    if row.entry_id or found is None:
        raise Refusal(f"{row.member.name}在 {row.day} 还没有补记的学时；请先补记，再点“已补记”。")
    row.state, row.decided_by, row.decided_at = State.CORRECTED, by.member, at
    row.correction, row.reply = found.posting, f"已补记：{found.posting.title}"[:200]
    row.save(update_fields=["state", "decided_by", "decided_at", "correction", "reply"])
    _record("已补记", row, by=by, at=at)
    return row


def follow(programme: Programme, source: Source, *, by: Actor, at: datetime) -> list[LineQuery]:
    """Close the open queries about lines of a source that its correction has reversed; returns
    them. Called by whoever corrects a source, who holds its lock.

    A line that was written anew just as it was is the same line: its query stays open.
    """
    asked = LineQuery.objects.open().of_source(source.kind, source.key).filter(programme=programme)
    rows = list(asked.select_for_update(of=("self",)).order_by("pk"))
    if not rows:
        return []
    lines = LedgerEntry.objects.of_source(programme, source.kind, source.key)
    lines = lines.filter(member__in={row.member_id for row in rows})
    by_id = {line.pk: line for line in lines.select_related("posting").order_by("pk")}
    reversals = {line.reverses_id: line for line in by_id.values() if line.reverses_id}
    live = {
        line.member_id: line
        for line in by_id.values()
        if not line.reverses_id and line.pk not in reversals
    }
    closed = []
    for row in rows:
        if row.entry_id not in reversals:
            continue
        new = live.get(row.member_id)
        if new and _likeness(new) == _likeness(by_id[row.entry_id]):
            row.entry = new
            row.save(update_fields=["entry"])
            continue
        posting = (new or reversals[row.entry_id]).posting
        row.state, row.decided_at, row.correction = State.CORRECTED, at, posting
        row.decided_by = by.member if by.member.pk != row.member_id else None
        row.reply = posting.reason
        row.save(update_fields=["state", "decided_at", "correction", "decided_by", "reply"])
        closed.append(row)
    return closed


def of_member(programme: Programme, member: Member) -> list[LineQuery]:
    """What somebody asked in one programme, the newest first, not what they took back."""
    rows = LineQuery.objects.filter(programme=programme, member=member)
    rows = rows.exclude(state=State.WITHDRAWN).select_related("decided_by")
    return list(rows.order_by("-pk")[:200])


_of_session = Prepared(
    lambda: (
        LineQuery.objects.open()
        .filter(kind=SourceKind.SESSION, key=given("key", str))
        .order_by("pk")
        .values_list(*columns(LineQuery, *columns(Member, of="member")))[:50]
    )
)


def of_session(session: StudySession) -> list[LineQuery]:
    """Open queries about lines of a closed session, with their members."""
    return _of_session.objects(key=session.key) if session.is_closed else []


def _check_books(programme: Programme) -> None:
    if not programme.takes_postings:
        raise CannotAsk(f"{programme}{programme.get_state_display()}，账目不能再更正。")


def _place(kind: str, key: str) -> Organization | None:
    """Whose secretary decides about the lines of a session, a log, a lesson, a discussion or what
    a host attested. Locks it: no correction comes between looking at the line and asking."""
    if kind == SourceKind.SESSION:
        sessions = StudySession.objects.select_for_update(of=("self",), no_key=True)
        session = sessions.filter(key=key).select_related("organiser").first()
        return session.organiser if session else None
    if kind == SourceKind.STUDY_LOG:
        logs = StudyLog.objects.select_for_update(of=("self",), no_key=True)
        log = logs.filter(key=key).select_related("branch").first()
        return log.branch if log else None
    if kind == SourceKind.HOST_SESSION:
        rows = HostAttendance.objects.select_for_update(of=("self",), no_key=True)
        row = rows.filter(key=key).select_related("branch").first()
        return row.branch if row else None
    if kind == SourceKind.LESSON:
        credits = LessonCredit.objects.select_for_update(of=("self",), no_key=True)
        credit = credits.filter(key=key).select_related("branch").order_by("-pk").first()
        return credit.branch if credit else None
    if kind == SourceKind.DISCUSSION:
        talks = Discussion.objects.select_for_update(of=("self",), no_key=True)
        talk = talks.filter(key=key).select_related("organiser").first()
        return talk.organiser if talk else None
    return None


def _enter(query: LineQuery, *, by: Actor) -> LineQuery:
    """Write it, unless it is asked already; two taps at once make one."""
    same = LineQuery.objects.open().filter(programme=query.programme, member=query.member)
    if query.entry_id:
        same = same.filter(entry=query.entry_id)
    else:
        same = same.filter(entry=None, day=query.day)
    there = same.first()
    if there is not None:
        return there
    LineQuery.objects.bulk_create([query], ignore_conflicts=True)
    made = same.get()
    _record("提出疑问", made, by=by, at=made.asked_at, reason=made.said)
    return made


def _lock_open(query: LineQuery) -> LineQuery:
    rows = LineQuery.objects.select_for_update(of=("self",)).select_related("place", "member")
    row = rows.select_related("programme").filter(pk=query.pk, state=State.OPEN).first()
    if row is None:
        raise AlreadyDecided
    return row


def _record(what: str, row: LineQuery, *, by: Actor, at: datetime, reason: str = "") -> None:
    audit.record(
        AuditEvent.Event.CORRECTION,
        by=by,
        at=at,
        on=row.place,
        subject=f"{what}：{row.member.name} {row.day} {row.what}",
        detail={"reason": reason, "query": row.pk},
    )


def _likeness(line: LedgerEntry) -> tuple[Any, ...]:
    """What makes a line written anew the same line to its member."""
    return (line.form, line.period, line.content, line.day, line.minutes, line.start, line.end,
            line.hours)  # fmt: skip
