"""Pages of exemptions and certificates: asked by one, decided by another."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import certificates, exemptions, targets
from credits.forms import ExemptionForm, ReasonForm
from credits.models import Certificate, Exemption, Programme, Standing
from credits.views.shown import address_of, others_of, programme_of
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
    """Requests of one's scope, of every programme: those that wait first."""
    rows = Exemption.objects.within(request.scope, Capability.APPROVE)
    rows = rows.select_related("programme", "member__branch", "asked_by", "decided_by")
    batches: dict[str, list[Exemption]] = {}
    for row in rows.filter(state=Exemption.State.ASKED).order_by("asked_at", "pk"):
        batches.setdefault(row.batch or f"one-{row.pk}", []).append(row)
    context = {
        "waiting": list(batches.values()),
        "others": rows.exclude(state=Exemption.State.ASKED)[:100],
    }
    return page(request, "credits/exemption_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.EXEMPT)
def ask(request: MemberRequest, member: int) -> HttpResponse:
    """Ask for somebody's exemption from a programme; an official decides."""
    people = Member.objects.select_related("branch")
    person = gate.get(people, request.scope, Capability.EXEMPT, pk=member)
    programme = programme_of(request)
    form = ExemptionForm(request.POST or None, initial={"since": request.today})
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        values.pop("kind")
        by = request.scope.actor(Capability.EXEMPT)
        try:
            exemptions.ask(programme, person, by=by, at=request.at, **values)
            messages.success(request, f"已提交：{person.name}在{programme}的减免，由上级审批。")
            return redirect(address_of(programme, "branch-hours"))
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "title": f"申报减免：{person.name}",
        "lead": programme,
        "programmes": others_of(programme),
        "verb": "提交审批",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.EXEMPT)
def ask_many(request: MemberRequest) -> HttpResponse:
    """Ask the same for a selection of the branch, narrowed to a category of people."""
    programme, scope = programme_of(request), request.scope
    category = request.POST.get("category", "") or request.GET.get("category", "")
    form = ExemptionForm(request.POST or None, initial={"since": request.today})
    asked = set(request.POST.getlist("member"))
    if request.method == "POST" and form.is_valid():
        reached = Member.objects.within(scope, Capability.EXEMPT).select_related("branch")
        people = gate.ticked(request, "member", reached)
        if not people:
            form.add_error(None, "请先勾选本支部的党员。")
        elif _hand_in(request, programme, people, form):
            return redirect(address_of(programme, "branch-hours"))
    rows = Standing.objects.within(scope, Capability.EXEMPT).due().filter(programme=programme)
    rows = rows.exclude(member=request.user).select_related("member", "branch")
    rows = rows.filter(member__category=category) if category else rows
    listed = list(rows.order_by("branch__path", "member__name", "member__number"))
    found = targets.why(programme, listed)
    context = {
        "programme": programme,
        "programmes": others_of(programme),
        "form": form,
        "rows": [(row, found[row.member_id]) for row in listed],
        "chosen": asked,
        "category": category,
        "categories": Member.Category.choices,
        "several": len({row.branch_id for row in listed}) > 1,
    }
    return page(request, "credits/exemption_many.html", context, status=422 if form.errors else 200)


def _hand_in(
    request: MemberRequest, programme: Programme, people: list[Member], form: ExemptionForm
) -> bool:
    """Hand in one request each; whether any went through. Whoever cannot be exempted is named."""
    values = dict(form.cleaned_data)
    values.pop("kind")
    by = request.scope.actor(Capability.EXEMPT)
    try:
        outcome = exemptions.ask_many(
            programme, people, exemptions.Terms(**values), by=by, at=request.at
        )
    except Refusal as refusal:
        refuse(form, refusal)
        return False
    said = [_said(member, refusal) for member, refusal in outcome.refused]
    if not outcome.done:
        for text in said:
            form.add_error(None, text)
        return False
    messages.success(request, f"已为 {len(outcome.done)} 人申报减免，由上级审批。")
    if said:
        messages.warning(request, f"未申报 {len(said)} 人：{'；'.join(said)}")
    return True


def _said(member: Member, refusal: Refusal) -> str:
    """A refusal that names the person."""
    text = refusal.message
    return text if text.startswith(member.name) else f"{member.name}：{text}"


@require_POST
@gate.required(Capability.APPROVE)
def decide_many(request: MemberRequest) -> HttpResponse:
    """Approve or refuse what was asked for in one act, as far as one's scope reaches."""
    batch = request.POST.get("batch", "")[:20]
    rows = Exemption.objects.within(request.scope, Capability.APPROVE).select_related("programme")
    rows = rows.filter(batch=batch, state=Exemption.State.ASKED)
    found, act = list(rows) if batch else [], request.POST.get("act", "")
    if not found or act not in ("approve", "refuse"):
        messages.error(request, "这一批减免已经审批，或不在您的范围内。")
        return redirect("exemption-list")
    by, answer = request.scope.actor(Capability.APPROVE), request.POST.get("answer", "")[:200]
    try:
        outcome = exemptions.decide_many(
            found[0].programme, found, approve=act == "approve", answer=answer, by=by, at=request.at
        )
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("exemption-list")
    if outcome.done:
        word = outcome.done[0].get_state_display()
        messages.success(request, f"{word} {len(outcome.done)} 人的减免。")
    if outcome.refused:
        said = "；".join(_said(member, refusal) for member, refusal in outcome.refused)
        messages.warning(request, f"未办理 {len(outcome.refused)} 人：{said}")
    return redirect("exemption-list")


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
