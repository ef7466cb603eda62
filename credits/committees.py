"""Committees between units and branches: where each branch counts, and sums by it.

A branch counts with the nearest grass-roots committee (基层党委) above it, at or below its unit;
that may be the unit. Where there is none, it counts with its unit, of whatever kind that is. A
general branch (党总支) is no committee: what stands below it counts further up. So every branch of
a unit counts exactly once, and the sums of a unit's committees are the sums of the unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db.models import F, Q, QuerySet, Sum

from portal.models import PATH_STEP, Organization

RULE = (
    "每个党支部只计入上面最近的一个基层党委；上面没有基层党委的，直接计入所属单位。"
    "下面另有基层党委的，只计直属党支部，名称后注“直属”。"
)


@dataclass(frozen=True)
class Committee:
    """A committee, or a unit; its name says so where only what is directly below counts with it."""

    pk: int
    code: str
    name: str


def sums(
    rows: QuerySet[Any, Any], *figures: str, unit: str, units: QuerySet[Any, Any]
) -> dict[Committee, list[int]]:
    """Sums of branch rows by committee, in the order of `figures`.

    unit: the lookup of a row's unit. units: the ids of those that count.
    """
    by_path = _committees(units)
    found: dict[Committee, list[int]] = defaultdict(lambda: [0] * len(figures))
    grouped = (
        rows.filter(**{f"{unit}__in": units})
        .order_by()
        .values_list("branch__parent__path", f"{unit}__path")
        .annotate(**{f"sum_{name}": Sum(name) for name in figures})
    )
    for parent, top, *values in grouped:
        own = found[_nearest(by_path, parent or "", top)]
        for index, value in enumerate(values):
            own[index] += value
    return dict(found)


def of(branch: Organization) -> Committee | None:
    """Where a branch counts today; None above the units."""
    if branch.unit is None:
        return None
    units = Organization.objects.filter(pk=branch.unit.pk).values("pk")
    return _nearest(_committees(units), branch.path[:-PATH_STEP], branch.unit.path)


def _committees(units: QuerySet[Any, Any]) -> dict[str, Committee]:
    """The committees of some units and the units themselves, by path."""
    rows = Organization.objects.filter(Q(kind=Organization.Kind.COMMITTEE) | Q(unit=F("pk")))
    values = rows.filter(unit__in=units).order_by("path")
    found = list(values.values_list("path", "pk", "code", "short_name", "dissolved_on"))
    standing = [path for path, *_, dissolved_on in found if dissolved_on is None]
    above = {path for path, behind in pairwise(standing) if behind.startswith(path)}
    return {
        path: Committee(pk, code, f"{name}（直属）" if path in above else name)
        for path, pk, code, name, _ in found
    }


def _nearest(by_path: Mapping[str, Committee], parent: str, unit: str) -> Committee:
    """The one nearest above what stands below `parent`; a row that no longer stands below its unit
    (moved after its programme was closed) counts directly with it."""
    path = parent
    while path.startswith(unit):
        if path in by_path:
            return by_path[path]
        path = path[:-PATH_STEP]
    return by_path[unit]
