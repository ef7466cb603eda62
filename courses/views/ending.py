"""Pages of a programme's end: each step with what it would do, and what is not done yet."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from courses import expiry, loose_ends, next_year
from courses.models import ReadingClass, StudySession
from credits import closings, figures, programmes, rule_changes
from credits.models import BranchStanding, Programme
from credits.views.shown import governed, programme_of
from portal import gate, jobs
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Organization, Role
from portal.rendering import addresses, page
from portal.templatetags.portal import clock, day

GOVERN, FIGURES = Capability.GOVERN, Capability.SEE_FIGURES


@require_GET
@gate.required(GOVERN)
def ending(request: MemberRequest) -> HttpResponse:
    """The next step of a programme: what it freezes and ends, what is still missing, by unit."""
    programme = governed(request)
    where, state = programme.organiser, programme.state
    context: dict[str, Any] = {
        "programme": programme,
        "organization": where,
        "now": figures.of(programme, where),
        "until": request.today + programmes.GRACE,
        "may_close": programme.books_close_on and request.today >= programme.books_close_on,
        "administers": request.scope.role == Role.ADMINISTRATOR,
    }
    if programme.takes_postings:
        sessions = StudySession.objects.filter(programmes=programme)
        context |= _left(request, programme, where, places=False)
        context |= {
            "pending": [
                (expiry.KINDS[name].waiting, n)
                for name, n in expiry.pending(programme).items()
                if n
            ],
            "to_come": sessions.to_come(request.at).count(),
            "waiting": rule_changes.waiting(programme),
            "branches": _branches(programme),
        }
    if state == Programme.State.RUNNING:
        context["sources"] = _sources(request, programme)
    context["turn"] = closings.last_turn(programme)
    return page(request, "courses/ending.html", context)


@require_GET
@gate.required(FIGURES)
def loose(request: MemberRequest, organization: int) -> HttpResponse:
    """What is not done yet at and below an organisation: counts; where, to whoever can do it."""
    rows = Organization.objects.select_related("parent")
    where = gate.get(rows, request.scope, FIGURES, pk=organization)
    programme = programme_of(request)
    parent = where.parent
    context: dict[str, Any] = {
        "programme": programme,
        "organization": where,
        "parent": parent if parent and request.scope.can(FIGURES, parent.path) else None,
        "days": (programme.books_close_on - request.today).days
        if programme.books_close_on and programme.state == Programme.State.CLOSING
        else None,
    }
    context |= _left(request, programme, where)
    if request.scope.can(Capability.RECORD_ATTENDANCE, where.path):
        address = addresses("session-detail")
        context["meetings"] = [
            {
                "href": address(m.pk),
                "title": m.title,
                "when": f"{day(m.starts_at, request.today)}{clock(m.starts_at)}",
                "lacks": m.lacks,
            }
            for m in loose_ends.meetings(programme, where, at=request.at)
        ]
        context["works"] = True
    return page(request, "courses/loose_ends.html", context)


@require_POST
@gate.required(GOVERN)
def take_over(request: MemberRequest) -> HttpResponse:
    """Take the classes of another programme over into this one, in the background."""
    programme = governed(request)
    back = f"{reverse('programme-ending')}?programme={programme.code}"
    own = Programme.objects.within(request.scope, GOVERN)
    source = own.filter(code=request.POST.get("source", "")).exclude(pk=programme.pk).first()
    if source is None or programme.state != Programme.State.RUNNING:
        messages.error(request, "请选择从哪个专题教育沿用读书班；开始以后才能沿用。")
        return redirect(back)
    job = jobs.start(
        "courses.next_year.take_over_in_background",
        title=f"沿用读书班：{programme}",
        by=request.scope.actor(GOVERN),
        at=request.at,
        arguments={"source": source.pk, "target": programme.pk},
        back_url=back,
    )
    return redirect("job-detail", job.pk)


def _left(
    request: MemberRequest, programme: Programme, where: Organization, *, places: bool = True
) -> dict[str, Any]:
    """Counts of what is not done, in all and by the organisations directly below."""
    ends = loose_ends.of(programme, where, at=request.at)
    rows = loose_ends.below_of(programme, where, at=request.at) if places and ends.total else []
    address = addresses("loose-ends")
    return {
        "ends": [
            (label, count) for label, count in zip(loose_ends.LABELS, ends, strict=True) if count
        ],
        "total": ends.total,
        "places": [
            {
                "href": f"{address(p.organization.pk)}?programme={programme.code}",
                "name": p.organization.short_name,
                **{name: str(count) for name, count in p.ends._asdict().items()},
            }
            for p in rows
            if p.organization.pk != where.pk
        ],
    }


def _branches(programme: Programme) -> int:
    """How many branches would be certified."""
    rows = BranchStanding.objects.filter(programme=programme)
    return rows.exclude(due=0, exempt=0).count()


def _sources(request: MemberRequest, programme: Programme) -> list[tuple[Programme, int]]:
    """The programmes from which classes can be taken over, with how many."""
    own = Programme.objects.within(request.scope, GOVERN).filter(starts__lt=programme.starts)
    own = own.filter(pk__in=ReadingClass.objects.values("programme"))
    found = [
        (source, next_year.waiting(source, programme)) for source in own.order_by("-starts")[:5]
    ]
    return [(source, count) for source, count in found if count]
