"""Pages of figures: an organisation at a glance, and down to the branch."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from credits import figures, kept_rankings, overviews, rankings
from credits.models import Programme, RankingPermit, Standing
from credits.rankings import Choice, Place
from credits.views.shown import moved, programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Cohort, Organization
from portal.refusals import Refusal
from portal.rendering import addresses, page_if_changed
from portal.templatetags.portal import hours1, hundred, percent


@require_GET
@gate.required(Capability.SEE_FIGURES, replica=True)
def detail(request: MemberRequest, organization: int) -> HttpResponse:
    """Counts of one organisation and of each directly below it; names of nobody."""
    rows = Organization.objects.select_related("parent", "unit")
    where = gate.get(rows, request.scope, Capability.SEE_FIGURES, pk=organization)
    programme = programme_of(request)
    return page_if_changed(request, "credits/figures.html", glance(request, programme, where))


def glance(request: MemberRequest, programme: Programme, where: Organization) -> dict[str, Any]:
    """What the overview of an organisation shows; the official's start page uses it, too."""
    overview = overviews.of(programme, where, at=request.at)
    whole = where.parent_id is None
    permit = rankings.permit_of(programme)
    rows = overview.children
    if rankings.may_rank(permit):
        rows = sorted(rows, key=lambda f: (f.rate is None, -(f.rate or 0)))
    address = addresses("figures")
    context: dict[str, Any] = {
        "programme": programme,
        "organization": where,
        "now": overview.now,
        "week_gain": overview.gain,
        "at": overview.at.replace(second=0, microsecond=0),
        "whole": whole,
        "mobile": overview.mobile,
        "self_share": overview.self_share,
        "children": [
            _line(f)
            | {"href": address(f.organization), "exempt": str(f.exempt), "count": str(f.count)}
            for f in rows
            if f.organization
        ],
        "parent": _parent(request, where),
    }
    if whole:
        cohorts = overview.cohorts
        context["cohorts"] = [_line(f) | {"code": c, "count": str(f.count)} for c, f in cohorts]
        context |= _top(request, programme, permit)
    if where.is_branch:
        context["months"] = figures.months(programme, where)
        context["bands"] = _bands(programme, where)
    return context


def _top(
    request: MemberRequest, programme: Programme, permit: RankingPermit | None
) -> dict[str, Any]:
    """The head of one cohort's ranking, where the programme may rank."""
    cohort = request.GET.get("cohort", Cohort.MUNICIPAL)
    choice = Choice(cohort=cohort if cohort in Cohort.values else Cohort.MUNICIPAL)
    try:
        rankings.check_permit(programme, permit)
        ranking = kept_rankings.of(programme, choice, at=request.at)
    except Refusal as refusal:
        return {"not_permitted": refusal.message}
    address = addresses("figures")
    return {
        "top": [
            _line(p) | moved(p.movement) | {"href": address(p.organization), "rank": str(p.rank)}
            for p in ranking[:12]
        ],
        "top_label": Cohort(choice.cohort).label,
        "top_count": len(ranking) + ranking.beside,
        "top_cohort": choice.cohort,
        "risen": [{"name": p.name} | moved(p.movement) for p in ranking.risen],
    }


def _line(row: figures.Figure | Place) -> dict[str, str]:
    """One organisation's figures in words."""
    rate = row.rate
    return {
        "name": row.name,
        "full": " full" if rate == 1 else "",
        "width": hundred(rate),
        "rate": percent(rate),
        "completed": f"{row.completed}/{row.due}",
        "hours": hours1(row.mean_hours),
    }


def _parent(request: MemberRequest, where: Organization) -> Organization | None:
    parent = where.parent
    if parent and request.scope.can(Capability.SEE_FIGURES, parent.path):
        return parent
    return None


def _bands(programme: Programme, branch: Organization) -> list[tuple[str, int]]:
    """How many of a branch are how far away: counts only."""
    due = Standing.objects.filter(programme=programme, branch=branch).due()
    shortfalls = list(due.values_list("shortfall", flat=True))
    bands = [("已学满", 0, 0), ("差 6 学时以内", 1, 600), ("差 6 至 12 学时", 601, 1200),
             ("差 12 学时以上", 1201, 10**9)]  # fmt: skip
    return [(label, sum(low <= s <= high for s in shortfalls)) for label, low, high in bands]
