"""Spreadsheets of rankings; each is written to the audit trail before its first byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from credits import closings, committees, kept_rankings, rankings
from credits.kept_rankings import Kept
from credits.models import BranchClosing, Programme
from credits.rankings import LEVELS, MEASURES, WINDOWS, Choice, Level, Measure, Ranking, Window
from portal import audit
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.exporting import Export, NotGiven, find
from portal.models import AuditEvent, Cohort
from portal.spreadsheets import Book

HEADINGS = [
    "名次", "单位", "编码", "应学", "免学", "学满", "学满率", "认定学时", "人均学时",
    "人均积分", "新增学满", "升降",
]  # fmt: skip
WIDTHS = [7, 30, 13, 8, 8, 8, 10, 11, 10, 10, 10, 8]


def ranking_asked(
    scope: Scope, *, by: Actor, at: datetime, programme: int, choice: list[Any], token: str
) -> Export:
    """The order of a ranking; token: the one that was seen, as long as it is kept."""
    if not scope.has(Capability.SEE_RANKINGS):
        raise NotGiven
    campaign = Programme.objects.get(pk=programme)
    rankings.check_permitted(campaign)
    level, cohort, window, measure, inside = choice
    wanted = Choice(Level(level), cohort, Window(window), Measure(measure), inside)
    found = kept_rankings.of(campaign, wanted, at=at, token=token)
    return ranking(campaign, wanted, found, by=by, at=at)


def ranking(
    programme: Programme, choice: Choice, found: Ranking | Kept, *, by: Actor, at: datetime
) -> Export:
    """A whole ranking with its denominators, exempt counts and movement."""
    places, apart = found.places, found.apart
    label = f"{Cohort(choice.cohort).label}{LEVELS[choice.level]}{MEASURES[choice.measure]}排行"
    name = f"{programme}{label}（{WINDOWS[choice.window]}）"
    audit.record(
        AuditEvent.Event.EXPORT,
        by=by,
        at=at,
        on=programme.organiser,
        subject=name,
        detail={"filter": str(choice), "rows": len(places) + len(apart)},
    )

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("排行榜", WIDTHS)
        sheet.title(name)
        when = timezone.localtime(found.at)
        sheet.note(f"截至 {when:%Y-%m-%d %H:%M}。按{MEASURES[choice.measure]}排列，同值同名次；"
                   "免学人员不计入应学；无应学人员的单位列在最后，不排名。")  # fmt: skip
        if choice.level is Level.COMMITTEE:
            sheet.note(committees.RULE)
        sheet.header(HEADINGS)
        for number, place in enumerate((*places, *apart), 1):
            sheet.line(
                [
                    place.rank,
                    place.name,
                    place.code,
                    place.due,
                    place.exempt,
                    place.completed,
                    "",
                    place.hours / 100,
                    _mean(place.mean_hours),
                    _mean(place.mean_points),
                    place.new,
                    place.movement,
                ]
            )
            sheet.percent(6, place.rate)
            yield number

    return Export(name, len(places) + len(apart), write)


def _mean(hundredths: float | None) -> float | str:
    return "—" if hundredths is None else round(hundredths / 100, 2)


def closing_asked(scope: Scope, *, by: Actor, at: datetime, closing: int) -> Export:
    """The order of a closing's sheet."""
    rows = BranchClosing.objects.select_related("branch", "programme", "closed_by", "replaces")
    found = find(rows, scope, Capability.RECORD_ATTENDANCE, closing)
    return closing_sheet(found, by=by, at=at)


def closing_sheet(found: BranchClosing, *, by: Actor, at: datetime) -> Export:
    """One branch's certificate of a closing, with its names."""
    name = f"{found.programme}结业情况证明（{found.branch_name}）"
    audit.record(
        AuditEvent.Event.EXPORT,
        by=by,
        at=at,
        on=found.branch,
        subject=name,
        detail={"number": found.number, "rows": len(found.lines)},
    )

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("结业情况", [14, 14, 10, 10, 10, 13, 34])
        sheet.title(name)
        closed = timezone.localtime(found.closed_at)
        sheet.note(f"编号 {found.number}，核验码 {found.code}；{closed:%Y-%m-%d} 封账，"
                   f"按规则第 {found.rules} 版。应学 {found.due} 人，学满 {found.completed} 人，"
                   f"未学满 {found.short} 人，免学 {found.exempt} 人。")  # fmt: skip
        sheet.header(["姓名", "党员编号", "应学", "认定", "结果", "学满日期", "说明"])
        for number, line in enumerate(found.lines, 1):
            sheet.line(
                [
                    line["name"],
                    line["number"],
                    line["target"] / 100,
                    line["hours"] / 100,
                    closings.outcome(line),
                    line["completed_on"],
                    line["why"],
                ]
            )
            yield number

    return Export(name, len(found.lines), write)
