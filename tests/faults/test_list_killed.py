"""A worker is killed over a long list: nothing is lost or doubled, and the list goes on."""

from __future__ import annotations

import pytest

from tests.faults.machine import Machine, wait_for
from tests.faults.test_worker_killed import QUICK, state
from tests.portal.conftest import MEMBER_HEADINGS, xlsx

pytestmark = pytest.mark.both
ROWS = 5000


def queue(machine: Machine, *words: str) -> int:
    done = machine.run("-m", "tests.faults.queue_list", *words)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def kill_when(machine: Machine, happened, what: str) -> None:
    """Start a worker, kill it with -9 as soon as that happened, and start another."""
    worker = machine.start("manage.py", "work", **QUICK)
    wait_for(happened, seconds=90, what=what)
    worker.kill()
    worker.wait()
    machine.start("manage.py", "work", **QUICK)


def test_check_and_writing_are_taken_up_again_after_a_kill(machine: Machine):
    sheet = machine.folder / "list.xlsx"
    rows = [
        [f"7{n:07d}", "席照川", "青川县甲支部", "一组", "正式党员", f"199{n:08d}", "2001-07-01"]
        for n in range(ROWS)
    ]
    sheet.write_bytes(xlsx(MEMBER_HEADINGS, *rows))

    check = queue(machine, "check", str(sheet))
    staged = "SELECT count(*) FROM portal_stagedline"
    kill_when(machine, lambda: machine.one(staged) > 0, "the first staged rows")
    assert machine.one(staged) < ROWS
    wait_for(lambda: state(machine, check) == "done", seconds=120, what="the check's end")
    assert machine.one(staged) == ROWS
    machine.stop_all()

    write = queue(machine, "write")
    people = "SELECT count(*) FROM portal_membership"
    before = machine.one(people)
    kill_when(machine, lambda: machine.one(people) > before, "the writing's transaction")
    wait_for(lambda: state(machine, write) == "done", seconds=120, what="the writing's end")

    assert machine.one(people) == before + ROWS
    numbers = "SELECT count(*) FROM portal_searchterm WHERE text LIKE '7______%'"
    assert machine.one(numbers) == ROWS
    assert machine.one(staged) == 0
    message = machine.one(f"SELECT message FROM portal_job WHERE id = {write}")
    assert message == f"已导入：新增 {ROWS} 人。"
