"""Pages of rankings, and the page that says why there is none."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_POST

from credits import committees, exports, rankings
from credits.committees import Committee
from credits.models import Programme
from credits.rankings import LEVELS, MEASURES, WINDOWS, Choice, Level, Measure, Place, Window
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Cohort, Organization
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 50
_Kind = TypeVar("_Kind", bound=StrEnum)


@require_GET
@gate.required(Capability.SEE_RANKINGS)
def ranking(request: MemberRequest) -> HttpResponse:
    """One cohort's ranking, fifty lines a page; `find` turns to one's own unit."""
    programme = programme_of(request)
    choice = choice_of(request, programme)
    try:
        token = request.GET.get("as", "")
        found = rankings.kept(programme, choice, token, at=request.at)
    except Refusal as refusal:
        return _not_permitted(request, programme, refusal)
    own = _own(request, choice)
    paginator = Paginator(found.places, PER_PAGE)
    number, missing = _page_number(request, found, own)
    query = _query(choice, programme)
    context = {
        "programme": programme,
        "choice": choice,
        "page": paginator.get_page(number),
        "apart": found.apart if number in ("", "1", 1) else (),
        "own": own,
        "missing": missing,
        "renewed": bool(token and found.token != token),
        "level": LEVELS[choice.level],
        "rule": committees.RULE if choice.level is Level.COMMITTEE else "",
        "levels": LEVELS,
        "windows": WINDOWS,
        "measures": _measures(choice),
        "cohorts": Cohort.choices,
        "bulletin": rankings.last_bulletin(programme) if choice.has_movement else None,
        "at": found.at,
        "query": f"{query}&as={found.token}&",
        "base": query,
    }
    return page(request, "credits/ranking.html", context)


@require_POST
@gate.required(Capability.SEE_RANKINGS)
def export(request: MemberRequest) -> HttpResponse:
    """The whole ranking as a spreadsheet."""
    programme = programme_of(request)
    choice = choice_of(request, programme)
    try:
        found = rankings.kept(programme, choice, request.GET.get("as", ""), at=request.at)
    except Refusal as refusal:
        return _not_permitted(request, programme, refusal)
    by = request.scope.actor(Capability.SEE_RANKINGS)
    return exports.ranking(programme, choice, found, by=by, at=request.at)


@require_GET
@gate.required(Capability.SEE_RANKINGS)
def of_members(request: MemberRequest) -> HttpResponse:
    """One's own branch, member by member, where the permit allows it."""
    programme = programme_of(request)
    branch = request.user.branch
    try:
        rankings.check_permitted(programme, of_members=True)
        rows = rankings.members_of(programme, branch) if branch else []
    except Refusal as refusal:
        return _not_permitted(request, programme, refusal)
    context = {"programme": programme, "branch": branch, "rows": rows}
    return page(request, "credits/member_ranking.html", context)


def choice_of(request: MemberRequest, programme: Programme) -> Choice:
    """The ranking that the address asks for; whatever it does not know falls back to the usual."""
    asked = request.GET
    unit = rankings.unit_of(request.user) or (
        request.scope.organization.unit if request.scope.organization else None
    )
    cohort = asked.get("cohort") or (unit.cohort if unit else Cohort.MUNICIPAL)
    level = _known(Level, asked.get("level"), Level.UNIT)
    window = _known(Window, asked.get("window"), Window.ALL)
    measure = _known(Measure, asked.get("measure"), Measure.RATE)
    if window is not Window.ALL and measure in (Measure.RATE, Measure.POINTS):
        measure = Measure.HOURS  # rate and points exist for all time only
    inside = asked.get("unit", "")
    return Choice(
        level,
        cohort if cohort in Cohort.values else Cohort.MUNICIPAL,
        window,
        measure,
        int(inside) if inside.isdecimal() and level is not Level.UNIT else None,
    )


def _known(kind: type[_Kind], text: str | None, usual: _Kind) -> _Kind:
    return kind(text) if text in list(kind) else usual


def _measures(choice: Choice) -> dict[Measure, str]:
    if choice.window is Window.ALL:
        return MEASURES
    return {m: label for m, label in MEASURES.items() if m in (Measure.HOURS, Measure.NEW)}


def _own(request: MemberRequest, choice: Choice) -> int | None:
    """Which line is the viewer's: their unit, committee or branch."""
    own: Organization | Committee | None = request.user.branch
    if choice.level is Level.COMMITTEE:
        own = rankings.committee_of(request.user)
    elif choice.level is Level.UNIT:
        own = rankings.unit_of(request.user)
    return own.pk if own else None


def _page_number(
    request: MemberRequest, found: rankings.Ranking, own: int | None
) -> tuple[str | int, str]:
    """The page to show; where something is searched for, the page on which it stands."""
    text = request.GET.get("q", "").strip()
    place: Place | None = None
    if text:
        place = next((p for p in found.places if text in p.name or text == p.code), None)
        if place is None:
            return request.GET.get("page", ""), f"这个排行里没有“{text}”。"
    elif request.GET.get("find") and own:
        place = next((p for p in found.places if p.organization == own), None)
        if place is None:
            return "", "您的单位不在这个排行里，请换一个系统查看。"
    if place is None:
        return request.GET.get("page", ""), ""
    return found.places.index(place) // PER_PAGE + 1, ""


def _query(choice: Choice, programme: Programme) -> str:
    parts = [f"programme={programme.code}", f"level={choice.level}", f"cohort={choice.cohort}",
             f"window={choice.window}", f"measure={choice.measure}"]  # fmt: skip
    if choice.unit:
        parts.append(f"unit={choice.unit}")
    return "&".join(parts)


def _not_permitted(request: MemberRequest, programme: Programme, refusal: Refusal) -> HttpResponse:
    context = {"programme": programme, "reason": refusal.message}
    return page(request, "credits/not_permitted.html", context)
