"""1,830 mobile members in 61 groups are pushed to by worker processes against a local robot server,
with every fault there is and workers killed: no group gets a push twice by itself, none is
forgotten, and exactly the lost answers stand as 结果不明."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.cast import TODAY, moment
from tests.faults.machine import Machine
from tests.robot_server import PATHS, RobotServer

pytestmark = pytest.mark.both
GROUPS, SIZE = 61, 30
SERVICES = ("wechat_work", "dingtalk", "feishu")
AGAIN = {3: ["429"], 4: ["500"], 5: ["too-much"], 6: ["503", "429", "too-much"], 7: ["too-much"]}
LOST = {10: ["lost"], 11: ["timeout"], 12: ["garbage"], 13: ["502"], 14: ["lost"], 17: ["timeout"]}
REFUSED = {20: ["refused"], 21: ["404"], 22: ["redirect"]}
DOWN = (50, 51)  # nobody listens there at first
KILLED = (30, 45)  # the worker dies while these wait for their answer


def token_of(number: int) -> str:
    return f"robot{number:05d}"


def path_of(service: str, token: str) -> str:
    if service == "feishu":
        return f"/open-apis/bot/v2/hook/{token}"
    path, name = next((p, n) for p, (s, n) in PATHS.items() if s == service)
    return f"{path}?{name}={token}"


@pytest.fixture
def server() -> Iterator[RobotServer]:
    one = RobotServer()
    for faults in (AGAIN, LOST, REFUSED):
        for number, said in faults.items():
            one.faults[token_of(number)] = list(said)
    for number in KILLED:
        one.faults[token_of(number)] = ["hold"]
    yield one
    one.stop()


def test_no_group_is_pushed_to_twice_and_none_is_forgotten(machine: Machine, server: RobotServer):
    down = RobotServer()
    down.stop()  # nobody listens there yet
    origins = {"ROBOT_ORIGINS": f"{server.origin},{down.origin}"}
    done = machine.run("-m", "tests.faults.lay_out_groups", server.origin, down.origin)
    assert done.returncode == 0, done.stderr
    assert machine.one("SELECT count(*) FROM portal_message") == GROUPS * SIZE
    at = moment(TODAY, 9)
    for turn in range(9):
        process = machine.start("-m", "tests.faults.work_at", at.isoformat(), **origins)
        if turn < len(KILLED):
            assert server.held.wait(60), machine.output(process)
            process.kill()
            process.wait()
            server.held.clear()
        else:
            assert process.wait(120) == 0, machine.output(process)
        assert "robot0" not in machine.output(process), "an address stands in the log"
        if turn == 3:
            down = RobotServer(down.server.server_port)
        at += timedelta(minutes=10)
    down.stop()

    states = dict(
        machine.rows(
            "SELECT g.name, d.state FROM courses_delivery d JOIN courses_studygroup g "
            "ON g.id = d.group_id WHERE d.robot_id IS NOT NULL"
        )
    )
    lost = {f"第{n}群" for n in (*LOST, *KILLED)}
    refused = {f"第{n}群" for n in REFUSED}
    assert server.wrong + down.wrong == []
    assert {name for name, state in states.items() if state == "unknown"} == lost
    assert {name for name, state in states.items() if state == "failed"} == refused
    assert sum(state == "sent" for state in states.values()) == GROUPS - len(lost) - len(refused)
    for number in range(GROUPS):
        took = len((down if number in DOWN else server).took[token_of(number)])
        assert took == (0 if number in REFUSED else 1), f"group {number}: {took} times"
    for number, faults in AGAIN.items():
        assert server.asked[token_of(number)] == len(faults) + 1
    assert machine.one("SELECT count(*) FROM courses_attempt WHERE outcome = 'sending'") == 0
