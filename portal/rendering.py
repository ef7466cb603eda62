"""Rendering: a whole page or an htmx fragment of it, and what every page's frame needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

_ANY = 10**9  # an id that stands in no address otherwise
LOOK = "look"  # cookie: large text and theme, kept by the browser, also before signing in


def page(
    request: HttpRequest,
    name: str,
    context: dict[str, Any] | None = None,
    *,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the page `name`, or only `fragment` when htmx asks for a part of it.

    A boosted or restored request gets the whole page, else Back would show a bare fragment.
    """
    htmx: Any = getattr(request, "htmx", None)
    partial = bool(fragment and htmx and not htmx.boosted and not htmx.history_restore_request)
    response = render(request, fragment if partial and fragment else name, context, status=status)
    if fragment:
        patch_vary_headers(response, ["HX-Request"])
    return response


def addresses(name: str, *others: int) -> Callable[[int], str]:
    """Writes the addresses of one page for many (last) ids: reversing each costs more than its
    line."""
    before, after = reverse(name, args=[*others, _ANY]).split(str(_ANY))
    return lambda pk: f"{before}{pk}{after}"


def chrome(request: HttpRequest) -> dict[str, Any]:
    """The frame of every page: the viewer's scope, what menus may offer, the chosen look."""
    scope = getattr(request, "scope", None)
    chosen = request.COOKIES.get(LOOK, "").split(".")
    return {
        "scope": scope,
        "can": scope.capabilities if scope else frozenset(),
        "demo": settings.DEMO,
        "now": getattr(request, "at", None),
        "look": {
            "large": "large" in chosen,
            "theme": next((t for t in ("dark", "light") if t in chosen), ""),
        },
    }
