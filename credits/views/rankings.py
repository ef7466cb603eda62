"""Pages of rankings, and the page that says why there is none."""

from __future__ import annotations

from dataclasses import astuple, replace
from enum import StrEnum
from typing import Any, TypeVar

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_POST

from credits import committees, exports, kept_rankings, rankings
from credits.kept_rankings import PER_PAGE, Kept
from credits.models import Programme
from credits.rankings import LEVELS, MEASURES, WINDOWS, Choice, Level, Measure, Place, Window
from credits.views.shown import moved, programme_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.giving import give
from portal.models import Cohort
from portal.refusals import Refusal
from portal.rendering import page, tag_of, unchanged
from portal.templatetags.portal import hours1, hundred, percent

OWN = mark_safe(' <span class="tag">我的单位</span>')
_Kind = TypeVar("_Kind", bound=StrEnum)


@require_GET
@gate.required(Capability.SEE_RANKINGS, replica=True)
def ranking(request: MemberRequest) -> HttpResponse:
    """One cohort's ranking, fifty lines a page; `find` turns to one's own unit."""
    programme = programme_of(request)
    choice = choice_of(request, programme)
    token = request.GET.get("as", "")
    try:
        rankings.check_shown(programme)
        found = kept_rankings.of(programme, choice, at=request.at, token=token)
    except Refusal as refusal:
        return _not_permitted(request, programme, refusal)
    tag = tag_of(request, programme.name, found.token, request.user.branch_id)
    if answer := unchanged(request, tag):
        return answer
    own = _own(request, choice)
    number, missing = _page_number(request, found, own)
    shown: Any = Paginator(found, PER_PAGE).get_page(number)  # type: ignore[arg-type] # a Kept counts and is sliced
    query = _query(choice, programme)
    pinned = None
    if own and all(place.organization != own for place in shown.object_list):
        pinned = _pinned(request, programme, choice, found, own)
    context = {
        "programme": programme,
        "choice": choice,
        "page": shown,
        "rows": [_line(place, own, choice) for place in shown.object_list],
        "apart": found.apart if shown.number == 1 else (),
        "pinned": pinned,
        "missing": missing,
        "renewed": bool(token and found.token != token),
        "level": LEVELS[choice.level],
        "rule": committees.RULE if choice.level is Level.COMMITTEE else "",
        "levels": LEVELS,
        "windows": WINDOWS,
        "measures": _measures(choice),
        "cohorts": Cohort.choices,
        "all_time": choice.window is Window.ALL,
        "shows_new": choice.measure is Measure.NEW or choice.window is not Window.ALL,
        "bulletin": found.bulletin,
        "at": found.at,
        "query": f"{query}&as={found.token}&",
        "base": query,
    }
    return page(request, "credits/ranking.html", context, tag=tag)


@require_POST
@gate.required(Capability.SEE_RANKINGS)
def export(request: MemberRequest) -> HttpResponse:
    """The whole ranking as a spreadsheet."""
    programme = programme_of(request)
    choice = choice_of(request, programme)
    try:
        rankings.check_permitted(programme)
        token = request.GET.get("as", "")
        found = kept_rankings.of(programme, choice, at=request.at, token=token)
    except Refusal as refusal:
        return _not_permitted(request, programme, refusal)
    return give(
        request, Capability.SEE_RANKINGS, exports.ranking_asked,
        rows=len(found) + found.beside, title=f"{programme}排行榜",
        back_url=f"{reverse('ranking')}?{request.GET.urlencode()}",
        programme=programme.pk, choice=list(astuple(choice)), token=found.token,
    )  # fmt: skip


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
    stands = request.scope.organization
    own = next((o.cohort for o in (request.user.branch, stands) if o and o.unit_id), "")
    cohort = asked.get("cohort") or own or Cohort.MUNICIPAL
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
    branch = request.user.branch
    if branch is None or choice.level is Level.BRANCH:
        return branch.pk if branch else None
    if choice.level is Level.UNIT:
        return branch.unit_id
    committee = committees.of(branch)
    return committee.pk if committee else None


def _pinned(
    request: MemberRequest, programme: Programme, choice: Choice, found: Kept, own: int
) -> dict[str, str] | None:
    """The viewer's own line, where the page that is shown does not hold it: of this ranking, else
    of the same one among their own cohort."""
    place, label = found.line_of(own), ""
    if place is None and request.user.branch:
        choice = replace(choice, cohort=request.user.branch.cohort, unit=None)
        place = kept_rankings.of(programme, choice, at=request.at).line_of(own)
        label = Cohort(choice.cohort).label if place else ""
    if place is None:
        return None
    where = f"?{_query(choice, programme)}&find=1"
    return _line(place, own, choice) | {"cohort": label, "where": where}


def _page_number(request: MemberRequest, found: Kept, own: int | None) -> tuple[str | int, str]:
    """The page to show; where something is searched for, the page on which it stands."""
    text = request.GET.get("q", "").strip()
    place: int | None = None
    if text:
        place = found.named(text)
        if place is None:
            return request.GET.get("page", ""), f"这个排行里没有“{text}”。"
    elif request.GET.get("find") and own:
        place = found.position(own)
        if place is None:
            return "", "您的单位不在这个排行里，请换一个系统查看。"
    if place is None:
        return request.GET.get("page", ""), ""
    return place // PER_PAGE + 1, ""


def _line(place: Place, own: int | None, choice: Choice) -> dict[str, str]:
    """One line of the table in words."""
    rate, mine = place.rate, place.organization == own
    return moved(place.movement) | {
        "mine": "mine" if mine else "",
        "rank": str(place.rank),
        "name": place.name,
        "own": OWN if mine else "",
        "full": " full" if rate == 1 else "",
        "width": hundred(rate),
        "rate": percent(rate),
        "completed": f"{place.completed}/{place.due}",
        "exempt": str(place.exempt),
        "hours": hours1(place.mean_hours),
        "points": hours1(place.mean_points),
        "new": str(place.new),
    }


def _query(choice: Choice, programme: Programme) -> str:
    parts = [f"programme={programme.code}", f"level={choice.level}", f"cohort={choice.cohort}",
             f"window={choice.window}", f"measure={choice.measure}"]  # fmt: skip
    if choice.unit:
        parts.append(f"unit={choice.unit}")
    return "&".join(parts)


def _not_permitted(request: MemberRequest, programme: Programme, refusal: Refusal) -> HttpResponse:
    context = {"programme": programme, "reason": refusal.message}
    return page(request, "credits/not_permitted.html", context)
