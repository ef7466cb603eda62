"""Pages of catch-up windows (补录期): which there are, what was entered in them; open, end."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import catch_up, late_entries
from credits.catch_up import Span
from credits.forms import WindowForm
from credits.late_entries import Entered
from credits.models import CatchUpWindow
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Organization
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30


@require_GET
@gate.required(Capability.APPROVE)
def list_(request: MemberRequest) -> HttpResponse:
    """The windows over one's organisations, the newest first, with what came in."""
    programme = programme_of(request)
    rows = CatchUpWindow.objects.within(request.scope, Capability.APPROVE)
    rows = rows.filter(programme=programme).select_related("organization", "opened_by")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    entered = late_entries.by_window(list(shown.object_list))
    context = {
        "programme": programme,
        "page": shown,
        "query": f"programme={programme.code}&",
        "windows": [
            {
                "window": window,
                "entered": entered.get(window.pk, Entered()),
                "state": _state(window, request),
            }
            for window in shown.object_list
        ],
    }
    return page(request, "credits/window_list.html", context)


@require_GET
@gate.required(Capability.APPROVE)
def detail(request: MemberRequest, window: int) -> HttpResponse:
    """One window: its terms, and how much was entered by each branch; no names."""
    rows = CatchUpWindow.objects.select_related(
        "organization", "opened_by", "ended_by", "programme"
    )
    found = gate.get(rows, request.scope, Capability.APPROVE, pk=window)
    context = {
        "window": found,
        "state": _state(found, request),
        "entered": late_entries.by_window([found]).get(found.pk, Entered()),
        "branches": late_entries.by_branch(found),
    }
    return page(request, "credits/window_detail.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.APPROVE)
def new(request: MemberRequest) -> HttpResponse:
    """Open a window over one of one's organisations."""
    programme = programme_of(request)
    within = Organization.objects.standing().within(request.scope, Capability.APPROVE)
    own = request.scope.organizations(Capability.APPROVE)
    wanted = request.GET.get("organization", "")
    chosen = within.filter(pk=int(wanted)).first() if _is_id(wanted) else None
    chosen = chosen or (own[0] if own else None)
    initial = {
        "organization": chosen.name if chosen else "",
        "first_day": programme.starts,
        "last_day": min(request.today, programme.ends),
        "opens_on": request.today,
    }
    form = WindowForm(request.POST or None, within=within, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            window = catch_up.open_(
                programme,
                values["organization"],
                days=Span(values["first_day"], values["last_day"]),
                dates=Span(values["opens_on"], values["closes_on"]),
                reason=values["reason"],
                by=request.scope.actor(Capability.APPROVE),
                at=request.at,
            )
            messages.success(request, f"已开设：{window}。")
            return redirect("window-list")
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "title": "开设补录期",
        "lead": f"{programme} · 期内补记不受补记期限限制，其他规定照常；期内补记的学时都标为“补录”",
        "verb": "开设",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.APPROVE)
def end(request: MemberRequest, window: int) -> HttpResponse:
    """End a window before its time."""
    rows = CatchUpWindow.objects.select_related("organization", "programme")
    found = gate.get(rows, request.scope, Capability.APPROVE, pk=window)
    try:
        catch_up.end(found, by=request.scope.actor(Capability.APPROVE), at=request.at)
        messages.success(request, f"已终止：{found}。已补录的学时不变。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("window-list")


def _state(window: CatchUpWindow, request: MemberRequest) -> dict[str, Any]:
    """Where a window is today: a word, the tag's colour, whether it can be ended."""
    if window.ended_at:
        return {"word": "已终止", "tag": "no", "may_end": False}
    if window.closes_on < request.today:
        return {"word": "已到期", "tag": "", "may_end": False}
    if window.opens_on > request.today:
        return {"word": "未开始", "tag": "wait", "may_end": True}
    return {"word": "开放中", "tag": "ok", "may_end": True}


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 19
