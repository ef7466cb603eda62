"""Pages of the register: find people, enter, mend, transfer, take off, print slips."""

from __future__ import annotations

from typing import Any

import segno
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal import gate, members, mending, sign_in
from portal.access import Capability
from portal.forms import LeaveForm, MemberForm, TransferForm, refuse
from portal.gate import MemberRequest
from portal.members import Enrolment
from portal.models import Appointment, AuditEvent, Member, Organization
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 50


@require_GET
@gate.required(Capability.SEE_MEMBERS)
def list_(request: MemberRequest) -> HttpResponse:
    """The register: by beginning of name, pinyin initials or number; people of one name are told
    apart by the last digits of their numbers."""
    text = request.GET.get("q", "").strip()
    people = Member.objects.within(request.scope, Capability.SEE_MEMBERS)
    found = people.active().search(text).select_related("branch").order_by("number")
    if request.GET.get("mobile"):
        found = found.mobile()
    shown = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {"page": shown, "text": text, "query": f"{query.urlencode()}&" if query else ""}
    return page(request, "portal/member_list.html", context)


@require_GET
@gate.required(Capability.SEE_MEMBERS)
def detail(request: MemberRequest, member: int) -> HttpResponse:
    """One person's register page with the history of memberships and roles."""
    person = _get(request, member, Capability.SEE_MEMBERS)
    reached = Organization.objects.within(request.scope, Capability.MANAGE_PEOPLE)
    stays = list(person.mobile_stays.order_by("-since"))
    context = {
        "person": person,
        "may_transfer": reached.standing().branches()[:2].count() > 1,
        "memberships": person.memberships.select_related("branch"),
        "appointments": person.appointments.select_related("organization"),
        "stays": stays,
        "open_stay": next((stay for stay in stays if stay.until is None), None),
        "may_manage": request.scope.can(Capability.MANAGE_PEOPLE, person.scope_path),
    }
    return page(request, "portal/member_detail.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_PEOPLE)
def new(request: MemberRequest) -> HttpResponse:
    """Enter somebody into the register of a branch."""
    initial = {"day": request.today}
    form = MemberForm(request.POST or None, scope=request.scope, initial=initial)
    if request.method == "POST" and form.is_valid():
        values: dict[str, Any] = dict(form.cleaned_data)
        branch = values["branch"]
        if not request.scope.can(Capability.MANAGE_PEOPLE, branch.path):
            form.add_error("branch", "这个党支部不在您的范围内。")
        else:
            try:
                person = _enter(request, values)
                messages.success(request, f"{person.name}已入册，可以打印登录条。")
                return redirect("member-detail", person.pk)
            except Refusal as refusal:
                refuse(form, refusal)
    context = {"form": form, "title": "新增党员"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_PEOPLE)
def mend(request: MemberRequest, member: int) -> HttpResponse:
    """Correct what the register says of somebody."""
    person = _get(request, member, Capability.MANAGE_PEOPLE)
    open_ = person.memberships.filter(until=None).first()
    initial = {"group": open_.group if open_ else ""}
    form = MemberForm(request.POST or None, instance=person, initial=initial)
    if request.method == "POST" and form.is_valid():
        values: dict[str, Any] = dict(form.cleaned_data)
        group = values.pop("group")
        fresh = Member.objects.select_related("branch").get(pk=member)
        by = request.scope.actor(Capability.MANAGE_PEOPLE)
        mending.mend(fresh, values, by=by, at=request.at, group=group)
        messages.success(request, "已保存。")
        return redirect("member-detail", member)
    context = {"form": form, "title": f"更正：{person.name}"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_PEOPLE)
def transfer(request: MemberRequest, member: int) -> HttpResponse:
    """Transfer somebody's membership; somebody who had left is entered anew."""
    person = _get(request, member, Capability.MANAGE_PEOPLE)
    left = person.branch
    form = TransferForm(request.POST or None, initial={"on": request.today})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        by = request.scope.actor(Capability.MANAGE_PEOPLE)
        try:
            if not request.scope.can(Capability.MANAGE_PEOPLE, values["branch"].path):
                raise Refusal(
                    "这个党支部不在您的范围内，转到那里要由两边共同的上级党组织办理。",
                    field="branch",
                )
            members.transfer(
                person,
                values["branch"],
                on=values["on"],
                group=values["group"],
                by=by,
                at=request.at,
            )
            messages.success(request, f"{person.name}已转入{values['branch']}，学时随人转移。")
            _say_acting(request, left)
            return redirect("member-list")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": f"转接组织关系：{person.name}"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_PEOPLE)
def leave(request: MemberRequest, member: int) -> HttpResponse:
    """Take somebody off the register; what they studied stays in every book."""
    person = _get(request, member, Capability.MANAGE_PEOPLE)
    left = person.branch
    form = LeaveForm(request.POST or None, initial={"on": request.today})
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.MANAGE_PEOPLE)
        try:
            values = form.cleaned_data
            members.leave(person, on=values["on"], how=values["how"], by=by, at=request.at)
            messages.success(request, f"{person.name}已离册，已学学时保留。")
            _say_acting(request, left)
            return redirect("member-list")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"form": form, "title": f"离开：{person.name}", "verb": "登记离开"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.MANAGE_PEOPLE)
def slips(request: MemberRequest) -> HttpResponse:
    """Make one-time slips for exactly the people ticked, and show them for printing."""
    chosen = [int(pk) for pk in request.POST.getlist("member") if pk.isdecimal()]
    people = Member.objects.active().within(request.scope, Capability.MANAGE_PEOPLE)
    found = list(people.filter(pk__in=chosen).select_related("branch").order_by("number"))
    if len(found) != len(set(chosen)) or not found:
        messages.error(request, "请先勾选本人范围内的党员。")
        return redirect("member-list")
    by = request.scope.actor(Capability.MANAGE_PEOPLE)
    made = sign_in.print_slips(found, by=by, at=request.at)
    address = request.build_absolute_uri(reverse("first-sign-in"))
    printed = [(s, _qr(f"{address}#{s.fragment}")) for s in made]
    return page(request, "portal/slips.html", {"slips": printed, "address": address})


def _enter(request: MemberRequest, values: dict[str, Any]) -> Member:
    """Enrol somebody, or readmit whoever had left under this number and name."""
    by = request.scope.actor(Capability.MANAGE_PEOPLE)
    gone = Member.objects.filter(number=values["number"], name=values["name"], is_active=False)
    person = gone.first()
    if person is None:
        return members.enrol(Enrolment(**values), by=by, at=request.at)
    return members.readmit(
        person, values["branch"], on=values["day"], group=values["group"], by=by, at=request.at
    )


def _say_acting(request: MemberRequest, left: Organization | None) -> None:
    """Say that the parent acts for the branch whose last secretary just went."""
    held = Appointment.objects.filter(organization=left, acting=True, until=None)
    said = {"event": AuditEvent.Event.APPOINT, "organization": left, "at": request.at}
    acting = held.select_related("member").last()
    if acting and AuditEvent.objects.filter(**said).exists():
        messages.info(request, f"{left}已没有支部书记，暂由{acting.member.name}代管。")


def _get(request: MemberRequest, pk: int, capability: Capability) -> Member:
    people = Member.objects.select_related("branch")
    return gate.get(people, request.scope, capability, pk=pk)


def _qr(text: str) -> str:
    return str(segno.make(text, error="m").svg_inline(scale=3, border=2, omitsize=True))
