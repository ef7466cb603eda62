"""Pages of suggestions and complaints: hand in and see one's own; receive and answer.

What is not one's own or not to be answered is not there at all (404), for the branch's secretary
too: no answer tells which numbers came from the branch.
"""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal import gate, suggestions
from portal.access import Capability
from portal.forms import AnswerForm, AskAgainForm, SuggestionForm, refuse
from portal.gate import MemberRequest
from portal.models import Suggestion
from portal.querysets import SuggestionQuerySet
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30
State = Suggestion.State


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def mine(request: MemberRequest) -> HttpResponse:
    """Hand something in; below it one's own with what became of them."""
    form = SuggestionForm(request.POST or None, initial={"kind": Suggestion.Kind.ADVICE})
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor()
        try:
            suggestions.hand_in(**form.cleaned_data, by=by, at=request.at)
            messages.success(request, "已提交，答复后会显示在这里。")
            return redirect("suggestions")
        except Refusal as refusal:
            refuse(form, refusal)
    rows = Suggestion.objects.within(request.scope, Capability.OWN).select_related("answered_by")
    rows = rows.with_second()
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": shown,
        "query": "",
        "days": suggestions.ANSWER_WITHIN.days,
        "fresh": {row.pk for row in shown if suggestions.may_ask_again(row, at=request.at)},
    }
    return page(request, "portal/suggestions.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.OWN)
def withdraw(request: MemberRequest, suggestion: int) -> HttpResponse:
    """Take back what one has handed in."""
    own = Suggestion.objects.within(request.scope, Capability.OWN)
    found = gate.get(own, request.scope, Capability.OWN, pk=suggestion)
    try:
        suggestions.withdraw(found, by=request.scope.actor(), at=request.at)
        messages.success(request, "已撤回。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("suggestions")


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def again(request: MemberRequest, suggestion: int) -> HttpResponse:
    """Ask a second time about an answer with which one is not content."""
    own = Suggestion.objects.within(request.scope, Capability.OWN).select_related("answered_by")
    found = gate.get(own, request.scope, Capability.OWN, pk=suggestion)
    form = AskAgainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        text, by = form.cleaned_data["text"], request.scope.actor()
        try:
            suggestions.ask_again(found, text, by=by, at=request.at)
            messages.success(request, "已再次提出，由上级或其他同志答复。")
            return redirect("suggestions")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {"suggestion": found, "form": form}
    return page(
        request, "portal/suggestion_again.html", context, status=422 if form.errors else 200
    )


@require_GET
@gate.required(Capability.APPROVE)
def received(request: MemberRequest) -> HttpResponse:
    """What the members of one's scope have handed in: first what waits, the oldest first."""
    overdue_before = request.at - suggestions.ANSWER_WITHIN
    rows = _received(request)
    counts = rows.open().aggregate(
        waiting=Count("pk"), overdue=Count("pk", filter=Q(at__lt=overdue_before))
    )
    state = request.GET.get("state", "")
    state = state if state in State.values else State.OPEN
    found = rows.filter(state=state).select_related("member", "branch")
    found = found.order_by("at", "pk") if state == State.OPEN else found.order_by("-at", "-pk")
    context = {
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "query": f"state={state}&",
        "state": state,
        "states": State.choices,
        "days": suggestions.ANSWER_WITHIN.days,
        "overdue_before": overdue_before,
        **counts,
    }
    return page(request, "portal/suggestions_received.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.APPROVE)
def detail(request: MemberRequest, suggestion: int) -> HttpResponse:
    """One of them, and the form that answers it."""
    rows = _received(request).select_related("member", "branch", "answered_by")
    rows = rows.select_related("first__answered_by")
    found = gate.get(rows, request.scope, Capability.APPROVE, pk=suggestion)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.APPROVE)
        try:
            suggestions.answer(found, form.cleaned_data["answer"], by=by, at=request.at)
            messages.success(request, f"已答复：{found}。")
            return redirect("suggestions-received")
        except suggestions.IsClosed as refusal:
            messages.error(request, refusal.message)
            return redirect("suggestion-detail", found.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "suggestion": found,
        "form": form,
        "for_others": found.state == State.OPEN and suggestions.others_answer(found, request.user),
    }
    return page(request, "portal/suggestion.html", context, status=422 if form.errors else 200)


def _received(request: MemberRequest) -> SuggestionQuerySet:
    return Suggestion.objects.within(request.scope, Capability.APPROVE)
