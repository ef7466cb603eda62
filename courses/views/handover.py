"""What a new secretary takes over: who had the branch, what is open, what goes on."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from courses import unfinished
from courses.models import ReadingClass, StudySession
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Appointment, AuditEvent, Member, Organization, Role
from portal.rendering import page

SHOWN = 20  # of whatever is listed


@require_GET
@gate.required(Capability.MANAGE_CLASSES)
def handover(request: MemberRequest) -> HttpResponse:
    """The branch that one runs, as its last secretary left it."""
    scope = request.scope
    places = scope.organizations(Capability.MANAGE_CLASSES)
    where = next((o for o in places if str(o.pk) == request.GET.get("at")), places[0])
    inherited = Organization.objects.filter(merged_into=where).order_by("path")
    reach = [r for r in scope.reaches if r.organization.pk == where.pk]
    paths = sorted({where.path, *(path for r in reach for path in r.inherited)})
    held = Appointment.objects.filter(organization=where, role=Role.SECRETARY)
    sessions = StudySession.objects.filter(organiser__path__in=paths, state__in=["planned", "open"])
    classes = ReadingClass.objects.running().filter(organiser__path__in=paths)
    kinds = [AuditEvent.Event.APPOINT, AuditEvent.Event.APPOINTMENT_ENDED]
    acts = AuditEvent.objects.filter(organization=where, event__in=kinds)
    context = {
        "organization": where,
        "places": places,
        "inherited": inherited,
        "secretaries": held.select_related("member").order_by("-since", "-pk")[:SHOWN],
        "acts": acts.select_related("by").order_by("-pk")[:SHOWN],
        "open": unfinished.at(paths),
        "sessions": sessions.order_by("starts_at")[:SHOWN],
        "classes": classes.order_by("pk")[:SHOWN],
        "people": Member.objects.in_branch(where).count(),
        "others": Appointment.objects.on(request.today)
        .filter(organization=where)
        .exclude(role=Role.SECRETARY)
        .select_related("member"),
    }
    return page(request, "courses/handover.html", context)
