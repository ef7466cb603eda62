"""The statement: every line of somebody's hours, and what they asked about it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from courses import line_queries
from courses.models import LineQuery
from credits.statements import Line
from credits.views.statement import statement_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.rendering import page


@require_GET
@gate.required(Capability.OWN)
def my_hours(request: MemberRequest) -> HttpResponse:
    """One's own statement; of each line that counts one may say that it is wrong."""
    return _statement(request, request.user)


@require_GET
@gate.required(Capability.SEE_PERSONS)
def member_hours(request: MemberRequest, member: int) -> HttpResponse:
    """The statement of somebody in one's scope."""
    people = Member.objects.select_related("branch")
    return _statement(request, gate.get(people, request.scope, Capability.SEE_PERSONS, pk=member))


def _statement(request: MemberRequest, member: Member) -> HttpResponse:
    context = statement_of(request, member)
    programme = context["programme"]
    asked = line_queries.of_member(programme, member)
    newest: dict[int, LineQuery] = {}
    for query in reversed(asked):
        if query.entry_id:
            newest[query.entry_id] = query
    open_ = context["own"] and programme.takes_postings
    context |= {
        "lines": [_shown(line, newest.get(line.entry.pk), open_) for line in context["lines"]],
        "missing": [query for query in asked if query.entry_id is None],
        "may_ask": open_,
        "reasons": _reasons() if open_ else "",
        "today": request.today,
    }
    return page(request, "credits/statement.html", context)


def _reasons() -> str:
    """The buttons of what may be wrong, made once: they stand under each line."""
    reasons = [(reason.value, reason.label) for reason in line_queries.STOCK]
    return render_to_string("courses/_reasons.html", {"reasons": reasons})


def _shown(line: Line, query: LineQuery | None, open_: bool) -> dict[str, Any]:
    """A line with its newest query, and whether its member may ask about it (again)."""
    counts = not line.entry.reverses_id and line.reversed_by is None
    may_ask = open_ and counts and not (query and query.is_open)
    return {"line": line, "query": query, "may_ask": may_ask}
