"""Exemptions: a lowered or lifted target, asked for by one, approved by another, dated."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from credits import ledger_sql, roll, rule_book, standings
from credits.models import Exemption, Programme, Standing
from credits.standings import Held
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member
from portal.refusals import Refusal

State = Exemption.State


class NotYourself(Refusal):
    """Nobody exempts themselves or decides on what they asked for."""

    message = "减免要由申报人和本人以外的同志审批。"


class BadExemption(Refusal):
    """The exemption does not fit the programme or the person."""


@transaction.atomic
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
    """Ask for a full (target None) or lowered target; somebody else decides.

    Raises BadExemption outside the programme, for a target that lowers nothing, or while another
    request of the same person is open; NotYourself for oneself.
    """
    if by.member.pk == member.pk:
        raise NotYourself
    programme.state = ledger_sql.share_programme(programme.pk)
    if not programme.takes_postings:
        raise BadExemption(f"{programme}{programme.get_state_display()}，不能申报减免。")
    full = rule_book.of(programme).current.rules.target_for(member.category)
    if target is not None and not 0 < target < full:
        raise BadExemption(f"减至学时要在 0 和 {full / 100:g} 之间。", field="target")
    if until and until <= since:
        raise BadExemption("截止日期要晚于开始日期。", field="until")
    if not reason.strip():
        raise BadExemption("请写明减免理由。", field="reason")
    if not Standing.objects.select_for_update().filter(programme=programme, member=member):
        raise BadExemption(f"{member.name}不在{programme}的学习名单上。", field="member")
    waiting = Exemption.objects.filter(programme=programme, member=member)
    if waiting.filter(Q(state=State.ASKED) | Q(in_force=True)).exists():
        raise BadExemption(f"{member.name}已有待审批或生效中的减免。", field="member")
    exemption = Exemption.objects.create(
        programme=programme,
        member=member,
        target=target,
        since=since,
        until=until,
        reason=reason.strip(),
        asked_by=by.member,
        asked_at=at,
    )
    audit.record(
        AuditEvent.Event.EXEMPTION, by=by, at=at, on=member.branch, subject=f"申报减免：{exemption}"
    )
    return exemption


@transaction.atomic
def decide(
    exemption: Exemption, *, approve: bool, answer: str, by: Actor, at: datetime
) -> Exemption:
    """Approve or refuse a request. An approved one takes effect at once or on its first day.

    Raises NotYourself for whoever asked or benefits, BadExemption when it is decided already.
    """
    ledger_sql.share_programme(exemption.programme_id)
    exemption = _locked(exemption)
    if by.member.pk in {exemption.member_id, exemption.asked_by_id}:
        raise NotYourself
    if exemption.state != State.ASKED:
        raise BadExemption(f"这份减免{exemption.get_state_display()}，不能再审批。")
    exemption.state = State.APPROVED if approve else State.REFUSED
    exemption.decided_by, exemption.decided_at, exemption.answer = by.member, at, answer
    exemption.save()
    audit.record(
        AuditEvent.Event.EXEMPTION,
        by=by,
        at=at,
        on=exemption.member.branch,
        subject=f"{exemption.get_state_display()}：{exemption}",
    )
    turn(exemption.programme, at=at, only=exemption)
    return exemption


@transaction.atomic
def end(exemption: Exemption, *, by: Actor, at: datetime) -> Exemption:
    """End an exemption before its time; the target applies again from now on."""
    ledger_sql.share_programme(exemption.programme_id)
    exemption = _locked(exemption)
    if exemption.state != State.APPROVED:
        raise BadExemption(f"这份减免{exemption.get_state_display()}，不能终止。")
    if exemption.in_force:
        programme = exemption.programme
        held = standings.lock(programme, rule_book.of(programme), [exemption.member_id])
        _take_out(held, exemption, at=at)
        standings.save(held)
    exemption.state = State.ENDED
    exemption.save(update_fields=["state"])
    audit.record(
        AuditEvent.Event.EXEMPTION,
        by=by,
        at=at,
        on=exemption.member.branch,
        subject=f"终止：{exemption}",
    )
    return exemption


@transaction.atomic
def turn(programme: Programme, *, at: datetime, only: Exemption | None = None) -> int:
    """Put approved exemptions into force on their first day and out of it on their last; returns
    how many turned. Scheduled work calls it every day."""
    ledger_sql.share_programme(programme.pk)
    today = timezone.localdate(at)
    due = Exemption.objects.filter(programme=programme, state=State.APPROVED)
    if only is not None:
        due = due.filter(pk=only.pk)
    turning = due.filter(
        Q(in_force=True, until__lte=today)
        | Q(in_force=False, since__lte=today) & (Q(until=None) | Q(until__gt=today))
    )
    rows = list(turning.select_for_update(of=("self",)).select_related("member").order_by("pk"))
    if not rows:
        return 0
    held = standings.lock(programme, rule_book.of(programme), [row.member_id for row in rows])
    rows.sort(key=lambda row: not row.in_force)  # what ends first makes room for what begins
    for row in rows:
        if row.in_force:
            _take_out(held, row, at=at)
            row.state = State.ENDED
            row.save(update_fields=["state"])
        else:
            _put_in(held, row, at=at)
    standings.save(held)
    if only is not None:
        only.refresh_from_db()
    return len(rows)


def _put_in(held: Held, exemption: Exemption, *, at: datetime) -> None:
    row = held.rows.get(exemption.member_id)
    if row is None:
        raise BadExemption(f"{exemption.member.name}不在应学名单上。")
    if exemption.target is None:
        row.exempt = True
    else:
        target = min(exemption.target, row.full_target)
        standings.note(
            roll.set_target(
                held, row.member, target, row.full_target, at=at, reason=f"减至{target / 100:g}学时"
            )
        )
    exemption.in_force, exemption.seen_entry = True, standings.last_entry(held.programme)
    exemption.save(update_fields=["in_force", "seen_entry"])


def _take_out(held: Held, exemption: Exemption, *, at: datetime) -> None:
    row = held.rows[exemption.member_id]
    if exemption.target is None:
        row.exempt = False
    else:
        standings.note(
            roll.set_target(
                held, row.member, row.full_target, row.full_target, at=at, reason="减免终止"
            )
        )
    exemption.in_force, exemption.ended_entry = False, standings.last_entry(held.programme)
    exemption.save(update_fields=["in_force", "ended_entry"])


def _locked(exemption: Exemption) -> Exemption:
    rows = Exemption.objects.select_for_update(of=("self",))
    return rows.select_related("member__branch", "programme").get(pk=exemption.pk)
