"""At the end of `make bench`: a table of the ratios, and var/bench.json."""

from __future__ import annotations

import json

import pytest
from django.conf import settings

from tests.benchmarks.stopwatch import ROWS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROWS:
        return
    write = terminalreporter.write_line
    terminalreporter.section("ratios (cost; smaller is better)")
    write(f"{'ours':>10} {'reference':>10} {'ratio':>7} {'goal':>6}  n")
    for row in ROWS:
        marks = ("" if row.is_met else "  MISSED") + ("" if row.steady else "  (reference moved)")
        write(
            f"{row.ours * 1000:8.1f}ms {row.reference * 1000:8.1f}ms {row.ratio:7.2f}"
            f" {row.goal:6.1f}  {row.name}, n = {row.n}, {row.database}{marks}"
        )
    kept = settings.VAR_DIR / "bench.json"
    kept.write_text(json.dumps([row.as_json() for row in ROWS], indent=1, ensure_ascii=False))
    write(f"written to {kept.name}")
