"""The city of the benchmarks; at the end a table of the ratios, and var/bench.json."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from tests.benchmarks.scale import SCALE
from tests.benchmarks.stopwatch import ROWS

TODAY = date(2026, 6, 4)


@pytest.fixture(scope="session")
def whole_city(django_db_setup: None, django_db_blocker: Any) -> None:
    """The big city, laid out once a session by the command, and committed: tests undo their own."""
    with django_db_blocker.unblock():
        call_command(
            "seed", "fushun", members=SCALE.members, branches=SCALE.branches,
            entries=SCALE.entries, seed=1, today=TODAY,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROWS:
        return
    write = terminalreporter.write_line
    terminalreporter.section("ratios (cost; smaller is better)")
    write(f"{'ours':>10} {'reference':>10} {'ratio':>7} {'goal':>6}  n")
    for row in ROWS:
        marks = ("" if row.is_met else "  MISSED") + ("" if row.steady else "  (reference moved)")
        write(
            f"{row.shown(row.ours):>10} {row.shown(row.reference):>10} {row.ratio:7.2f}"
            f" {row.goal:6.2f}  {row.name}, n = {row.n}, {row.database}{marks}"
        )
    kept = settings.VAR_DIR / "bench.json"
    others = []
    if kept.exists():  # rows of the other engine stay
        names = {(row.name, row.database) for row in ROWS}
        others = [
            r for r in json.loads(kept.read_text()) if (r["name"], r["database"]) not in names
        ]
    rows = [*others, *(row.as_json() for row in ROWS)]
    kept.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    write(f"written to {kept.name}")
