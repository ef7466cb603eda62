"""What stands below a place in the trends: units of a cohort, branches of a unit.

Counts only, and no further than the branch: nobody below the target stands in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from credits import trends
from credits.models import BranchMonth, BranchStanding, Programme
from portal.models import Organization


@dataclass(frozen=True)
class Part:
    """One unit or branch. gain: the change of its rate in the last week, or None; new: how many of
    it completed in this month, net."""

    organization: int
    name: str
    completed: int
    due: int
    gain: float | None = None
    new: int = 0

    @property
    def rate(self) -> float | None:
        return self.completed / self.due if self.due else None


def units(programme: Programme, there: list[Organization]) -> list[Part]:
    """These units at the end of the last week, the highest rate first. One query."""
    weeks = trends.of_units(programme, [unit.pk for unit in there])
    found = []
    for unit in there:
        own = weeks[unit.pk]
        if own:
            now, before = own[-1], own[-2] if len(own) > 1 else None
            gain = None
            if before and before.rate is not None and now.rate is not None:
                gain = now.rate - before.rate
            found.append(Part(unit.pk, unit.short_name, now.completed, now.due, gain))
    return _in_order(found)


def branches(programme: Programme, unit: Organization, *, month: date) -> list[Part]:
    """A unit's branches as they stand now, the highest rate first; month: the first day of the
    month of which new completions are counted. Two queries."""
    months = BranchMonth.objects.filter(programme=programme, month=month, branch__unit=unit)
    new = dict(months.values_list("branch", "completed"))
    rows = BranchStanding.objects.filter(programme=programme, unit=unit)
    rows = rows.exclude(branch__dissolved_on__isnull=False, due=0, exempt=0)
    named = rows.values_list("branch", "branch__short_name", "completed", "due")
    return _in_order([Part(*values, new=new.get(values[0], 0)) for values in named])


def _in_order(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda p: (p.rate is None, -(p.rate or 0), p.organization))
