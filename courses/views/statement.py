"""The statement: every line of somebody's hours, and what they asked about it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET

from courses import line_queries
from courses.models import LineQuery
from credits.models import Form
from credits.statements import Line
from credits.views.statement import statement_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.rendering import page
from portal.templatetags.portal import hours, moment

FORMS = dict(Form.choices)
ENTRY = "[entry]"  # stands in a form for the id of the line
END = mark_safe("</a>")


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
    programme, own = context["programme"], context["own"]
    asked = line_queries.of_member(programme, member)
    newest: dict[int, LineQuery] = {}
    for query in reversed(asked):
        if query.entry_id:
            newest[query.entry_id] = query
    token = get_token(request)
    wrong = _wrong(token) if own and programme.takes_postings else None
    context |= {
        "lines": [
            _shown(line, newest.get(line.entry.pk), own=own, token=token, wrong=wrong)
            for line in context["lines"]
        ],
        "missing": [query for query in asked if query.entry_id is None],
        "may_ask": wrong is not None,
        "today": request.today,
    }
    return page(request, "credits/statement.html", context)


def _wrong(token: str) -> Callable[[int], SafeString]:
    """Writes the form in which a line is said to be wrong; made once, it stands under each."""
    reasons = [(reason.value, reason.label) for reason in line_queries.STOCK]
    context = {"entry": ENTRY, "reasons": reasons, "csrf_token": token}
    form = render_to_string("courses/_wrong.html", context)
    before, after = form.split(ENTRY)
    return lambda pk: mark_safe(f"{before}{pk}{after}")  # noqa: S308 - a template's, and a number


def _shown(
    line: Line,
    query: LineQuery | None,
    *,
    own: bool,
    token: str,
    wrong: Callable[[int], SafeString] | None,
) -> dict[str, str]:
    """A line in words, with its newest query and the form to ask about it (again)."""
    entry, posting = line.entry, line.entry.posting
    counts = not entry.reverses_id and line.reversed_by is None
    asks = counts and not (query and query.is_open)
    leads = own and posting.has_page
    noted = line.late or line.why or line.reversed_by or posting.reason or query
    said_by = (
        f"由{vars(entry)['posted_by']}批准"
        if posting.is_granted and not entry.reverses_id
        else "记"
    )
    return {
        "day": f"{entry.day:%Y-%m-%d}",
        "open": format_html('<a href="{}">', reverse("source", args=[posting.kind, posting.key]))
        if leads
        else "",
        "title": posting.title,
        "close": END if leads else "",
        "struck": "（冲销）" if entry.reverses_id else "",
        "tag": format_html(' <span class="tag">{}</span>', posting.mark) if posting.mark else "",
        "home": entry.home.short_name,
        "at": moment(posting.at),
        "by": said_by,
        "form": FORMS[entry.form],
        "earned": hours(line.earned),
        "recognised": hours(line.recognised),
        "note": render_to_string(
            "courses/_line_note.html",
            {"line": line, "query": query, "own": own, "csrf_token": token},
        )
        if noted
        else "",
        "wrong": wrong(entry.pk) if wrong and asks else "",
    }
