"""Pages of background work and of the audit trail."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from portal import gate, jobs
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import AuditEvent, Job
from portal.rendering import page


@require_GET
@gate.required(Capability.OWN)
def detail(request: MemberRequest, job: int) -> HttpResponse:
    """How far one's background work is, or how it ended; the page asks again by itself."""
    found = _own(request, job)
    context = {"job": found, "remaining": jobs.remaining(found, at=request.at)}
    return page(request, "portal/job.html", context, fragment="portal/_job.html")


@require_GET
@gate.required(Capability.OWN)
def file(request: MemberRequest, job: int) -> HttpResponseBase:
    """The file that one's background work made, while it is kept."""
    made = jobs.file_of(_own(request, job))
    if made is None:
        messages.info(request, "这份文件已经过期，请重新导出。")
        return redirect("job-detail", job)
    name = made.name.partition("-")[2]  # its suffix says what it is
    response = FileResponse(made.open("rb"), as_attachment=True, filename=name)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@gate.required(Capability.OWN)
def cancel(request: MemberRequest, job: int) -> HttpResponse:
    """Ask one's background work to stop."""
    if jobs.cancel(_own(request, job), at=request.at):
        messages.info(request, "已请求取消。")
    else:
        messages.info(request, "已经在写入或已经结束，不能取消。")
    return redirect("job-detail", job)


@require_POST
@gate.required(Capability.OWN)
def again(request: MemberRequest, job: int) -> HttpResponse:
    """Start a failed or cancelled piece of work once more."""
    return redirect("job-detail", jobs.again(_own(request, job), at=request.at).pk)


@require_GET
@gate.required(Capability.AUDIT)
def audit_list(request: MemberRequest) -> HttpResponse:
    """Who did what in one's scope, newest first."""
    events = AuditEvent.objects.within(request.scope, Capability.AUDIT)
    kind = request.GET.get("event", "")
    if kind in AuditEvent.Event.values:
        events = events.filter(event=kind)
    rows = events.select_related("by", "organization")
    shown = Paginator(rows, 50).get_page(request.GET.get("page"))
    context = {
        "page": shown,
        "kind": kind,
        "kinds": AuditEvent.Event.choices,
        "query": f"event={kind}&" if kind else "",
    }
    return page(request, "portal/audit_list.html", context)


def _own(request: MemberRequest, pk: int) -> Job:
    return gate.get(Job.objects.all(), request.scope, Capability.OWN, pk=pk)
