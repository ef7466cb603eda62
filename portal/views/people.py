"""Spreadsheets of people and organisations: upload, preview, confirm; and the exports."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal import gate, mobile_out, people_in, people_out
from portal.access import Capability
from portal.gate import MemberRequest
from portal.giving import give
from portal.models import PeopleImport, Upload
from portal.people_in import long_lists, staging
from portal.people_in.headings import LABELS
from portal.people_in.model import said
from portal.refusals import Conflict, Refusal
from portal.rendering import page
from portal.workbooks import Limits

PEOPLE, TREE = Capability.MANAGE_PEOPLE, Capability.MANAGE_ORGANISATIONS
ADDRESSES = {
    people_in.MEMBERS: ("members-in", "members-in-one", "member-list", "members-out"),
    people_in.ORGANISATIONS: (
        "organizations-in",
        "organizations-in-one",
        "organization-list",
        "organizations-out",
    ),
    people_in.STAYS: ("stays-in", "stays-in-one", "stay-list", "stays-out"),
}
COLUMNS = {
    people_in.MEMBERS: people_out.MEMBER_COLUMNS,
    people_in.ORGANISATIONS: people_out.TREE_COLUMNS,
    people_in.STAYS: mobile_out.COLUMNS,
}


@require_http_methods(["GET", "POST"])
@gate.required(PEOPLE)
def members_in(request: MemberRequest) -> HttpResponse:
    """Upload a list of members."""
    return _upload(request, people_in.MEMBERS)


@require_http_methods(["GET", "POST"])
@gate.required(TREE)
def organizations_in(request: MemberRequest) -> HttpResponse:
    """Upload a list of organisations."""
    return _upload(request, people_in.ORGANISATIONS)


@require_http_methods(["GET", "POST"])
@gate.required(PEOPLE)
def members_in_one(request: MemberRequest, upload: int) -> HttpResponse:
    """What a list of members would change; confirming writes it."""
    return _one(request, people_in.MEMBERS, upload)


@require_http_methods(["GET", "POST"])
@gate.required(TREE)
def organizations_in_one(request: MemberRequest, tree: int) -> HttpResponse:
    """What a list of organisations would change; confirming writes it."""
    return _one(request, people_in.ORGANISATIONS, tree)


@require_http_methods(["GET", "POST"])
@gate.required(PEOPLE)
def stays_in(request: MemberRequest) -> HttpResponse:
    """Upload a list of mobile members."""
    return _upload(request, people_in.STAYS)


@require_http_methods(["GET", "POST"])
@gate.required(PEOPLE)
def stays_in_one(request: MemberRequest, stay_list: int) -> HttpResponse:
    """What a list of mobile members would change; confirming writes it."""
    return _one(request, people_in.STAYS, stay_list)


@require_POST
@gate.required(PEOPLE)
def members_out(request: MemberRequest) -> HttpResponse:
    """The register as a spreadsheet: the people that the list shows, of those one manages."""
    text, mobile = request.POST.get("q", "").strip(), bool(request.POST.get("mobile"))
    found, _ = people_out.asked_for(request.scope, text=text, mobile=mobile)
    return give(
        request, PEOPLE, people_out.members_asked, rows=found.count(),
        title=people_out.members_name(request.scope),
        back_url=reverse("member-list"), text=text, mobile=mobile,
    )  # fmt: skip


@require_POST
@gate.required(TREE)
def organizations_out(request: MemberRequest) -> HttpResponse:
    """The tree as a spreadsheet: the organisations that the list shows, of those one manages."""
    text = request.POST.get("q", "").strip()
    found, _ = people_out.organizations_asked_for(request.scope, text=text)
    return give(
        request, TREE, people_out.organizations_asked, rows=found.count(),
        title=people_out.organizations_name(request.scope),
        back_url=reverse("organization-list"), text=text,
    )  # fmt: skip


def _upload(request: MemberRequest, kind: str) -> HttpResponse:
    capability = staging.NEEDED[kind]
    if request.method == "GET":
        return _form(request, kind)
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Refusal("请先选择要上传的文件。")
        data = file.read(Limits().upload_bytes + 1)
        by = request.scope.actor(capability)
        if kind == people_in.MEMBERS and len(data) > long_lists.LONG:
            here = ADDRESSES[kind][1]
            job = long_lists.stage(
                data, file.name or "", by=by, at=request.at,
                address=lambda pk: reverse(here, args=[pk]),
            )  # fmt: skip
            return redirect("job-detail", job.pk)
        staged = staging.stage(data, file.name or "", kind, by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return _form(request, kind, status=422)
    return redirect(ADDRESSES[kind][1], staged.pk)


def _one(request: MemberRequest, kind: str, pk: int) -> HttpResponse:
    """A staged sheet of one's own; nobody else sees what somebody uploaded."""
    uploads = Upload.objects.filter(kind=kind)
    upload = gate.get(uploads, request.scope, Capability.OWN, pk=pk)
    _, here, back, _ = ADDRESSES[kind]
    done = "member-imports" if kind == people_in.MEMBERS else back
    status = 200
    if request.method == "POST":
        by = request.scope.actor(staging.NEEDED[kind])
        seen = request.POST.get("seen", "")
        try:
            found = staging.look(upload, scope=request.scope, at=request.at)
            if staging.is_many(upload, found) and found.fingerprint == seen:
                job = staging.confirm_later(
                    upload, fingerprint=seen, by=by, at=request.at, back_url=reverse(done)
                )
                return redirect("job-detail", job.pk)
            counts = staging.confirm(
                upload, fingerprint=seen, scope=request.scope, by=by, at=request.at
            )
            messages.success(request, said(counts, kind))
            receipt = PeopleImport.objects.filter(by=request.user, at=request.at).first()
            return redirect("member-import", receipt.pk) if receipt else redirect(back)
        except staging.Over as over:  # sent twice: once was enough
            messages.info(request, over.message)
            return redirect(back)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            status = 409 if isinstance(refusal, Conflict) else 422
    try:
        preview = staging.look(upload, scope=request.scope, at=request.at)
    except Refusal as refusal:
        messages.info(request, refusal.message)
        return redirect(back)
    context: dict[str, Any] = {
        "upload": upload,
        "preview": preview,
        "lines": preview.first,
        "more": preview.change_count - len(preview.first),
        "actions": people_in.ACTIONS,
        "fields": LABELS,
        "again_url": reverse(ADDRESSES[kind][0]),
        "action_url": reverse(here, args=[pk]),
    }
    return page(request, "portal/people_in_one.html", context, status=status)


def _form(request: HttpRequest, kind: str, *, status: int = 200) -> HttpResponse:
    _, _, back, out = ADDRESSES[kind]
    context = {
        "kind": people_in.KINDS[kind],
        "code": kind,
        "columns": COLUMNS[kind],
        "back_url": reverse(back),
        "out_url": reverse(out),
    }
    return page(request, "portal/people_in.html", context, status=status)
