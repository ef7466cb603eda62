"""Start pages: the member's, the secretary's, the official's; and where a ledger line came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from courses import early_warnings, start_pages, todos
from courses.models import Discussion, HostAttendance, LessonCredit, StudyLog, StudySession
from courses.views.online.offline import reader_of
from courses.views.shown import at_hand, coming, line, requests, screen, unsettled, which
from credits import overviews
from credits.models import HoursClaim, Programme
from credits.views.figures import glance
from credits.views.shown import periods, ring
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Organization, Role
from portal.rendering import address, addresses, page, page_if_changed

OFFICIALS = (Role.OFFICIAL, Role.GUIDANCE, Role.ADMINISTRATOR)


@require_GET
@gate.required(Capability.OWN)
def home(request: MemberRequest) -> HttpResponse:
    """The start page of the role in which the viewer acts."""
    programme = Programme.objects.shown(request.GET.get("programme", ""))
    if programme is None:
        return page(request, "courses/no_programme.html")
    if request.scope.role in OFFICIALS:
        return _official(request, programme)
    if request.scope.role in (Role.SECRETARY, Role.ORGANISER):
        return _secretary(request, programme)
    return _member(request, programme)


@require_GET
@gate.required(Capability.OWN)
def source(request: MemberRequest, kind: str, key: str) -> HttpResponse:
    """Where a ledger line came from: the session, the log, the lesson, the discussion, what a host
    attested or the hours stated behind it."""
    if kind == "session":
        found = StudySession.objects.filter(key=key).first()
        if found:
            return redirect("session-detail", found.pk)
    logs = StudyLog.objects.filter(key=key)
    if kind == "log" and logs.filter(member=request.user).exists():
        return redirect("my-logs")
    if kind == "log" and logs.within(request.scope, Capability.CONFIRM_STUDY).exists():
        return redirect(f"{reverse('log-list')}?show=decided")
    if kind == "host" and (address := _of_host(request, key)):
        return redirect(address)
    if kind == "lesson" and (address := _of_lesson(request, key)):
        return redirect(address)
    talks = Discussion.objects.filter(key=key)
    if kind == "discussion" and (talk := talks.seen_by(request.scope).first()):
        return redirect("discussion-detail", talk.pk)
    stated = HoursClaim.objects.seen_by(request.scope).filter(kind=kind, key=key).first()
    if stated:
        return redirect("claim-detail", stated.pk)
    raise Http404("没有找到，或不在您的范围内。")


def _of_host(request: MemberRequest, key: str) -> str:
    """Where the member, the home branch or the host looks at what a host attested."""
    rows = HostAttendance.objects.filter(key=key)
    if rows.filter(member=request.user).exists():
        return f"{reverse('my-logs')}#hosts"
    if rows.within(request.scope, Capability.CONFIRM_STUDY).exists():
        return reverse("host-decided")
    attested = HostAttendance.attested.filter(key=key)
    held = attested.within(request.scope, Capability.RECORD_ATTENDANCE)
    return reverse("host-sessions") if held.exists() else ""


def _of_lesson(request: MemberRequest, key: str) -> str:
    """Where the member or the branch looks at what a lesson earned."""
    rows = LessonCredit.objects.filter(key=key)
    if own := rows.filter(member=request.user).select_related("lesson").first():
        published = own.lesson.is_published
        return reverse("lesson-detail", args=[own.lesson_id]) if published else reverse("my-logs")
    seen = rows.within(request.scope, Capability.CONFIRM_STUDY)
    return reverse("lesson-credits") if seen.exists() else ""


def _member(request: MemberRequest, programme: Programme) -> HttpResponse:
    member = request.user
    own = start_pages.own(programme, member, at=request.at)
    statement, standing, sessions = own.progress, own.progress.standing, own.coming
    exempt = standing is not None and standing.exempt
    answer_at = None if exempt else addresses("session-answer")
    planned = start_pages.planned(sessions, statement.rules)
    context = {
        "programme": programme,
        "standing": standing,
        "ring": ring(standing),
        "periods": periods(statement),
        "coming": [coming(s, statement.rules, request.today, answer_at) for s in sessions[:4]],
        "coming_count": len(sessions),
        "worth": statement.worth.hours,
        "planned": sum(planned.values()),
        "enough": standing is not None and statement.shortfall_with(planned) == 0,
        "waiting": _waiting(own.waiting),
        "recent": [
            *map(unsettled, own.unsettled),
            *(line(row, request.today) for row in own.newest),
        ],
        "reader": reader_of(request.user),
    }
    return page_if_changed(request, "courses/home_member.html", context)


def _secretary(request: MemberRequest, programme: Programme) -> HttpResponse:
    where = request.scope.organization
    if where is None:
        raise Http404("没有任职的党组织。")
    desk = start_pages.desk(programme, request.scope, where, at=request.at)
    waiting = _waiting(desk.waiting)
    roll, class_ = addresses("session-detail"), addresses("class-detail")
    context: dict[str, Any] = {
        "programme": programme,
        "organization": where,
        "waiting": waiting,
        "open": [
            at_hand(s) | {"screen": screen(s) if s.method == "check_in" else ""} for s in desk.open
        ],
        "overdue": list(map(at_hand, desk.overdue)),
        "coming": list(map(at_hand, desk.coming)),
        "asked": requests(desk.asked, which),
        "more": desk.more,
        "refused": [
            {"href": roll(r.session), "title": r.title, "n": str(r.n)} for r in desk.refused
        ],
        "classes": [{"href": class_(c.pk), "name": c.name} for c in desk.classes],
        "lacking": [{"href": class_(c.pk), "name": c.name, "n": str(n)} for c, n in desk.lacking],
        "nothing": not (
            waiting or desk.overdue or desk.open or desk.refused or desk.lacking or desk.asked
        ),
        "now": desk.now,
        "own": desk.own,
    }
    return page_if_changed(request, "courses/home_secretary.html", context)


def _official(request: MemberRequest, programme: Programme) -> HttpResponse:
    where = request.scope.organization
    if where is None:
        raise Http404("没有任职的党组织。")
    context = glance(request, programme, where)
    if request.scope.role == Role.OFFICIAL:
        paths = [o.path for o in request.scope.organizations(Capability.SEE_FIGURES)]
        context["waiting"] = _waiting(todos.of_official(request.scope, at=request.at))
        context["help"] = overviews.kept(
            programme, "help", paths, lambda: _help(request, programme), at=request.at
        )
    return page_if_changed(request, "credits/figures.html", context)


def _waiting(found: Sequence[tuple[todos.Kind, int]]) -> list[dict[str, str]]:
    """What waits, as lines of the list."""
    return [
        {"n": str(n), "of": kind.of, "what": kind.what, "href": address(kind.page), "act": kind.act}
        for kind, n in found
    ]


def _help(request: MemberRequest, programme: Programme) -> dict[str, int]:
    """Who may need help, as counts for this level only."""
    scope = request.scope
    branches = Organization.objects.within(scope, Capability.SEE_FIGURES)
    sessions = StudySession.objects.within(scope, Capability.SEE_FIGURES).of_programme(programme)
    return {
        "idle": early_warnings.idle(programme, branches, today=request.today).count(),
        "overdue": early_warnings.overdue(sessions, at=request.at).count(),
    }
