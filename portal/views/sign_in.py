"""Pages to sign in and out, slips, one's own account, the look and the role."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal import audit, gate, sign_in
from portal.access import Capability
from portal.forms import PasswordForm, SignInForm, SlipForm, refuse
from portal.gate import MemberRequest, address_of
from portal.models import AuditEvent, Member
from portal.refusals import Refusal
from portal.rendering import LOOK, page

WRONG = "编号或密码不正确。第一次登录请用支部发的登录条。"


@gate.public("whoever wants to sign in is not signed in yet")
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """Sign in by member number and password."""
    if request.user.is_authenticated:
        return _onward(request)
    form = SignInForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return page(request, "portal/sign_in.html", {"form": form, "next": _next(request)})
    number, at = form.cleaned_data["number"].strip(), timezone.now()
    try:
        sign_in.check_number(number, at=at)
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return page(request, "portal/sign_in.html", {"form": form}, status=429)
    member = authenticate(request, number=number, password=form.cleaned_data["password"])
    if not isinstance(member, Member):
        if (getattr(request, "axes_failures_since_start", 0) or 0) <= settings.AXES_FAILURE_LIMIT:
            sign_in.note_failure(number, at=at, address=address_of(request))  # no flood of rows
        if getattr(request, "axes_locked_out", False):
            return locked_out(request)
        form.add_error(None, WRONG)
        return page(
            request, "portal/sign_in.html", {"form": form, "next": _next(request)}, status=422
        )
    return _signed_in(request, member)


@gate.public("a slip opens an account that has no password yet")
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
def first(request: HttpRequest) -> HttpResponse:
    """Use a printed slip: set a password and sign in."""
    form = SlipForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        return page(request, "portal/first_sign_in.html", {"form": form}, status=status)
    values = form.cleaned_data
    try:
        member = sign_in.use_slip(
            values["number"],
            values["code"],
            values["password"],
            at=timezone.now(),
            address=address_of(request),
        )
    except Refusal as refusal:
        refuse(form, refusal)
        return page(request, "portal/first_sign_in.html", {"form": form}, status=422)
    return _signed_in(request, member)


def locked_out(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    """What django-axes answers after too many failures of one number from one address."""
    form = SignInForm()
    message = "这台设备上输错次数过多，请 15 分钟后再试，或向支部书记领取登录条。"
    return page(request, "portal/sign_in.html", {"form": form, "locked": message}, status=429)


@require_POST
@gate.required(Capability.OWN)
def leave(request: MemberRequest) -> HttpResponse:
    """Sign out on this device."""
    by = request.scope.actor()
    audit.record(AuditEvent.Event.SIGN_OUT, by=by, at=request.at, on=by.member.branch)
    logout(request)
    return redirect("sign-in")


@require_POST
@gate.required(Capability.OWN)
def leave_everywhere(request: MemberRequest) -> HttpResponse:
    """Sign out on every device, this one included."""
    sign_in.sign_out_everywhere(request.user, by=request.scope.actor(), at=request.at)
    logout(request)
    messages.success(request, "已退出所有设备。")
    return redirect("sign-in")


@sensitive_post_parameters("old", "password")
@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def account(request: MemberRequest) -> HttpResponse:
    """One's own account: what the portal knows, and a new password."""
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if not request.user.check_password(values["old"]):
            form.add_error("old", "现在的密码不正确。")
        else:
            try:
                sign_in.change_password(
                    request.user, values["password"], by=request.scope.actor(), at=request.at
                )
                update_session_auth_hash(request, request.user)
                messages.success(request, "密码已更改，其他设备已退出。")
                return redirect("account")
            except Refusal as refusal:
                refuse(form, refusal)
    status = 422 if form.errors else 200
    return page(request, "portal/account.html", {"form": form}, status=status)


@gate.public("text size and theme are chosen before signing in, too")
@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Keep text size and theme in the browser for a year."""
    chosen = set(request.COOKIES.get(LOOK, "").split(".")) & {"large", "dark", "light"}
    if "size" in request.POST:
        chosen.discard("large")
        chosen |= {"large"} & {request.POST["size"]}
    if "theme" in request.POST:
        chosen -= {"dark", "light"}
        chosen |= {"dark", "light"} & {request.POST["theme"]}
    response = _onward(request)
    response.set_cookie(
        LOOK, ".".join(sorted(chosen)), max_age=365 * 24 * 3600, samesite="Lax", httponly=True
    )
    return response


@require_POST
@gate.required(Capability.OWN)
def switch_role(request: MemberRequest) -> HttpResponse:
    """Act in another of one's roles from now on."""
    choice = request.POST.get("role", "")
    held = {reach.appointment for reach in request.scope.reaches} | {0}
    if choice.isdecimal() and int(choice) in held:
        request.session["role"] = int(choice)
    return redirect("home")


def _signed_in(request: HttpRequest, member: Member) -> HttpResponse:
    login(request, member, backend="portal.sign_in.MemberBackend")
    actor = audit.Actor(member, "member", address_of(request))
    audit.record(AuditEvent.Event.SIGN_IN, by=actor, at=timezone.now(), on=member.branch)
    return _onward(request)


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    hosts = {request.get_host()}
    return wanted if url_has_allowed_host_and_scheme(wanted, hosts, request.is_secure()) else ""


def _onward(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(_next(request) or "/")
