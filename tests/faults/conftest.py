"""Machines with the small city and its programme, on the engine of this run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import machine as machines
from tests.faults.machine import Machine


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The database that each machine begins with; nothing is ever run in it."""
    name = f"portal_faults_{uuid.uuid4().hex[:8]}"
    first = Machine(tmp_path_factory.mktemp("laid-out"), name)
    if machines.POSTGRES:
        machines.on_server(f'CREATE DATABASE "{name}"')
    try:
        done = first.run("-m", "tests.faults.lay_out")
        assert done.returncode == 0, done.stderr
        yield first
    finally:
        machines.drop(name)


@pytest.fixture
def machine(laid_out: Machine, tmp_path: Path) -> Iterator[Machine]:
    name = f"portal_machine_{uuid.uuid4().hex[:8]}"
    one = laid_out.copy(tmp_path, name)
    try:
        yield one
    finally:
        one.stop_all()
        machines.drop(name)
