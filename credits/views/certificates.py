"""Certificates of completion as PDF: one's own or a member's, and a whole branch's."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from credits import certificate_papers
from credits.models import Certificate
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member, Organization
from portal.refusals import Refusal


@require_POST
@gate.required(Capability.SEE_PERSONS)
def paper(request: MemberRequest, certificate: int) -> HttpResponse:
    """Have a valid certificate printed, for the person and who sees the person's hours."""
    found = get_object_or_404(Certificate.objects.select_related("programme"), pk=certificate)
    gate.get(Member.objects.all(), request.scope, Capability.SEE_PERSONS, pk=found.member_id)
    here = f"{_statement(request, found)}?programme={found.programme.code}"
    by = request.scope.actor(Capability.SEE_PERSONS)
    try:
        job = certificate_papers.later(found, by=by, at=request.at, back_url=here)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect(here)
    return redirect("job-detail", job.pk)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def of_branch(request: MemberRequest, organization: int) -> HttpResponse:
    """Have all valid certificates of a branch printed, for the branch's own files."""
    wanted = Capability.RECORD_ATTENDANCE
    branch = gate.get(Organization.objects.all(), request.scope, wanted, pk=organization)
    here = f"{reverse('branch-hours')}?branch={branch.pk}"
    try:
        job = certificate_papers.later_for_branch(
            programme_of(request), branch, by=request.scope.actor(wanted), at=request.at,
            back_url=here,
        )  # fmt: skip
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect(here)
    return redirect("job-detail", job.pk)


def _statement(request: MemberRequest, found: Certificate) -> str:
    if found.member_id == request.user.pk:
        return reverse("my-hours")
    return reverse("member-hours", args=[found.member_id])
