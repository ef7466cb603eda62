"""How views give a spreadsheet: at once, or by a worker on whose page its user waits."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect

from portal import exporting, spreadsheets
from portal.access import Capability
from portal.exporting import Order
from portal.gate import MemberRequest


def give(
    request: MemberRequest,
    capability: Capability,
    order: Order,
    *,
    rows: int,
    title: str,
    back_url: str,
    **arguments: Any,
) -> HttpResponse:
    """The spreadsheet of an order; beyond so many `rows` the page of its job."""
    by, at = request.scope.actor(capability), request.at
    if rows > exporting.LONG:
        job = exporting.later(
            order, title=title, by=by, at=at, back_url=back_url, **arguments
        )  # fmt: skip
        return redirect("job-detail", job.pk)
    export = order(request.scope, by=by, at=at, **arguments)
    return spreadsheets.answer(export.data(), export.name)
