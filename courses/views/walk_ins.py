"""Pages of walk-ins: who takes part without standing on the roll asks to be added."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from courses import check_in, walk_ins
from courses.check_in import ScanRefused
from courses.models import StudySession, WalkIn
from courses.views.check_in import BROWSER, digits_in
from portal import gate
from portal.access import Capability
from portal.form_names import number
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page


@require_POST
@gate.required(Capability.OWN)
def ask_in(request: MemberRequest) -> HttpResponse:
    """Ask to be added to the roll of a session that one has scanned without standing on it; of one
    at a distance, the six digits typed in do as well."""
    text, session = request.POST.get("proof", ""), None
    try:
        if "session" in request.POST:
            session = _open_to(request)
            scanned_at = _typed(request, session)
        else:
            browser = request.COOKIES.get(BROWSER, "")
            proof = check_in.read_proof(text, browser=browser, at=request.at)
            session, scanned_at = get_object_or_404(StudySession, key=proof.session), proof.at
        asked = walk_ins.ask(session, request.user, scanned_at=scanned_at)
    except ScanRefused as refusal:
        context = {"session": session, "refusal": refusal.message}
        return page(request, "courses/check_in_refused.html", context, status=422)
    return redirect("walk-in", asked.pk)


@never_cache
@require_GET
@gate.required(Capability.OWN)
def walk_in(request: MemberRequest, walk_in: int) -> HttpResponse:
    """What has become of one's request to be added; the page asks again by itself."""
    rows = WalkIn.objects.select_related("session__organiser")
    asked = gate.get(rows, request.scope, Capability.OWN, pk=walk_in)
    context = {"walk_in": asked, "session": asked.session}
    fragment = "courses/_walk_in.html"
    return page(request, "courses/check_in_walk_in.html", context, fragment=fragment)


@require_POST
@gate.required(Capability.RECORD_ATTENDANCE)
def decide(request: MemberRequest, walk_in: int) -> HttpResponse:
    """Add a walk-in to the roll, or not."""
    rows = WalkIn.objects.select_related("session", "member")
    asked = gate.get(rows, request.scope, Capability.RECORD_ATTENDANCE, pk=walk_in)
    by = request.scope.actor(Capability.RECORD_ATTENDANCE)
    try:
        if "decline" in request.POST:
            walk_ins.decline(asked, by=by, at=request.at)
        else:
            walk_ins.admit(asked, by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    there = "check-in-screen" if request.POST.get("then") == "screen" else "session-detail"
    return redirect(there, asked.session_id)


def _open_to(request: MemberRequest) -> StudySession:
    """The session at a distance to which the sender may go as a guest."""
    pk = request.POST.get("session", "")
    rows = StudySession.objects.open_to(request.user, request.at).exclude(link="")
    return get_object_or_404(rows, pk=number(pk, digits=18))


def _typed(request: MemberRequest, session: StudySession) -> datetime:
    """The moment at which the digits sent were right. Raises ScanRefused, which is kept."""
    digits = digits_in(request.POST.get("digits", ""))
    try:
        check_in.check_window(session, request.at)
        if not check_in.is_typed_right(session, request.user, digits, at=request.at):
            raise ScanRefused(check_in.WRONG)
    except ScanRefused as refusal:
        check_in.refuse(session, request.user, refusal.message, at=request.at)
        raise
    return request.at
