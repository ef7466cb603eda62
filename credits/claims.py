"""Stated hours (期初学时、外单位学时): handed in by the branch, mended, withdrawn.

Opening balances from paper registers and hours earned elsewhere count inside caps and minimums like
all others; neither daily cap nor programme dates nor back-dating bind them (credits/conflicts.py).
What becomes of them: credits/claim_decisions.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.crypto import get_random_string

from credits import claim_checks, ledger_sql
from credits.claim_checks import Fault, Stated
from credits.lines import Source
from credits.models import ClaimBatch, HoursClaim, Programme
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, Organization
from portal.refusals import Conflict, Refusal

__all__ = [
    "BadClaim",
    "Settled",
    "Stated",
    "end",
    "hand_in",
    "locked",
    "mend",
    "source_of",
    "withdraw",
]
State = HoursClaim.State
LOCKED = ("member", "branch", "programme", "batch")


class BadClaim(Refusal):
    """Something is wrong with what was stated; `faults` says it by line and field."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        first = self.faults[0]
        where = f"第 {first.row} 行：" if first.row else ""
        super().__init__(f"{where}{first.message}", field=first.field)


class Settled(Refusal):
    """It was decided, withdrawn or reversed in between."""


@transaction.atomic
def hand_in(
    programme: Programme,
    branch: Organization,
    lines: Sequence[Stated],
    *,
    key: str,
    by: Actor,
    at: datetime,
    file_name: str = "",
    digest: str = "",
) -> ClaimBatch:
    """Hand in lines of a branch's members, all or none; the same key again changes nothing.

    Raises BadClaim with every fault, Refusal for closed books, for nothing, or for a file that was
    handed in already.
    """
    people = Member.objects.select_for_update(no_key=True).order_by("pk")
    there = people.filter(pk__in={line.member.pk for line in lines}).in_bulk()
    _check_books(programme)
    known = ClaimBatch.objects.filter(key=key).first()
    if known is not None and known.branch_id == branch.pk:
        return known
    if not lines:
        raise Refusal("还没有填写任何一行学时。")
    same = ClaimBatch.objects.filter(programme=programme, branch=branch, undone_at=None)
    if digest and same.filter(digest=digest).exists():
        raise Refusal("同一个文件已经导入过，没有重复导入。")
    for line in lines:  # as they are under the lock
        line.member.branch_id = there[line.member.pk].branch_id
        line.member.is_active = there[line.member.pk].is_active
    if found := claim_checks.faults(programme, branch, lines, at=at):
        raise BadClaim(found)
    batch = ClaimBatch.objects.create(
        key=key,
        programme=programme,
        branch=branch,
        file_name=file_name,
        digest=digest,
        by=by.member,
        at=at,
    )
    HoursClaim.objects.bulk_create(
        [_claim(batch, line, by=by, at=at) for line in lines], batch_size=1000
    )
    event = AuditEvent.Event.IMPORT if digest else AuditEvent.Event.STUDY
    detail = {"batch": batch.pk, "digest": digest, "lines": len(lines)}
    subject = f"申报期初和外单位学时 {len(lines)} 行 {file_name}".rstrip()
    audit.record(event, by=by, at=at, on=branch, subject=subject, detail=detail)
    return batch


@transaction.atomic
def mend(claim: HoursClaim, stated: Stated, *, by: Actor, at: datetime) -> HoursClaim:
    """Change a line that waits or was returned, and hand it in anew. Raises BadClaim, Settled."""
    Member.objects.select_for_update(no_key=True).get(pk=claim.member_id)
    _check_books(claim.programme)
    row = locked([claim])[0]
    if row.state not in {State.PENDING, State.RETURNED}:
        raise Settled(f"这一行{row.get_state_display()}，不能再改。")
    if row.version != claim.version:
        raise Conflict
    if stated.member.pk != row.member_id:
        raise Refusal("申报的党员不能改；请撤回这一行，另行申报。", field="member")
    if found := claim_checks.faults(row.programme, row.branch, [stated], at=at, besides=[row.pk]):
        raise BadClaim(found)
    row.kind, row.form, row.period = stated.kind, stated.form, stated.period
    row.day, row.hours, row.proof = stated.day, stated.hours, stated.proof.strip()
    row.version, row.state, row.mended_by = row.version + 1, State.PENDING, by.member
    row.decided_by, row.decided_at, row.reason = None, None, ""
    row.save()
    _note("修改申报", row, by=by, at=at)
    return row


@transaction.atomic
def withdraw(claim: HoursClaim, *, by: Actor, at: datetime) -> HoursClaim:
    """Take a line back that nobody has decided. Raises Settled."""
    row = locked([claim])[0]
    if row.state != State.PENDING:
        raise Settled(f"这一行{row.get_state_display()}，不能撤回。")
    end(row, State.WITHDRAWN, by=by, at=at)
    row.save()
    _note("撤回申报", row, by=by, at=at)
    return row


def source_of(claim: HoursClaim) -> Source:
    """How the ledger names a line."""
    return Source(claim.kind, claim.key, claim.title)


def _check_books(programme: Programme) -> None:
    state = Programme.State(ledger_sql.share_programme(programme.pk))
    if state not in {Programme.State.RUNNING, Programme.State.CLOSING}:
        raise Refusal(f"{programme}{state.label}，不能申报学时。")


def _claim(batch: ClaimBatch, line: Stated, *, by: Actor, at: datetime) -> HoursClaim:
    return HoursClaim(
        key=get_random_string(20),
        batch=batch,
        row=line.row,
        programme=batch.programme,
        member=line.member,
        branch=batch.branch,
        kind=line.kind,
        form=line.form,
        period=line.period,
        day=line.day,
        hours=line.hours,
        proof=line.proof.strip(),
        entered_by=by.member,
        entered_at=at,
    )


def locked(claims: Sequence[HoursClaim]) -> list[HoursClaim]:
    """The lines as they are, locked by id, their programmes before them (members before both)."""
    for programme in sorted({claim.programme_id for claim in claims}):
        ledger_sql.share_programme(programme)
    rows = HoursClaim.objects.filter(pk__in=[claim.pk for claim in claims]).order_by("pk")
    return list(rows.select_for_update(of=("self",)).select_related(*LOCKED))


def end(row: HoursClaim, state: State, *, by: Actor, at: datetime) -> None:
    """Say who ended a line and when; saving it is the caller's."""
    row.state, row.ended_by, row.ended_at = state, by.member, at


def _note(what: str, row: HoursClaim, *, by: Actor, at: datetime) -> None:
    audit.record(AuditEvent.Event.STUDY, by=by, at=at, on=row.branch, subject=f"{what}：{row}")
