"""Numbers beside menu entries: what waits for the viewer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from courses.todos import pending_logs
from portal.models import Role


def badges(request: HttpRequest) -> dict[str, Any]:
    """Context processor: how many study logs wait for a secretary's confirmation."""
    scope = getattr(request, "scope", None)
    if scope is None or scope.role not in (Role.SECRETARY, Role.ORGANISER):
        return {}
    return {"pending_logs": pending_logs(scope)}
