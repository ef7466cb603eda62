"""Pages of warnings: of those whom one looks after, and of oneself."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from courses import early_warnings, hosting
from courses.early_warnings import Warned, Watch
from courses.forecasts import Meeting
from courses.models import StudySession
from courses.views.shown import at_hand
from credits import rule_book, statements
from credits.models import Standing
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Organization
from portal.rendering import page
from portal.templatetags.portal import clock, day, hours

PER_PAGE = 50
MOST = 30  # sheets overdue that are shown


@require_GET
@gate.required(Capability.SEE_PERSONS)
def list_(request: MemberRequest) -> HttpResponse:
    """Who of one's branch, or of those whom one helps, cannot reach the target with what is
    planned, and who missed three in a row; sheets overdue, branches without a session."""
    programme, scope = programme_of(request), request.scope
    if not scope.organizations(Capability.SEE_PERSONS):  # one's own have a page of their own
        raise PermissionDenied
    rows = Standing.objects.within(scope, Capability.SEE_PERSONS).due()
    rows = rows.filter(programme=programme).select_related("member", "branch")
    watch = Watch(programme, rows, at=request.at)
    shown = Paginator(watch.warned, PER_PAGE).get_page(request.GET.get("page"))
    sessions = StudySession.objects.within(scope, Capability.RECORD_ATTENDANCE)
    late = early_warnings.overdue(sessions.of_programme(programme), at=request.at)
    branches = Organization.objects.within(scope, Capability.MANAGE_CLASSES)
    running = programme.starts <= request.today <= programme.ends
    context = {
        "programme": programme,
        "page": shown,
        "query": f"programme={programme.code}&",
        "people": [_person(watch, w, request.today) for w in shown.object_list],
        "short": sum(w.forecast is not None for w in watch.warned),
        "missed": sum(bool(w.missed) for w in watch.warned),
        "overdue": list(map(at_hand, late.order_by("starts_at")[:MOST])),
        "idle": list(early_warnings.idle(programme, branches, today=request.today))
        if running
        else [],
    }
    return page(request, "courses/warning_list.html", context)


@require_GET
@gate.required(Capability.OWN)
def mine(request: MemberRequest) -> HttpResponse:
    """What there is to say of oneself: what will be missing, and which sessions would help."""
    programme = programme_of(request)
    standing = statements.standing(programme, request.user)
    found = early_warnings.of_member(programme, request.user, at=request.at)
    context = {
        "programme": programme,
        "standing": standing,
        "warned": _said(found, request.today) if found else None,
    }
    return page(request, "courses/warning_mine.html", context)


@require_GET
@gate.required(Capability.OWN)
def visit(request: MemberRequest, session: int) -> HttpResponse:
    """A session of one's unit to which one may go as a guest, or of one's host, which attests it;
    who is due in it sees its own page. Raises Http404 for all others."""
    rows = StudySession.objects.select_related("organiser").filter(pk=session)
    found = rows.open_to(request.user, request.at).first()
    if found is None:
        raise Http404("没有找到，或已经结束。")
    if rows.for_member(request.user).exists():
        return redirect("session-detail", session)
    programme = programme_of(request)
    rules = rule_book.of(programme).on(found.day).rules
    here = hosting.hosted(found.organiser, [request.user.pk], on=found.day)
    context = {
        "session": found,
        "worth": found.worth(rules),
        "programme": programme,
        "credited": hosting.CREDITED if here else "",
    }
    return page(request, "courses/session_visit.html", context)


def _person(watch: Watch, warned: Warned, today: date) -> dict[str, Any]:
    """One of those who are warned of, with what would help."""
    member = warned.standing.member
    full = watch.about(member.pk) or warned
    return {"pk": member.pk, "name": member.name, "tail": member.tail} | _said(full, today)


def _said(warned: Warned, today: date) -> dict[str, Any]:
    """A warning as the pages say it."""
    ahead = warned.forecast
    return {
        "missing": hours(ahead.missing) if ahead else "",
        "coming": len(ahead.coming) if ahead else 0,
        "lacking": "、".join(f"{name}差 {hours(n)}" for name, n in ahead.lacking) if ahead else "",
        "proposals": [_proposal(m, today) for m in ahead.proposals] if ahead else [],
        "left": hours(ahead.left) if ahead and ahead.proposals and ahead.left else "",
        "days": "、".join(day(m.starts_at, today) for m in warned.missed),
        "missed": [{"when": day(m.starts_at, today), "title": m.title} for m in warned.missed],
    }


def _proposal(meeting: Meeting, today: date) -> dict[str, str]:
    when = f"{day(meeting.start, today)}{clock(meeting.start)}–{clock(meeting.end)}"
    return {
        "href": reverse("session-visit", args=[meeting.pk]),
        "title": meeting.title,
        "when": when,
        "where": f"{meeting.organiser} {meeting.place}".strip(),
        "worth": hours(meeting.worth),
    }
