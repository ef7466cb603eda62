"""The charts of 比、学、赶、超: coordinates for a template to draw, so that they print, and beside
each the table of the same figures. Pure over the figures of a bulletin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from credits import bulletin_texts
from credits.bulletin_figures import Figures
from credits.models import BulletinRow
from credits.slopes import Line, short, slope
from portal.models import Cohort
from portal.spreadsheets import Share
from portal.templatetags.portal import hours1, percent, points_gain

LETTER, ROOM = 13, 10  # units of the drawing; characters of a name that have room
FIRST = 3  # units of a cohort in the chart on paper
WHOLE = 1.0  # of a share's scale


@dataclass(frozen=True)
class Cell:
    """A figure as it is printed, and as a spreadsheet has it."""

    text: str
    value: object


@dataclass(frozen=True)
class Table:
    """The figures of one chart: unit and cohort in front, numbers behind."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @property
    def texts(self) -> list[list[str]]:
        return [[cell.text for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Bar:
    """One value as a bar. y: its text's base line; top: of the bar; mark: where the cohort stands
    on the same scale, empty without one."""

    x: str
    top: str
    width: str
    text: str
    text_x: str
    y: str
    mark: str = ""


@dataclass(frozen=True)
class Ranked:
    """A unit's place and rate in its cohort. own: the reader's unit."""

    rank: str
    name: str
    label: str
    own: bool
    bar: Bar


@dataclass(frozen=True)
class Ranking:
    """The first of a cohort, by rank. x, span: where bars begin, and how long 100 % is."""

    cohort: str
    count: int
    width: int
    height: int
    x: str
    span: str
    units: Sequence[Ranked]


@dataclass(frozen=True)
class Exemplary:
    """A unit to learn from: its rate and its mean hours, each beside those of its cohort."""

    name: str
    y: str
    rate: Bar
    hours: Bar


@dataclass(frozen=True)
class Learning:
    """The units to learn from."""

    height: int
    units: Sequence[Exemplary]


@dataclass(frozen=True)
class Step:
    """A unit that rose: its places then and now on the line from the last place to the first."""

    name: str
    label: str
    before: int
    now: int
    x1: str
    x2: str
    y: str
    base: str


@dataclass(frozen=True)
class Rise:
    """Who rose past others. x: where the lines begin; left: the last place on the scale."""

    height: int
    x: str
    last: int
    steps: Sequence[Step]


@dataclass(frozen=True)
class Charts:
    """All charts of a bulletin with their tables. own: the reader's unit, on the web."""

    figures: Figures
    own: int | None = None

    @cached_property
    def compared(self) -> list[Ranking]:
        """The first of every cohort."""
        found = []
        for label, rows in self.figures.cohorts:
            found.append(ranking(label, len(rows), rows[:FIRST], width=260, step=21))
        return found

    def of_cohort(self, label: str, count: int, rows: Sequence[BulletinRow]) -> Ranking:
        """Some rows of one cohort."""
        return ranking(label, count, rows, own=self.own)

    @cached_property
    def exemplary(self) -> list[BulletinRow]:
        return bulletin_texts.to_learn_from(self.figures)

    @cached_property
    def learn(self) -> Learning | None:
        rows = self.exemplary
        if not rows:
            return None
        most = max(max(row.mean_hours or 0, self._cohorts[row.cohort][1]) for row in rows) or 1
        units = []
        for place, row in enumerate(rows):
            rate, hours = self._cohorts[row.cohort]
            y = 40 + 46 * place
            units.append(
                Exemplary(
                    row.unit_name,
                    str(y),
                    _bar(4, y + 7, 110, (row.rate or 0), percent(row.rate), rate),
                    _bar(196, y + 7, 110, (row.mean_hours or 0) / most, hours1(row.mean_hours),
                         hours / most),
                )
            )  # fmt: skip
        return Learning(34 + 46 * len(rows), units)

    @cached_property
    def learn_table(self) -> Table:
        rows = []
        for row in self.exemplary:
            rate, hours = self._cohorts[row.cohort]
            rows.append((*_unit(row), _rate(row.rate), _rate(rate), _mean(row.mean_hours),
                         _mean(hours)))  # fmt: skip
        return Table(("单位", "系统", "学满率", "本系统", "人均学时", "本系统"), rows)

    @cached_property
    def improved(self) -> list[BulletinRow]:
        return bulletin_texts.most_improved(self.figures)

    @cached_property
    def chase(self) -> list[Line]:
        return slope(self.improved, self.figures.previous)

    @cached_property
    def chase_table(self) -> Table:
        rows = [
            (
                *_unit(row), _rate(row.previous_rate), _rate(row.rate),
                Cell(f"▲ {points_gain(row.gain or 0)}", round(row.gain or 0, 1)),
                Cell(f"{row.completed}/{row.due}", f"{row.completed}/{row.due}"),
            )
            for row in self.improved
        ]  # fmt: skip
        return Table(("单位", "系统", "上期", "本期", "提高", "学满/应学"), rows)

    @cached_property
    def overtakings(self) -> list[bulletin_texts.Overtaking]:
        return bulletin_texts.overtakings(self.figures)

    @cached_property
    def surpass(self) -> Rise | None:
        found = self.overtakings
        if not found:
            return None
        x = 22 + _room([o.row.unit_name for o in found]) + 14
        last = max(o.row.previous_rank or 1 for o in found)
        length = (360 - 26 - x) / max(last - 1, 1)

        def at(rank: int) -> str:
            return f"{x + (last - rank) * length:.1f}"

        steps = []
        for place, o in enumerate(found):
            name, before, now = o.row.unit_name, o.row.previous_rank or 0, o.row.rank or 0
            y = 34 + 30 * place
            steps.append(
                Step(name, short(name, ROOM), before, now, at(before), at(now), str(y), str(y + 4))
            )
        return Rise(22 + 30 * len(steps), str(x), last, steps)

    @cached_property
    def surpass_table(self) -> Table:
        rows = [
            (
                *_unit(o.row), _count(o.row.previous_rank), _count(o.row.rank),
                Cell(f"▲{o.row.movement}", o.row.movement), _count(len(o.overtaken)),
            )
            for o in self.overtakings
        ]  # fmt: skip
        return Table(("单位", "系统", "上期名次", "本期名次", "上升", "超过单位"), rows)

    @cached_property
    def _cohorts(self) -> dict[str, tuple[float, float]]:
        """Rate and mean hours of each cohort: sum over sum."""
        found = {}
        for cohort, rows in groupby(sorted(self.figures.rows, key=_cohort), _cohort):
            some = list(rows)
            due = sum(row.due for row in some) or 1
            found[cohort] = (
                sum(row.completed for row in some) / due,
                sum(row.hours for row in some) / due,
            )
        return found


def ranking(
    cohort: str, count: int, rows: Sequence[BulletinRow], *, own: int | None = None,
    width: int = 360, step: int = 26,
) -> Ranking:  # fmt: skip
    """The bars of some of a cohort's units."""
    x = 24 + _room([row.unit_name for row in rows]) + 8
    span = width - 52 - x
    units = [
        Ranked(
            str(row.rank), row.unit_name, short(row.unit_name, ROOM), row.unit_id == own,
            _bar(x, step * place + 5, span, row.rate or 0, percent(row.rate)),
        )
        for place, row in enumerate(rows)
    ]  # fmt: skip
    return Ranking(cohort, count, width, step * len(rows), str(x), str(span), units)


def _room(names: Sequence[str]) -> int:
    return LETTER * max(len(short(name, ROOM)) for name in names)


def _bar(x: int, top: int, span: int, share: float, text: str, mark: float | None = None) -> Bar:
    """A bar of 12 units' height with its value behind the longest one."""
    return Bar(
        str(x), str(top), f"{min(share, WHOLE) * span:.1f}", text, str(x + span + 5), str(top + 11),
        "" if mark is None else f"{x + min(mark, WHOLE) * span:.1f}",
    )  # fmt: skip


def _cohort(row: BulletinRow) -> str:
    return row.cohort


def _unit(row: BulletinRow) -> tuple[Cell, Cell]:
    label = Cohort(row.cohort).label
    return Cell(row.unit_name, row.unit_name), Cell(label, label)


def _rate(rate: float | None) -> Cell:
    return Cell(percent(rate), "—" if rate is None else Share(rate))


def _mean(mean: float | None) -> Cell:
    return Cell(hours1(mean), "—" if mean is None else round(mean / 100, 1))


def _count(number: int | None) -> Cell:
    return Cell(str(number), number)
