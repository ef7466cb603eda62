"""Figures of an organisation and of what stands below it: sum over sum, never a mean of means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, Sum, Value

from credits.models import BranchMonth, BranchStanding, CreditTotal, Form, Programme, UnitWeek
from portal.models import PATH_STEP, Cohort, Member, Organization
from portal.prepared import Prepared, given
from portal.querysets import after, below


@dataclass(frozen=True)
class Figure:
    """Sums over members due. Hours and points in hundredths."""

    name: str
    due: int = 0
    exempt: int = 0
    completed: int = 0
    hours: int = 0
    points: int = 0
    organization: int | None = None
    count: int = 0  # units or branches summed up

    @property
    def rate(self) -> float | None:
        return self.completed / self.due if self.due else None

    @property
    def mean_hours(self) -> float | None:
        return self.hours / self.due if self.due else None

    @property
    def missing(self) -> int:
        return self.due - self.completed


def sums() -> QuerySet[Any, Any]:
    """What `figure` is made from, for pages that ask for more at once: places `programme`, `path`
    and `after` it."""
    return (
        BranchStanding.objects.filter(
            programme=given("programme", int),
            branch__path__gte=given("path", str),
            branch__path__lt=given("after", str),
        )
        .order_by()
        .annotate(all=Value(1))
        .values("all")
        .annotate(
            sum_due=Sum("due"),
            sum_exempt=Sum("exempt"),
            sum_completed=Sum("completed"),
            sum_hours=Sum("hours"),
            sum_points=Sum("points"),
        )
        .values_list("sum_due", "sum_exempt", "sum_completed", "sum_hours", "sum_points")
    )


_sums = Prepared(sums)


def of(programme: Programme, organization: Organization) -> Figure:
    """The sums of everything at or below an organisation."""
    path = organization.path
    return figure(organization, _sums(programme=programme.pk, path=path, after=after(path)))


def figure(organization: Organization, rows: Sequence[Any]) -> Figure:
    """The same from what `sums` gave; no row: there was nothing to sum."""
    sums_ = rows[0] if rows else (0,) * 5
    due, exempt, completed, hours, points = (each or 0 for each in sums_)
    return Figure(organization.short_name, due, exempt, completed, hours, points, organization.pk)


def children(programme: Programme, organization: Organization) -> list[Figure]:
    """The organisations directly below, each with its sums."""
    names = {
        child.path: child
        for child in organization.children.standing().only("pk", "parent", "path", "short_name")
    }
    length = len(organization.path) + PATH_STEP
    rows = BranchStanding.objects.filter(programme=programme)
    rows = rows.filter(below(organization.path, lookup="branch__path"))
    sums: dict[str, list[int]] = {path: [0] * 6 for path in names}
    for path, *values in rows.values_list(
        "branch__path", "due", "exempt", "completed", "hours", "points"
    ):
        place = sums.get(path[:length])
        if place is not None:
            for index, value in enumerate(values):
                place[index] += value
            place[5] += 1
    return [_figure(child, sums[path]) for path, child in names.items()]


def _figure(organization: Organization, sums: Sequence[int]) -> Figure:
    due, exempt, completed, hours, points, count = sums
    return Figure(
        organization.short_name, due, exempt, completed, hours, points, organization.pk, count
    )


def cohorts(programme: Programme) -> list[tuple[str, Figure]]:
    """The sums of each cohort, with the number of its units; (code, figure)."""
    units = list(BranchStanding.objects.filter(programme=programme).by_unit())
    found = []
    for cohort, label in Cohort.choices:
        own = [u for u in units if u["cohort"] == cohort]
        if own:
            names = ("due", "exempt", "completed", "hours", "points")
            sums = {name: sum(u[name] for u in own) for name in names}
            found.append((cohort, Figure(label, count=len(own), **sums)))
    return found


def self_study_share(programme: Programme) -> float | None:
    """Which part of all earned hours is self-study."""
    sums = CreditTotal.objects.filter(programme=programme).order_by().values_list("form")
    by_form = dict(sums.annotate(n=Sum("earned")))
    total = sum(by_form.values())
    return by_form.get(Form.SELF_STUDY, 0) / total if total else None


def mobile(programme: Programme, organization: Organization) -> tuple[int, int]:
    """流动党员: how many have earned anything, of how many."""
    people = Member.objects.active().mobile()
    people = people.filter(below(organization.path, lookup="branch__path"))
    taking_part = people.filter(standings__programme=programme, standings__recognised__gt=0)
    return taking_part.count(), people.count()


def last_week(programme: Programme, organization: Organization) -> Figure | None:
    """The sums at the end of the last week that was written, of units at or below."""
    weeks = UnitWeek.objects.filter(programme=programme)
    last = weeks.order_by("-week").values_list("week", flat=True).first()
    if last is None:
        return None
    rows = weeks.filter(below(organization.path, lookup="unit__path"), week=last)
    sums = rows.aggregate(due=Sum("due"), completed=Sum("completed"), hours=Sum("hours"))
    if not sums["due"]:
        return None
    return Figure(str(last), **sums)


def months(programme: Programme, organization: Organization) -> Sequence[BranchMonth]:
    """A branch's months, newest first."""
    rows = BranchMonth.objects.filter(programme=programme, branch=organization)
    return list(rows.order_by("-month"))
