"""The page of trends: completion by week, small multiples by cohort, a unit's forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from credits import drill_down, figures, paces, rankings, trends
from credits.models import BranchStanding, Programme
from credits.rankings import Window
from credits.trends import Trend
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.form_names import number
from portal.gate import MemberRequest
from portal.models import Cohort, Organization
from portal.refusals import Refusal
from portal.rendering import page
from portal.templatetags.portal import percent

LABELS = dict(Cohort.choices)


CITY = "all"  # in the address, where a cohort could stand


@dataclass(frozen=True)
class Place:
    """Where the viewer looks: the city, a cohort, a unit or a branch; each knows what is above."""

    cohort: str = ""
    unit: Organization | None = None
    branch: Organization | None = None

    @property
    def name(self) -> str:
        if self.branch or self.unit:
            return (self.branch or self.unit).short_name  # type: ignore[union-attr] # one is there
        return LABELS.get(self.cohort, "全市")


@require_GET
@gate.required(Capability.SEE_RANKINGS, replica=True)
def trend(request: MemberRequest) -> HttpResponse:
    """City, cohort, unit, branch: the line of each, and what stands below it; one's own unit
    always beside them. Counts only."""
    programme = programme_of(request)
    try:
        rankings.check_permitted(programme)
    except Refusal as refusal:
        context = {"programme": programme, "reason": refusal.message}
        return page(request, "credits/not_permitted.html", context)
    units = _units(programme)
    own = units.get(request.user.branch.unit_id or 0) if request.user.branch else None
    place = _place(request, programme, units, own)
    cohorts = trends.of_cohorts(programme)
    city = Trend("city", "全市", cohorts.get("", []))
    days = [week.monday for week in city.weeks]
    lines = _lines(programme, city, cohorts, place, own)
    context = {
        "programme": programme,
        "units": _by_cohort(units),
        "place": place,
        "base": f"programme={programme.code}&",
        "cohort_label": LABELS.get(place.cohort, ""),
        "own": own,
        "own_branch": request.user.branch_id,
        "lines": trends.draw(lines, days),
        "marks": [(value, f"{trends.BOTTOM - value * 1.9:.1f}") for value in (0, 50, 95)],
        "table": _table(lines, city),
        "forecasts": [_forecast(line) for line in lines if line.kind in ("unit", "own")],
        "days": (days[0], days[-1] + timedelta(days=6)) if days else None,
        "small": [
            {
                "cohort": value,
                "label": label,
                "now": percent(line.now),
                "points": trends.draw_small(line, days),
                "city": trends.draw_small(city, days),
                "mine": own is not None and own.cohort == value,
            }
            for value, label in Cohort.choices
            if (line := Trend("cohort", label, cohorts.get(value, []))).weeks
        ],
        "small_table": _table(
            [Trend("cohort", label, cohorts[v]) for v, label in Cohort.choices if v in cohorts],
            city,
        ),
    }
    return page(request, "credits/trend.html", context | _below(request, programme, place, units))


def _place(
    request: MemberRequest,
    programme: Programme,
    units: dict[int, Organization],
    own: Organization | None,
) -> Place:
    """What the address asks for; whatever it does not know falls back to one's own unit."""
    cohort = request.GET.get("cohort", "")
    if cohort == CITY:
        return Place()
    if cohort in LABELS:
        return Place(cohort)
    branch = None
    if pk := _id(request, "branch"):
        rows = BranchStanding.objects.filter(programme=programme, branch=pk)
        row = rows.select_related("branch").first()
        branch = row.branch if row and row.unit_id in units else None
    unit = units[branch.unit_id or 0] if branch else units.get(_id(request, "unit"))
    unit = unit or own or next(iter(units.values()), None)
    return Place(unit.cohort, unit, branch) if unit else Place()


def _id(request: MemberRequest, name: str) -> int:
    return number(request.GET.get(name, ""), digits=18)


def _below(
    request: MemberRequest, programme: Programme, place: Place, units: dict[int, Organization]
) -> dict[str, Any]:
    """One step down: a cohort's units, a unit's branches, a branch's months."""
    if place.branch:
        standing = BranchStanding.objects.get(programme=programme, branch=place.branch)
        return {"standing": standing, "months": figures.months(programme, place.branch)}
    if place.unit:
        month = rankings.first_of_month(request.today, Window.MONTH)
        return {"branches": drill_down.branches(programme, place.unit, month=month)}
    if place.cohort:
        there = [unit for unit in units.values() if unit.cohort == place.cohort]
        return {"parts": drill_down.units(programme, there)}
    return {}


def _lines(
    programme: Programme,
    city: Trend,
    cohorts: dict[str, list[paces.Week]],
    place: Place,
    own: Organization | None,
) -> list[Trend]:
    lines = [city]
    if place.cohort:
        label = LABELS.get(place.cohort, place.cohort)
        lines.append(Trend("cohort", label, cohorts.get(place.cohort, [])))
    shown = {unit.pk: unit for unit in (place.unit, own) if unit}
    weeks = trends.of_units(programme, list(shown))
    for unit in shown.values():
        mine = own is not None and unit.pk == own.pk
        lines.append(Trend("own" if mine else "unit", unit.short_name, weeks[unit.pk]))
    return lines


def _units(programme: Programme) -> dict[int, Organization]:
    """The units that take part, by cohort and code."""
    there = BranchStanding.objects.filter(programme=programme).order_by().values("unit")
    rows = Organization.objects.filter(pk__in=there.distinct())
    order = list(Cohort.values)
    found = sorted(rows, key=lambda u: (order.index(u.cohort) if u.cohort else 99, u.code))
    return {unit.pk: unit for unit in found}


def _by_cohort(units: dict[int, Organization]) -> list[tuple[str, list[Organization]]]:
    return [
        (label, there)
        for value, label in Cohort.choices
        if (there := [unit for unit in units.values() if unit.cohort == value])
    ]


def _table(lines: list[Trend], city: Trend) -> dict[str, Any]:
    """The same figures as the chart, a row a week, the newest first."""
    by_week = [{week.monday: week for week in line.weeks} for line in lines]
    rows = []
    for week in reversed(city.weeks):
        cells = [each.get(week.monday) for each in by_week]
        rows.append(
            (
                week.monday + timedelta(days=6),
                [(percent(c.rate), f"{c.completed}/{c.due}") if c else ("—", "") for c in cells],
            )
        )
    return {"names": [line.name for line in lines], "rows": rows}


def _forecast(line: Trend) -> dict[str, Any]:
    """A unit's forecast, or why there is none."""
    found = paces.forecast(line.weeks)
    why = ""
    if found is None:
        reached = paces.reached_in(line.weeks)
        if (line.now or 0) >= paces.GOAL and reached:
            why = f"已达到 95%（{reached.monday + timedelta(days=6):%-m月%-d日}那一周）。"
        elif len([w for w in line.weeks if w.rate is not None]) < paces.LEAST:
            why = "不足四周的数据，不作预计。"
        else:
            why = "按最近几周的进度，一年之内达不到 95%。"
    return {"name": line.name, "own": line.kind == "own", "found": found, "why": why}
