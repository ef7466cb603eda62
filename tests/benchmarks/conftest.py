"""The city of the benchmarks; at the end a table of the ratios, and var/bench.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases

from credits.models import LedgerEntry, Programme
from portal import collector
from tests.benchmarks.scale import SCALE
from tests.benchmarks.stopwatch import DEAREST, ROWS
from tests.faults.machine import Machine, copied

TODAY = date(2026, 6, 4)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_blocker: Any,
    django_db_keepdb: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machine | None]:
    """The database also for tests that commit, which have no django_db mark. With --reuse-db the
    city stays for the next session. Holds its tables before a city came into them: making them
    takes as long as some measurements."""
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            config = setup_databases(
                verbosity=0,
                interactive=False,
                keepdb=django_db_keepdb,
                aliases={"default": False},
                serialized_aliases=[],  # a city that is there is not written out as text
            )
            is_new = not Programme.objects.exists()
            connections.close_all()
        folder = tmp_path_factory.mktemp("tables")
        yield stack.enter_context(copied(_own(), folder)) if is_new else None
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            teardown_databases(config, verbosity=0)


def _own() -> Machine:
    """The database of this session, which nobody may be using when it is copied."""
    name = str(connection.settings_dict["NAME"])
    own = Machine(settings.VAR_DIR, name)
    if connection.vendor == "sqlite":
        own.file = Path(name)
    return own


@pytest.fixture(scope="session", autouse=True)
def _as_a_web_process() -> None:
    """Garbage is collected as rarely as where the portal serves, for both sides of a pair."""
    collector.relax()


@pytest.fixture(scope="session")
def whole_city(django_db_setup: None, django_db_blocker: Any) -> dict[str, float]:
    """The big city, laid out once a session by the command, and committed: tests undo their own.
    Holds what it took in seconds, unless it was there."""
    taken: dict[str, float] = {}
    with django_db_blocker.unblock():
        fresh = not Programme.objects.exists()
        began = perf_counter()
        if LedgerEntry.objects.count() < SCALE.entries * SCALE.programmes:
            call_command(
                "seed", "fushun", members=SCALE.members, branches=SCALE.branches,
                entries=SCALE.entries, programmes=SCALE.programmes, seed=1, today=TODAY,
            )  # fmt: skip
        if fresh:
            taken["seconds"] = perf_counter() - began
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return taken


@pytest.fixture
def load_seconds(whole_city: dict[str, float]) -> float | None:
    """What loading the city took; None where it was there already."""
    return whole_city.get("seconds")


@pytest.fixture
def committed(whole_city: dict[str, float], django_db_blocker: Any) -> Iterator[None]:
    """The whole city without a transaction around the test: what is measured commits."""
    with django_db_blocker.unblock():
        yield
        for each in connections.all(initialized_only=True):
            each.close()


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
    for name, lines in DEAREST.items():
        terminalreporter.section(f"dearest of: {name}", sep="-")
        for line in lines:
            write(line)
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
