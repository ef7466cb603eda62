"""How much longer a job takes: at the pace of what it is doing, or nothing where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from portal import jobs
from portal.models import Job
from portal.progress import Progress
from tests.cast import NOW

pytestmark = pytest.mark.django_db


class Clock:
    """The clock, which goes on when it is told to."""

    def __init__(self, traveller: Any) -> None:
        self.traveller, self.at = traveller, NOW

    def go_on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.traveller.move_to(self.at)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def progress(city, clock) -> Progress:
    """A job that has just been begun."""
    jobs.start("nowhere.nothing", title="导入", by=city.by, at=NOW)
    Job.objects.update(state=Job.State.RUNNING, started_at=NOW, heartbeat=NOW, attempt=1)
    return Progress(Job.objects.get())


def remaining(clock: Clock) -> str:
    return jobs.remaining(Job.objects.get(), at=clock.at)


@pytest.mark.parametrize(
    ("done", "seconds", "said"),
    [
        (50, 1.5, ""),  # too soon to tell
        (50, 30, "大约还要 30 秒"),
        (99, 2, "大约还要 1 秒"),
        (25, 30, "大约还要 90 秒"),
        (25, 31, "大约还要 2 分钟"),
        (1, 60, "大约还要 99 分钟"),
        (0, 60, ""),
        (100, 60, ""),
    ],
)
def test_it_takes_as_long_as_the_pace_so_far_says(progress, clock, done, seconds, said):
    progress.step(0, 100)
    clock.go_on(seconds)
    progress.step(done, 100)

    assert remaining(clock) == said


def test_each_kind_of_steps_has_its_own_pace(progress, clock):
    progress.step(0, 1000, "正在读取。")
    clock.go_on(600)
    progress.step(1000, 1000)
    clock.go_on(600)
    assert remaining(clock) == ""

    progress.step(0, 200, "正在编制检索。")
    assert remaining(clock) == ""
    clock.go_on(10)
    progress.step(50, 200)
    assert remaining(clock) == "大约还要 30 秒"


def test_what_an_earlier_attempt_did_is_not_taken_for_this_ones_pace(progress, clock):
    progress.step(0, 1000)
    clock.go_on(100)
    progress.step(500, 1000)
    Job.objects.update(started_at=clock.at, attempt=2)
    again = Progress(Job.objects.get())

    again.step(500, 1000)
    clock.go_on(2)
    assert remaining(clock) == ""
    clock.go_on(8)
    again.step(550, 1000)
    assert remaining(clock) == "大约还要 90 秒"


@pytest.mark.parametrize("state", [Job.State.WAITING, Job.State.DONE, Job.State.CANCELLED])
def test_what_does_not_run_has_no_end_in_sight(progress, clock, state):
    progress.step(0, 100)
    clock.go_on(30)
    progress.step(50, 100)
    over = None if state == Job.State.WAITING else clock.at
    Job.objects.update(state=state, finished_at=over)

    assert remaining(clock) == ""


def test_the_page_says_it(city, progress, clock, sign_in):
    client = sign_in("shi")
    Job.objects.update(by=city.people["shi"])
    progress.step(0, 100)
    clock.go_on(30)
    progress.step(50, 100)

    page = client.get(reverse("job-detail", args=[progress.job.pk])).content.decode()

    assert "50 / 100 · 大约还要 30 秒" in page
