"""Numbers beside menu entries: what waits for the viewer."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Value
from django.http import HttpRequest

from courses.models import StudyLog
from portal.access import Capability, Scope
from portal.models import Role
from portal.prepared import ByPaths, given

_waiting = ByPaths(
    lambda paths: (
        StudyLog.objects.pending()
        .filter(branch__path__in=paths)
        .exclude(member=given("member", int))
        .order_by()
        .annotate(all=Value(1))
        .values("all")
        .annotate(n=Count("pk"))
        .values_list("n")
    )
)


def badges(request: HttpRequest) -> dict[str, Any]:
    """Context processor: how many study logs wait for a secretary's confirmation."""
    scope = getattr(request, "scope", None)
    if scope is None or scope.role not in (Role.SECRETARY, Role.ORGANISER):
        return {}
    return {"pending_logs": pending_logs(scope)}


def pending_logs(scope: Scope) -> int:
    """How many logs of others wait for the viewer; counted once a request."""
    known = vars(scope)
    if "pending_logs" not in known:
        rows = _waiting(scope.places(Capability.CONFIRM_STUDY), member=scope.member_id)
        known["pending_logs"] = rows[0].n if rows else 0
    return int(known["pending_logs"])
