"""Where requests meet the policy of portal/access.py: nothing is decided here, only asked.

A view names the capability it needs (`required`) or the reason why it needs none (`public`);
objects are fetched through `get`, lists through `queryset.within(scope, capability)`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from portal.access import Capability, Scope, scope_of
from portal.models import Member
from portal.querysets import ScopedQuerySet
from portal.replica import readable


def address_of(request: HttpRequest) -> str:
    """Where a request comes from; X-Forwarded-For counts only behind a proxy that we trust."""
    address = str(request.META.get("REMOTE_ADDR") or "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if forwarded and (address in settings.TRUSTED_PROXIES or not address):
        return str(forwarded.split(",")[-1].strip())[:45]
    return address


class MemberRequest(HttpRequest):
    """A request of a signed-in member, with the scope that the middleware made."""

    user: Member
    scope: Scope
    at: datetime
    today: date


class ScopeMiddleware:
    """Puts the moment on every request, and `request.scope` on every signed-in one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        request.at = now  # type: ignore[attr-defined] # the request's one moment …
        request.today = timezone.localdate(now)  # type: ignore[attr-defined] # … and local day
        if request.user.is_authenticated:
            request.scope = scope_of(  # type: ignore[attr-defined] # typed by MemberRequest
                request.user,
                at=now,
                active_id=request.session.get("role"),
                address=address_of(request),
            )
        return self.get_response(request)


P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
View = Callable[Concatenate[MemberRequest, P], R]
_Model = TypeVar("_Model", bound=Model)


def required(
    capability: Capability, *, replica: bool = False
) -> Callable[[View[P, R]], Callable[..., HttpResponseBase]]:
    """Mark a view: only signed-in people who hold `capability` somewhere come in.

    replica: it may be read from a standby, seconds late; see portal/replica.py.
    """

    def mark(view: View[P, R]) -> Callable[..., HttpResponseBase]:
        inner = readable(view) if replica else view

        @wraps(view)
        def guarded(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                if wants_json(request):
                    return JsonResponse({"message": "登录已过期，请重新登录。"}, status=401)
                return redirect_to_login(request.get_full_path())
            if not request.scope.has(capability):
                raise PermissionDenied
            return inner(request, *args, **kwargs)

        guarded.capability = capability  # type: ignore[attr-defined] # read by the access matrix
        guarded.replica = replica  # type: ignore[attr-defined] # read by the tests of the replica
        return guarded

    return mark


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks, which no sign-in page would help."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def public(reason: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Mark a view that needs no sign-in, and say why."""

    def mark(view: Callable[..., R]) -> Callable[..., R]:
        view.public = reason  # type: ignore[attr-defined] # read by the access matrix
        return view

    return mark


def get(
    queryset: ScopedQuerySet[_Model],
    scope: Scope,
    capability: Capability,
    *,
    lock: bool = False,
    **lookup: Any,
) -> _Model:
    """Fetch one object over which `capability` is held.

    Outside the scope it does not exist (404: nothing is learnt from the answer); inside the
    scope without the capability it is forbidden (403).
    """
    rows = queryset.select_for_update(of=("self",)) if lock else queryset
    found = rows.within(scope, capability).filter(**lookup).first()
    if found is not None:
        return found
    if known(queryset, scope).filter(**lookup).exists():
        raise PermissionDenied
    raise Http404("没有找到，或不在您的范围内。")


def known(queryset: ScopedQuerySet[_Model], scope: Scope) -> ScopedQuerySet[_Model]:
    """Only the rows of which the viewer may know that they exist."""
    return queryset.filter(scope.knows(queryset.path_lookup, queryset.owner_lookup))


def ticked(request: HttpRequest, name: str, rows: QuerySet[_Model]) -> list[_Model]:
    """Exactly the rows that were ticked in a form; none at all where one of them is not among
    `rows`, so that nobody acts on less than what the screen showed."""
    asked = set(request.POST.getlist(name))
    found = list(rows.filter(pk__in=[pk for pk in asked if pk.isdecimal() and len(pk) < 19]))
    return found if len(found) == len(asked) else []
