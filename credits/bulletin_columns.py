"""The columns of a bulletin's tables, the same on the web, in print and in spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from credits.models import BulletinMeasure as Measure
from credits.models import BulletinRow, Changed
from credits.models.bulletin import USUAL
from portal.refusals import Refusal
from portal.spreadsheets import Share
from portal.templatetags.portal import hours1, percent

MOST = 5  # measures in one table: more of them leave the unit's name no room in print


class TooMany(Refusal):
    """More measures than a page has room for."""

    message = f"栏目最多选 {MOST} 项，再多纸面排不下。"


@dataclass(frozen=True)
class Column:
    """text: as it is printed; cell: as a spreadsheet has it. width: millimetres in print, of which
    the unit's name gives way to the others; characters: in a spreadsheet."""

    heading: str
    text: Callable[[BulletinRow], str]
    cell: Callable[[BulletinRow], object]
    width: int = 13
    characters: int = 9


def movement(row: BulletinRow) -> str:
    """Places gained or lost, in print: ▲3, ▼1, —; why a unit is not compared, in words; nothing
    where there is nothing to compare."""
    if row.changed:
        return Changed(row.changed).label
    if row.movement is None:
        return ""
    if row.movement == 0:
        return "—"
    return f"{'▲' if row.movement > 0 else '▼'}{abs(row.movement)}"


def _number(heading: str, name: str) -> Column:
    return Column(
        heading, lambda row: str(getattr(row, name)), lambda row: getattr(row, name), width=11
    )


def _mean(heading: str, name: str) -> Column:
    def cell(row: BulletinRow) -> object:
        mean = getattr(row, name)
        return "—" if mean is None else round(mean / 100, 1)

    return Column(heading, lambda row: hours1(getattr(row, name)), cell, 16, 11)


UNIT = Column("单位", lambda row: row.unit_name, lambda row: row.unit_name, 0, 34)
FIXED = (
    Column(
        "名次",
        lambda row: "—" if row.rank is None else str(row.rank),
        lambda row: "—" if row.rank is None else row.rank,
        11,
        7,
    ),
    Column("升降", movement, movement, 13, 8),
    UNIT,
    Column(
        "学满率",
        lambda row: percent(row.rate),
        lambda row: "—" if row.rate is None else Share(row.rate),
        16,
        10,
    ),
    _number("学满", "completed"),
    _number("应学", "due"),
)
CHOSEN = {
    Measure.EXEMPT: _number("免学", "exempt"),
    Measure.HOURS: _mean("人均学时", "mean_hours"),
    Measure.POINTS: _mean("人均积分", "mean_points"),
    Measure.SESSIONS: _number("活动", "sessions"),
    Measure.MOBILE: _number("流动参学", "mobile"),
    Measure.IN: _number("转入", "transferred_in"),
    Measure.OUT: _number("转出", "transferred_out"),
    Measure.LATE: _number("迟录", "late"),
}


def check(measures: Sequence[str]) -> list[str]:
    """The measures chosen, in their fixed order; none chosen means the usual ones. Raises
    TooMany."""
    chosen = [measure.value for measure in Measure if measure in measures]
    if len(chosen) > MOST:
        raise TooMany(field="measures")
    return chosen or USUAL


def of(measures: Sequence[str]) -> tuple[Column, ...]:
    """All columns of a table that shows some measures; of old numbers, which name none, theirs."""
    return FIXED + tuple(CHOSEN[Measure(measure)] for measure in measures or USUAL)


def more(measures: Sequence[str]) -> tuple[Column, ...]:
    """The columns behind those that every table has."""
    return of(measures)[len(FIXED) :]


def widths(columns: Sequence[Column]) -> list[int]:
    """Millimetres in print: together the 156 of the text area."""
    used = sum(column.width for column in columns)
    return [column.width or 156 - used for column in columns]
