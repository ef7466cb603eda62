"""Stated hours that wait for an official: every line by branch, approved or returned in a few taps.

Names stand here as far as somebody asks for their hours to be recognised, and no further.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_POST

from credits import claim_decisions, rule_book
from credits.models import ClaimBatch, HoursClaim
from credits.views.shown import claim_line, programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page
from portal.views import kept_forms

BATCHES = 10  # on a page
LINES = 500  # of one receipt at a time; the rest follows when these are decided
DECIDED = 50


@require_GET
@gate.required(Capability.APPROVE)
def waiting(request: MemberRequest) -> HttpResponse:
    """What waits, receipt by receipt, with every line ticked; or what was decided."""
    programme = programme_of(request)
    periods = rule_book.of(programme).current.rules.period_names
    claims = HoursClaim.objects.within(request.scope, Capability.APPROVE).shown()
    claims = claims.filter(programme=programme)
    context: dict[str, Any] = {"programme": programme, "decided": "decided" in request.GET}
    if context["decided"]:
        rows = claims.exclude(state__in=["pending", "withdrawn"]).order_by("-decided_at", "-pk")
        shown = Paginator(rows, DECIDED).get_page(request.GET.get("page"))
        context |= {"page": shown, "lines": [claim_line(claim, periods) for claim in shown]}
        return page(request, "credits/claims_decided.html", context)
    batches = ClaimBatch.objects.within(request.scope, Capability.APPROVE).waiting()
    batches = batches.filter(programme=programme).with_counts().select_related("branch", "by")
    cards = Paginator(batches.order_by("branch__path", "pk"), BATCHES)
    context["page"] = cards.get_page(request.GET.get("page"))
    by_batch: dict[int, list[dict[str, Any]]] = defaultdict(list)
    pending = claims.pending().filter(batch__in=[b.pk for b in context["page"]])
    for claim in pending.order_by("batch", "row", "pk"):
        if len(by_batch[claim.batch_id]) < LINES:
            by_batch[claim.batch_id].append(_choice(claim, periods, request))
    context["kept"] = kept_forms.take(request)
    context["cards"] = [
        {
            "batch": batch,
            "lines": by_batch[batch.pk],
            "total": sum(line["claim"].hours for line in by_batch[batch.pk]),
            "more": batch.pending_count - len(by_batch[batch.pk]),
        }
        for batch in context["page"]
    ]
    return page(request, "credits/claims_waiting.html", context)


@require_POST
@gate.required(Capability.APPROVE)
def decide(request: MemberRequest) -> HttpResponse:
    """Approve or return exactly the lines that were ticked, as they were seen; each that cannot be
    approved is named with its reason."""
    asked = dict(_seen(value) for value in request.POST.getlist("line"))
    rows = HoursClaim.objects.within(request.scope, Capability.APPROVE)
    found = list(rows.filter(pk__in=[pk for pk in asked if pk]).select_related("member"))
    if not found or len(found) != len(asked):
        messages.error(request, "请先勾选要审批的行。")
        return kept_forms.refused(request, "claims-waiting", "line")
    for claim in found:
        claim.version = asked[claim.pk]
    by = request.scope.actor(Capability.APPROVE)
    try:
        if request.POST.get("act") == "return":
            reason = request.POST.get("reason", "")
            count = claim_decisions.return_(found, reason=reason, by=by, at=request.at)
            if count:
                messages.success(request, f"已退回 {count} 行。")
            settled = len(found) - count
        else:
            outcomes = claim_decisions.approve(found, by=by, at=request.at)
            settled = len(found) - len(outcomes)
            good = [o for o in outcomes if not o.reason]
            if good:
                hours = sum(o.hours for o in good) / 100
                messages.success(request, f"已批准 {len(good)} 行，记入 {hours:g} 学时。")
            for outcome in outcomes:
                if outcome.reason:
                    messages.error(request, f"{outcome.claim}：未批准。{outcome.reason}")
        if settled:
            messages.info(request, f"其中 {settled} 行已经有人处理过了，没有改动。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return kept_forms.refused(request, "claims-waiting", "line")
    return kept_forms.back(request, "claims-waiting")


def _choice(claim: HoursClaim, periods: Any, request: MemberRequest) -> dict[str, Any]:
    """A line with its box, unless it is about the viewer or was handed in by them."""
    parties = (claim.member_id, claim.entered_by_id, claim.mended_by_id)
    value = "" if request.user.pk in parties else f"{claim.pk}.{claim.version}"
    return claim_line(claim, periods) | {"value": value}


def _seen(value: str) -> tuple[int, int]:
    """Which line was ticked, and how often it had been mended then; (0, 0) for anything else."""
    pk, _, version = value.partition(".")
    if pk.isdecimal() and len(pk) < 19 and version.isdecimal() and len(version) < 6:
        return int(pk), int(version)
    return 0, 0
