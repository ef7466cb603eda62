"""What the home branch decides about host sessions (流入地活动): recognise what a host attested,
decline it, or take recognised hours back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from courses import crediting, host_sessions, reversals
from courses.host_sessions import NotYourself
from courses.models import HostAttendance
from credits import ledger, rule_book
from credits.ledger import Request, Source
from credits.models import Programme
from portal import audit, set_wise
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Refusal

State = HostAttendance.State


@dataclass(frozen=True)
class Outcome:
    """What came of recognising one row: its hours, or why it could not be credited."""

    row: HostAttendance
    hours: int = 0
    reason: str = ""


@transaction.atomic
def recognise(rows: Sequence[HostAttendance], *, by: Actor, at: datetime) -> list[Outcome]:
    """Recognise rows in bulk: exactly these, each credited in the home branch's book, or left
    waiting with its reason.

    Raises NotYourself when one is the decider's own or was attested by them; rows already decided
    are left alone.
    """
    waiting = _lock_waiting(rows, by)
    ready = [row for row in waiting if row.session.is_closed]
    outcomes = [
        Outcome(
            row, reason=f"流入地的活动{row.session.get_state_display()}，等流入地记了学时再认定。"
        )
        for row in waiting
        if not row.session.is_closed
    ]
    for programme in sorted({row.programme for row in ready}, key=lambda p: p.pk):
        own = [row for row in ready if row.programme_id == programme.pk]
        outcomes += _post(programme, own, by=by, at=at)
    given = [outcome for outcome in outcomes if not outcome.reason]
    set_wise.update_by_id(
        HostAttendance,
        ["state", "decided_by", "decided_at", "hours"],
        [(State.RECOGNISED, by.member.pk, at, o.hours, o.row.pk) for o in given],
    )
    counts = Counter(outcome.row.branch for outcome in given)
    audit.record_many(
        audit.event(
            AuditEvent.Event.STUDY, by=by, at=at, on=branch, subject=f"认定流入地活动 {n} 条"
        )
        for branch, n in counts.items()
    )
    return outcomes


def _post(
    programme: Programme, rows: Sequence[HostAttendance], *, by: Actor, at: datetime
) -> list[Outcome]:
    book = rule_book.of(programme)
    # A row that was refused before has a posting without lines: what follows is a revision.
    turns = ledger.next_revisions(programme, [source_of(row) for row in rows])
    requests = [
        Request(
            source_of(row),
            row.branch,
            crediting.of_guest(row.session, row.member, book),
            turns[row.key],
            claimed=timezone.localdate(row.attested_at),
        )
        for row in rows
    ]
    posted = ledger.post_many(programme, requests, by=by, at=at)
    outcomes = []
    for row, result in zip(rows, posted, strict=True):
        if result.refused:
            outcomes.append(Outcome(row, reason=result.refused[0].message))
            continue
        row.state, row.decided_by, row.decided_at = State.RECOGNISED, by.member, at
        row.hours = sum(line.hours for line in result.lines)
        outcomes.append(Outcome(row, row.hours))
    return outcomes


@transaction.atomic
def decline(rows: Sequence[HostAttendance], *, reason: str, by: Actor, at: datetime) -> int:
    """Do not recognise rows, with a reason that host and member read; returns how many still
    waited. Raises NotYourself as `recognise`; Refusal without a reason."""
    if not reason.strip():
        raise Refusal("请写明不予认定的理由。", field="reason")
    waiting = _lock_waiting(rows, by)
    HostAttendance.objects.filter(pk__in=[row.pk for row in waiting]).update(
        state=State.DECLINED, decided_by=by.member, decided_at=at, reason=reason.strip()[:200]
    )
    audit.record_many(
        audit.event(
            AuditEvent.Event.STUDY, by=by, at=at, on=row.branch, subject=f"不予认定：{row.session}"
        )
        for row in waiting
    )
    return len(waiting)


@transaction.atomic
def reverse(row: HostAttendance, *, reason: str, by: Actor, at: datetime) -> HostAttendance:
    """Take recognised hours back, with a reason, in the book where they were posted."""
    [found] = host_sessions.lock([row])
    if found.state != State.RECOGNISED:
        raise Refusal(f"这条流入地活动{found.get_state_display()}，不能冲销。")
    if not reason.strip():
        raise Refusal("请写明冲销的理由。", field="reason")
    _check_other([found], by)
    reversals.take_back(
        found.programme, source_of(found), found.member, organiser=found.branch, reason=reason,
        by=by, at=at,
    )  # fmt: skip
    found.state, found.reason, found.hours = State.REVERSED, reason.strip()[:200], 0
    found.decided_by, found.decided_at = by.member, at
    found.save(update_fields=["state", "reason", "hours", "decided_by", "decided_at"])
    audit.record(
        AuditEvent.Event.CORRECTION,
        by=by,
        at=at,
        on=found.branch,
        subject=f"冲销流入地活动：{found.session}",
        detail={"reason": reason},
    )
    return found


def source_of(row: HostAttendance) -> Source:
    """How the ledger names a row."""
    return Source("host", row.key, row.session.title)


def _lock_waiting(rows: Sequence[HostAttendance], by: Actor) -> list[HostAttendance]:
    """Those that still wait, none of which is this person's own or attested by them."""
    waiting = [row for row in host_sessions.lock(rows) if row.state == State.WAITING]
    _check_other(waiting, by)
    return waiting


def _check_other(rows: Sequence[HostAttendance], by: Actor) -> None:
    if any(by.member.pk in (row.member_id, row.attested_by_id) for row in rows):
        raise NotYourself
