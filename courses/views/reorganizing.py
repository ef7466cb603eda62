"""Pages that change units: rename, move, merge, divide, dissolve; first shown, then confirmed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from courses import reorganizing, unfinished
from courses.reorganizing_forms import (
    ActForm,
    DissolveForm,
    DivideForm,
    MergeForm,
    MoveForm,
    RenameForm,
)
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Member, Organization
from portal.refusals import Conflict, Refusal
from portal.rendering import page

NEEDED = Capability.MANAGE_ORGANISATIONS
OFFERED = 200  # organisations that the field offers; any other by name or code
TITLES = {
    reorganizing.RENAME: ("更名", "确认更名"),
    reorganizing.MOVE: ("划转", "确认划转"),
    reorganizing.MERGE: ("并入其他党支部", "确认并入"),
    reorganizing.DIVIDE: ("分设党支部", "确认分设"),
    reorganizing.DISSOLVE: ("撤销", "确认撤销"),
}


@require_http_methods(["GET", "POST"])
@gate.required(NEEDED)
def rename(request: MemberRequest, organization: int) -> HttpResponse:
    """Give an organisation a new name from a day on."""
    return _act(request, organization, RenameForm)


@require_http_methods(["GET", "POST"])
@gate.required(NEEDED)
def move(request: MemberRequest, organization: int) -> HttpResponse:
    """Move an organisation, with all below it, under another."""
    return _act(request, organization, MoveForm)


@require_http_methods(["GET", "POST"])
@gate.required(NEEDED)
def merge(request: MemberRequest, organization: int) -> HttpResponse:
    """Merge a branch into another."""
    return _act(request, organization, MergeForm)


@require_http_methods(["GET", "POST"])
@gate.required(NEEDED)
def divide(request: MemberRequest, organization: int) -> HttpResponse:
    """Make a new branch of some of a branch's members."""
    return _act(request, organization, DivideForm)


@require_http_methods(["GET", "POST"])
@gate.required(NEEDED)
def dissolve(request: MemberRequest, organization: int) -> HttpResponse:
    """Dissolve an organisation that is empty."""
    return _act(request, organization, DissolveForm)


def _act(request: MemberRequest, pk: int, kind: type[ActForm]) -> HttpResponse:
    """Step 1 asks, step 2 shows what would happen, step 3 does what was shown."""
    rows = Organization.objects.select_related("parent")
    where = gate.get(rows, request.scope, NEEDED, pk=pk)
    form = kind(request.POST or None, organization=where, today=request.today)
    if request.method == "GET" or "edit" in request.POST or not form.is_valid():
        return _ask(request, where, form)
    by, plan, status = request.scope.actor(NEEDED), form.plan(), 200
    try:
        _check_reach(request, plan)
        if seen := request.POST.get("seen"):
            try:
                result = reorganizing.carry_out(plan, seen=seen, by=by, at=request.at)
                messages.success(request, f"{where}：{TITLES[plan.act][0]}已办理。")
                return redirect("organization-detail", result.pk)
            except Conflict as conflict:
                messages.error(request, conflict.message)
                status = 409
        preview = reorganizing.rehearse(plan, by=by, at=request.at)
    except Refusal as refusal:
        refuse(form, refusal, member="secretary")
        return _ask(request, where, form)
    context = {
        "organization": where,
        "plan": plan,
        "form": form,
        "preview": preview,
        "title": TITLES[plan.act][0],
        "verb": TITLES[plan.act][1],
        "may_name": request.scope.can(Capability.SEE_MEMBERS, where.path),
    }
    return page(request, "courses/reorganize_preview.html", context, status=status)


def _check_reach(request: MemberRequest, plan: reorganizing.Plan) -> None:
    """Both ends must be in one's scope, and nobody makes themselves a secretary."""
    if plan.other and not request.scope.can(NEEDED, plan.other.path):
        field = "into" if plan.act == reorganizing.MERGE else "parent"
        raise Refusal(f"{plan.other}不在您的范围内，要由两边共同的上级党组织办理。", field=field)
    if plan.secretary == request.user.pk:
        raise Refusal("不能任命自己。", field="secretary")


def _ask(request: MemberRequest, where: Organization, form: ActForm) -> HttpResponse:
    ends = where.is_branch and form.act in (reorganizing.MERGE, reorganizing.DISSOLVE)
    context: dict[str, Any] = {
        "organization": where,
        "form": form,
        "title": TITLES[form.act][0],
        "people": Member.objects.in_branch(where).count() if where.is_branch else None,
        "open": unfinished.of(where.path).open if ends else [],
        "offered": _offered(request, where, form.act),
    }
    status = 422 if request.method == "POST" and form.errors else 200
    return page(request, "courses/reorganize.html", context, status=status)


def _offered(request: MemberRequest, where: Organization, act: str) -> list[Organization]:
    """What the field offers: siblings to merge into, or parents to move under."""
    found = Organization.objects.standing().within(request.scope, NEEDED).exclude(pk=where.pk)
    if act == reorganizing.MERGE:
        found = found.branches().filter(parent=where.parent_id)
    elif act == reorganizing.MOVE:
        found = found.exclude(kind=Organization.Kind.BRANCH).exclude(children=where)
        found = found.exclude(path__startswith=where.path)
    else:
        return []
    return list(found.order_by("path")[:OFFERED])
