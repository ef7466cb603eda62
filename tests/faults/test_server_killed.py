"""The server is killed in the middle of posting: all of a posting or nothing, nothing lost."""

from __future__ import annotations

import json
import random
import subprocess
import time
from functools import partial

import pytest

from tests.faults.machine import Machine, wait_for

pytestmark = pytest.mark.both
KILLS = 8


def test_a_killed_server_leaves_whole_postings_and_a_ledger_that_verifies(machine: Machine):
    dice = random.Random()  # the moment of the kill is meant to differ from run to run
    there = 0
    for _ in range(KILLS):
        server = machine.start("-m", "tests.faults.poster")
        first = partial(said_or_gone, machine, server)
        wait_for(first, seconds=60, what="first posting")
        assert server.poll() is None, machine.output(server)
        time.sleep(dice.uniform(0, 0.5))
        machine.kill(server)

        said = [int(line) for line in machine.output(server).split("\n")[:-1]][-1]
        was, there = there, machine.one("SELECT count(*) FROM credits_posting")
        assert said <= there <= said + 1, "what was acknowledged is there"
        assert there > was
        lines = machine.one("SELECT count(*) FROM credits_ledgerentry")
        assert lines == there * 5, "a posting has all of its lines"

    verdict = machine.manage("verify_ledger", "--json")
    assert verdict.returncode == 0, verdict.stdout
    assert json.loads(verdict.stdout)["postings"] == there


def said_or_gone(machine: Machine, server: subprocess.Popen[str]) -> bool:
    return bool(machine.output(server)) or server.poll() is not None
