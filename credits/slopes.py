"""The slope chart of two bulletins: coordinates for a template to draw, so that it prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from credits.models import Bulletin, BulletinRow

TOP, BOTTOM, GAP = 34.0, 184.0, 17.0  # of the drawing, in its own units
ROOM = 8  # characters of a name that have room


@dataclass(frozen=True)
class Line:
    """One unit's rise from the previous number to this one."""

    name: str
    label: str
    before: float
    now: float
    y1: str
    y2: str
    label1: str
    label2: str


def slope(rows: Sequence[BulletinRow], previous: Bulletin | None) -> list[Line]:
    """Lines with labels that do not cover one another; none without a previous number."""
    if previous is None or not rows:
        return []
    pairs = [(row.unit_name, row.previous_rate or 0.0, row.rate or 0.0) for row in rows]
    rates = [rate for _, *both in pairs for rate in both]
    low, high = min(rates), max(rates)
    span = (high - low) or 1.0

    def place(rate: float) -> float:
        return BOTTOM - (rate - low) / span * (BOTTOM - TOP)

    left = _apart([place(before) for _, before, _ in pairs])
    right = _apart([place(now) for _, _, now in pairs])
    return [
        Line(
            name,
            short(name, ROOM),
            before,
            now,
            f"{place(before):.1f}",
            f"{place(now):.1f}",
            f"{left[index] + 4:.1f}",
            f"{right[index] + 4:.1f}",
        )
        for index, (name, before, now) in enumerate(pairs)
    ]


def short(name: str, room: int) -> str:
    """A name that has room in a chart; the table beside it has the whole."""
    return name if len(name) <= room else f"{name[: room - 1]}…"


def _apart(heights: Sequence[float]) -> list[float]:
    """Move labels so that each keeps its distance from the next, and the last stays inside."""
    moved = list(heights)
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + GAP)
    moved[order[-1]] = min(moved[order[-1]], BOTTOM + GAP)
    for before, after in pairwise(order[::-1]):
        moved[after] = min(moved[after], moved[before] - GAP)
    return moved
