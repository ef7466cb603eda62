"""What stands in the tables of an older version stands there after an update, and after going
back."""

from __future__ import annotations

import json

import pytest

from tests.faults.machine import Machine

pytestmark = pytest.mark.both
RECORD = "sheet_id, place, session_id, title, day, was, state, people, rows"


def migrate(machine: Machine, name: str) -> None:
    done = machine.manage("migrate", "courses", name)
    assert done.returncode == 0, done.stderr


def test_receipts_of_sheets_go_over_session_by_session_and_back(machine: Machine):
    done = machine.run("-m", "tests.faults.write_sheet")
    assert done.returncode == 0, done.stderr
    before = machine.rows(f"SELECT {RECORD} FROM courses_sheetrecord")
    assert len(before) == 1

    migrate(machine, "0018_rights_of_versions")
    wrote = machine.one("SELECT wrote FROM courses_sheetimport")
    migrate(machine, "0019_records_of_sheets")

    [told] = json.loads(wrote) if isinstance(wrote, str) else wrote
    assert (told["was"], told["state"], told["title"]) == ("planned", "closed", "读书班")
    marks = {row["name"]: row["after"]["status"] for row in told["rows"]}
    assert marks == {"林小满": "late", "周明远": "present"}
    assert machine.rows(f"SELECT {RECORD} FROM courses_sheetrecord") == before
