"""Rendering: a whole page or an htmx fragment of it, and what every page's frame needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import Engine
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.cache import get_conditional_response, patch_vary_headers

_ANY = 10**9  # an id that stands in no address otherwise
LOOK = "look"  # cookie: large text and theme, kept by the browser, also before signing in


def page(
    request: HttpRequest,
    name: str,
    context: dict[str, Any] | None = None,
    *,
    fragment: str | None = None,
    status: int = 200,
    tag: str = "",
) -> HttpResponse:
    """Render the page `name`, or only `fragment` when htmx asks for a part of it.

    A boosted or restored request gets the whole page, else Back would show a bare fragment.
    tag: see `tag_of`; the browser then asks whether its copy is still right.
    """
    htmx: Any = getattr(request, "htmx", None)
    partial = bool(fragment and htmx and not htmx.boosted and not htmx.history_restore_request)
    response = render(request, fragment if partial and fragment else name, context, status=status)
    if fragment:
        patch_vary_headers(response, ["HX-Request"])
    return _tagged(response, tag) if tag else response


def tag_of(request: HttpRequest, *content: object) -> str:
    """The ETag of a page: `content` says all that the page shows; what its frame shows is added.

    Empty where the page is for this once: with a message, or before the browser has its cookie.
    """
    secret, scope = request.META.get("CSRF_COOKIE"), getattr(request, "scope", None)
    if not secret or scope is None or len(get_messages(request)):
        return ""
    numbers = [
        processor(request)
        for processor in Engine.get_default().template_context_processors
        if processor.__module__.partition(".")[0] != "django" and processor is not chrome
    ]
    frame = (
        _release(), secret, request.COOKIES.get(LOOK), scope.member.pk, scope.member.name,
        scope.active and scope.active.appointment, numbers,
        [(r.appointment, r.acting, r.organization.short_name) for r in scope.reaches],
        scope.organization and scope.organization.short_name, request.get_full_path(),
    )  # fmt: skip
    return f'"{sha256(repr((frame, content)).encode()).hexdigest()[:32]}"'


def page_if_changed(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page, or answer 304 where the browser's copy shows what `context` says.

    The context holds text, numbers, moments, rows of the database and collections of these alone,
    and the page shows nothing that hangs on a row by a relation. Raises TypeError for all else.
    """
    tag = tag_of(request, name, getattr(request, "today", None), json.dumps(context, default=_said))
    return unchanged(request, tag) or page(request, name, context, tag=tag)


def _said(value: Any) -> Any:
    """What a value holds that JSON has no word for."""
    if isinstance(value, date):
        return str(value)
    if isinstance(value, Model):
        return value._meta.label, [value.__dict__.get(f.attname) for f in value._meta.fields]
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    raise TypeError(f"A page's tag cannot say what {type(value).__name__} holds.")


def unchanged(request: HttpRequest, tag: str) -> HttpResponse | None:
    """The answer 304 to a browser whose copy bears the tag."""
    if not tag:
        return None
    found = get_conditional_response(request, etag=tag)
    return _tagged(found, tag) if found else None


def _tagged(response: Any, tag: str) -> HttpResponse:
    response["ETag"], response["Cache-Control"] = tag, "private, no-cache"
    patch_vary_headers(response, ["Cookie"])
    return response  # type: ignore[no-any-return] # the response that came in


@cache
def _release() -> str:
    """Changes with every template and program file: a new release makes new pages."""
    files = [
        *settings.BASE_DIR.glob("templates/**/*.html"),
        *settings.BASE_DIR.glob("[a-z]*/**/*.py"),
    ]
    return str(max(path.stat().st_mtime_ns for path in files))


def addresses(name: str, *others: int) -> Callable[[int], str]:
    """Writes the addresses of one page for many (last) ids: reversing each costs more than its
    line."""
    if others:
        before, after = reverse(name, args=[*others, _ANY]).split(str(_ANY))
    else:
        before, after = _around(name, get_urlconf(), get_script_prefix())
    return lambda pk: f"{before}{pk}{after}"


def address(name: str) -> str:
    """The address of a page that needs no id; `reverse` would look for it each time."""
    return _address(name, get_urlconf(), get_script_prefix())


@cache
def _address(name: str, urlconf: str | None, prefix: str) -> str:
    return reverse(name, urlconf)


@cache
def _around(name: str, urlconf: str | None, prefix: str) -> tuple[str, str]:
    """What stands before and behind the only id in the address of a page."""
    before, after = reverse(name, urlconf, args=[_ANY]).split(str(_ANY))
    return before, after


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
