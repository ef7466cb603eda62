"""Pages on which branches read reflections, and officials those recommended to them."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from courses.models import Recommendation, Reflection
from courses.online import exemplars, near_copies, reflection_reading
from courses.online.reflection_forms import RecommendForm
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Organization
from portal.refusals import Refusal
from portal.rendering import page

READ, DECIDE = Capability.CONFIRM_STUDY, Capability.APPROVE
PER_PAGE = 30


@require_GET
@gate.required(READ)
def list_(request: MemberRequest) -> HttpResponse:
    """The branch's reflections: those to be read, the oldest first; or those read and returned."""
    decided = request.GET.get("show") == "decided"
    rows = Reflection.objects.within(request.scope, READ).told()
    if decided:
        rows = rows.filter(state__in=["read", "returned"]).order_by("-read_at", "-pk")
        rows = rows.prefetch_related("recommendations__organization")
    else:
        rows = rows.to_read().order_by("handed_in_at", "pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    query = "show=decided&" if decided else ""
    context = {"page": shown, "decided": decided, "query": query}
    return page(request, "courses/reflection_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(READ)
def read(request: MemberRequest, reflection: int) -> HttpResponse:
    """One reflection to read, beside what it shares much with; mark, return or recommend it."""
    rows = Reflection.objects.handed_in().select_related("lifted_lesson", "lifted_material").told()
    found = gate.get(rows, request.scope, READ, pk=reflection)
    if found.member_id == request.user.pk and request.method == "GET":
        return redirect("reflection-write", found.key)
    above = reflection_reading.ancestors(found)
    form = RecommendForm(request.POST or None, above=above)
    status = 200
    if request.method == "POST":
        try:
            messages.success(request, _act(request, found, above, form))
            return redirect("reflection-list")
        except Refusal as refusal:
            messages.error(request, refusal.message)
            status = 422
    context = {
        "row": found,
        "form": form,
        "likenesses": near_copies.found(found, request.scope),
        "recommendation": found.recommendations.select_related("organization").first(),
        "remark": request.POST.get("remark", ""),
    }
    return page(request, "courses/reflection_read.html", context, status=status)


def _act(
    request: MemberRequest, found: Reflection, above: list[Organization], form: RecommendForm
) -> str:
    """Do what was chosen; returns what is said of it. Raises Refusal."""
    by, at, act = request.scope.actor(READ), request.at, request.POST.get("act", "")
    remark = request.POST.get("remark", "")
    if act == "read":
        reflection_reading.read(found, remark=remark, by=by, at=at)
        return "已阅。"
    if act == "return":
        reflection_reading.return_(found, remark=remark, by=by, at=at)
        return "已退回作者修改。"
    if act != "recommend" or not form.is_valid():
        raise Refusal("请在页面上选择要做的事，推荐时选好上级党组织。")
    values = form.cleaned_data
    [chosen] = [one for one in above if one.pk == values["organization"]]
    reflection_reading.recommend(found, chosen, reason=values["reason"], by=by, at=at)
    return f"已推荐给{chosen}。"


@require_GET
@gate.required(DECIDE)
def recommended(request: MemberRequest) -> HttpResponse:
    """What branches recommended to the organisations below oneself: waiting first, or decided."""
    decided = request.GET.get("show") == "decided"
    rows = Recommendation.objects.within(request.scope, DECIDE).told()
    rows = rows.exclude(state="waiting") if decided else rows.waiting().order_by("at", "pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    query = "show=decided&" if decided else ""
    context = {"page": shown, "decided": decided, "query": query}
    return page(request, "courses/recommended_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(DECIDE)
def recommendation(request: MemberRequest, recommendation: int) -> HttpResponse:
    """One that was recommended: accept it, decline it with a reason, withdraw it later. What its
    author or the branch has taken back is read no longer."""
    rows = Recommendation.objects.told().select_related(
        "reflection__lifted_lesson", "reflection__lifted_material"
    )
    found = gate.get(rows, request.scope, DECIDE, pk=recommendation)
    if found.state == Recommendation.State.WITHDRAWN:
        raise Http404("已经撤下。")
    status = 200
    if request.method == "POST":
        by, at, act = request.scope.actor(DECIDE), request.at, request.POST.get("act", "")
        try:
            if act == "accept":
                exemplars.accept(found, by=by, at=at)
                messages.success(request, f"已作为典型，向{found.organization}的党员展示。")
            elif act == "decline":
                exemplars.decline(found, reply=request.POST.get("reply", ""), by=by, at=at)
                messages.success(request, "已答复支部。")
            elif act == "withdraw":
                exemplars.withdraw(found, by=by, at=at)
                messages.success(request, "已撤下。")
            else:
                raise Refusal("请在页面上选择要做的事。")
            return redirect("recommended-list")
        except Refusal as refusal:
            messages.error(request, refusal.message)
            status = 422
    likenesses = near_copies.found(found.reflection, request.scope)
    context = {"recommendation": found, "row": found.reflection, "likenesses": likenesses}
    return page(request, "courses/recommended.html", context, status=status)
