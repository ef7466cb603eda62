"""Units' figures at the end of each week, written once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from credits import ledger_sql, registers
from credits.models import BranchStanding, Programme, UnitWeek
from portal.models import Organization

FIGURES = ("due", "exempt", "completed", "hours", "points")


@transaction.atomic
def close_week(programme: Programme, *, at: datetime) -> int:
    """Write the figures of the week that has ended, and of weeks missed since the last one
    written; returns how many rows. `at` says when they were really counted."""
    this = monday(timezone.localdate(at))
    last = UnitWeek.objects.filter(programme=programme).aggregate(n=Max("week"))["n"]
    week = last + timedelta(days=7) if last else this - timedelta(days=7)
    if week >= this or week < monday(programme.starts):
        return 0
    ledger_sql.share_programme(programme.pk)
    sums = list(BranchStanding.objects.filter(programme=programme).by_unit())
    units = Organization.objects.in_bulk([u["unit"] for u in sums])
    count = 0
    while week < this:
        rows = [
            UnitWeek(
                programme=programme,
                week=week,
                unit=units[u["unit"]],
                at=at,
                **{name: u[name] for name in FIGURES},
            )
            for u in sums
        ]
        UnitWeek.objects.bulk_create(map(registers.sign, rows), ignore_conflicts=True)
        count += len(rows)
        week += timedelta(days=7)
    return count


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())
