"""Pages of certificates of a closing: a list by scope, one branch's, and its spreadsheet."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from credits import closings, exports
from credits.models import BranchClosing, Programme
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.giving import give
from portal.rendering import addresses, page
from portal.templatetags.portal import hours, percent

FIGURES, RECORD = Capability.SEE_FIGURES, Capability.RECORD_ATTENDANCE


@require_GET
@gate.required(FIGURES)
def list_(request: MemberRequest) -> HttpResponse:
    """The last closing's certificates in one's scope, counts only; one programme at a time."""
    closed = Programme.objects.filter(pk__in=BranchClosing.objects.values("programme"))
    programmes = list(closed.order_by("-starts", "-pk"))
    code, text = request.GET.get("programme", ""), request.GET.get("q", "").strip()
    programme = next((p for p in programmes if p.code == code), next(iter(programmes), None))
    rows = BranchClosing.objects.within(request.scope, FIGURES).defer("lines")
    if programme:
        rows = rows.filter(programme=programme, turn=closings.last_turn(programme))
    if text:
        rows = rows.filter(branch_name__contains=text)
    shown = Paginator(rows.order_by("branch__path", "pk"), 50).get_page(request.GET.get("page"))
    address = addresses("closing-detail")
    context = {
        "programme": programme,
        "programmes": programmes,
        "counts": programme is not None and programme.is_over,
        "page": shown,
        "rows": [_row(c) | {"href": address(c.pk)} for c in shown],
        "text": text,
        "query": f"programme={programme.code if programme else ''}&q={text}&",
    }
    return page(request, "credits/closing_list.html", context)


@require_GET
@gate.required(FIGURES)
def detail(request: MemberRequest, closing: int) -> HttpResponse:
    """One branch's certificate; names with hours only to those who may see the branch's persons."""
    found = _closing(request, closing, FIGURES)
    named = request.scope.can(Capability.SEE_PERSONS, found.scope_path)
    later = BranchClosing.objects.filter(replaces=found).first()
    context = {
        "closing": found,
        "programme": found.programme,
        "rate": percent(found.completed / found.due if found.due else None),
        "stands": closings.stands(found, found.programme),
        "later": later,
        "rows": [_person(line) for line in found.lines] if named else [],
        "named": named,
        "records": request.scope.can(RECORD, found.scope_path),
    }
    return page(request, "credits/closing.html", context)


@require_POST
@gate.required(RECORD)
def sheet(request: MemberRequest, closing: int) -> HttpResponse:
    """The same as a spreadsheet, for the branch's own files."""
    found = _closing(request, closing, RECORD)
    return give(
        request, RECORD, exports.closing_asked, rows=len(found.lines),
        title=f"{found.branch_name}结业情况", back_url=reverse("closing-detail", args=[found.pk]),
        closing=found.pk,
    )  # fmt: skip


def _closing(request: MemberRequest, pk: int, capability: Capability) -> BranchClosing:
    rows = BranchClosing.objects.select_related("branch", "programme", "closed_by", "replaces")
    return gate.get(rows, request.scope, capability, pk=pk)


def _row(closing: BranchClosing) -> dict[str, str]:
    return {
        "name": closing.branch_name,
        "unit": closing.unit_name,
        "number": closing.number,
        "due": str(closing.due),
        "completed": str(closing.completed),
        "short": str(closing.short),
        "exempt": str(closing.exempt),
    }


def _person(line: dict[str, Any]) -> dict[str, str]:
    return {
        "name": line["name"],
        "number": line["number"],
        "target": hours(line["target"]),
        "hours": hours(line["hours"]),
        "outcome": closings.outcome(line),
        "on": line["completed_on"],
        "why": line["why"],
    }
