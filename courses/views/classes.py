"""Pages of reading classes and sessions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import reading_classes, sessions
from courses.forms import ClassForm, PeopleForm, SessionForm
from courses.models import ReadingClass, StudySession
from courses.sessions import Plan
from credits.forms import ReasonForm
from credits.models import Programme
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Member, Organization
from portal.refusals import Refusal
from portal.rendering import page

CALLED = {"starts_at": "day", "ends_at": "end"}  # what forms call the fields of sessions


@require_GET
@gate.required(Capability.MANAGE_CLASSES)
def list_(request: MemberRequest) -> HttpResponse:
    """Classes of one's branch, and all its sessions by time."""
    programme = programme_of(request)
    classes = ReadingClass.objects.within(request.scope, Capability.MANAGE_CLASSES)
    rows = StudySession.objects.within(request.scope, Capability.MANAGE_CLASSES)
    rows = rows.of_programme(programme).with_counts().order_by("-starts_at")
    shown = Paginator(rows, 30).get_page(request.GET.get("page"))
    context = {
        "programme": programme,
        "organiser": _organiser(request),
        "classes": classes.filter(programme=programme),
        "page": shown,
        "query": "",
        "at": request.at,
    }
    return page(request, "courses/class_list.html", context)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_CLASSES)
def new(request: MemberRequest) -> HttpResponse:
    """Found a class in one form."""
    where = _organiser(request)
    initial = {"name": f"{where.short_name}读书班", "first": request.today}
    form = ClassForm(request.POST or None, programmes=_offered(request, where), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            plans = form.plans()
            programme, *also = form.counted()
            found = reading_classes.found(
                programme,
                where,
                also=also,
                name=form.cleaned_data["name"],
                plans=plans,
                starts=min(request.today, form.cleaned_data["first"]),
                ends=max(request.today, *(timezone.localdate(p.ends_at) for p in plans)),
                by=request.scope.actor(Capability.MANAGE_CLASSES),
                at=request.at,
            )
            messages.success(request, f"已建班：{found}，支部党员已全部入班。")
            return redirect("class-detail", found.pk)
        except Refusal as refusal:
            refuse(form, refusal, **CALLED)
    lead = f"{where}的党员全部入班，活动按四个历史时期排开，之后可逐次调整。"
    context = {"form": form, "title": "新建读书班", "lead": lead, "verb": "建班"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_CLASSES)
def detail(request: MemberRequest, reading_class: int) -> HttpResponse:
    """A class: its people and sessions; people of other branches are added by number."""
    found = _class(request, reading_class)
    form = PeopleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.MANAGE_CLASSES)
        try:
            made = reading_classes.enrol(found, form.cleaned_data["numbers"], by=by, at=request.at)
            messages.success(request, f"新入班 {len(made)} 人。")
            return redirect("class-detail", reading_class)
        except Refusal as refusal:
            form.add_error("numbers", refusal.message)
    context = {
        "reading_class": found,
        "form": form,
        "enrolments": found.enrolments.filter(until=None).select_related("member__branch"),
        "sessions": found.sessions.with_counts().order_by("starts_at"),
        "short": _short(request, found) if found.state == "running" else [],
        "newcomers": _newcomers(found),
        "at": request.at,
    }
    status = 422 if form.errors else 200
    return page(request, "courses/class_detail.html", context, status=status)


@require_POST
@gate.required(Capability.MANAGE_CLASSES)
def newcomers(request: MemberRequest, reading_class: int) -> HttpResponse:
    """Enrol everybody of the branch who joined it after the class was founded."""
    found = _class(request, reading_class)
    by = request.scope.actor(Capability.MANAGE_CLASSES)
    try:
        made = reading_classes.enrol(found, _newcomers(found), by=by, at=request.at)
        messages.success(request, f"新入班 {len(made)} 人。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("class-detail", reading_class)


@require_POST
@gate.required(Capability.MANAGE_CLASSES)
def drop(request: MemberRequest, reading_class: int) -> HttpResponse:
    """Take somebody out of a class."""
    found = _class(request, reading_class)
    text = request.POST.get("member", "")
    enrolled = Member.objects.filter(enrolments__reading_class=found, enrolments__until=None)
    member = enrolled.filter(pk=int(text) if text.isdecimal() else 0).first()
    if member is None:
        messages.error(request, "这个人不在班里。")
    else:
        by = request.scope.actor(Capability.MANAGE_CLASSES)
        reading_classes.drop(found, member, by=by, at=request.at)
        messages.success(request, f"{member.name}已退班，以前的考勤保留。")
    return redirect("class-detail", reading_class)


@require_POST
@gate.required(Capability.MANAGE_CLASSES)
def end(request: MemberRequest, reading_class: int) -> HttpResponse:
    """End a class, with the reason of each who is short."""
    found = _class(request, reading_class)
    reasons = {
        int(name.removeprefix("reason-")): str(value)
        for name, value in request.POST.items()
        if name.startswith("reason-") and name.removeprefix("reason-").isdecimal()
    }
    by = request.scope.actor(Capability.MANAGE_CLASSES)
    try:
        ended = reading_classes.end(found, reasons=reasons, by=by, at=request.at)
        messages.success(request, f"{ended}：{ended.get_state_display()}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("class-detail", reading_class)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_CLASSES)
def session_new(request: MemberRequest) -> HttpResponse:
    """Plan one session of the branch, or of one of its classes."""
    where, chosen = _organiser(request), request.GET.get("class", "")
    reading_class = _class(request, int(chosen)) if chosen.isdecimal() else None
    organiser = reading_class.organiser if reading_class else where
    offered = _offered(request, organiser, reading_class.programme if reading_class else None)
    initial: dict[str, Any] = {"day": request.today}
    if reading_class:
        initial["programmes"] = reading_classes.counted(reading_class)
    form = SessionForm(request.POST or None, programmes=offered, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            session = sessions.schedule(
                organiser,
                form.counted(),
                Plan(**form.values()),
                by=request.scope.actor(Capability.MANAGE_CLASSES),
                at=request.at,
                reading_class=reading_class,
            )
            messages.success(request, "已安排。")
            return redirect("session-detail", session.pk)
        except Refusal as refusal:
            refuse(form, refusal, **CALLED)
    context = {"form": form, "title": "安排活动", "lead": str(reading_class or where)}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_CLASSES)
def session_change(request: MemberRequest, session: int) -> HttpResponse:
    """Change a planned session."""
    found = _session(request, session)
    counted = list(found.programmes.order_by("pk"))
    form = SessionForm(
        request.POST or None, programmes=counted, fixed=True, initial=SessionForm.initial_of(found)
    )
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.MANAGE_CLASSES)
        seen = request.POST.get("version", "")
        try:
            sessions.change(
                found,
                form.values(),
                seen_version=int(seen) if seen.isdecimal() else found.version,
                by=by,
                at=request.at,
            )
            messages.success(request, "已保存。")
            return redirect("session-detail", session)
        except Refusal as refusal:
            refuse(form, refusal, **CALLED)
    context = {"form": form, "title": f"调整：{found}", "version": found.version, "session": found}
    status = 422 if form.errors else 200
    return page(request, "courses/session_change.html", context, status=status)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.MANAGE_CLASSES)
def session_call_off(request: MemberRequest, session: int) -> HttpResponse:
    """Cancel a session, or say that it was not held; hours already credited are reversed."""
    found = _session(request, session)
    past = found.starts_at <= request.at
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.MANAGE_CLASSES)
        verb = sessions.not_held if "not_held" in request.GET else sessions.cancel
        try:
            verb(found, reason=form.cleaned_data["reason"], by=by, at=request.at)
            messages.success(request, "已登记。")
            return redirect("session-detail", session)
        except Refusal as refusal:
            refuse(form, refusal, **CALLED)
    what = "登记未举行" if "not_held" in request.GET else "取消活动"
    warning = "已记的学时会全部冲销，明细上写明理由。" if found.is_closed else ""
    context = {"form": form, "title": f"{what}：{found}", "verb": what, "warning": warning}
    context["past"] = past
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


def _newcomers(reading_class: ReadingClass) -> list[Member]:
    """Whom the class still lacks; one that has ended lacks nobody."""
    running = [reading_class] if reading_class.state == ReadingClass.State.RUNNING else []
    return reading_classes.newcomers(running).get(reading_class.pk, [])


def _short(
    request: MemberRequest, reading_class: ReadingClass
) -> list[tuple[reading_classes.Short, bool]]:
    """Who is short, and whether the viewer may see by how much: not of other branches' members."""
    return [
        (s, request.scope.can(Capability.SEE_PERSONS, s.member.scope_path, s.member.pk))
        for s in reading_classes.short_of(reading_class)
    ]


def _class(request: MemberRequest, pk: int) -> ReadingClass:
    rows = ReadingClass.objects.select_related("organiser", "programme", "leader")
    return gate.get(rows, request.scope, Capability.MANAGE_CLASSES, pk=pk)


def _session(request: MemberRequest, pk: int) -> StudySession:
    rows = StudySession.objects.select_related("organiser", "reading_class")
    return gate.get(rows, request.scope, Capability.MANAGE_CLASSES, pk=pk)


def _organiser(request: MemberRequest) -> Organization:
    """For which organisation the viewer arranges things: the active role's, else the first."""
    return request.scope.organizations(Capability.MANAGE_CLASSES)[0]


def _offered(
    request: MemberRequest, where: Organization, first: Programme | None = None
) -> list[Programme]:
    """The programmes that something arranged by `where` can count for: the class's own or the one
    shown first, then others that are open and in which it takes part."""
    own = first or programme_of(request)
    others = Programme.objects.open().taking_part(where.path).exclude(pk=own.pk)
    return [own, *others.order_by("starts", "pk")]
