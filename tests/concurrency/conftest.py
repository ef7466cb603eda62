"""A database with committed data for each test, and crowds of real processes upon it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import machine as machines
from tests.faults.machine import Machine

Crowd = Callable[[str, int], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def laid_out_crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The database that each test begins with; no crowd ever works in it."""
    with machines.laid_out(tmp_path_factory.mktemp("crowd"), "tests.concurrency.lay_out") as first:
        yield first


@pytest.fixture
def machine(laid_out_crowd: Machine, tmp_path: Path) -> Iterator[Machine]:
    with machines.copied(laid_out_crowd, tmp_path) as one:
        yield one


@pytest.fixture
def crowd(machine: Machine) -> Crowd:
    """So many processes do one work at the same instant; none may end in an error, a deadlock or
    a lock that took too long. Returns what each said or was refused."""

    def together(work: str, count: int) -> list[dict[str, Any]]:
        done = machine.run("-m", "tests.concurrency.crowd", work, str(count))
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        assert [a["error"] for a in answers if "error" in a] == []
        assert len(answers) == count
        return answers

    return together


@pytest.fixture
def verified(machine: Machine) -> Callable[[], dict[str, Any]]:
    """The verdict of `verify_ledger --json` in a process of its own."""

    def verify() -> dict[str, Any]:
        done = machine.manage("verify_ledger", "--json")
        report: dict[str, Any] = json.loads(done.stdout or '{"stderr": ""}')
        assert done.returncode == 0, report.get("problems", done.stderr)
        return report

    return verify
