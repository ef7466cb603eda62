"""What pages of figures share: which programme they are about, movement in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse

from credits.models import HoursClaim, Programme, Standing
from credits.statements import Progress
from portal.access import Capability
from portal.gate import MemberRequest
from portal.templatetags.portal import hours, hundred, share


def programme_of(request: MemberRequest) -> Programme:
    """The programme named in the address, else the newest open one. Raises Http404 before any
    programme has begun."""
    programme = Programme.objects.shown(request.GET.get("programme", ""))
    if programme is None:
        raise Http404("还没有开始的专题教育。")
    return programme


def others_of(programme: Programme) -> list[Programme]:
    """The other programmes that run, for a page on which one of them is chosen."""
    return list(Programme.objects.open().exclude(pk=programme.pk).order_by("-starts", "-pk"))


def moved(movement: int | None) -> dict[str, str]:
    """Places gained or lost since the last bulletin, as a line of a table shows them."""
    if not movement:
        return {"way": "down", "movement": "—"}
    if movement > 0:
        return {"way": "up", "movement": f"▲{movement}"}
    return {"way": "down", "movement": f"▼{-movement}"}


def periods(progress: Progress) -> list[dict[str, str]]:
    """What was earned in each history period beside its minimum, for `_periods.html`."""
    return [
        {
            "name": name,
            "earned": hours(earned),
            "minimum": hours(minimum),
            "full": " full" if earned >= minimum else "",
            "width": hundred(share(earned, minimum)),
        }
        for name, earned, minimum in progress.periods
    ]


def ring(standing: Standing | None) -> dict[str, Any]:
    """What `_ring.html` draws."""
    if standing is None:
        return {}
    recognised = hours(standing.recognised)
    return {
        "full": " full" if standing.is_complete else "",
        "recognised": recognised,
        "target": hours(standing.target),
        "part": hundred(standing.progress) if standing.recognised else "",
        "size": "25" if len(recognised) > 4 else "30",
    }


def claim_line(claim: HoursClaim, periods: Mapping[str, str]) -> dict[str, Any]:
    """A line of stated hours, with its period's name."""
    return {"claim": claim, "period": periods.get(claim.period, "不分时期")}


def governed(request: MemberRequest) -> Programme:
    """The programme that a page is about, which the viewer governs. Raises PermissionDenied."""
    code = request.GET.get("programme") or request.POST.get("programme") or ""
    own = Programme.objects.within(request.scope, Capability.GOVERN).select_related("organiser")
    named = own.filter(code=code).first() if code else None
    programme = named or own.open().first() or own.first()
    if programme is None:
        shown = programme_of(request)
        if not request.scope.can(Capability.GOVERN, shown.scope_path):
            raise PermissionDenied
        return shown
    return programme


def address_of(programme: Programme, name: str = "programme") -> str:
    """Where the page of a programme is, or another page about it."""
    return f"{reverse(name)}?programme={programme.code}"
