"""Completion by week of the city, its cohorts and single units, and how a chart draws it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.db.models import Sum

from credits.models import Programme, UnitWeek
from credits.paces import Week

LEFT, RIGHT, TOP, BOTTOM = 40.0, 218.0, 14.0, 204.0  # of the large drawing, in its own units
SMALL = (4.0, 156.0, 6.0, 74.0)  # of a small multiple: left, right, top, bottom


@dataclass(frozen=True)
class Trend:
    """One line: weeks in order; a week without anybody due is left out of the drawing.

    kind: city, cohort, unit or own; how it is drawn.
    """

    kind: str
    name: str
    weeks: Sequence[Week]

    @property
    def now(self) -> float | None:
        return self.weeks[-1].rate if self.weeks else None


@dataclass(frozen=True)
class Drawn:
    """A line of a chart: points of a polyline, and where its name stands."""

    trend: Trend
    points: str
    label: str


def of_cohorts(programme: Programme) -> dict[str, list[Week]]:
    """Weeks by cohort, and under "" those of the whole city: sums over sums. One query."""
    rows = UnitWeek.objects.filter(programme=programme).order_by("week")
    sums = rows.values_list("unit__cohort", "week").annotate(c=Sum("completed"), d=Sum("due"))
    found: dict[str, list[Week]] = defaultdict(list)
    city: dict[date, tuple[int, int]] = {}
    for cohort, week, completed, due in sums:
        found[cohort].append(Week(week, completed, due))
        before = city.get(week, (0, 0))
        city[week] = before[0] + completed, before[1] + due
    found[""] = [Week(week, *both) for week, both in sorted(city.items())]
    return found


def of_units(programme: Programme, units: Collection[int]) -> dict[int, list[Week]]:
    """Weeks by unit. One query."""
    rows = UnitWeek.objects.filter(programme=programme, unit__in=units).order_by("week")
    found: dict[int, list[Week]] = {unit: [] for unit in units}
    for unit, week, completed, due in rows.values_list("unit_id", "week", "completed", "due"):
        found[unit].append(Week(week, completed, due))
    return found


def draw(trends: Sequence[Trend], days: Sequence[date]) -> list[Drawn]:
    """Lines of the large chart over these Mondays, from 0 to 100 %; names that do not overlap."""
    lines = [(t, _points(t, days, LEFT, RIGHT, TOP, BOTTOM)) for t in trends if t.now is not None]
    heights = [BOTTOM - (t.now or 0) * (BOTTOM - TOP) for t, _ in lines]
    order = sorted(range(len(lines)), key=lambda index: heights[index])
    for before, after in pairwise(order):
        heights[after] = max(heights[after], heights[before] + 16)
    return [
        Drawn(trend, points, f"{heights[index] + 4:.1f}")
        for index, (trend, points) in enumerate(lines)
    ]


def draw_small(trend: Trend, days: Sequence[date]) -> str:
    """The line of a small multiple."""
    return _points(trend, days, *SMALL)


def _points(
    trend: Trend, days: Sequence[date], left: float, right: float, top: float, bottom: float
) -> str:
    step = (right - left) / max(len(days) - 1, 1)
    places = {day: left + step * index for index, day in enumerate(days)}
    return " ".join(
        f"{places[week.monday]:.1f},{bottom - week.rate * (bottom - top):.1f}"
        for week in trend.weeks
        if week.rate is not None and week.monday in places
    )
