"""Exemplars (典型): recommended reflections accepted, declined and withdrawn."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses.models import Recommendation
from courses.online import reflections
from courses.online.reflection_reading import NotYourself, record
from courses.online.reflections import NotNow
from portal.audit import Actor
from portal.refusals import Refusal

State = Recommendation.State


@transaction.atomic
def accept(recommendation: Recommendation, *, by: Actor, at: datetime) -> Recommendation:
    """Show it to everybody below the organisation. Accepting twice changes nothing. Raises
    NotYourself for its author and for who recommended it; NotNow once it is decided."""
    row = _locked(recommendation)
    if row.state == State.ACCEPTED:
        return row
    return _decide(row, State.ACCEPTED, "", by=by, at=at)


@transaction.atomic
def decline(
    recommendation: Recommendation, *, reply: str, by: Actor, at: datetime
) -> Recommendation:
    """Do not show it, with a reason that the branch reads. Raises as `accept`."""
    if not reply.strip():
        raise Refusal("请写明不采用的理由，推荐的支部看得到。", field="reply")
    return _decide(_locked(recommendation), State.DECLINED, reply, by=by, at=at)


@transaction.atomic
def withdraw(recommendation: Recommendation, *, by: Actor, at: datetime) -> Recommendation:
    """Show it no longer, or recommend it no longer: by an official, or by its author, who thereby
    takes the consent back. Raises NotNow where there is nothing to withdraw."""
    row = _locked(recommendation)
    if row.state not in (State.WAITING, State.ACCEPTED):
        raise NotNow(f"这一篇{row.get_state_display()}，没有可撤下的。")
    row.state, row.ended_by, row.ended_at = State.WITHDRAWN, by.member, at
    row.save(update_fields=["state", "ended_by", "ended_at"])
    if row.author_id == by.member.pk:
        row.reflection.consent = False
        row.reflection.save(update_fields=["consent"])
    record(row.reflection, "撤下典型", by=by, at=at)
    return row


def _locked(recommendation: Recommendation) -> Recommendation:
    """The reflection first, as those who recommend it lock it."""
    reflection = reflections.lock(recommendation.reflection)
    rows = Recommendation.objects.select_for_update(of=("self",)).select_related("organization")
    row = rows.get(pk=recommendation.pk)
    row.reflection = reflection
    return row


def _decide(
    row: Recommendation, state: State, reply: str, *, by: Actor, at: datetime
) -> Recommendation:
    if by.member.pk in (row.author_id, row.by_id):
        raise NotYourself
    if row.state != State.WAITING:
        raise NotNow(f"这一篇{row.get_state_display()}，不用再办理。")
    row.state, row.decided_by, row.decided_at = state, by.member, at
    row.reply = reply.strip()[:200]
    row.save(update_fields=["state", "decided_by", "decided_at", "reply"])
    record(row.reflection, f"{row.organization}：{state.label}", by=by, at=at, reason=row.reply)
    return row
