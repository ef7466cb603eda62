"""Sheets of stated hours: the template out, the same sheet in, preview, confirm."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from credits import claim_sheets, claims_in, rule_book
from credits.claim_sheets import COLUMNS
from credits.models import Form, HoursClaim
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.giving import give
from portal.models import Member, Organization, Upload
from portal.people_in.staging import Over
from portal.refusals import Conflict, Refusal
from portal.rendering import page
from portal.workbooks import Limits

SHOWN = 500  # lines of a preview on one page; all are confirmed


@require_POST
@gate.required(Capability.EXEMPT)
def template(request: MemberRequest, organization: int) -> HttpResponse:
    """The branch's members as a sheet to be filled in."""
    rows = Organization.objects.all()
    branch = gate.get(rows, request.scope, Capability.EXEMPT, pk=organization)
    programme = programme_of(request)
    return give(
        request, Capability.EXEMPT, claim_sheets.template_asked,
        rows=Member.objects.in_branch(branch).count(), title=f"{branch.short_name}期初学时样表",
        back_url=reverse("claims-in"), programme=programme.pk, organization=branch.pk,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@gate.required(Capability.EXEMPT)
def upload(request: MemberRequest) -> HttpResponse:
    """Choose a sheet that was filled in; it is read and shown, nothing is written."""
    programme = programme_of(request)
    branches = request.scope.organizations(Capability.EXEMPT)
    status = 200
    if request.method == "POST":
        wanted, file = request.POST.get("branch", ""), request.FILES.get("file")
        try:
            branch = next((b for b in branches if str(b.pk) == wanted), None)
            if branch is None or file is None:
                raise Refusal("请先选择要上传的文件。")
            data = file.read(Limits().upload_bytes + 1)
            by = request.scope.actor(Capability.EXEMPT)
            staged = claims_in.stage(programme, branch, data, file.name or "", by=by, at=request.at)
            return redirect("claims-in-one", staged.pk)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            status = 422
    context = {"programme": programme, "branches": branches, "columns": COLUMNS}
    return page(request, "credits/claims_in.html", context, status=status)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.EXEMPT)
def one(request: MemberRequest, claim_sheet: int) -> HttpResponse:
    """What a staged sheet of one's own would hand in; confirming writes it, once."""
    uploads = Upload.objects.filter(kind=claims_in.KIND)
    staged = gate.get(uploads, request.scope, Capability.OWN, pk=claim_sheet)
    status = 200
    try:
        programme, branch = claims_in.place_of(staged)
        if not request.scope.can(Capability.EXEMPT, branch.path):
            raise PermissionDenied
        if request.method == "POST":
            try:
                by, seen = request.scope.actor(Capability.EXEMPT), request.POST.get("seen", "")
                batch = claims_in.confirm(staged, seen=seen, by=by, at=request.at)
                messages.success(request, "已申报，上级批准后记入学时。")
                return redirect("claim-batch", batch.pk)
            except Over:
                raise
            except Refusal as refusal:
                messages.error(request, refusal.message)
                status = 409 if isinstance(refusal, Conflict) else 422
        preview = claims_in.look(staged, at=request.at)
    except Over as over:  # sent twice: once was enough
        messages.info(request, over.message)
        return redirect("claim-list")
    periods = rule_book.of(programme).current.rules.period_names
    context: dict[str, Any] = {
        "upload": staged,
        "programme": programme,
        "branch": branch,
        "preview": preview,
        "lines": [
            {
                "line": line,
                "kind": HoursClaim.Kind(line.kind).label,
                "form": Form(line.form).label,
                "period": periods.get(line.period, "不分时期"),
            }
            for line in preview.lines[:SHOWN]
        ],
        "more": max(0, len(preview.lines) - SHOWN),
    }
    return page(request, "credits/claims_in_one.html", context, status=status)
