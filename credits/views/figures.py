"""Pages of figures: an organisation at a glance, and down to the branch."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from credits import figures, programmes, rankings
from credits.models import Programme, Standing
from credits.rankings import Choice
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Cohort, Organization
from portal.refusals import Refusal
from portal.rendering import page


@require_GET
@gate.required(Capability.SEE_FIGURES)
def detail(request: MemberRequest, organization: int) -> HttpResponse:
    """Counts of one organisation and of each directly below it; names of nobody."""
    rows = Organization.objects.select_related("parent", "unit")
    where = gate.get(rows, request.scope, Capability.SEE_FIGURES, pk=organization)
    programme = programme_of(request)
    return page(request, "credits/figures.html", glance(request, programme, where))


def glance(request: MemberRequest, programme: Programme, where: Organization) -> dict[str, Any]:
    """What the overview of an organisation shows; the official's start page uses it, too."""
    now, week = figures.of(programme, where), figures.last_week(programme, where)
    whole = where.parent_id is None
    context: dict[str, Any] = {
        "programme": programme,
        "organization": where,
        "now": now,
        "week": week,
        "week_gain": _gain(now, week),
        "at": request.at,
        "whole": whole,
        "mobile": figures.mobile(programme, where),
        "children": _children(programme, where),
        "parent": _parent(request, where),
    }
    if whole:
        context["cohorts"] = figures.cohorts(programme)
        context["self_share"] = figures.self_study_share(programme)
        context |= _top(programme, request)
    if where.is_branch:
        context["months"] = figures.months(programme, where)
        context["bands"] = _bands(programme, where)
    return context


def _top(programme: Programme, request: MemberRequest) -> dict[str, Any]:
    """The head of one cohort's ranking, where the programme may rank."""
    cohort = request.GET.get("cohort", Cohort.MUNICIPAL)
    choice = Choice(cohort=cohort if cohort in Cohort.values else Cohort.MUNICIPAL)
    try:
        ranking = rankings.leaderboard(programme, choice, at=request.at)
    except Refusal as refusal:
        return {"not_permitted": refusal.message}
    risen = [p for p in ranking.places if p.movement and p.movement > 0]
    return {
        "top": ranking.places[:12],
        "top_label": Cohort(choice.cohort).label,
        "top_count": len(ranking.places) + len(ranking.apart),
        "top_cohort": choice.cohort,
        "risen": sorted(risen, key=lambda p: -(p.movement or 0))[:5],
    }


def _children(programme: Programme, where: Organization) -> list[figures.Figure]:
    """What stands directly below: by completion rate where the programme may rank, else in the
    order of the tree."""
    rows = figures.children(programme, where)
    if programmes.may_rank(programme):
        rows.sort(key=lambda f: (f.rate is None, -(f.rate or 0)))
    return rows


def _gain(now: figures.Figure, week: figures.Figure | None) -> float | None:
    if week is None or week.rate is None or now.rate is None:
        return None
    return (now.rate - week.rate) * 100


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
