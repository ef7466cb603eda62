"""The ten specimens that came with the task, compared field by field."""

from dataclasses import replace

import pytest

from courses.sheets.sheet_reading import read
from portal import workbooks

from .world import CASES, SPECIMENS, TODAY, Town

ATTENDANCE = [case for case in CASES["cases"] if case["kind"] == "attendance"]


def read_case(case):
    data = (SPECIMENS / case["file"]).read_bytes()
    book = workbooks.read(data, case["file"])
    return book, read(book, roster=Town(case["branch"]), at=TODAY)


@pytest.mark.parametrize("case", ATTENDANCE, ids=lambda case: case["id"])
def test_specimen_is_read_as_a_careful_person_reads_it(case):
    expect = case["expect"]

    found = read_case(case)[1].as_json()

    assert found["outcome"] == {"read_and_warn": "read"}.get(expect["outcome"], expect["outcome"])
    assert found["questions"] == []
    assert len(found["sessions"]) == len(expect["sessions"])
    for session, wanted in zip(found["sessions"], expect["sessions"], strict=True):
        facts = {key: session[key] for key in wanted if key not in ("rows", "evidence")}
        assert facts == {key: wanted[key] for key in facts}
        rows = [
            {key: row[key] for key in want if key != "cells"}
            for row, want in zip(session["rows"], wanted["rows"], strict=True)
        ]
        assert rows == [
            {key: value for key, value in want.items() if key != "cells"} for want in wanted["rows"]
        ]


def test_footer_that_contradicts_the_marks_is_said_with_both_numbers():
    [case] = [case for case in ATTENDANCE if case["id"] == "A38"]

    found = read_case(case)[1]

    [warning] = [str(warning) for warning in found.warnings]
    assert "实到 10 人" in warning
    assert "8 人" in warning
    assert "第 13 行" in warning


@pytest.mark.parametrize("case", ATTENDANCE, ids=lambda case: case["id"])
def test_full_width_digits_and_spaces_change_nothing(case):
    book, plain = read_case(case)

    wide = replace(book, sheets=tuple(_widened(grid) for grid in book.sheets))
    found = read(wide, roster=Town(case["branch"]), at=TODAY)

    assert [_bare(session) for session in found.sessions] == [
        _bare(session) for session in plain.sessions
    ]


def _widened(grid):
    digits = {ord(str(n)): chr(0xFF10 + n) for n in range(10)}
    digits |= {ord(":"): "：", ord("("): "（", ord(")"): "）"}
    rows = tuple(
        tuple(f" {v.translate(digits)}\u3000" if isinstance(v, str) else v for v in row)
        for row in grid.rows
    )
    return replace(grid, rows=rows)


def _bare(session):
    rows = tuple((r.row, r.name, r.member, r.status, r.leave) for r in session.rows)
    return session.date, session.start, session.end, session.host, rows
