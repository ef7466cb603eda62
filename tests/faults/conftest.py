"""Machines with the small city and its programme, on the engine of this run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import machine as machines
from tests.faults.machine import Machine


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The database that each machine begins with; nothing is ever run in it."""
    with machines.laid_out(tmp_path_factory.mktemp("laid-out"), "tests.faults.lay_out") as first:
        yield first


@pytest.fixture(scope="session")
def laid_posted(laid_out: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The city with some postings in its ledger; nothing more is run in it."""
    with machines.copied(laid_out, tmp_path_factory.mktemp("posted")) as one:
        server = one.start("-m", "tests.faults.poster")
        machines.wait_for(lambda: "6\n" in one.output(server), seconds=60, what="six postings")
        one.stop_all()
        if not machines.POSTGRES:
            one.rows("PRAGMA wal_checkpoint(TRUNCATE)")  # a copy takes the file without its log
        yield one


@pytest.fixture(scope="session")
def laid_packed(laid_posted: Machine) -> Path:
    """A backup of the city with its postings."""
    path = laid_posted.folder / "portal.backup"
    done = laid_posted.manage("backup", str(path))
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def posted(laid_posted: Machine, tmp_path: Path) -> Iterator[Machine]:
    """The city with some postings in its ledger."""
    with machines.copied(laid_posted, tmp_path) as one:
        yield one


@pytest.fixture
def packed(laid_packed: Path, tmp_path: Path) -> Path:
    """A backup of it, as `backup` has written it."""
    return Path(shutil.copy2(laid_packed, tmp_path))


@pytest.fixture
def machine(laid_out: Machine, tmp_path: Path) -> Iterator[Machine]:
    with machines.copied(laid_out, tmp_path) as one:
        yield one
