"""Pages of stated hours for the branch: hand in, see what became of it, mend, withdraw; and the one
line behind an entry of the statement."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import claims, rule_book
from credits.claim_forms import MOST, SPARE, ClaimForm, MendForm
from credits.claims import BadClaim
from credits.models import ClaimBatch, HoursClaim
from credits.views.shown import claim_line, programme_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30
LINES = 200  # on one page of a receipt


@require_GET
@gate.required(Capability.EXEMPT)
def list_(request: MemberRequest) -> HttpResponse:
    """What the branch has handed in: what came back first, then every receipt with its counts."""
    programme = programme_of(request)
    own = HoursClaim.objects.within(request.scope, Capability.EXEMPT).filter(programme=programme)
    batches = ClaimBatch.objects.within(request.scope, Capability.EXEMPT)
    batches = (
        batches.filter(programme=programme)
        .with_counts()
        .select_related("branch", "by")
        .order_by("-pk")
    )
    periods = rule_book.of(programme).current.rules.period_names
    context = {
        "programme": programme,
        "returned": [claim_line(c, periods) for c in own.filter(state="returned").shown()[:LINES]],
        "page": Paginator(batches, PER_PAGE).get_page(request.GET.get("page")),
        "branches": request.scope.organizations(Capability.EXEMPT),
    }
    return page(request, "credits/claim_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.EXEMPT)
def new(request: MemberRequest) -> HttpResponse:
    """Hand in what a register or a certificate states of one member, in several lines."""
    programme = programme_of(request)
    within = Member.objects.active().within(request.scope, Capability.EXEMPT)
    people = list(within.select_related("branch").order_by("name", "number"))
    rules, grows = rule_book.of(programme).current.rules, request.POST.get("act") == "more"
    if request.method == "GET" or grows:
        form = ClaimForm(people=people, rules=rules, initial=_begun(request))
    else:
        form = ClaimForm(request.POST, people=people, rules=rules)
    if form.is_valid():
        stated = form.stated()
        branch = stated[0].member.branch
        by, key = request.scope.actor(Capability.EXEMPT), form.cleaned_data["key"]
        try:
            if branch is None:
                raise Refusal(f"{stated[0].member.name}已不在册。")
            batch = claims.hand_in(programme, branch, stated, key=key, by=by, at=request.at)
            messages.success(request, f"已申报 {batch.claims.count()} 行，上级批准后记入学时。")
            return redirect("claim-batch", batch.pk)
        except BadClaim as bad:
            form.show(bad.faults)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"programme": programme, "form": form, "can_grow": form.count < MOST}
    return page(request, "credits/claim_new.html", context, status=422 if form.is_bound else 200)


@require_GET
@gate.required(Capability.EXEMPT)
def batch(request: MemberRequest, batch: int) -> HttpResponse:
    """One receipt: its lines, what became of each and why."""
    rows = ClaimBatch.objects.with_counts().select_related("branch", "programme", "by", "undone_by")
    found = gate.get(rows, request.scope, Capability.EXEMPT, pk=batch)
    shown = Paginator(found.claims.shown(), LINES).get_page(request.GET.get("page"))
    periods = rule_book.of(found.programme).current.rules.period_names
    context = {
        "batch": found,
        "page": shown,
        "lines": [claim_line(claim, periods) for claim in shown],
        "may_undo": found.undone_at is None and found.programme.takes_postings,
    }
    return page(request, "credits/claim_batch.html", context)


@require_GET
@gate.required(Capability.OWN)
def detail(request: MemberRequest, claim: int) -> HttpResponse:
    """One line: where the hours come from, who handed them in, who approved them; for its member,
    the branch and those who approve."""
    rows = (
        HoursClaim.objects.seen_by(request.scope).shown().select_related("programme", "mended_by")
    )
    found = rows.filter(pk=claim).first()
    if found is None:
        raise Http404("没有找到，或不在您的范围内。")
    scope, path = request.scope, found.branch.path
    periods = rule_book.of(found.programme).current.rules.period_names
    context = {
        "claim": found,
        "period": periods.get(found.period, ""),
        "own": found.member_id == request.user.pk,
        "may_mend": scope.can(Capability.EXEMPT, path),
        "may_reverse": scope.can(Capability.APPROVE, path) and found.member_id != request.user.pk,
    }
    return page(request, "credits/claim_detail.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.EXEMPT)
def mend(request: MemberRequest, claim: int) -> HttpResponse:
    """Change a line that waits or came back, and hand it in anew."""
    rows = HoursClaim.objects.select_related("programme", "member", "branch", "batch")
    found = gate.get(rows, request.scope, Capability.EXEMPT, pk=claim)
    rules = rule_book.of(found.programme).current.rules
    form = MendForm(request.POST or None, claim=found, rules=rules)
    if request.method == "POST" and form.is_valid():
        found.version = form.cleaned_data["version"]
        by = request.scope.actor(Capability.EXEMPT)
        try:
            claims.mend(found, form.stated(found.member), by=by, at=request.at)
            messages.success(request, "已修改，重新等上级审批。")
            return redirect("claim-batch", found.batch_id)
        except BadClaim as bad:
            for fault in bad.faults:
                refuse(form, Refusal(fault.message, field=fault.field))
        except Refusal as refusal:
            refuse(form, refusal)
    lead = f"退回理由：{found.reason}" if found.state == "returned" else ""
    context: dict[str, Any] = {
        "form": form,
        "title": f"修改申报：{found.member.name}",
        "lead": lead,
        "verb": "重新提交审批",
        "back": reverse("claim-batch", args=[found.batch_id]),
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.EXEMPT)
def withdraw(request: MemberRequest, claim: int) -> HttpResponse:
    """Take a line back that nobody has decided."""
    found = gate.get(HoursClaim.objects.all(), request.scope, Capability.EXEMPT, pk=claim)
    try:
        claims.withdraw(found, by=request.scope.actor(Capability.EXEMPT), at=request.at)
        messages.success(request, "已撤回。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("claim-batch", found.batch_id)


def _begun(request: MemberRequest) -> dict[str, Any]:
    """What a form begins with: the person asked for, or all that stands in it, with more rows."""
    if request.method == "GET":
        return {"member": request.GET.get("member", "")}
    typed: dict[str, Any] = request.POST.dict()
    rows = typed.get("rows", "")
    return typed | {"rows": str(int(rows) + 2 * SPARE) if rows.isdecimal() else ""}
