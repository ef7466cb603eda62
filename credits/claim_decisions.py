"""What becomes of stated hours: approved and posted, returned, reversed, a whole receipt undone.

Nobody decides about their own hours, nor about what they handed in or mended; one line's conflict
never blocks the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from credits import ledger, ledger_sql
from credits.claims import Settled, end, locked, source_of
from credits.ledger import Credit, Request
from credits.models import ClaimBatch, HoursClaim, Programme
from portal import audit, set_wise
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Conflict, Refusal

State = HoursClaim.State


class NotYourself(Refusal):
    """Nobody approves their own hours, nor what they handed in."""

    message = "本人的学时和自己申报的学时，由上级其他同志审批。"


@dataclass(frozen=True)
class Outcome:
    """What came of approving one line: its hours, or why it still waits."""

    claim: HoursClaim
    hours: int = 0
    reason: str = ""


@transaction.atomic
def approve(claims: Sequence[HoursClaim], *, by: Actor, at: datetime) -> list[Outcome]:
    """Approve exactly these lines, each posted or left waiting with its reason.

    Each is given as it was seen: one that was mended since stays. Lines that are decided already
    are left alone. Raises ledger.ProgrammeClosed.
    """
    seen = {claim.pk: claim.version for claim in claims}
    rows = [row for row in locked(claims) if row.state == State.PENDING]
    outcomes = {
        row.pk: Outcome(row, reason=reason)
        for row in rows
        if (reason := _against(row, seen[row.pk], by))
    }
    ready = [row for row in rows if row.pk not in outcomes]
    for programme in sorted({row.programme for row in ready}, key=lambda p: p.pk):
        own = [row for row in ready if row.programme_id == programme.pk]
        # A line that was refused before has a posting without lines: what follows is a revision.
        turns = _turns(programme, own)
        requests = [_request(row, turns[row.key]) for row in own]
        posted = ledger.post_many(programme, requests, by=by, at=at)
        for row, result in zip(own, posted, strict=True):
            reason = result.refused[0].message if result.refused else ""
            outcomes[row.pk] = Outcome(row, 0 if reason else row.hours, reason)
    good = [row for row in ready if not outcomes[row.pk].reason]
    for row in good:
        row.state, row.decided_by, row.decided_at = State.APPROVED, by.member, at
    set_wise.update_by_id(
        HoursClaim,
        ["state", "decided_by", "decided_at"],
        [(State.APPROVED, by.member.pk, at, row.pk) for row in good],
    )
    _note_many("批准期初和外单位学时", good, by=by, at=at)
    return [outcomes[row.pk] for row in rows]


@transaction.atomic
def return_(claims: Sequence[HoursClaim], *, reason: str, by: Actor, at: datetime) -> int:
    """Return lines to the branch with a reason; returns how many still waited. Raises NotYourself,
    Conflict for a line that was mended since it was seen."""
    if not reason.strip():
        raise Refusal("请写明退回的理由。", field="reason")
    seen = {claim.pk: claim.version for claim in claims}
    rows = [row for row in locked(claims) if row.state == State.PENDING]
    for row in rows:
        if by.member.pk in _parties(row):
            raise NotYourself
        if row.version != seen[row.pk]:
            raise Conflict
    HoursClaim.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=State.RETURNED, decided_by=by.member, decided_at=at, reason=reason.strip()[:200]
    )
    _note_many("退回期初和外单位学时", rows, by=by, at=at, reason=reason)
    return len(rows)


@transaction.atomic
def reverse(claim: HoursClaim, *, reason: str, by: Actor, at: datetime) -> HoursClaim:
    """Take an approved line's hours back, in the book where they were posted. Raises Settled,
    NotYourself. Queries about the line follow above: courses/claim_reversals.py."""
    row = locked([claim])[0]
    if row.state != State.APPROVED:
        raise Settled(f"这一行{row.get_state_display()}，不能冲销。")
    if not reason.strip():
        raise Refusal("请写明冲销的理由。", field="reason")
    if row.member_id == by.member.pk:
        raise NotYourself
    _take_back(row.programme, [row], reason=reason.strip()[:200], by=by, at=at)
    return row


@transaction.atomic
def undo(batch: ClaimBatch, *, by: Actor, at: datetime) -> tuple[list[HoursClaim], list[str]]:
    """Take back what was handed in at once: lines that wait are withdrawn, approved ones reversed;
    what was mended, returned or reversed since stays and is named.

    Returns the lines that were reversed and what was kept. Undoing again changes nothing.
    """
    ledger_sql.share_programme(batch.programme_id)
    row = ClaimBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if row.undone_at:
        return [], []
    lines = locked(list(row.claims.all()))
    free = [c for c in lines if not c.version]
    waiting = [c for c in free if c.state == State.PENDING]
    approved = [c for c in free if c.state == State.APPROVED]
    left = [c for c in lines if c not in waiting and c not in approved]
    for claim in waiting:
        end(claim, State.WITHDRAWN, by=by, at=at)
    HoursClaim.objects.bulk_update(waiting, ["state", "ended_by", "ended_at"], batch_size=500)
    if approved:
        _take_back(row.programme, approved, reason=f"撤销申报：{row}"[:200], by=by, at=at)
    row.kept = [_kept(c) for c in left if c.state != State.WITHDRAWN]
    row.undone_by, row.undone_at = by.member, at
    row.save(update_fields=["kept", "undone_by", "undone_at"])
    audit.record(
        AuditEvent.Event.IMPORT if row.digest else AuditEvent.Event.CORRECTION,
        by=by,
        at=at,
        on=lines[0].branch if lines else None,
        subject=f"撤销申报：{row}",
        detail={"batch": row.pk, "withdrawn": len(waiting), "reversed": len(approved),
                "kept": row.kept},
    )  # fmt: skip
    batch.refresh_from_db()
    return approved, row.kept


def _parties(row: HoursClaim) -> set[int | None]:
    """Who may not decide about a line."""
    return {row.member_id, row.entered_by_id, row.mended_by_id}


def _against(row: HoursClaim, seen: int, by: Actor) -> str:
    """What forbids this person to approve a line as they saw it."""
    if by.member.pk in _parties(row):
        return NotYourself.message
    return "这一行刚刚改过，请看过新的内容再批。" if row.version != seen else ""


def _turns(programme: Programme, rows: Sequence[HoursClaim]) -> dict[str, int]:
    return ledger.next_revisions(programme, [source_of(row) for row in rows])


def _request(row: HoursClaim, revision: int) -> Request:
    credit = Credit(row.member, row.form, row.day, period=row.period, hours=row.hours)
    return Request(source_of(row), row.branch, [credit], revision)


def _take_back(
    programme: Programme, rows: Sequence[HoursClaim], *, reason: str, by: Actor, at: datetime
) -> None:
    turns = _turns(programme, rows)
    requests = [
        Request(source_of(r), r.branch, [], turns[r.key], withdraw=[r.member], reason=reason)
        for r in rows
    ]
    ledger.post_many(programme, requests, by=by, at=at)
    for row in rows:
        row.reason = reason
        end(row, State.REVERSED, by=by, at=at)
    changed = ["state", "ended_by", "ended_at", "reason"]
    HoursClaim.objects.bulk_update(rows, changed, batch_size=500)
    _note_many("冲销期初和外单位学时", rows, by=by, at=at, reason=reason)


def _kept(claim: HoursClaim) -> str:
    mended = "修改过，" if claim.version else ""
    return f"第 {claim.row} 行 {claim}：{mended}{claim.get_state_display()}"


def _note_many(
    what: str, rows: Sequence[HoursClaim], *, by: Actor, at: datetime, reason: str = ""
) -> None:
    count = Counter(row.branch for row in rows)
    event = AuditEvent.Event.CORRECTION if reason else AuditEvent.Event.STUDY
    audit.record_many(
        audit.event(event, by=by, at=at, on=branch, subject=f"{what} {n} 行",
                    detail={"reason": reason, "claims": [r.pk for r in rows if r.branch == branch]})
        for branch, n in count.items()
    )  # fmt: skip
