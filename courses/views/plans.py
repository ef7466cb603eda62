"""What a member answers to a session, and how that and requests for leave are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from courses import attendance_plans, roll_call, who_is_due
from courses.marks import Wish
from courses.models import Attendance, AttendancePlan, StudySession
from courses.views import roll_page
from courses.views.shown import answers
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Conflict, Refusal


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


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def decide(request: MemberRequest, plan: int) -> HttpResponse:
    """Approve leave or decline it, from wherever the request is shown; beside the line of an open
    roll the marks that were changed on the page are saved, too."""
    rows = AttendancePlan.objects.select_related("session__organiser", "member")
    found = gate.get(rows, request.scope, Capability.RECORD_ATTENDANCE, pk=plan)
    session, wishes = found.session, dict[int, Wish]()
    own = request.scope.can(Capability.RECORD_ATTENDANCE, session.organiser.path)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    decision, _, seen = request.POST.get("decision", "").partition(":")
    try:
        if decision not in ("approve", "decline"):
            raise Refusal("请选择批准或不批准。")
        if own and session.state == StudySession.State.OPEN:
            wishes = roll_page.wishes_of(request)
            roll_call.save(session, wishes, by=by, at=request.at)
        found = attendance_plans.decide(
            found,
            approve=decision == "approve",
            seen=seen,
            reply=" ".join(request.POST.get(f"reply-{plan}", "").split()),
            by=by,
            at=request.at,
        )
        messages.success(request, f"{found.member.name}：{found.word}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
        if wishes:
            session.refresh_from_db()
            status = 409 if isinstance(refusal, Conflict) else 422
            return roll_page.show(request, session, wishes, status=status)
    if own and request.POST.get("back_to") != "home":
        return redirect("session-detail", session.pk)
    return redirect("home")


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
        if session.ends_at > at and who_is_due.is_due(session, member):
            return {"answers": answers(said, reason=True)}
        return {}
    pending = plan is not None and plan.state == AttendancePlan.State.PENDING
    asked = plan is not None and bool(plan.leave) and not session.is_closed
    if pending or (attendance_plans.may_ask_late(session, mark) and not asked):
        late = "补假" if session.is_closed else "请假"
        return {"answers": answers(said, late=late, reason=True), "late": True}
    return {}
