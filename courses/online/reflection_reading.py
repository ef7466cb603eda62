"""What the branch does with reflections that were handed in: read, return, recommend upward."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses.models import Recommendation, Reflection
from courses.online import near_copies, reflections
from courses.online.reflections import NotNow
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Organization
from portal.querysets import at_and_above
from portal.refusals import Refusal

State = Reflection.State


class NotYourself(Refusal):
    """Nobody reads, recommends or accepts their own reflection for the Party."""

    message = "不能处理自己的心得体会，请由组织委员或上级代为办理。"


@transaction.atomic
def read(reflection: Reflection, *, remark: str = "", by: Actor, at: datetime) -> Reflection:
    """Mark it as read, with words for its author or without. Reading again changes nothing.
    Raises NotYourself; NotNow unless it is handed in."""
    row = _waiting(reflection, by)
    if row.state == State.READ:
        return row
    _decide(row, State.READ, remark, by=by, at=at)
    row.save()
    return row


@transaction.atomic
def return_(reflection: Reflection, *, remark: str, by: Actor, at: datetime) -> Reflection:
    """Give it back to its author, who may change it and hand it in once more. Raises as `read`,
    Refusal without a remark."""
    if not remark.strip():
        raise Refusal("请写明退回的原因，作者看得到。", field="remark")
    row = _waiting(reflection, by)
    if row.state != State.HANDED_IN:
        raise NotNow(f"这一篇{row.get_state_display()}，不能退回。")
    _decide(row, State.RETURNED, remark, by=by, at=at)
    near_copies.keep(row)
    row.save()
    return row


@transaction.atomic
def recommend(
    reflection: Reflection, organization: Organization, *, reason: str, by: Actor, at: datetime
) -> Recommendation:
    """Recommend it as an exemplar to an organisation above the branch; it is read thereby.

    Raises NotYourself, NotNow, and Refusal without the author's consent or a reason, for an
    organisation that is not above, and while it is recommended already.
    """
    row = _waiting(reflection, by)
    if not row.consent:
        raise Refusal("作者没有同意作为典型展示，不能推荐。")
    if not reason.strip():
        raise Refusal("请写明推荐理由。", field="reason")
    if organization not in ancestors(row):
        raise Refusal("只能推荐给本支部的上级党组织。", field="organization")
    if row.recommendations.filter(state__in=["waiting", "accepted"]).exists():
        raise Refusal("这一篇已经推荐过了。")
    if row.state == State.HANDED_IN:
        _decide(row, State.READ, row.remark, by=by, at=at)
        row.save()
    made = Recommendation.objects.create(
        reflection=row, author=row.member, organization=organization,
        reason=reason.strip()[:200], by=by.member, at=at,
    )  # fmt: skip
    record(row, f"推荐给{organization}作典型", by=by, at=at, reason=reason)
    return made


def ancestors(reflection: Reflection) -> list[Organization]:
    """The organisations above the branch that stand, the nearest first."""
    if reflection.branch is None:
        return []
    rows = Organization.objects.filter(path__in=at_and_above(reflection.branch.path))
    rows = rows.filter(dissolved_on=None).exclude(pk=reflection.branch.pk)
    return list(rows.order_by("-path"))


def record(row: Reflection, what: str, *, by: Actor, at: datetime, reason: str = "") -> None:
    """Write an act on a reflection into the audit trail, without a word of its text."""
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=row.branch,
        subject=f"心得体会（{row.member.name}）：{what}"[:120],
        detail={"reflection": row.key, "reason": reason},
    )


def _waiting(reflection: Reflection, by: Actor) -> Reflection:
    """The locked row of somebody else, handed in or read."""
    row = reflections.lock(reflection)
    if row.member_id == by.member.pk:
        raise NotYourself
    if row.state not in (State.HANDED_IN, State.READ):
        raise NotNow("作者已经撤回或正在修改，等再次提交后再办理。")
    return row


def _decide(row: Reflection, state: State, remark: str, *, by: Actor, at: datetime) -> None:
    row.state, row.read_by, row.read_at = state, by.member, at
    row.remark = remark.strip()[:200]
    record(row, state.label, by=by, at=at, reason=row.remark)
