"""The page of trends: completion by week, small multiples by cohort, a unit's forecast."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from credits import paces, rankings, trends
from credits.models import BranchStanding, Programme
from credits.trends import Trend
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Cohort, Organization
from portal.refusals import Refusal
from portal.rendering import page
from portal.templatetags.portal import percent

LABELS = dict(Cohort.choices)


@require_GET
@gate.required(Capability.SEE_RANKINGS, replica=True)
def trend(request: MemberRequest) -> HttpResponse:
    """City, cohort, the unit chosen and always one's own; counts of units only."""
    programme = programme_of(request)
    try:
        rankings.check_permitted(programme)
    except Refusal as refusal:
        context = {"programme": programme, "reason": refusal.message}
        return page(request, "credits/not_permitted.html", context)
    units = _units(programme)
    own = units.get(request.user.branch.unit_id or 0) if request.user.branch else None
    wanted = request.GET.get("unit", "")
    known = wanted.isdecimal() and len(wanted) < 19
    chosen = (units.get(int(wanted)) if known else None) or own or next(iter(units.values()), None)
    cohorts = trends.of_cohorts(programme)
    city = Trend("city", "全市", cohorts.get("", []))
    days = [week.monday for week in city.weeks]
    lines = _lines(programme, city, cohorts, chosen, own)
    context = {
        "programme": programme,
        "units": _by_cohort(units),
        "chosen": chosen,
        "own": own,
        "lines": trends.draw(lines, days),
        "marks": [(value, f"{trends.BOTTOM - value * 1.9:.1f}") for value in (0, 50, 95)],
        "table": _table(lines, city),
        "forecasts": [_forecast(line) for line in lines if line.kind in ("unit", "own")],
        "days": (days[0], days[-1] + timedelta(days=6)) if days else None,
        "small": [
            {
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
    return page(request, "credits/trend.html", context)


def _lines(
    programme: Programme,
    city: Trend,
    cohorts: dict[str, list[paces.Week]],
    chosen: Organization | None,
    own: Organization | None,
) -> list[Trend]:
    lines = [city]
    if chosen:
        label = LABELS.get(chosen.cohort, chosen.cohort)
        lines.append(Trend("cohort", label, cohorts.get(chosen.cohort, [])))
    shown = {unit.pk: unit for unit in (chosen, own) if unit}
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
