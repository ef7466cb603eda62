"""Exemptions on their first and last day: what a standing owes follows, set-wise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from credits import ledger_sql, roll, rule_book, rules, standings
from credits.models import Exemption, Programme, TargetChange
from credits.standings import Held
from portal import set_wise

State = Exemption.State
LOWERED = "减至"  # how the reason of a change begins by which an exemption lowered a target


@transaction.atomic
def turn(programme: Programme, *, at: datetime, only: Collection[int] | None = None) -> int:
    """Put approved exemptions into force on their first day and out of it on their last; returns
    how many turned. Scheduled work calls it every day."""
    ledger_sql.share_programme(programme.pk)
    today = timezone.localdate(at)
    due = Exemption.objects.filter(programme=programme, state=State.APPROVED)
    if only is not None:
        due = due.filter(pk__in=only)
    turning = due.filter(
        Q(in_force=True, until__lte=today)
        | Q(in_force=False, since__lte=today) & (Q(until=None) | Q(until__gt=today))
    )
    rows = list(turning.select_for_update(of=("self",)).select_related("member").order_by("pk"))
    if not rows:
        return 0
    held = standings.lock(programme, rule_book.of(programme), [row.member_id for row in rows])
    ending = [row for row in rows if row.in_force]
    beginning = [row for row in rows if not row.in_force]
    put(held, ending=ending, beginning=beginning, at=at)
    Exemption.objects.filter(pk__in=[row.pk for row in ending]).update(state=State.ENDED)
    standings.save(held)
    return len(rows)


def put(
    held: Held, *, ending: Sequence[Exemption], beginning: Sequence[Exemption], at: datetime
) -> None:
    """Take some out of force and put others into it, on locked standings; what ends first makes
    room for what begins."""
    seen = standings.last_entry(held.programme)
    changes: list[TargetChange] = []
    own = _own_targets(held, [row for row in ending if row.target is not None])
    for exemption in ending:
        row = held.rows[exemption.member_id]
        if exemption.target is None:
            row.exempt = False
            continue
        target = own.get(row.member, row.full_target)
        changes += roll.set_target(
            held, row.member, target, row.full_target, at=at, reason="减免终止", seen=seen
        )
    for exemption in beginning:
        found = held.rows[exemption.member_id]
        if exemption.target is None:
            found.exempt = True
            continue
        target, full = min(exemption.target, found.full_target), found.full_target
        reason = f"{LOWERED}{target / 100:g}学时"
        changes += roll.set_target(
            held, found.member, target, full, at=at, reason=reason, seen=seen
        )
    standings.note(changes)
    for exemptions, on, columns in (
        (ending, False, ["ended_entry", "ended_at"]),
        (beginning, True, ["seen_entry", "began_at"]),
    ):
        values = [(on, seen, at, row.pk) for row in exemptions]
        set_wise.update_by_id(Exemption, ["in_force", *columns], values)


def _own_targets(held: Held, exemptions: Sequence[Exemption]) -> dict[int, int]:
    """What people owed before a lowered target took effect, in proportion to today's full one."""
    people = [row.member_id for row in exemptions]
    rows = TargetChange.objects.filter(programme=held.programme, member__in=people)
    own = {}
    for change in rows.filter(reason__startswith=LOWERED).order_by("pk"):
        full = held.rows[change.member_id].full_target
        own[change.member_id] = rules.rescale(
            change.before, change.before_full, full, held.book.current.rules
        )
    return own
