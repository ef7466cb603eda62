"""Start pages: the member's, the secretary's, the official's; and where a ledger line came from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from courses import start_pages
from courses.badges import pending_logs
from courses.models import StudyLog, StudySession
from credits import figures, rules, statements
from credits.models import Programme
from credits.rule_sets import Rules
from credits.views.figures import glance
from credits.views.shown import periods, ring
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Organization, Role
from portal.rendering import page
from portal.templatetags.portal import clock, day, hours

BY_CODE = mark_safe('<span class="tag ok">可签到</span>')
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
    """Where a ledger line came from: the session or the log behind it."""
    if kind == "session":
        found = StudySession.objects.filter(key=key).first()
        if found:
            return redirect("session-detail", found.pk)
    logs = StudyLog.objects.filter(key=key)
    if kind == "log" and logs.filter(member=request.user).exists():
        return redirect("my-logs")
    if kind == "log" and logs.within(request.scope, Capability.CONFIRM_STUDY).exists():
        return redirect(f"{reverse('log-list')}?show=decided")
    raise Http404("没有找到，或不在您的范围内。")


def _member(request: MemberRequest, programme: Programme) -> HttpResponse:
    member = request.user
    statement = statements.progress(programme, member)
    standing = statement.standing
    sessions = start_pages.coming(programme, member, at=request.at)
    planned = sum(_worth(session, statement.rules) for session in sessions)
    context = {
        "programme": programme,
        "statement": statement,
        "standing": standing,
        "ring": ring(standing),
        "periods": periods(statement),
        "coming": [_coming(s, statement.rules, request.today) for s in sessions[:4]],
        "coming_count": len(sessions),
        "planned": planned,
        "enough": standing is not None and planned >= standing.shortfall,
        "recent": [
            *map(_unsettled, start_pages.unsettled(programme, member)),
            *(_line(line, request.today) for line in statements.newest(programme, member)),
        ],
    }
    return page(request, "courses/home_member.html", context)


def _coming(session: StudySession, rules_: Rules, today: date) -> dict[str, str]:
    """A session to come, as a line of the list."""
    by_code = session.state == "open" and session.method == "check_in"
    return {
        "href": reverse("session-detail", args=[session.pk]),
        "title": session.title,
        "when": when(session, today),
        "worth": hours(_worth(session, rules_)),
        "tag": BY_CODE if by_code else "",
    }


def _unsettled(log: Any) -> dict[str, str]:
    """A log that earned nothing (yet), as a line of the list."""
    reason = f" · {log.reason}" if log.reason else ""
    return {
        "topic": log.topic,
        "what": f"{day(log.day)} · {log.minutes} 分钟{reason}",
        "kind": "wait" if log.state == StudyLog.State.PENDING else "no",
        "state": str(StudyLog.State(log.state).label),
    }


def _line(line: Any, today: date) -> dict[str, str]:
    """A ledger line, as a line of the list."""
    return {
        "topic": line.title,
        "what": f"{day(line.day, today)} · {hours(line.hours)} 学时",
        "kind": "no" if line.is_reversed else "ok",
        "state": "已冲销" if line.is_reversed else "已记入",
    }


def _secretary(request: MemberRequest, programme: Programme) -> HttpResponse:
    where = request.scope.organization
    places = request.scope.places(Capability.MANAGE_CLASSES)
    desk = start_pages.desk(programme, places, at=request.at)
    pending = pending_logs(request.scope)
    context: dict[str, Any] = {
        "programme": programme,
        "organization": where,
        "pending": pending,
        "open": [
            _session(s) | {"screen": _screen(s) if s.method == "check_in" else ""}
            for s in desk.open
        ],
        "overdue": list(map(_session, desk.overdue)),
        "coming": list(map(_session, desk.coming)),
        "refused": [
            {"href": _roll(r.session), "title": r.title, "n": str(r.n)} for r in desk.refused
        ],
        "classes": [{"href": _class(c), "name": c.name} for c in desk.classes],
        "lacking": [{"href": _class(c), "name": c.name, "n": str(n)} for c, n in desk.lacking],
        "nothing": not (pending or desk.overdue or desk.open or desk.refused or desk.lacking),
        "now": figures.of(programme, where) if where else None,
        "own": statements.standing(programme, request.user),
    }
    return page(request, "courses/home_secretary.html", context)


def _session(session: Any) -> dict[str, str]:
    """A session at hand, as a line of the list."""
    begins = f"{day(session.starts_at)}{clock(session.starts_at)}"
    return {
        "href": _roll(session.pk),
        "title": session.title,
        "begins": begins,
        "when": f"{begins}–{clock(session.ends_at)}",
        "place": session.place,
    }


def _screen(session: Any) -> str:
    """The button that shows the check-in code."""
    address = reverse("check-in-screen", args=[session.pk])
    return format_html('<a class="btn btn-ghost little" href="{}">签到码</a>', address)


def _roll(session: int) -> str:
    return reverse("session-detail", args=[session])


def _class(reading_class: Any) -> str:
    return reverse("class-detail", args=[reading_class.pk])


def _official(request: MemberRequest, programme: Programme) -> HttpResponse:
    where = request.scope.organization
    if where is None:
        raise Http404("没有任职的党组织。")
    context = glance(request, programme, where)
    if request.scope.role == Role.OFFICIAL:
        context["help"] = _help(request, programme)
    return page(request, "credits/figures.html", context)


def _help(request: MemberRequest, programme: Programme) -> dict[str, int]:
    """Who may need help, as counts for this level only."""
    scope = request.scope
    first = request.today.replace(day=1)
    next_ = (first + timedelta(days=31)).replace(day=1)
    branches = Organization.objects.within(scope, Capability.SEE_FIGURES).standing().branches()
    month = (
        StudySession.objects.of_programme(programme)
        .alive()
        .filter(starts_at__date__gte=first, starts_at__date__lt=next_)
    )
    sessions = StudySession.objects.within(scope, Capability.SEE_FIGURES).of_programme(programme)
    return {
        "idle": branches.exclude(pk__in=month.values("organiser")).count(),
        "overdue": sessions.overdue(request.at - timedelta(days=3)).count(),
    }


def _worth(session: StudySession, rules_: Rules) -> int:
    """What being there earns, in hundredths of an hour."""
    hours = rules.worth(session.minutes, rules_, band=session.band)  # type: ignore[arg-type] # its choices are the bands
    return hours if session.ceiling is None else min(hours, session.ceiling)


def when(session: StudySession, today: date | None = None) -> str:
    """When and where a session is: 6月3日（周四）19:30–21:00 会议室."""
    times = f"{day(session.starts_at, today)}{clock(session.starts_at)}–{clock(session.ends_at)}"
    return f"{times} {session.place}" if session.place else times
