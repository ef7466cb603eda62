"""Units' figures at the end of each week, written once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from credits import ledger_sql
from credits.models import BranchStanding, Programme, UnitWeek

COLUMNS = ["programme", "week", "unit", "due", "exempt", "completed", "hours", "points", "at"]


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
    units = list(BranchStanding.objects.filter(programme=programme).by_unit())
    count = 0
    while week < this:
        ledger_sql.insert(
            UnitWeek,
            COLUMNS,
            [
                (
                    programme.pk,
                    week,
                    u["unit"],
                    u["due"],
                    u["exempt"],
                    u["completed"],
                    u["hours"],
                    u["points"],
                    at,
                )
                for u in units
            ],
            ignore=True,
        )
        count += len(units)
        week += timedelta(days=7)
    return count


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())
