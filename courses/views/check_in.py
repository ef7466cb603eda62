"""Pages of check-in: the wall with the rotating code, the scanned page, the digits typed in."""

from __future__ import annotations

import segno
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from courses import check_in, marks, roll_pages
from courses.check_in import NotOnRoll, ScanRefused
from courses.models import Status, StudySession
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.rendering import page

BROWSER = "check-in"  # cookie: which browser scanned; a proof is worth nothing in another one
ANONYMOUS = 50  # refused scans without a member that are kept for one session


@never_cache
@require_GET
@gate.required(Capability.RECORD_ATTENDANCE)
def screen(request: MemberRequest, session: int) -> HttpResponse:
    """What the room sees: the code, six digits, who is in, who not yet, who is on leave, and who
    asks to be added. It turns by itself."""
    rows = StudySession.objects.select_related("organiser")
    found = gate.get(rows, request.scope, Capability.RECORD_ATTENDANCE, pk=session)
    people = sorted(found.attendances.by_name(), key=lambda a: a.member.sort_key)
    opens, closes = check_in.window_of(found)
    context = {
        "session": found,
        "counts": marks.count(people),
        "arrived": [a for a in people if a.is_there],
        "awaited": [a for a in people if a.status == Status.NOT_YET and not a.guest],
        "on_leave": [a for a in people if a.status == Status.LEAVE],
        "walk_ins": roll_pages.walk_ins(found),
        "most_walk_ins": roll_pages.MOST_WALK_INS,
        "refused": found.scans.refusals()[:8],
        "opens": opens,
        "closes": closes,
        "by_code": found.method == StudySession.Method.CHECK_IN,
        "showing": found.method == StudySession.Method.CHECK_IN
        and found.state == StudySession.State.OPEN
        and opens <= request.at <= closes,
    }
    if context["showing"]:
        code = check_in.code_at(found, request.at)
        address = reverse("scan", args=[found.key, code.token])
        image = segno.make(request.build_absolute_uri(address), error="m")
        context["code"] = code
        context["image"] = image.svg_inline(scale=8, border=2, omitsize=True)
    # In a meeting everybody sees what is shared, guests of other branches too: no names there.
    context["shared"] = bool(found.link) and context["by_code"]
    fragment = f"courses/_check_in_{'shared' if context['shared'] else 'live'}.html"
    return page(request, "courses/check_in_screen.html", context, fragment=fragment)


@never_cache
@gate.public("a phone that scans may have to sign in first")
@require_GET
def scan(request: HttpRequest, key: str, token: str) -> HttpResponse:
    """The scanned address: gives this browser a proof of the scan; marks nobody by itself."""
    session = get_object_or_404(StudySession.objects.select_related("organiser"), key=key)
    browser = request.COOKIES.get(BROWSER) or get_random_string(32)
    at = request.at  # type: ignore[attr-defined] # put there by ScopeMiddleware
    try:
        proof = check_in.prove(session, token, browser=browser, at=at)
    except ScanRefused as refusal:
        _keep(request, session, refusal.message)
        context = {"session": session, "refusal": refusal.message}
        return page(request, "courses/check_in_refused.html", context, status=422)
    context = {"session": session, "proof": proof.sign()}
    response = page(request, "courses/check_in_scan.html", context)
    response.set_cookie(
        BROWSER,
        browser,
        max_age=365 * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response


@never_cache
@gate.public("a phone that scans may have to sign in first")
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Turn a proof into a mark. Whoever is signed out signs in first and comes back here."""
    text = request.POST.get("proof") or request.GET.get("proof", "")
    at = request.at  # type: ignore[attr-defined] # put there by ScopeMiddleware
    try:
        proof = check_in.read_proof(text, browser=request.COOKIES.get(BROWSER, ""), at=at)
    except ScanRefused as refusal:
        session = _claimed(text)
        if session:
            _keep(request, session, refusal.message)
        context = {"session": session, "refusal": refusal.message}
        return page(request, "courses/check_in_refused.html", context, status=422)
    session = get_object_or_404(StudySession, key=proof.session)
    if request.method == "GET" and request.user.is_authenticated:
        return page(request, "courses/check_in_scan.html", {"session": session, "proof": text})
    if not isinstance(request.user, Member):
        context = {"session": session, "proof": text}
        return page(request, "courses/check_in_sign_in.html", context)
    try:
        check_in.accept(session, request.user, scanned_at=proof.at, nonce=proof.nonce, at=at)
    except ScanRefused as refusal:
        context = {"session": session, "refusal": refusal.message}
        if isinstance(refusal, NotOnRoll):
            context["ask"] = text
        return page(request, "courses/check_in_refused.html", context, status=422)
    return redirect("session-detail", session.pk)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def digits(request: MemberRequest) -> HttpResponse:
    """Check in with the six digits read aloud, where scanning does not work."""
    refusal = ""
    if request.method == "POST":
        try:
            typed = digits_in(request.POST.get("digits", ""))
            session = check_in.find_by_digits(request.user, typed, at=request.at)
            check_in.accept(session, request.user, scanned_at=request.at, nonce="", at=request.at)
            messages.success(request, "签到成功。")
            return redirect("session-detail", session.pk)
        except ScanRefused as error:
            refusal = error.message
            _keep_typed(request, refusal)
    own = _open_for(request)
    context = {
        "refusal": refusal,
        "open": own,
        "at_distance": bool(own) and all(s.link for s in own),
    }
    return page(request, "courses/check_in_digits.html", context, status=422 if refusal else 200)


def digits_in(text: str) -> str:
    """The digits that somebody typed, with or without a gap."""
    return "".join(c for c in text if c.isdecimal())


def _open_for(request: MemberRequest) -> list[StudySession]:
    """Sessions at which this member can check in at this moment."""
    rows = StudySession.objects.for_member(request.user).filter(state=StudySession.State.OPEN)
    rows = rows.filter(method=StudySession.Method.CHECK_IN).filter(
        starts_at__lte=request.at + check_in.BEFORE, ends_at__gte=request.at
    )
    return list(rows.order_by("starts_at"))


def _keep_typed(request: MemberRequest, reason: str) -> None:
    """Wrong digits are kept under every session that they can have been meant for."""
    for session in _open_for(request):
        row = session.attendances.filter(member=request.user).first()
        if row is not None and not row.is_there:
            check_in.refuse(session, request.user, reason, at=request.at)


def _keep(request: HttpRequest, session: StudySession, reason: str) -> None:
    """Keep a refused scan for the secretary; of strangers only so many."""
    member = request.user if isinstance(request.user, Member) else None
    if member is None and session.scans.filter(member=None).count() >= ANONYMOUS:
        return
    check_in.refuse(session, member, reason, at=request.at)  # type: ignore[attr-defined] # see above


def _claimed(text: str) -> StudySession | None:
    """The session that a refused proof is about, if its signature is ours."""
    key = check_in.session_of(text)
    return StudySession.objects.filter(key=key).first() if key else None
