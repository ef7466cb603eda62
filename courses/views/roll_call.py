"""Pages of one session: roll call on one screen, closing, the paper sheet."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from courses import marks, meeting_links, roll_call, roll_pages, who_is_due
from courses.forms import GuestForm
from courses.marks import Wish
from courses.models import Attendance, AttendancePlan, StudySession
from courses.sheets import sheets_out
from courses.views import closing, plans, roll_page
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.refusals import Conflict, Refusal
from portal.rendering import page


@require_GET
@gate.required(Capability.OWN)
def detail(request: MemberRequest, session: int) -> HttpResponse:
    """A session: for the secretary its roll, for a member what it is about and their own mark."""
    found = roll_pages.session_of(session)
    if found and request.scope.can(Capability.RECORD_ATTENDANCE, found.organiser.path):
        return roll_page.show(request, found)
    marks_ = Attendance.objects.filter(session=session, member=request.user)
    mark = marks_.prefetch_related("credits").first()
    own = found if mark else None  # whoever stands on the roll sees it
    if own is None:
        rows = StudySession.objects.select_related("organiser", "reading_class")
        own = rows.for_member(request.user).filter(pk=session).first()
        own = own or gate.get(rows, request.scope, Capability.SEE_FIGURES, pk=session)
    plan = AttendancePlan.objects.filter(session=session, member=request.user).first()
    context = {
        "session": own,
        "mark": mark,
        "at": request.at,
        "plan": plan,
        "meeting": meeting_links.is_offered(own, request.user, mark, at=request.at),
    }
    context |= plans.offered(own, mark, plan, request.user, at=request.at)
    return page(request, "courses/session_member.html", context)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def open_(request: MemberRequest, session: int) -> HttpResponse:
    """Open the roll; with `then=screen` by code, also where a roll call was planned."""
    found = roll_page.session_of(request, session)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    by_code = request.POST.get("then") == "screen"
    try:
        found = roll_call.open_(found, by=by, at=request.at)
        if by_code:
            roll_call.take_by_code(found, by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    if by_code:
        return redirect("check-in-screen", session)
    return redirect("session-detail", session)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def save(request: MemberRequest, session: int) -> HttpResponse:
    """Save marks; with `close`, close the roll, after showing who cannot be credited and why."""
    found, wishes = roll_page.session_of(request, session), dict[int, Wish]()
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    becomes, counted = request.POST.get("not_yet_becomes", ""), request.POST.get("compared", "")
    try:
        wishes = roll_page.wishes_of(request)
        if "close" not in request.POST or "back" in request.POST:
            changed = roll_call.save(found, wishes, by=by, at=request.at)
            messages.success(request, f"已暂存，改动 {len(changed)} 人。")
            return _back(request, found)
        if not found.is_closed and "confirmed" not in request.POST:  # else sent twice: once did it
            asked = closing.asked(found, wishes, at=request.at)
            if asked:
                return page(request, "courses/roll_confirm.html", asked)
        roll_call.close(
            found, wishes, by=by, at=request.at, not_yet_becomes=becomes,
            compared=int(counted) if counted.isdecimal() and len(counted) < 7 else None,
        )  # fmt: skip
        counts = marks.count(list(found.attendances.all()))
        messages.success(request, f"已记学时：实到 {counts.there} 人。")
        return _back(request, found)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        found.refresh_from_db()
        status = 409 if isinstance(refusal, Conflict) else 422
        return roll_page.show(request, found, wishes, status=status)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def add(request: MemberRequest, session: int) -> HttpResponse:
    """Add a guest or an observer by number."""
    found, form = roll_page.session_of(request, session), GuestForm(request.POST)
    if not form.is_valid():
        messages.error(
            request, "；".join(str(e) for errors in form.errors.values() for e in errors)
        )
        return redirect("session-detail", session)
    values, by = form.cleaned_data, request.scope.actor(Capability.RECORD_ATTENDANCE)
    try:
        row = roll_call.add(found, values["number"], values["status"], by=by, at=request.at)
        messages.success(request, f"已添加：{row.member.name}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("session-detail", session)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def take_in(request: MemberRequest, session: int) -> HttpResponse:
    """Take those who became due after the roll was opened onto it."""
    found = roll_page.session_of(request, session)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    try:
        made = roll_call.take_in(found, by=by, at=request.at)
        messages.success(request, f"已补入名单 {len(made)} 人。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("session-detail", session)


@require_GET
@gate.required(Capability.RECORD_ATTENDANCE)
def paper(request: MemberRequest, session: int) -> HttpResponse:
    """The sign-in sheet on paper, with the same columns as the spreadsheet."""
    found = roll_page.session_of(request, session)
    rows = found.attendances.by_name().filter(guest=False)
    people = [(row.member, row.home) for row in rows] or who_is_due.members_of(found)
    people.sort(key=lambda p: p[0].sort_key)
    groups = sheets_out.groups_of(found, [member for member, _ in people])
    context = {
        "session": found,
        "people": [(member, home, groups.get(member.pk, "")) for member, home in people],
        "worth": sheets_out.worth_of(found),
        "blank": range(5),
    }
    return page(request, "courses/paper.html", context)


def _back(request: MemberRequest, session: StudySession) -> HttpResponse:
    """To the session, or to the roll of its whole class where one came from there."""
    if session.reading_class_id and "of_class" in request.POST:
        return redirect("class-roll", session.reading_class_id)
    return redirect("session-detail", session.pk)
