"""Pages of the organisation tree, with who acts where."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from portal import appointments, gate
from portal.access import Capability
from portal.forms import AppointForm, refuse
from portal.gate import MemberRequest
from portal.models import Appointment, Organization, Role
from portal.refusals import Refusal
from portal.rendering import page


@require_GET
@gate.required(Capability.SEE_FIGURES, replica=True)
def list_(request: MemberRequest) -> HttpResponse:
    """Organisations in one's scope, by place in the tree or by name; or the branches that need a
    secretary."""
    text = request.GET.get("q", "").strip()
    found = Organization.objects.within(request.scope, Capability.SEE_FIGURES).standing()
    found = found.named(text) if text else found
    unseated = bool(request.GET.get("unseated"))
    found = found.unseated(request.today) if unseated else found
    shown = Paginator(found.select_related("parent").order_by("path"), 50)
    page_ = shown.get_page(request.GET.get("page"))
    query = (f"q={text}&" if text else "") + ("unseated=1&" if unseated else "")
    context = {"page": page_, "text": text, "query": query, "unseated": unseated}
    return page(request, "portal/organization_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.SEE_FIGURES)
def detail(request: MemberRequest, organization: int) -> HttpResponse:
    """One organisation: names, what stands below it, who acts for it; an official appoints here."""
    where = gate.get(
        Organization.objects.select_related("parent", "unit", "merged_into"),
        request.scope,
        Capability.SEE_FIGURES,
        pk=organization,
    )
    may_appoint = request.scope.can(Capability.APPOINT, where.path)
    form = AppointForm(
        (request.POST or None) if may_appoint else None, initial={"since": request.today}
    )
    if request.method == "POST":
        if not may_appoint:
            raise PermissionDenied
        if form.is_valid() and _appoint(request, where, form):
            return redirect("organization-detail", organization)
    today = request.today
    context = {
        "organization": where,
        "form": form if may_appoint and not where.dissolved_on else None,
        "may_change": not where.dissolved_on
        and request.scope.can(Capability.MANAGE_ORGANISATIONS, where.path),
        "merged": where.merged.order_by("path"),
        "children": where.children.standing().order_by("path"),
        "names": where.names.all(),
        "acting": Appointment.objects.on(today)
        .filter(organization=where)
        .select_related("member__branch")
        .order_by("role"),
    }
    status = 422 if form.errors else 200
    return page(request, "portal/organization_detail.html", context, status=status)


def _appoint(request: MemberRequest, where: Organization, form: AppointForm) -> bool:
    values, by = form.cleaned_data, request.scope.actor(Capability.APPOINT)
    member, role = values["number"], Role(values["role"])
    if role is Role.ADMINISTRATOR and not request.scope.has(Capability.ADMINISTER):
        form.add_error("role", "只有系统管理员可以任命系统管理员。")
        return False
    if member.pk == request.user.pk:
        form.add_error("number", "不能任命自己。")
        return False
    try:
        if values["acting"]:
            appointments.act_for(member, where, since=values["since"], by=by, at=request.at)
        else:
            appointments.appoint(member, role, where, since=values["since"], by=by, at=request.at)
    except Refusal as refusal:
        refuse(form, refusal, member="number")
        return False
    messages.success(request, f"已任命{member.name}。")
    return True
