"""Pages of "this line is wrong": said on the statement, decided on the secretary's list."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from courses import line_queries
from courses.models import (
    Discussion,
    HostAttendance,
    LessonCredit,
    LineQuery,
    StudyLog,
    StudySession,
)
from credits.models import HoursClaim, LedgerEntry, SourceKind
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30


@require_POST
@gate.required(Capability.OWN)
def ask(request: MemberRequest) -> HttpResponse:
    """Say that a line of one's own statement is wrong."""
    asked = request.POST.get("entry", "")
    if not asked.isdecimal() or len(asked) > 18:
        messages.error(request, "请先在明细里选择一条。")
        return redirect("my-hours")
    lines = LedgerEntry.objects.select_related("programme", "posting", "home")
    entry = gate.get(lines, request.scope, Capability.OWN, pk=int(asked))
    reason, text = request.POST.get("reason", ""), request.POST.get("text", "")
    try:
        line_queries.ask(entry, reason, text=text, by=request.scope.actor(), at=request.at)
        messages.success(request, "已告诉支部，核对后会在这一条下面答复。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect(f"{reverse('my-hours')}?programme={entry.programme.code}")


@require_POST
@gate.required(Capability.OWN)
def missing(request: MemberRequest) -> HttpResponse:
    """Say that something one studied was not credited."""
    programme = programme_of(request)
    try:
        day = date.fromisoformat(request.POST.get("day", ""))
        text = request.POST.get("text", "")
        line_queries.ask_missing(programme, day, text, by=request.scope.actor(), at=request.at)
        messages.success(request, "已告诉支部，核对后会在“我的学时”答复。")
    except ValueError:
        messages.error(request, "请填写学习日期。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect(f"{reverse('my-hours')}?programme={programme.code}")


@require_POST
@gate.required(Capability.OWN)
def withdraw(request: MemberRequest, query: int) -> HttpResponse:
    """Take back what one asked."""
    rows = LineQuery.objects.select_related("programme")
    found = gate.get(rows, request.scope, Capability.OWN, pk=query)
    try:
        line_queries.withdraw(found, by=request.scope.actor(), at=request.at)
        messages.success(request, "已撤回。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect(f"{reverse('my-hours')}?programme={found.programme.code}")


@require_GET
@gate.required(Capability.CONFIRM_STUDY)
def list_(request: MemberRequest) -> HttpResponse:
    """What members asked about lines that this secretary decides: open, or done with."""
    decided = request.GET.get("show") == "decided"
    scope, sessions = request.scope, Q(kind=SourceKind.SESSION)
    own = scope.condition(Capability.RECORD_ATTENDANCE, "place__path", None) & sessions
    own |= scope.condition(Capability.CONFIRM_STUDY, "place__path", None) & ~sessions
    rows = LineQuery.objects.filter(own).select_related("member", "place", "decided_by")
    if decided:
        rows = rows.exclude(state__in=["open", "withdrawn"]).order_by("-decided_at", "-pk")
    else:
        rows = rows.open()
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    addresses = _addresses(list(shown.object_list)) if not decided else {}
    context = {
        "page": shown,
        "lines": [(query, addresses.get(query.pk, "")) for query in shown.object_list],
        "decided": decided,
        "query": "show=decided&" if decided else "",
    }
    return page(request, "courses/query_list.html", context)


@require_POST
@gate.required(Capability.CONFIRM_STUDY)
def decline(request: MemberRequest, query: int) -> HttpResponse:
    """Leave the line as it is, with the reason."""
    found = _get(request, query)
    reply, by = request.POST.get("reply", ""), request.scope.actor(line_queries.needed(found.kind))
    try:
        line_queries.decline(found, reply=reply, by=by, at=request.at)
        messages.success(request, f"已答复{found.member.name}：不予更正。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("query-list")


@require_POST
@gate.required(Capability.CONFIRM_STUDY)
def credited(request: MemberRequest, query: int) -> HttpResponse:
    """Say that the missing line has been credited."""
    found = _get(request, query)
    by = request.scope.actor(line_queries.needed(found.kind))
    try:
        line_queries.credited(found, by=by, at=request.at)
        messages.success(request, f"已答复{found.member.name}：已补记。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("query-list")


def _get(request: MemberRequest, pk: int) -> LineQuery:
    kind = LineQuery.objects.filter(pk=pk).values_list("kind", flat=True).first() or ""
    rows = LineQuery.objects.select_related("member", "place")
    return gate.get(rows, request.scope, line_queries.needed(kind), pk=pk)


def _addresses(queries: list[LineQuery]) -> dict[int, str]:
    """Where each can be put right, by its id: one query for each kind on the page."""
    keys: dict[str, list[str]] = {
        "session": [],
        "log": [],
        "host": [],
        "lesson": [],
        "discussion": [],
        "opening": [],
        "outside": [],
    }
    for query in queries:
        keys.setdefault(query.kind, []).append(query.key)
    found: dict[Any, int] = {}
    models = {"session": StudySession, "log": StudyLog, "host": HostAttendance,
              "discussion": Discussion}  # fmt: skip
    for kind, model in models.items():
        if not keys[kind]:
            continue
        rows: Any = model._default_manager.filter(key__in=keys[kind])
        found |= {(kind, key): pk for key, pk in rows.values_list("key", "pk")}
    passed = LessonCredit.objects.filter(key__in=keys["lesson"], state="credited")
    found |= {
        ("lesson", key, on): pk for key, on, pk in passed.values_list("key", "programme", "pk")
    }
    if stated := keys["opening"] + keys["outside"]:
        claims = HoursClaim.objects.filter(key__in=stated).values_list("kind", "key", "pk")
        found |= {(kind, key): pk for kind, key, pk in claims}
    addresses = {}
    for query in queries:
        about = (query.kind, query.key)
        source = found.get(about) or found.get((*about, query.programme_id))
        one = f"?member={query.member_id}#m{query.member_id}"
        if query.kind == "session" and source:
            addresses[query.pk] = reverse("session-detail", args=[source]) + one
        elif query.kind == "log" and source:
            addresses[query.pk] = reverse("log-reverse", args=[source])
        elif query.kind == "host" and source:
            addresses[query.pk] = reverse("host-reverse", args=[source])
        elif query.kind == "lesson" and source:
            addresses[query.pk] = reverse("lesson-reverse", args=[source])
        elif query.kind == "discussion" and source:
            addresses[query.pk] = reverse("discussion-recognise", args=[source]) + one
        elif source:
            addresses[query.pk] = reverse("claim-detail", args=[source])
    return addresses
