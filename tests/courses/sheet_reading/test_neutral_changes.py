"""What changes the look of a sheet and not its meaning changes nothing that is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from . import test_layouts_by_hand, test_rows_by_hand
from .world import reading

CASES = [*test_layouts_by_hand.TABLES, *test_rows_by_hand.TABLES]
WIDE = {ord(str(n)): chr(0xFF10 + n) for n in range(10)}
WIDE |= {ord(":"): "：", ord("("): "（", ord(")"): "）"}


def shifted(grid, down, right):
    """Blank rows above and blank columns on the left."""
    rows = ((),) * down + tuple((None,) * right + row for row in grid.rows)
    merged = tuple((a + down, b + right, c + down, d + right) for a, b, c, d in grid.merged)
    return replace(grid, rows=rows, merged=merged)


def each_text(grid, change):
    rows = tuple(tuple(change(v) if isinstance(v, str) else v for v in row) for row in grid.rows)
    return replace(grid, rows=rows)


def parted(grid):
    """A blank row below the first one."""
    merged = tuple((a + (a > 0), b, c + (c > 0), d) for a, b, c, d in grid.merged)
    return replace(grid, rows=(*grid.rows[:1], (), *grid.rows[1:]), merged=merged)


def as_text(grid):
    """Whole numbers as text, as in a text file."""
    rows = tuple(tuple(str(v) if type(v) is int else v for v in row) for row in grid.rows)
    return replace(grid, rows=rows)


CHANGES = {
    "rows above": lambda grid: shifted(grid, 2, 0),
    "columns on the left": lambda grid: shifted(grid, 0, 2),
    "full width": lambda grid: each_text(grid, lambda text: text.translate(WIDE)),
    "spaces": lambda grid: each_text(grid, lambda text: f" {text}\u3000" if text else text),
    "blank tail": lambda grid: replace(grid, rows=grid.rows + ((None,) * 30,) * 50),
    "blank row between": parted,
    "numbers as text": as_text,
}


def meaning(result):
    """All that is read but the places."""
    return (
        result.outcome,
        sorted(question.about for question in result.questions),
        [(s.date, s.start, s.end, s.place, s.host) for s in result.sessions],
        [[(r.name, r.member, r.status, r.leave) for r in s.rows] for s in result.sessions],
    )


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_look_of_a_sheet_changes_nothing(change):
    for case in CASES:
        more = {"branch": case.branch, "filename": case.filename}
        plain = meaning(reading(*case.sheets, **more))
        assert meaning(reading(*map(change, case.sheets), **more)) == plain, case.habit
