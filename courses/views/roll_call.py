"""Pages of one session: roll call on one screen, closing, corrections, the paper sheet."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import (
    attendance_plans,
    corrections,
    crediting,
    expected,
    line_queries,
    marks,
    roll_call,
    roll_pages,
    sheets_out,
)
from courses.forms import GuestForm
from courses.marks import Mark, Wish
from courses.models import THERE, Attendance, AttendancePlan, Status, StudySession
from courses.views import plans, shown_roll
from credits.forms import ReasonForm
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.refusals import Conflict, Refusal
from portal.rendering import page


@require_GET
@gate.required(Capability.OWN)
def detail(request: MemberRequest, session: int) -> HttpResponse:
    """A session: for the secretary its roll, for a member what it is about and their own mark."""
    found = roll_pages.session_of(session)
    if found and request.scope.can(Capability.RECORD_ATTENDANCE, found.organiser.path):
        return _roll(request, found)
    marks_ = Attendance.objects.filter(session=session, member=request.user)
    mark = marks_.prefetch_related("credits").first()
    own = found if mark else None  # whoever stands on the roll sees it
    if own is None:
        rows = StudySession.objects.select_related("organiser", "reading_class")
        own = rows.for_member(request.user).filter(pk=session).first()
        own = own or gate.get(rows, request.scope, Capability.SEE_FIGURES, pk=session)
    plan = AttendancePlan.objects.filter(session=session, member=request.user).first()
    context = {"session": own, "mark": mark, "at": request.at, "plan": plan}
    context |= plans.offered(own, mark, plan, request.user, at=request.at)
    return page(request, "courses/session_member.html", context)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def open_(request: MemberRequest, session: int) -> HttpResponse:
    """Open the roll; with `then=screen` by code, also where a roll call was planned."""
    found = _get(request, session)
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
    found, wishes = _get(request, session), dict[int, Wish]()
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    becomes = request.POST.get("not_yet_becomes", "")
    try:
        wishes = wishes_of(request)
        if "close" not in request.POST or "back" in request.POST:
            changed = roll_call.save(found, wishes, by=by, at=request.at)
            messages.success(request, f"已暂存，改动 {len(changed)} 人。")
            return redirect("session-detail", session)
        if not found.is_closed and "confirmed" not in request.POST:  # else sent twice: once did it
            refused = crediting.cannot_be_credited(found, wishes, at=request.at)
            waiting = _waiting(found, wishes)
            undecided = _undecided(found, wishes)
            if refused or waiting or undecided:
                return _confirm(request, found, wishes, refused, waiting, undecided)
        roll_call.close(found, wishes, by=by, at=request.at, not_yet_becomes=becomes)
        counts = marks.count(list(found.attendances.all()))
        messages.success(request, f"已记学时：实到 {counts.there} 人。")
        return redirect("session-detail", session)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        found.refresh_from_db()
        status = 409 if isinstance(refusal, Conflict) else 422
        return _roll(request, found, wishes, status=status)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def add(request: MemberRequest, session: int) -> HttpResponse:
    """Add a guest or an observer by number."""
    found, form = _get(request, session), GuestForm(request.POST)
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
    found = _get(request, session)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    try:
        made = roll_call.take_in(found, by=by, at=request.at)
        messages.success(request, f"已补入名单 {len(made)} 人。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("session-detail", session)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def correct(request: MemberRequest, session: int) -> HttpResponse:
    """Correct marks of a closed roll, with the reason."""
    found, wishes = _get(request, session), dict[int, Wish]()
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    try:
        wishes = wishes_of(request)
        reason = request.POST.get("reason", "")
        corrections.correct(found, wishes, reason=reason, by=by, at=request.at)
        messages.success(request, "已更正，学时随之冲销和补记。")
        return redirect("session-detail", session)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        found.refresh_from_db()
        status = 409 if isinstance(refusal, Conflict) else 422
        return _roll(request, found, wishes, status=status)


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
            wishes = wishes_of(request)
            roll_call.save(session, wishes, by=by, at=request.at)
        found = attendance_plans.decide(
            found,
            approve=decision == "approve",
            seen=seen,
            reply=request.POST.get("reply", ""),
            by=by,
            at=request.at,
        )
        messages.success(request, f"{found.member.name}：{found.word}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
        if wishes:
            session.refresh_from_db()
            status = 409 if isinstance(refusal, Conflict) else 422
            return _roll(request, session, wishes, status=status)
    if own and request.POST.get("back_to") != "home":
        return redirect("session-detail", session.pk)
    return redirect("home")


@require_http_methods(["GET", "POST"])
@gate.required(Capability.RECORD_ATTENDANCE)
def one(request: MemberRequest, session: int, member: int) -> HttpResponse:
    """What can be mended for one person of a closed roll: make-up, or "this was the other one"."""
    found = _get(request, session)
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
    found, form = _get(request, session), ReasonForm(request.POST or None)
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
    found = _get(request, session)
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
    found = _get(request, session)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    seen = {int(pk) for pk in request.POST.getlist("credit") if pk.isdecimal()}
    try:
        done = crediting.settle(found, seen, by=by, at=request.at)
        people = {credit.attendance_id for credit in done}
        messages.success(request, f"已核实 {len(people)} 人，不再列入待办。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("session-detail", session)


@require_GET
@gate.required(Capability.RECORD_ATTENDANCE)
def paper(request: MemberRequest, session: int) -> HttpResponse:
    """The sign-in sheet on paper, with the same columns as the spreadsheet."""
    found = _get(request, session)
    rows = found.attendances.by_name().filter(guest=False)
    people = [(row.member, row.home) for row in rows] or roll_call.due_in(found)
    people.sort(key=lambda p: p[0].sort_key)
    groups = sheets_out.groups_of(found, [member for member, _ in people])
    context = {
        "session": found,
        "people": [(member, home, groups.get(member.pk, "")) for member, home in people],
        "worth": sheets_out.worth_of(found),
        "blank": range(5),
    }
    return page(request, "courses/paper.html", context)


def wishes_of(request: HttpRequest) -> dict[int, Wish]:
    """The marks that a form sends: what was seen, and what is wanted, by member id.

    Raises BadMark for text that is no mark.
    """
    wishes = {}
    for name, value in request.POST.items():
        member = name.removeprefix("mark-")
        if name.startswith("mark-") and member.isdecimal():
            seen = request.POST.get(f"seen-{member}", value)
            wishes[int(member)] = Wish(Mark.parse(str(seen)), Mark.parse(str(value)))
    return wishes


def _get(request: MemberRequest, pk: int) -> StudySession:
    rows = StudySession.objects.select_related("organiser", "reading_class")
    return gate.get(rows, request.scope, Capability.RECORD_ATTENDANCE, pk=pk)


def _roll(
    request: MemberRequest,
    session: StudySession,
    wishes: dict[int, Wish] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The roll as it stands; marks that the sender wanted and could not save are kept."""
    rows = roll_pages.marks_of(session)
    refused = roll_pages.refused(session, rows)
    asked = roll_pages.asked(session)
    queries = line_queries.of_session(session)
    questioned = {query.member_id for query in queries}
    named = request.GET.get("member", "")
    if named.isdecimal():
        questioned.add(int(named))
    beside = shown_roll.Beside(asked, roll_pages.elsewhere(session, rows), questioned)
    on_roll = {row.member_id for row in rows} if session.state == "open" else set()
    context: dict[str, Any] = {
        "session": session,
        "rows": shown_roll.lines(session, rows, wishes or {}, beside),
        "queries": queries,
        "asked": plans.requests([r for r in asked if r.member not in on_roll], "pending"),
        "decided": plans.requests(asked, "approved", "declined"),
        "expected": expected.expected(session) if session.state == "planned" else None,
        "counts": marks.count(rows),
        "not_on_roll": [row.name for row in expected.not_on_roll(session)]
        if session.state == "open"
        else [],
        "changes": roll_pages.changes(session),
        "postings": roll_pages.postings(session),
        "refused": refused,
        "unsettled": [c for c in refused if c.settled_at is None],
        "refused_scans": roll_pages.refused_scans(session),
        "walk_ins": roll_pages.walk_ins(session),
        "most_walk_ins": roll_pages.MOST_WALK_INS,
        "at": request.at,
        "over": session.ends_at <= request.at,
    }
    return page(request, "courses/roll_call.html", context, status=status)


def _waiting(session: StudySession, wishes: dict[int, Wish]) -> list[int]:
    """Who would have no mark if the roll were closed like this, by member id."""
    wanted = {member: wish.wanted.status for member, wish in wishes.items()}
    rows = session.attendances.values_list("member_id", "status")
    return [member for member, status in rows if wanted.get(member, status) == Status.NOT_YET]


def _undecided(session: StudySession, wishes: dict[int, Wish]) -> list[str]:
    """Who would be there although their leave waits for a decision, by name."""
    pending = {row.member: row.name for row in roll_pages.asked(session) if row.state == "pending"}
    wanted = {member: wish.wanted.status for member, wish in wishes.items()}
    rows = session.attendances.filter(member__in=pending).values_list("member_id", "status")
    return [pending[member] for member, status in rows if wanted.get(member, status) in THERE]


def _confirm(
    request: MemberRequest,
    session: StudySession,
    wishes: dict[int, Wish],
    refused: list[Any],
    waiting: list[int],
    undecided: list[str],
) -> HttpResponse:
    """Who cannot be credited and why, those too who could not if they were called present; and who
    would count as there although their leave waits for a decision."""
    called = {m: Wish(Mark(Status.NOT_YET), Mark(Status.PRESENT)) for m in waiting}
    all_ = crediting.cannot_be_credited(session, wishes | called, at=request.at) if called else []
    context = {
        "session": session,
        "wishes": [(m, w.seen, w.wanted) for m, w in wishes.items()],
        "refused": refused,
        "waiting": len(waiting),
        "undecided": undecided,
        "if_present": [(p, r) for p, r in all_ if r.credit.member.pk in called],
    }
    return page(request, "courses/roll_confirm.html", context)


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
