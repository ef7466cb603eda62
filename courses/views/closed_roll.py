"""What is done to a roll once it is closed: corrections, make-up, credit that was refused."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from courses import corrections, crediting
from courses.marks import Wish
from courses.models import Attendance, StudySession
from courses.views import roll_page
from credits.forms import ReasonForm
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Conflict, Refusal
from portal.rendering import page


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def correct(request: MemberRequest, session: int) -> HttpResponse:
    """Correct marks of a closed roll, with the reason."""
    found, wishes = roll_page.session_of(request, session), dict[int, Wish]()
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    try:
        wishes = roll_page.wishes_of(request)
        reason = request.POST.get("reason", "")
        corrections.correct(found, wishes, reason=reason, by=by, at=request.at)
        messages.success(request, "已更正，学时随之冲销和补记。")
        return redirect("session-detail", session)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        found.refresh_from_db()
        status = 409 if isinstance(refusal, Conflict) else 422
        return roll_page.show(request, found, wishes, status=status)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.RECORD_ATTENDANCE)
def one(request: MemberRequest, session: int, member: int) -> HttpResponse:
    """What can be mended for one person of a closed roll: make-up, or "this was the other one"."""
    found = roll_page.session_of(request, session)
    row = gate.get(
        Attendance.objects.select_related("member", "session", "home"),
        request.scope,
        Capability.RECORD_ATTENDANCE,
        session=found,
        member=member,
    )
    if request.method == "POST":
        try:
            _mend(request, found, row)
            messages.success(request, "已更正。")
            return redirect("session-detail", session)
        except Refusal as refusal:
            messages.error(request, refusal.message)
    near = request.scope.condition(Capability.RECORD_ATTENDANCE, "branch__path", "pk")
    near |= Q(attendances__session=found)  # whoever is of elsewhere: by number only
    others = Member.objects.active().filter(near, name=row.member.name).exclude(pk=member)
    context = {
        "session": found,
        "row": row,
        "others": others.select_related("branch").distinct().order_by("number"),
        "today": request.today,
        "changes": found.changes.filter(member=member).select_related("by"),
    }
    status = 422 if request.method == "POST" else 200
    return page(request, "courses/roll_one.html", context, status=status)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.RECORD_ATTENDANCE)
def reopen(request: MemberRequest, session: int) -> HttpResponse:
    """Open a closed roll once more, with a reason."""
    found, form = roll_page.session_of(request, session), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.RECORD_ATTENDANCE)
        try:
            corrections.reopen(found, reason=form.cleaned_data["reason"], by=by, at=request.at)
            messages.success(request, "已重新打开，原记学时暂时冲销，重新记学时后恢复。")
            return redirect("session-detail", session)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
    context = {"form": form, "title": f"重新打开点名：{found}", "verb": "重新打开"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def credit_now(request: MemberRequest, session: int) -> HttpResponse:
    """Try again to credit those whom something stood in the way of."""
    found = roll_page.session_of(request, session)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    try:
        posted = crediting.credit_now(found, by=by, at=request.at)
        given, left = sum(len(p.lines) for p in posted), sum(len(p.refused) for p in posted)
        messages.info(request, f"补记 {given} 人，仍有 {left} 人未能记入。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("session-detail", session)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def settle(request: MemberRequest, session: int) -> HttpResponse:
    """Take refused credits that were looked at out of the to-do list."""
    found = roll_page.session_of(request, session)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    seen = {int(pk) for pk in request.POST.getlist("credit") if pk.isdecimal()}
    try:
        done = crediting.settle(found, seen, by=by, at=request.at)
        people = {credit.attendance_id for credit in done}
        messages.success(request, f"已核实 {len(people)} 人，不再列入待办。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("session-detail", session)


def _mend(request: MemberRequest, session: StudySession, row: Attendance) -> None:
    by, reason = request.scope.actor(Capability.RECORD_ATTENDANCE), request.POST.get("reason", "")
    if "made_up_on" in request.POST:
        try:
            on = date.fromisoformat(request.POST["made_up_on"])
        except ValueError as error:
            raise Refusal("请填写补学日期。", field="made_up_on") from error
        corrections.make_up(
            session, row.member, on=on, by=by, at=request.at, reason=reason or "补学"
        )
        return
    number = request.POST.get("other", "").strip()
    other = Member.objects.active().filter(number=number).select_related("branch").first()
    if other is None:
        raise Refusal(f"没有编号为 {number} 的在册党员。", field="other")
    corrections.exchange(session, row.member, other, reason=reason, by=by, at=request.at)
