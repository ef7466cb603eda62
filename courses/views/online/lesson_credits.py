"""What lessons earned the branch's members, for its secretary: to look at and to take back."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from courses.models import LessonCredit
from courses.online import lesson_credits
from credits.forms import ReasonForm
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 50
DECIDE = Capability.CONFIRM_STUDY


@require_GET
@gate.required(DECIDE)
def list_(request: MemberRequest) -> HttpResponse:
    """Lessons that the branch's members passed, the newest first."""
    rows = LessonCredit.objects.within(request.scope, DECIDE)
    rows = rows.select_related("member", "lesson", "programme", "attempt", "decided_by")
    if text := request.GET.get("q", "").strip():
        rows = rows.filter(member__in=Member.objects.search(text))
    query = request.GET.copy()
    query.pop("page", None)
    shown = Paginator(rows.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": shown, "text": text, "query": f"{query.urlencode()}&" if query else ""}
    return page(request, "courses/lesson_credits.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(DECIDE)
def reverse(request: MemberRequest, lesson_credit: int) -> HttpResponse:
    """Take a lesson's hours back, with the reason."""
    rows = LessonCredit.objects.select_related("lesson", "member", "programme")
    found = gate.get(rows, request.scope, DECIDE, pk=lesson_credit)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by, reason = request.scope.actor(DECIDE), form.cleaned_data["reason"]
        try:
            lesson_credits.reverse(found, reason=reason, by=by, at=request.at)
            messages.success(request, "已冲销，明细中保留原记录和理由；本人可以重新学习答题。")
            return redirect("lesson-credits")
        except Refusal as refusal:
            form.add_error(None, refusal.message)
    context = {
        "form": form,
        "title": f"冲销：{found.member.name} 《{found.lesson}》",
        "lead": f"已记入 {found.hours / 100:g} 学时；冲销后学时随之减少，理由写入明细。",
        "verb": "冲销",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)
