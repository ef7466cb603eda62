"""The page of a roll, with which several views answer, and the marks that it sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from courses import entered_late, expected, line_queries, marks, roll_pages
from courses.marks import Mark, Wish
from courses.models import AttendancePlan, StudySession
from courses.views import shown_roll
from courses.views.shown import requests
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.rendering import page


def session_of(request: MemberRequest, pk: int) -> StudySession:
    """The session whose roll the viewer keeps."""
    rows = StudySession.objects.select_related("organiser", "reading_class")
    return gate.get(rows, request.scope, Capability.RECORD_ATTENDANCE, pk=pk)


def wishes_of(request: HttpRequest) -> dict[int, Wish]:
    """The marks that a form sends: what was seen, and what is wanted, by member id.

    Raises BadMark for text that is no mark.
    """
    wishes = {}
    for name, value in request.POST.items():
        member = name.removeprefix("mark-")
        if name.startswith("mark-") and member.isdecimal():
            seen = request.POST.get(f"seen-{member}", value)
            wishes[int(member)] = Wish(Mark.parse(str(seen)), Mark.parse(str(value)))
    return wishes


def show(
    request: MemberRequest,
    session: StudySession,
    wishes: dict[int, Wish] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The roll as it stands; marks that the sender wanted and could not save are kept."""
    roll = roll_pages.roll(session, request.scope)
    rows = roll.marks
    refused = roll_pages.refused(session, rows)
    asked = roll_pages.asked(session)
    waiting = [row for row in asked if row.state == AttendancePlan.State.PENDING]
    queries = line_queries.of_session(session)
    questioned = {query.member_id for query in queries}
    named = request.GET.get("member", "")
    if named.isdecimal():
        questioned.add(int(named))
    late = {member for _, member in entered_late.people([session])}
    elsewhere = roll_pages.elsewhere(session, rows)
    beside = shown_roll.Beside(waiting, elsewhere, questioned, late)
    on_roll = {row.member_id for row in rows} if session.state == "open" else set()
    context: dict[str, Any] = {
        "session": session,
        "rows": shown_roll.lines(session, rows, wishes or {}, beside),
        "queries": queries,
        "asked": requests([row for row in waiting if row.member not in on_roll]),
        "decided": _decided(asked),
        "expected": expected.expected(session) if session.state == "planned" else None,
        "counts": marks.count(rows),
        "not_on_roll": [row.name for row in roll.missing],
        "changes": roll.changes,
        "postings": roll_pages.postings(session),
        "refused": refused,
        "unsettled": [c for c in refused if c.settled_at is None],
        "refused_scans": roll_pages.refused_scans(session),
        "walk_ins": roll_pages.walk_ins(session),
        "most_walk_ins": roll_pages.MOST_WALK_INS,
        "at": request.at,
        "over": session.ends_at <= request.at,
    }
    return page(request, "courses/roll_call.html", context, status=status)


def _decided(plans: Sequence[Any]) -> list[dict[str, str]]:
    """Leave that was decided, as lines of a list."""
    rows = [plan for plan in plans if plan.state != AttendancePlan.State.PENDING]
    return [{"name": r.name, "word": AttendancePlan.in_words(r.state, r.leave)} for r in rows]
