"""What a member answers to a session, and how that and requests for leave are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from courses import attendance_plans, roll_call
from courses.models import Attendance, AttendancePlan, Leave, StudySession
from courses.views.shown import answers
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Refusal
from portal.rendering import addresses


@require_POST
@gate.required(Capability.OWN)
def answer(request: MemberRequest, session: int) -> HttpResponse:
    """Say that one comes, ask for leave of a kind, or take back what was said."""
    rows = StudySession.objects.select_related("organiser")
    found = rows.for_member(request.user).filter(pk=session).first()
    found = found or gate.get(rows, request.scope, Capability.SEE_FIGURES, pk=session)
    said, by, at = request.POST.get("answer", ""), request.scope.actor(), request.at
    try:
        if said == "coming":
            plan = attendance_plans.sign_up(found, by=by, at=at)
        elif said == "back":
            plan = attendance_plans.take_back(found, by=by, at=at)
        else:
            reason = request.POST.get("reason", "")
            plan = attendance_plans.ask_leave(found, said, reason=reason, by=by, at=at)
        messages.success(request, f"{found}：{plan.word}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    if request.POST.get("back_to") == "home":
        return redirect("home")
    return redirect("session-detail", session)


def offered(
    session: StudySession,
    mark: Attendance | None,
    plan: AttendancePlan | None,
    member: Member,
    *,
    at: datetime,
) -> dict[str, Any]:
    """The buttons with which a member may answer to a session now; none where nothing is asked."""
    said = f"{plan.state}:{plan.leave}" if plan else ""
    if session.state == StudySession.State.PLANNED:
        if session.ends_at > at and roll_call.is_due(session, member):
            return {"answers": answers(said, reason=True)}
        return {}
    pending = plan is not None and plan.state == AttendancePlan.State.PENDING
    asked = plan is not None and bool(plan.leave) and not session.is_closed
    if pending or (attendance_plans.may_ask_late(session, mark) and not asked):
        late = "补假" if session.is_closed else "请假"
        return {"answers": answers(said, late=late, reason=True), "late": True}
    return {}


def requests(rows: Sequence[Any], *states: str) -> list[dict[str, str]]:
    """Requests for leave in one of these states, as lines of a list."""
    chosen = [row for row in rows if row.state in states]
    if not chosen:
        return []
    address = addresses("plan-decide")
    return [
        {
            "href": address(row.pk),
            "name": row.name,
            "kind": str(Leave(row.leave).label),
            "leave": row.leave,
            "reason": row.reason,
            "word": AttendancePlan.in_words(row.state, row.leave),
            "reply": row.reply,
        }
        for row in chosen
    ]
