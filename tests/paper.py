"""What a clerk with pencil and paper would know: which lines live, and who has how many hours.

Written from the rule book alone, it shares no line with `credits`; the state machines compare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

DAILY_CAP = 400


class Line(NamedTuple):
    """One line asked for, or standing: hours in hundredths. stated: by a register, so that no cap
    of the day counts it."""

    day: date
    hours: int
    start: datetime | None = None
    end: datetime | None = None
    content: str = ""
    stated: bool = False


def worth(minutes: int) -> int:
    """45 minutes are an hour; whole quarters of it count."""
    return minutes * 4 // 45 * 25


class Paper:
    """Lines by source and member."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], list[Line]] = {}

    def write(
        self, source: str, withdrawn: Iterable[int], asked: Iterable[tuple[int, Line]]
    ) -> list[int]:
        """One act: strike out, then write what fits; returns whose lines were refused."""
        for member in withdrawn:
            self.lines.pop((source, member), None)
        refused = []
        for member, line in asked:
            if line.hours and all(self.fits(line, other) for other in self.of(member)) and (
                line.stated or self.on(member, line.day) + line.hours <= DAILY_CAP
            ):  # fmt: skip
                self.lines.setdefault((source, member), []).append(line)
            else:
                refused.append(member)
        return refused

    def of(self, member: int) -> list[Line]:
        return [line for (_, who), lines in self.lines.items() if who == member for line in lines]

    def on(self, member: int, day: date) -> int:
        own = (line for line in self.of(member) if line.day == day)
        return sum(line.hours for line in own if not line.stated)

    @staticmethod
    def fits(line: Line, other: Line) -> bool:
        if line.content and line.content == other.content:
            return False
        if line.start is None or line.end is None or other.start is None or other.end is None:
            return True
        return line.end <= other.start or other.end <= line.start

    @property
    def hours(self) -> dict[tuple[str, int], int]:
        """Hours of each member in each source."""
        return {place: sum(line.hours for line in lines) for place, lines in self.lines.items()}

    @property
    def sums(self) -> Counter[int]:
        """Who has how many hours."""
        found: Counter[int] = Counter()
        for (_, member), hours in self.hours.items():
            found[member] += hours
        return found
