"""What somebody ticked and wrote in a form that was refused, shown again on the page it belongs to.

For lists whose form is posted to another address than their own: the answer to it is a redirection,
and what was refused must not have to be done twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

KEY = "kept_form"
MOST, LONGEST = 500, 400  # ticks, characters of a reason


@dataclass(frozen=True)
class Kept:
    """ticked: values of boxes; reason: what was written about them; about: which of several forms
    of the page it was."""

    ticked: frozenset[str] = frozenset()
    reason: str = ""
    about: str = ""


def keep(request: HttpRequest, page: str, ticked: str) -> None:
    """Keep what was ticked under the name `ticked`, the reason and what it was `about` for the next
    view of `page`, an address of ours without its query."""
    request.session[KEY] = {
        "page": page,
        "ticked": [value[:30] for value in request.POST.getlist(ticked)[:MOST]],
        "reason": request.POST.get("reason", "")[:LONGEST],
        "about": request.POST.get("about", "")[:20],
    }


def take(request: HttpRequest) -> Kept:
    """What was kept for this page, once."""
    found = request.session.get(KEY)
    if not found or found["page"] != request.path:
        return Kept()
    del request.session[KEY]
    return Kept(frozenset(found["ticked"]), found["reason"], found["about"])


def back(request: HttpRequest, name: str, *narrowed: str) -> HttpResponse:
    """To the list `name` from which a form was sent: the same page of it, narrowed as it was by
    the fields of these names."""
    sent = request.POST
    values = {field: sent[field] for field in (*narrowed, "page") if sent.get(field)}
    return redirect(f"{reverse(name)}?{urlencode(values)}" if values else name)


def refused(request: HttpRequest, name: str, ticked: str, *narrowed: str) -> HttpResponse:
    """Keep the form for the list `name` and go back there."""
    keep(request, reverse(name), ticked)
    return back(request, name, *narrowed)
