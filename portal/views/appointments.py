"""Ending a role, and handing a branch over to the next secretary or to the parent (代管)."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from portal import appointments, gate
from portal.access import Capability
from portal.appointments import LastSecretary
from portal.forms import HandOverForm, refuse
from portal.gate import MemberRequest
from portal.models import Appointment, Role
from portal.refusals import Refusal
from portal.rendering import page


@require_POST
@gate.required(Capability.APPOINT)
def end(request: MemberRequest, appointment: int) -> HttpResponse:
    """End somebody's role from today on; a branch's last secretary hands over instead."""
    held = _get(request, appointment)
    by = request.scope.actor(Capability.APPOINT)
    try:
        appointments.end(held, on=request.today, by=by, at=request.at)
        messages.success(request, f"已免去：{held}。")
    except LastSecretary as refusal:
        messages.error(request, refusal.message)
        return redirect("appointment-hand-over", appointment)
    return redirect("organization-detail", held.organization_id)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.APPOINT)
def hand_over(request: MemberRequest, appointment: int) -> HttpResponse:
    """End a secretary's role and name the successor, or who acts for the branch, on one day."""
    held = _get(request, appointment)
    form = HandOverForm(request.POST or None, initial={"on": request.today})
    if request.method == "POST" and form.is_valid():
        values, by = form.cleaned_data, request.scope.actor(Capability.APPOINT)
        acting = values["way"] == HandOverForm.ACTING
        try:
            if values["number"].pk == request.user.pk:
                raise Refusal("不能任命自己。", field="member")
            made = appointments.hand_over(
                held, values["number"], on=values["on"], acting=acting, by=by, at=request.at
            )
            messages.success(request, f"已交接：{made}，自 {made.since} 起。")
            return redirect("organization-detail", held.organization_id)
        except Refusal as refusal:
            refuse(form, refusal, member="number")
    context = {
        "form": form,
        "held": held,
        "officials": appointments.officials_above(held.organization),
    }
    status = 422 if request.method == "POST" else 200
    return page(request, "portal/hand_over.html", context, status=status)


def _get(request: MemberRequest, pk: int) -> Appointment:
    rows = Appointment.objects.select_related("member", "organization__parent")
    held = gate.get(rows, request.scope, Capability.APPOINT, pk=pk)
    if held.role == Role.ADMINISTRATOR and not request.scope.has(Capability.ADMINISTER):
        raise PermissionDenied
    return held
