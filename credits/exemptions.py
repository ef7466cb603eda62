"""Exemptions: a lowered or lifted target, asked for by one, approved by another, dated.

Asked for and decided set-wise: whoever cannot be exempted is named with the reason, and the others
go through. Locks: programme (shared) → requests by id → standings by member id → branch rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.crypto import get_random_string

from credits import exemptions_in_force, ledger_sql, rule_book, rules, standings
from credits.models import Exemption, Programme, Standing
from credits.rule_sets import Rules
from portal import audit, set_wise
from portal.audit import Actor
from portal.models import AuditEvent, Member
from portal.refusals import Refusal

State = Exemption.State


class NotYourself(Refusal):
    """Nobody exempts themselves or decides on what they asked for."""

    message = "减免要由申报人和本人以外的同志审批。"


class BadExemption(Refusal):
    """The exemption does not fit the programme or the person."""


@dataclass(frozen=True)
class Terms:
    """What is asked for. target: hundredths, None for a full exemption; until is exclusive."""

    target: int | None
    since: date
    until: date | None
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What came of a batch: the requests that went through, and why others did not, by member."""

    done: list[Exemption]
    refused: list[tuple[Member, Refusal]]


def ask(
    programme: Programme,
    member: Member,
    *,
    target: int | None,
    since: date,
    until: date | None,
    reason: str,
    by: Actor,
    at: datetime,
) -> Exemption:
    """Ask for one person's full (target None) or lowered target; somebody else decides.

    Raises BadExemption outside the programme, for a target that lowers nothing, or where another
    request or exemption of the same person overlaps; NotYourself for oneself.
    """
    terms = Terms(target, since, until, reason)
    outcome = ask_many(programme, [member], terms, batch="", by=by, at=at)
    for _, refusal in outcome.refused:
        raise refusal
    return outcome.done[0]


@transaction.atomic
def ask_many(
    programme: Programme,
    members: Sequence[Member],
    terms: Terms,
    *,
    batch: str | None = None,
    by: Actor,
    at: datetime,
) -> Outcome:
    """Ask the same for several people at once: one request each, of one batch.

    Raises BadExemption for terms that fit nobody.
    """
    programme.state = ledger_sql.share_programme(programme.pk)
    _check_terms(programme, terms)
    current = rule_book.of(programme).current.rules
    rows = Standing.objects.select_for_update().filter(programme=programme, member__in=members)
    roll_ = {row.member_id: row for row in rows.order_by("member_id")}
    others: dict[int, list[Exemption]] = {member.pk: [] for member in members}
    known = Exemption.objects.filter(programme=programme, member__in=members)
    for row in known.filter(state__in=[State.ASKED, State.APPROVED]):
        others[row.member_id].append(row)
    people = {member.pk: member for member in members}
    refused = [
        (member, refusal)
        for pk, member in people.items()
        if (refusal := _against(programme, member, roll_.get(pk), others[pk], terms, current, by))
    ]
    key = get_random_string(20) if batch is None else batch
    turned_down = {member.pk for member, _ in refused}
    made = Exemption.objects.bulk_create(
        Exemption(
            programme=programme,
            member=member,
            target=terms.target,
            since=terms.since,
            until=terms.until,
            reason=terms.reason.strip(),
            batch=key,
            asked_by=by.member,
            asked_at=at,
        )
        for pk, member in sorted(people.items())
        if pk not in turned_down
    )
    _record("申报减免", made, by=by, at=at)
    return Outcome(made, refused)


def decide(
    exemption: Exemption, *, approve: bool, answer: str, by: Actor, at: datetime
) -> Exemption:
    """Approve or refuse a request. An approved one takes effect at once or on its first day.

    Raises NotYourself for whoever asked or benefits, BadExemption when it is decided already.
    """
    outcome = decide_many(
        exemption.programme, [exemption], approve=approve, answer=answer, by=by, at=at
    )
    for _, refusal in outcome.refused:
        raise refusal
    return outcome.done[0]


@transaction.atomic
def decide_many(
    programme: Programme,
    exemptions: Sequence[Exemption],
    *,
    approve: bool,
    answer: str,
    by: Actor,
    at: datetime,
) -> Outcome:
    """Approve or refuse requests of one programme at once; standings are recomputed set-wise."""
    state = Programme.State(ledger_sql.share_programme(programme.pk))
    if approve and state not in {Programme.State.RUNNING, Programme.State.CLOSING}:
        raise BadExemption(f"{programme}{state.label}，不能再批准减免。")
    rows = list(_locked([exemption.pk for exemption in exemptions]))
    done: list[Exemption] = []
    refused: list[tuple[Member, Refusal]] = []
    for row in rows:
        if by.member.pk in {row.member_id, row.asked_by_id}:
            refused.append((row.member, NotYourself()))
        elif row.state != State.ASKED:
            said = f"这份减免{row.get_state_display()}，不能再审批。"
            refused.append((row.member, BadExemption(said)))
        else:
            row.state = State.APPROVED if approve else State.REFUSED
            row.decided_by, row.decided_at, row.answer = by.member, at, answer
            done.append(row)
    fields = ["state", "decided_by", "decided_at", "answer"]
    values = [(row.state, by.member.pk, at, answer, row.pk) for row in done]
    set_wise.update_by_id(Exemption, fields, values)
    if done:
        _record(State(done[0].state).label, done, by=by, at=at)
    exemptions_in_force.turn(programme, at=at, only=[row.pk for row in done])
    return Outcome(list(_locked([row.pk for row in done])), refused)


@transaction.atomic
def end(exemption: Exemption, *, by: Actor, at: datetime) -> Exemption:
    """End an exemption before its time; the target applies again from now on.

    Raises BadExemption for one that is not approved, and once the books are closed.
    """
    ledger_sql.share_programme(exemption.programme_id)
    row = _locked([exemption.pk])[0]
    if row.state != State.APPROVED:
        raise BadExemption(f"这份减免{row.get_state_display()}，不能终止。")
    programme = row.programme
    if not programme.takes_postings:
        raise BadExemption(f"{programme}{programme.get_state_display()}，减免不能再变动。")
    if row.in_force:
        held = standings.lock(programme, rule_book.of(programme), [row.member_id])
        exemptions_in_force.put(held, ending=[row], beginning=[], at=at)
        standings.save(held)
    row.state = State.ENDED
    row.save(update_fields=["state"])
    _record("终止", [row], by=by, at=at)
    return row


def _check_terms(programme: Programme, terms: Terms) -> None:
    """What is wrong with a request whoever it is for."""
    if not programme.takes_postings:
        raise BadExemption(f"{programme}{programme.get_state_display()}，不能申报减免。")
    if terms.until and terms.until <= terms.since:
        raise BadExemption("截止日期要晚于开始日期。", field="until")
    if not terms.reason.strip():
        raise BadExemption("请写明减免理由。", field="reason")


def _against(
    programme: Programme,
    member: Member,
    row: Standing | None,
    others: Sequence[Exemption],
    terms: Terms,
    current: Rules,
    by: Actor,
) -> Refusal | None:
    """Why this person cannot be asked for; None where they can."""
    if by.member.pk == member.pk:
        return NotYourself()
    if row is None or not row.on_roll:
        return BadExemption(f"{member.name}不在{programme}的学习名单上。", field="member")
    for other in others:
        if _overlap(other, terms):
            state = "生效中" if other.in_force else other.get_state_display()
            until = f"至 {other.until}" if other.until else ""
            return BadExemption(
                f"{member.name}已有{state}的减免（{other.since} 起{until}）。", field="member"
            )
    in_force = any(other.in_force for other in others)
    if row.exempt and not in_force:
        return BadExemption(f"{member.name}已按规则免学。", field="member")
    full = current.target_for(member.category)
    owed = full if in_force else rules.rescale(row.target, row.full_target, full, current)
    if terms.target is not None and not 0 < terms.target < owed:
        return BadExemption(f"减至学时要在 0 和 {owed / 100:g} 之间。", field="target")
    return None


def _overlap(other: Exemption, terms: Terms) -> bool:
    begins = terms.until is None or other.since < terms.until
    return begins and (other.until is None or terms.since < other.until)


def _locked(ids: Sequence[int]) -> list[Exemption]:
    rows = Exemption.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")
    return list(rows.select_related("member__branch", "programme"))


def _record(what: str, rows: Sequence[Exemption], *, by: Actor, at: datetime) -> None:
    audit.record_many(
        audit.event(
            AuditEvent.Event.EXEMPTION,
            by=by,
            at=at,
            on=row.member.branch,
            subject=f"{what}：{row}",
        )
        for row in rows
    )
