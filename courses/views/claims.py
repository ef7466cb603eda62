"""Stated hours taken back: one approved line by an official, a whole receipt by the branch."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse as address
from django.views.decorators.http import require_http_methods, require_POST

from courses import claim_reversals
from credits.forms import ReasonForm
from credits.models import ClaimBatch, HoursClaim
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page


@require_http_methods(["GET", "POST"])
@gate.required(Capability.APPROVE)
def reverse(request: MemberRequest, claim: int) -> HttpResponse:
    """Take an approved line's hours back, with the reason."""
    rows = HoursClaim.objects.select_related("programme", "branch", "member")
    found = gate.get(rows, request.scope, Capability.APPROVE, pk=claim)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by, reason = request.scope.actor(Capability.APPROVE), form.cleaned_data["reason"]
        try:
            claim_reversals.reverse(found, reason=reason, by=by, at=request.at)
            messages.success(request, "已冲销，明细中保留原记录和理由。")
            return redirect("claim-detail", found.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "title": f"冲销：{found}",
        "lead": f"{found.title}。冲销后学时随之减少，理由写入明细。",
        "verb": "冲销",
        "back": address("claim-detail", args=[found.pk]),
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.EXEMPT)
def undo(request: MemberRequest, batch: int) -> HttpResponse:
    """Take a whole receipt back; what was mended or decided since is kept and named."""
    rows = ClaimBatch.objects.select_related("programme", "branch")
    found = gate.get(rows, request.scope, Capability.EXEMPT, pk=batch)
    try:
        by = request.scope.actor(Capability.EXEMPT)
        kept = claim_reversals.undo(found, by=by, at=request.at)
        messages.success(request, "已撤销：待审批的已撤回，已记入的已冲销。")
        if kept:
            messages.info(request, f"其中 {len(kept)} 行后来改过或处理过，保留不动，见下面。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("claim-batch", found.pk)
