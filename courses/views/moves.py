"""The page that moves one attendance of a closed roll to another session or person."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from courses import moves
from courses.models import Attendance, Status, StudySession
from courses.moves import Place
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 12
MOST = 60  # people of the roll offered; whoever else, by number


@require_http_methods(["GET", "POST"])
@gate.required(Capability.RECORD_ATTENDANCE)
def move(request: MemberRequest, session: int, member: int) -> HttpResponse:
    """Choose where to, see what it would change, do it."""
    rolls = StudySession.objects.select_related("organiser")
    found = gate.get(rolls, request.scope, Capability.RECORD_ATTENDANCE, pk=session)
    row = gate.get(
        Attendance.objects.select_related("member"),
        request.scope,
        Capability.RECORD_ATTENDANCE,
        session=found,
        member=member,
    )
    origin = Place(found, row.member)
    context: dict[str, Any] = {"session": found, "row": row}
    try:
        target = _target(request, origin)
        if target is None:
            context |= _choices(request, origin)
            status = 422 if request.method == "POST" else 200
            return page(request, "courses/move.html", context, status=status)
        if request.method == "POST":
            by = request.scope.actor(Capability.RECORD_ATTENDANCE)
            reason = request.POST.get("reason", "")
            moves.move(origin, target, reason=reason, by=by, at=request.at)
            messages.success(request, "已移动，两边的学时随之更正。")
            return redirect("session-detail", session)
        before, after = moves.rehearse(origin, target, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        context |= _choices(request, origin)
        return page(request, "courses/move.html", context, status=422)
    context |= {
        "target": target,
        "changes": [before, after],
        "difference": before.difference + after.difference,
        "reason": "记错了人" if target.session == found else "记错了场次",
    }
    return page(request, "courses/move_confirm.html", context)


def _target(request: MemberRequest, origin: Place) -> Place | None:
    """Where to, as the address or the form says; None before anything is chosen.

    Raises Refusal for a number that nobody has.
    """
    asked = request.POST if request.method == "POST" else request.GET
    session, number = asked.get("to", ""), asked.get("number", "").strip()
    if session.isdecimal() and len(session) < 19:
        rolls = StudySession.objects.select_related("organiser")
        capability = Capability.RECORD_ATTENDANCE
        return Place(gate.get(rolls, request.scope, capability, pk=int(session)), origin.member)
    if not number:
        return None
    other = Member.objects.active().filter(number=number).select_related("branch").first()
    if other is None:
        raise Refusal(f"没有编号为 {number} 的在册党员。", field="number")
    return Place(origin.session, other)


def _choices(request: MemberRequest, origin: Place) -> dict[str, Any]:
    """The organiser's other closed sessions, the newest first, at the page where this one would
    stand, and who stands on the roll without having been there."""
    here = origin.session
    mark = Attendance.objects.filter(session=OuterRef("pk"), member=origin.member)
    held = StudySession.objects.held().filter(organiser=here.organiser).exclude(pk=here.pk)
    held = held.filter(programmes__in=here.programmes.all()).distinct()
    rows: Any = held.annotate(status=Subquery(mark.values("status")[:1]))
    rows = rows.order_by("-starts_at", "-pk")
    away = here.attendances.filter(status__in=[Status.LEAVE, Status.ABSENT], made_up_on=None)
    people = away.exclude(member=origin.member).annotate(
        name=F("member__name"), number=F("member__number")
    )
    later = rows.filter(starts_at__gt=here.starts_at).count() if "page" not in request.GET else 0
    number = request.GET.get("page") or str(later // PER_PAGE + 1)
    shown = Paginator(rows, PER_PAGE).get_page(number)
    return {
        "page": shown,
        "query": "",
        "sessions": [(s, Status(s.status).label if s.status else "") for s in shown.object_list],
        "people": people.order_by("guest", "name", "number")[:MOST],
    }
