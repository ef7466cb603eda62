"""What pages of figures share: which programme they are about, movement in words."""

from __future__ import annotations

from django.http import Http404

from credits.models import Programme
from portal.gate import MemberRequest


def programme_of(request: MemberRequest) -> Programme:
    """The programme named in the address, else the newest open one. Raises Http404 before any
    programme has begun."""
    programme = Programme.objects.shown(request.GET.get("programme", ""))
    if programme is None:
        raise Http404("还没有开始的专题教育。")
    return programme


def moved(movement: int | None) -> dict[str, str]:
    """Places gained or lost since the last bulletin, as a line of a table shows them."""
    if not movement:
        return {"way": "down", "movement": "—"}
    if movement > 0:
        return {"way": "up", "movement": f"▲{movement}"}
    return {"way": "down", "movement": f"▼{-movement}"}
