"""The seed of a whole city is killed half way: started again it goes on and ends the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.machine import Machine, copied, laid_out, wait_for

pytestmark = pytest.mark.both
SEED = [
    "manage.py", "seed", "fushun", "--members", "480", "--branches", "158", "--entries", "4000",
    "--jobs", "2", "--today", "2026-06-04",
]  # fmt: skip


def digest(output: str) -> str:
    [found] = re.findall(r"账簿校验值 (sha256:\w+)", output)
    return str(found)


def test_a_city_killed_half_way_ends_with_the_digest_of_one_that_ran_through(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    with (
        laid_out(tmp_path, "tests.faults.migrated") as empty,
        copied(empty, tmp_path / "first") as whole,
        copied(empty, tmp_path / "second") as torn,
    ):
        through = whole.run(*SEED)
        assert through.returncode == 0, through.stderr
        assert "100 %  4000/4000" in through.stdout, "progress is told"
        single = whole.one("SELECT count(*) FROM credits_posting WHERE lines = 1")
        assert single >= 0.3 * 4000, "own study, line by line"
        odd = "SELECT count(*) FROM credits_posting WHERE lines > 1 AND (lines < 5 OR lines > 200)"
        assert whole.one(odd) == 0, "meetings of 5 to 200"

        process = torn.start(*SEED)
        wait_for(lambda: postings(torn) > 300, seconds=120, what="a part of the postings")
        hands = helpers(process.pid)
        assert len(hands) == 2
        torn.kill(process)
        wait_for(lambda: not any(map(lives, hands)), seconds=30, what="the end of its processes")
        assert "已写入" not in torn.output(process)
        assert 0 < postings(torn) < postings(whole)

        again = torn.run(*SEED, "--jobs", "1")
        assert again.returncode == 0, again.stderr
        assert digest(again.stdout) == digest(through.stdout)
        assert torn.one("SELECT count(*) FROM credits_ledgerentry") == 4000
        checked = torn.manage("verify_ledger")
        assert checked.returncode == 0, checked.stdout

        other = torn.run(*SEED[:-2], "--today", "2026-06-04", "--seed", "2")
        assert other.returncode == 1
        assert "数据库中已有别的数据" in other.stderr
        assert digest(torn.run(*SEED).stdout or "") == digest(through.stdout)

        two = torn.manage("verify_ledger", "--jobs", "2")
        assert two.returncode == 0, two.stdout + two.stderr
        first = "(SELECT MIN(id) FROM credits_credittotal)"
        torn.change(f"UPDATE credits_credittotal SET earned = earned + 25 WHERE id = {first}")
        two = torn.manage("verify_ledger", "--jobs", "2")
        assert two.returncode == 1
        assert "学时合计" in two.stdout + two.stderr


def helpers(pid: int) -> list[str]:
    """The processes that a process began."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def lives(pid: str) -> bool:
    """Whether there is a process that did not end, reaped or not."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def postings(machine: Machine) -> int:
    return int(machine.one("SELECT count(*) FROM credits_posting"))


def test_a_former_programme_is_over_when_the_present_one_is_laid_out(tmp_path):
    """Nothing of it is dated behind the day of the seed, neither its end nor its closed books."""
    with laid_out(tmp_path, "tests.faults.migrated") as city:
        done = city.run(*SEED, "--entries", "600", "--programmes", "2")
        assert done.returncode == 0, done.stderr
        states = [
            state for (state,) in city.rows("SELECT state FROM credits_programme ORDER BY id")
        ]
        assert states == ["closed", "running"]
        assert city.one("SELECT count(*) FROM credits_ledgerentry") == 1200
        for table, column in (("portal_auditevent", "at"), ("credits_branchclosing", "closed_at"),
                              ("credits_programme", "state_since")):  # fmt: skip
            latest = str(city.one(f"SELECT max({column}) FROM {table}"))
            assert latest < "2026-06-05", (table, latest)
        checked = city.manage("verify_ledger")
        assert checked.returncode == 0, checked.stdout
