"""Spreadsheets of rankings; each is written to the audit trail before its first byte."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from django.utils import timezone

from credits import closings, committees
from credits.kept_rankings import Kept
from credits.models import BranchClosing, Programme
from credits.rankings import LEVELS, MEASURES, WINDOWS, Choice, Level, Ranking
from portal import audit, spreadsheets
from portal.audit import Actor
from portal.models import AuditEvent, Cohort

HEADINGS = [
    "名次", "单位", "编码", "应学", "免学", "学满", "学满率", "认定学时", "人均学时",
    "人均积分", "新增学满", "升降",
]  # fmt: skip
WIDTHS = [7, 30, 13, 8, 8, 8, 10, 11, 10, 10, 10, 8]


def ranking(
    programme: Programme, choice: Choice, found: Ranking | Kept, *, by: Actor, at: datetime
) -> HttpResponse:
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
    with spreadsheets.book() as book:
        sheet = book.sheet("排行榜", WIDTHS)
        sheet.title(name)
        when = timezone.localtime(found.at)
        sheet.note(f"截至 {when:%Y-%m-%d %H:%M}。按{MEASURES[choice.measure]}排列，同值同名次；"
                   "免学人员不计入应学；无应学人员的单位列在最后，不排名。")  # fmt: skip
        if choice.level is Level.COMMITTEE:
            sheet.note(committees.RULE)
        sheet.header(HEADINGS)
        for place in (*places, *apart):
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
    return spreadsheets.answer(book.data, name)


def _mean(hundredths: float | None) -> float | str:
    return "—" if hundredths is None else round(hundredths / 100, 2)


def closing(found: BranchClosing, *, by: Actor, at: datetime) -> HttpResponse:
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
    with spreadsheets.book() as book:
        sheet = book.sheet("结业情况", [14, 14, 10, 10, 10, 13, 34])
        sheet.title(name)
        closed = timezone.localtime(found.closed_at)
        sheet.note(f"编号 {found.number}，核验码 {found.code}；{closed:%Y-%m-%d} 封账，"
                   f"按规则第 {found.rules} 版。应学 {found.due} 人，学满 {found.completed} 人，"
                   f"未学满 {found.short} 人，免学 {found.exempt} 人。")  # fmt: skip
        sheet.header(["姓名", "党员编号", "应学", "认定", "结果", "学满日期", "说明"])
        for line in found.lines:
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
    return spreadsheets.answer(book.data, name)
