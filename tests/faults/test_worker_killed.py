"""The worker is killed, asked to stop, or loses its database: no job is lost or left running."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import machine as machines
from tests.faults.machine import ROOT, Machine, wait_for

pytestmark = pytest.mark.both
QUICK = {"JOB_SILENCE": "8"}  # in production 40, see test_work.py


def queue(machine: Machine, work: str, seconds: float) -> int:
    done = machine.run("-m", "tests.faults.queue_work", work, str(machine.folder), str(seconds))
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def state(machine: Machine, job: int) -> str:
    return str(machine.one(f"SELECT state FROM portal_job WHERE id = {job}"))


def begun(machine: Machine) -> None:
    wait_for((machine.folder / "begun").exists, seconds=60, what="the job's beginning")


def test_the_job_of_a_killed_worker_is_reported_failed_and_can_be_started_again(machine: Machine):
    job = queue(machine, "slow", 60)
    worker = machine.start("manage.py", "work", **QUICK)
    begun(machine)
    machine.kill(worker)
    assert state(machine, job) == "running"

    killed = time.monotonic()
    machine.start("manage.py", "work", **QUICK)
    wait_for(lambda: state(machine, job) == "failed", seconds=30, what="report of the dead job")

    assert time.monotonic() - killed < 8 + 2 + 15  # silence, reaping, start of the process
    message = machine.one(f"SELECT message FROM portal_job WHERE id = {job}")
    assert "中断" in message
    assert "可以重新开始" in message


@pytest.mark.parametrize("workers", [1, 2])
def test_a_long_job_keeps_no_dead_one_from_being_reported(machine: Machine, workers: int):
    """Whether the long job was next in the queue, or was another worker's all the time."""
    dead, long = queue(machine, "slow", 60), queue(machine, "slow", 60)
    worker = machine.start("manage.py", "work", **QUICK)
    begun(machine)
    if workers == 2:
        machine.start("manage.py", "work", **QUICK)
        wait_for(lambda: state(machine, long) == "running", seconds=30, what="the long job")
    machine.kill(worker)
    killed = time.monotonic()
    if workers == 1:
        machine.start("manage.py", "work", **QUICK)

    wait_for(lambda: state(machine, dead) == "failed", seconds=40, what="report of the dead job")

    assert time.monotonic() - killed < 8 + 2 + 15  # silence, two beats, start of the process
    assert state(machine, long) == "running"


def test_a_job_killed_inside_its_transaction_leaves_nothing(machine: Machine):
    job = queue(machine, "half", 60)
    worker = machine.start("manage.py", "work", **QUICK)
    begun(machine)
    machine.kill(worker)

    assert machine.one("SELECT count(*) FROM portal_member WHERE name = '改名'") == 0
    machine.start("manage.py", "work", **QUICK)
    wait_for(lambda: state(machine, job) == "failed", seconds=30, what="report of the dead job")


def test_a_job_taken_but_not_begun_is_taken_up_again(machine: Machine):
    job = queue(machine, "slow", 0.2)
    machine.change(
        "UPDATE django_tasks_database_dbtaskresult SET status = 'RUNNING', "
        "started_at = '2021-01-01 00:00:00'"
    )

    machine.start("manage.py", "work", **QUICK)

    wait_for(lambda: state(machine, job) == "done", seconds=30, what="the job's end")


def test_asked_to_stop_the_worker_ends_its_job_first_and_leaves_the_next(machine: Machine):
    first, second = queue(machine, "slow", 3), queue(machine, "slow", 3)
    worker = machine.start("manage.py", "work")
    begun(machine)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=20) == 0, machine.output(worker)
    assert state(machine, first) == "done"
    assert state(machine, second) == "waiting"


def test_an_idle_worker_stops_at_once(machine: Machine):
    worker = machine.start("manage.py", "work")
    wait_for(lambda: "已启动" in machine.output(worker), seconds=30, what="the worker's start")
    time.sleep(1)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=3) == 0, machine.output(worker)


def test_make_run_starts_a_killed_worker_anew_and_stops_it_when_told(machine: Machine):
    """As the Procfile has it, under honcho, which would end everything with the first to end."""
    run = machine.start("-m", "honcho", "start", "--no-prefix", "worker", **QUICK)
    try:
        first = wait_for(lambda: workers_of(machine, run), seconds=30, what="the worker's start")
        os.kill(first[0], signal.SIGKILL)
        _, second = wait_for(
            lambda: len(found := workers_of(machine, run)) == 2 and found,
            seconds=30, what="another worker",
        )  # fmt: skip
        job = queue(machine, "slow", 0.2)
        wait_for(lambda: state(machine, job) == "done", seconds=30, what="the job's end")
    finally:
        run.send_signal(signal.SIGTERM)
        run.wait(timeout=15)
    wait_for(lambda: not Path(f"/proc/{second}").exists(), seconds=5, what="the worker's end")


def workers_of(machine: Machine, process: subprocess.Popen[str]) -> list[int]:
    """The workers that said, so far, that they have started."""
    return [int(pid) for pid in re.findall(r"已启动（.+:(\d+)）", machine.output(process))]


def test_a_command_that_fails_at_once_is_given_longer_and_longer_rests(tmp_path: Path):
    began = tmp_path / "began"
    kept = subprocess.Popen(
        ["scripts/keep.sh", "sh", "-c", f"echo >>{began}; exit 3"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(5)  # begun at 0, 1 and 3 s
    kept.terminate()
    _, said = kept.communicate(timeout=5)

    assert began.read_text().count("\n") in {2, 3}
    assert "已结束（3），1 秒后重新启动" in said
    assert "已结束（3），2 秒后重新启动" in said


def test_the_worker_outlives_a_locked_or_lost_database(machine: Machine):
    worker = machine.start("manage.py", "work", PYTHONUNBUFFERED="1")
    wait_for(lambda: "已启动" in machine.output(worker), seconds=30, what="the worker's start")
    time.sleep(1.5)

    if machines.POSTGRES:
        for _ in range(3):
            machines.on_server(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE datname = '{machine.name}'"
            )
            time.sleep(0.5)
    else:
        with closing(sqlite3.connect(machine.file, isolation_level=None)) as somebody:
            somebody.execute("BEGIN EXCLUSIVE")
            stays_alive(worker, 23)  # longer than the connection's time-out of 20 s
            somebody.execute("ROLLBACK")

    job = queue(machine, "slow", 0.2)
    wait_for(lambda: state(machine, job) == "done", seconds=40, what="the job's end")
    assert worker.poll() is None


def stays_alive(worker, seconds: float) -> None:
    """Let time pass in which the worker must not die."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert worker.poll() is None
        time.sleep(0.5)
