"""Receipts of member lists: what was imported, by whom, what each line did."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import PeopleImport
from portal.people_in.headings import LABELS
from portal.people_in.model import ACTIONS
from portal.rendering import page

PER_PAGE = 100
NEEDED = Capability.MANAGE_PEOPLE


@require_GET
@gate.required(NEEDED)
def list_(request: MemberRequest) -> HttpResponse:
    """Lists imported where one manages people, the newest first."""
    rows = PeopleImport.objects.within(request.scope, NEEDED)
    rows = rows.select_related("by", "undone_by", "organization").order_by("-pk")
    shown = Paginator(rows, 30).get_page(request.GET.get("page"))
    context = {"page": shown, "query": "", "actions": ACTIONS}
    return page(request, "portal/member_imports.html", context)


@require_GET
@gate.required(NEEDED)
def detail(request: MemberRequest, receipt: int) -> HttpResponse:
    """One receipt with its lines; those kept by an undo come first."""
    rows = PeopleImport.objects.select_related("by", "undone_by", "organization")
    found = gate.get(rows, request.scope, NEEDED, pk=receipt)
    lines = found.lines.select_related("member__branch")
    kept = lines.filter(outcome="kept").order_by("pk")
    shown = Paginator(lines.order_by("pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "receipt": found,
        "page": shown,
        "query": "",
        "kept": kept[:500],
        "kept_count": kept.count(),
        "undone_count": lines.filter(outcome="undone").count(),
        "left_count": lines.filter(outcome="").count() if found.undone_at else 0,
        "actions": ACTIONS,
        "fields": LABELS,
    }
    return page(request, "portal/member_import.html", context)
