"""Spreadsheets of rankings; each is written to the audit trail before its first byte."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from django.utils import timezone

from credits import committees
from credits.kept_rankings import Kept
from credits.models import Programme
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
