"""Opening and ending catch-up windows (补录期): by an official, over a subtree, for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from credits.models import CatchUpWindow, Programme
from credits.programmes import GRACE
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Organization
from portal.refusals import Refusal


class BadWindow(Refusal):
    """The window does not fit the programme or contradicts itself."""


@dataclass(frozen=True)
class Span:
    """From one day to another, both included."""

    first: date
    last: date


@transaction.atomic
def open_(
    programme: Programme,
    organization: Organization,
    *,
    days: Span,
    dates: Span,
    reason: str,
    by: Actor,
    at: datetime,
) -> CatchUpWindow:
    """Let study of `days` be entered on `dates` in a subtree, however long ago it was.

    Daily cap, overlaps, programme dates and closed books hold as ever. The same window again
    changes nothing. Raises BadWindow with the field that is wrong.
    """
    programme = _locked(programme)
    _check(programme, days, dates, timezone.localdate(at))
    if organization.dissolved_on:
        raise BadWindow(f"{organization}已撤销，不能开设补录期。", field="organization")
    if not reason.strip():
        raise BadWindow("请写明开设补录期的理由。", field="reason")
    same = CatchUpWindow.objects.filter(
        programme=programme,
        organization=organization,
        first_day=days.first,
        last_day=days.last,
        opens_on=dates.first,
        closes_on=dates.last,
        ended_at=None,
    ).first()
    if same is not None:
        return same
    window = CatchUpWindow.objects.create(
        programme=programme,
        organization=organization,
        first_day=days.first,
        last_day=days.last,
        opens_on=dates.first,
        closes_on=dates.last,
        reason=reason.strip(),
        opened_by=by.member,
        opened_at=at,
    )
    _record("开设", window, by=by, at=at)
    return window


@transaction.atomic
def end(window: CatchUpWindow, *, by: Actor, at: datetime) -> CatchUpWindow:
    """End a window before its time. What was entered in it stays, and stays marked."""
    _locked(window.programme)  # whoever posts has read the windows under its share of this lock
    rows = CatchUpWindow.objects.select_for_update(of=("self",)).select_related("organization")
    row = rows.get(pk=window.pk)
    if row.ended_at:
        raise BadWindow("这个补录期已经终止。")
    if row.closes_on < timezone.localdate(at):
        raise BadWindow(f"这个补录期已于 {row.closes_on} 到期。")
    row.ended_by, row.ended_at = by.member, at
    row.save(update_fields=["ended_by", "ended_at"])
    _record("终止", row, by=by, at=at)
    return row


def _check(programme: Programme, days: Span, dates: Span, today: date) -> None:
    if not programme.takes_postings:
        raise BadWindow(f"{programme}{programme.get_state_display()}，不能开设补录期。")
    starts, ends = programme.starts, programme.ends
    if days.last < days.first:
        raise BadWindow("学习日期的止日不能早于起日。", field="last_day")
    if not starts <= days.first <= ends:
        raise BadWindow(f"学习日期要在{programme}的起止日期（{starts} 至 {ends}）内。",
                        field="first_day")  # fmt: skip
    if days.last > ends:
        raise BadWindow(f"学习日期要在{programme}的起止日期（{starts} 至 {ends}）内。",
                        field="last_day")  # fmt: skip
    if dates.first < today:
        raise BadWindow("补录不能从今天以前开始。", field="opens_on")
    if dates.last < dates.first:
        raise BadWindow("补录的止日不能早于起日。", field="closes_on")
    if dates.last < days.last:
        raise BadWindow("补录的止日不能早于学习日期的止日。", field="closes_on")
    books = programme.books_close_on or ends + GRACE
    if dates.last > books:
        raise BadWindow(f"补录最迟到封账日 {books} 为止。", field="closes_on")


def _locked(programme: Programme) -> Programme:
    return Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)


def _record(what: str, window: CatchUpWindow, *, by: Actor, at: datetime) -> None:
    audit.record(
        AuditEvent.Event.PROGRAMME,
        by=by,
        at=at,
        on=window.organization,
        subject=f"{what}补录期：{window.organization}",
        detail={
            "days": f"{window.first_day}/{window.last_day}",
            "dates": f"{window.opens_on}/{window.closes_on}",
            "reason": window.reason,
        },
    )
