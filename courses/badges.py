"""Numbers beside menu entries: what waits for the viewer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def badges(request: HttpRequest) -> dict[str, Any]:
    """Context processor: how many study logs wait for a secretary's confirmation."""
    return {}
