"""What somebody ticked and wrote in a form that was refused, shown again on the page it belongs to.

For lists whose form is posted to another address than their own: the answer to it is a redirection,
and what was refused must not have to be done twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

KEY = "kept_form"
MOST, LONGEST = 500, 400  # ticks, characters of a reason


@dataclass(frozen=True)
class Kept:
    """ticked: ids of rows; reason: what was written about them."""

    ticked: frozenset[int] = frozenset()
    reason: str = ""


def keep(request: HttpRequest, page: str, ticked: str) -> None:
    """Keep the ticks named `ticked` and the reason of a posted form for the next view of `page`, an
    address of ours without its query."""
    ids = [pk for pk in request.POST.getlist(ticked)[:MOST] if pk.isdecimal() and len(pk) < 16]
    reason = request.POST.get("reason", "")[:LONGEST]
    request.session[KEY] = {"page": page, "ticked": ids, "reason": reason}


def take(request: HttpRequest) -> Kept:
    """What was kept for this page, once."""
    found = request.session.get(KEY)
    if not found or found["page"] != request.path:
        return Kept()
    del request.session[KEY]
    return Kept(frozenset(map(int, found["ticked"])), found["reason"])
