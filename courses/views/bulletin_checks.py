"""The pages of what a careful official checks before a bulletin is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from courses import bulletin_matters
from courses.models import StudySession
from credits import bulletin_checks, bulletins
from credits.bulletin_checks import TITLES, Matter
from credits.bulletin_matters import READ, Posted
from credits.models import BulletinDraft, HoursClaim
from portal import gate
from portal.access import Capability, Scope
from portal.gate import MemberRequest
from portal.models import Organization
from portal.refusals import Refusal
from portal.rendering import addresses, page

SEE_FIGURES = Capability.SEE_FIGURES


@require_GET
@gate.required(Capability.PUBLISH)
def look(request: MemberRequest, draft: int) -> HttpResponse:
    """Counts by unit, each with a link to what was counted. A fixed number of queries."""
    found = _draft(request, draft)
    try:
        bulletins.check_writable(found.programme)
        figures = bulletins.figures_of(found)
    except Refusal:
        return redirect("draft-edit", draft)  # which says why
    checks = bulletin_checks.of(found, figures, at=request.at)
    checks.append(
        bulletin_checks.counted(
            Matter.CONFLICTS,
            "考勤已登记、学时没有记入，书记还没有核实的，按党员所在单位计。",
            figures,
            bulletin_matters.conflicts_by_unit(found),
            "条",
        )
    )
    trend = f"{reverse('ranking-trend')}?programme={found.programme.code}&unit="
    cards = []
    for check in checks:
        address = _behind(draft, check.matter)
        rows = [
            (f, f"{trend}{f.unit}" if check.matter == Matter.JUMPS else address(f.unit))
            for f in check.found
        ]
        cards.append({"check": check, "rows": rows})
    return page(request, "courses/bulletin_check.html", {"draft": found, "cards": cards})


@require_GET
@gate.required(Capability.PUBLISH)
def matter(request: MemberRequest, draft: int, matter: str, organization: int) -> HttpResponse:
    """What was counted of one unit: its branches without sessions, its postings, its conflicts,
    each with the page that says more of it."""
    found = _draft(request, draft)
    unit = gate.get(Organization.objects.all(), request.scope, SEE_FIGURES, pk=organization)
    if matter not in TITLES or matter == Matter.JUMPS:
        raise Http404("没有这一项核对。")
    context: dict[str, Any] = {"draft": found, "unit": unit, "title": TITLES[Matter(matter)]}
    if matter == Matter.SESSIONS:
        figures = addresses("figures")
        context["idle"] = [
            (row, figures(row.branch)) for row in bulletin_matters.idle(found, unit, at=request.at)
        ]
    elif matter == Matter.CONFLICTS:
        conflicts = bulletin_matters.conflicts_of(found, unit)
        sessions = StudySession.objects.within(request.scope, SEE_FIGURES)
        open_ = set(
            sessions.filter(pk__in=[c.session for c in conflicts]).values_list("pk", flat=True)
        )
        detail = addresses("session-detail")
        context["conflicts"] = [
            (row, detail(row.session) if row.session in open_ else "") for row in conflicts
        ]
    else:
        postings = READ[matter](found, unit, at=request.at)
        address_of = _opened_by(request.scope, postings)
        context["postings"] = [(row, address_of(row)) for row in postings]
    return page(request, "courses/bulletin_matter.html", context)


def _behind(draft: int, matter: Matter) -> Any:
    """Writes the addresses of what stands behind units in a check."""
    before = reverse("draft-matter", args=[draft, matter, 0]).removesuffix("0/")
    return lambda unit: f"{before}{unit}/"


def _opened_by(scope: Scope, postings: Iterable[Posted]) -> Callable[[Posted], str]:
    """Writes the address of what a posting came from, as far as the viewer may open it: the
    session, the stated hours; for own study the figures of its branch."""
    postings = list(postings)

    def keys(*kinds: str) -> set[str]:
        return {row.key for row in postings if row.kind in kinds}

    sessions = StudySession.objects.within(scope, SEE_FIGURES)
    sessions = sessions.filter(key__in=keys("session"))
    claims = HoursClaim.objects.seen_by(scope).filter(key__in=keys("opening", "outside"))
    branches = Organization.objects.within(scope, SEE_FIGURES)
    branches = branches.filter(pk__in={row.branch for row in postings})
    pages = {
        ("session", key): reverse("session-detail", args=[pk])
        for key, pk in sessions.values_list("key", "pk")
    } | {
        (kind, key): reverse("claim-detail", args=[pk])
        for kind, key, pk in claims.values_list("kind", "key", "pk")
    }
    figures = {pk: reverse("figures", args=[pk]) for pk in branches.values_list("pk", flat=True)}
    return lambda row: pages.get((row.kind, row.key)) or figures.get(row.branch, "")


def _draft(request: MemberRequest, pk: int) -> BulletinDraft:
    rows = BulletinDraft.objects.select_related("programme__organiser").filter(bulletin=None)
    return gate.get(rows, request.scope, Capability.PUBLISH, pk=pk)
