"""Jobs whose user asked to stop: what they say of it is true, however late it was asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from portal import jobs
from portal.models import Job
from portal.progress import Progress

pytestmark = pytest.mark.django_db

LATE = "要求取消时已来不及，事项已经办完。"
WROTE: list[str] = []


def writes(progress: Progress) -> None:
    """Be cancelled while everything is written at once."""
    progress.step(0, 1, "正在写入；写入是一次完成的，中途不能取消。")
    ask(progress)
    WROTE.append("everything")
    progress.finished("已导入 3 人。", rows=3)


def goes_on(progress: Progress) -> None:
    """Be cancelled when everything is written, and something is still to be done."""
    WROTE.append("everything")
    progress.committed()
    ask(progress)
    progress.step(1, 2, "正在编制检索。")
    WROTE.append("index")
    progress.finished("已导入 3 人。")


def walks(progress: Progress) -> None:
    """Be cancelled over the last item."""
    for item in progress.over(["甲", "乙"], total=2):
        if item == "乙":
            ask(progress)
        WROTE.append(item)


def breaks_late(progress: Progress) -> None:
    progress.committed()
    raise ValueError("boom")


def ask(progress: Progress) -> None:
    jobs.cancel(progress.job, at=timezone.now())


@pytest.fixture(autouse=True)
def _nothing_done(settings: Any) -> None:
    WROTE.clear()
    settings.PERIODIC_WORK = []


@pytest.fixture
def ended(city):
    """A job of such work, when it is over."""

    def do(work: str) -> Job:
        job = jobs.start(f"{__name__}.{work}", title=work, by=city.by, at=timezone.now())
        assert jobs.run_next("worker")
        job.refresh_from_db()
        return job

    return do


@pytest.mark.parametrize(
    ("work", "wrote", "said"),
    [
        ("writes", ["everything"], f"{LATE}已导入 3 人。"),
        ("goes_on", ["everything", "index"], f"{LATE}已导入 3 人。"),
        ("walks", ["甲", "乙"], LATE),
    ],
)
def test_what_was_written_is_not_called_cancelled(ended, work, wrote, said):
    job = ended(work)

    assert (job.state, job.message, WROTE) == (Job.State.DONE, said, wrote)


def test_what_ended_says_so_with_its_rows(ended, monkeypatch):
    monkeypatch.setattr(jobs, "cancel", lambda job, *, at: None)
    job = ended("writes")

    assert (job.message, job.done, job.total) == ("已导入 3 人。", 3, 3)


def test_an_error_behind_the_writing_does_not_say_that_nothing_was_done(ended, caplog):
    job = ended("breaks_late")

    assert job.state == Job.State.FAILED
    assert job.message.startswith("已经写入，收尾时系统出错")
