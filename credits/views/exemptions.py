"""Pages of exemptions and certificates: asked by one, decided by another."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import certificates, exemptions
from credits.forms import ExemptionForm, ReasonForm
from credits.models import Certificate, Exemption, Standing
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Refusal
from portal.rendering import page


@require_GET
@gate.required(Capability.APPROVE)
def list_(request: MemberRequest) -> HttpResponse:
    """Requests of one's scope: those that wait first."""
    programme = programme_of(request)
    rows = Exemption.objects.within(request.scope, Capability.APPROVE).filter(programme=programme)
    rows = rows.select_related("member__branch", "asked_by", "decided_by")
    context = {
        "programme": programme,
        "waiting": rows.filter(state=Exemption.State.ASKED),
        "others": rows.exclude(state=Exemption.State.ASKED)[:100],
    }
    return page(request, "credits/exemption_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.EXEMPT)
def ask(request: MemberRequest, member: int) -> HttpResponse:
    """Ask for somebody's exemption; an official decides."""
    people = Member.objects.select_related("branch")
    person = gate.get(people, request.scope, Capability.EXEMPT, pk=member)
    form = ExemptionForm(request.POST or None, initial={"since": request.today})
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        values.pop("kind")
        by = request.scope.actor(Capability.EXEMPT)
        try:
            exemptions.ask(programme_of(request), person, by=by, at=request.at, **values)
            messages.success(request, "已提交，由上级审批。")
            return redirect("branch-hours")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": f"申报减免：{person.name}", "verb": "提交审批"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.APPROVE)
def decide(request: MemberRequest, exemption: int) -> HttpResponse:
    """Approve, refuse or end an exemption."""
    rows = Exemption.objects.select_related("member__branch", "programme")
    found = gate.get(rows, request.scope, Capability.APPROVE, pk=exemption)
    by, act = request.scope.actor(Capability.APPROVE), request.POST.get("act", "")
    answer = request.POST.get("answer", "")[:200]
    try:
        if act == "end":
            exemptions.end(found, by=by, at=request.at)
        elif act in ("approve", "refuse"):
            approve = act == "approve"
            exemptions.decide(found, approve=approve, answer=answer, by=by, at=request.at)
        messages.success(request, f"已办理：{found}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("exemption-list")


@require_POST
@gate.required(Capability.CERTIFY)
def issue(request: MemberRequest, standing: int) -> HttpResponse:
    """Issue somebody's certificate of completion."""
    rows = Standing.objects.select_related("member", "branch", "programme")
    found = gate.get(rows, request.scope, Capability.CERTIFY, pk=standing)
    by = request.scope.actor(Capability.CERTIFY)
    try:
        certificate = certificates.issue(found, by=by, at=request.at)
        messages.success(request, f"已签发：{certificate}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("branch-hours")


@require_http_methods(["GET", "POST"])
@gate.required(Capability.CERTIFY)
def revoke(request: MemberRequest, certificate: int) -> HttpResponse:
    """Take a certificate back, with a reason."""
    rows = Certificate.objects.select_related("branch", "standing__member")
    found = gate.get(rows, request.scope, Capability.CERTIFY, pk=certificate)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.CERTIFY)
        try:
            certificates.revoke(found, reason=form.cleaned_data["reason"], by=by, at=request.at)
            messages.success(request, f"已撤销：{found}。")
            return redirect("home")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": f"撤销证明：{found}", "verb": "撤销"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)
