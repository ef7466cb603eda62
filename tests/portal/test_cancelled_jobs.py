"""Jobs whose user asked to stop: what they say of it is true, however late it was asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from portal import jobs
from portal.models import Job
from portal.progress import Progress
from tests.portal.test_dead_jobs import reap_later

pytestmark = pytest.mark.django_db

LATE = "要求取消时已来不及，事项已经办完。"
WROTE: list[str] = []
SEEN: list[Job] = []


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


def dies_after_writing(progress: Progress) -> None:
    """End its worker between the writing and what follows it, once."""
    if not WROTE:
        progress.step(0, 1)
        WROTE.append("everything")
        raise SystemExit
    progress.committed()
    WROTE.append("index")
    progress.finished("已导入 3 人。")


def ask(progress: Progress) -> None:
    jobs.cancel(progress.job, at=timezone.now())


@pytest.fixture(autouse=True)
def _nothing_done(settings: Any) -> None:
    WROTE.clear()
    settings.PERIODIC_WORK = []


@pytest.fixture
def ended(city):
    """A job of such work, when it is over."""

    def do(work: str, *, meanwhile: Any = None, **options: Any) -> Job:
        job = jobs.start(f"{__name__}.{work}", title=work, by=city.by, at=timezone.now(), **options)
        assert jobs.run_next("worker")
        if meanwhile:
            meanwhile(job)
            while jobs.run_next("worker"):
                pass
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


@pytest.mark.parametrize(
    ("said", "offered"),
    [({}, True), ({"too_late": True}, False), ({"cancel_asked": True}, False)],
)
def test_a_job_that_cannot_be_cancelled_any_more_offers_no_button(city, client, said, offered):
    job = jobs.start(f"{__name__}.walks", title="导入", by=city.by, at=timezone.now())
    Job.objects.update(state=Job.State.RUNNING, attempt=1, **said)
    client.force_login(city.by.member, "portal.sign_in.MemberBackend")

    shown = client.get(reverse("job-detail", args=[job.pk])).content.decode()
    told = client.post(reverse("job-cancel", args=[job.pk]), follow=True).content.decode()

    assert ("取消</button>" in shown) is offered
    assert ("不能取消" in told) is ("too_late" in said)


def test_it_is_too_late_from_the_writing_on_and_early_again_for_the_next_attempt(ended):
    """A worker that dies in the midst of writing has written nothing."""
    job = ended("writes")
    assert job.too_late is False  # its steps did not say so
    job = ended("goes_on")
    assert job.too_late

    Job.objects.filter(pk=job.pk).update(state=Job.State.WAITING, finished_at=None, result={})
    jobs.enqueue(job.pk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.goes_on", lambda progress: SEEN.append(progress.own.get()))
        assert jobs.run_next("worker")
    assert SEEN.pop().too_late is False


def test_a_step_that_is_the_last_says_so(city):
    jobs.start(f"{__name__}.walks", title="导入", by=city.by, at=timezone.now())
    Job.objects.update(state=Job.State.RUNNING, attempt=1)
    progress = Progress(Job.objects.get())
    progress.step(0, 3, "正在核对。")
    assert not Job.objects.get().too_late
    progress.step(0, 3, "正在写入。", too_late=True)
    assert Job.objects.get().too_late


def test_what_ended_says_so_with_its_rows(ended, monkeypatch):
    monkeypatch.setattr(jobs, "cancel", lambda job, *, at: None)
    job = ended("writes")

    assert (job.message, job.done, job.total) == ("已导入 3 人。", 3, 3)


def test_an_error_behind_the_writing_does_not_say_that_nothing_was_done(ended, caplog):
    job = ended("breaks_late")

    assert job.state == Job.State.FAILED
    assert job.message.startswith("已经写入，收尾时系统出错")


def test_a_job_that_was_begun_before_goes_on_when_it_is_cancelled_as_it_waits(ended):
    """It may have written already: what is left of it is to be done, and is not said to be
    nothing."""

    def cancelled(job: Job) -> None:
        reap_later()
        job.refresh_from_db()
        assert (job.state, job.attempt) == (Job.State.WAITING, 1)
        jobs.cancel(job, at=timezone.now())

    job = ended("dies_after_writing", resumes=3, meanwhile=cancelled)

    assert WROTE == ["everything", "index"]
    assert (job.state, job.message) == (Job.State.DONE, f"{LATE}已导入 3 人。")


def test_a_job_that_was_begun_before_and_wrote_nothing_is_cancelled_by_itself(ended):
    def cancelled(job: Job) -> None:
        Job.objects.update(state=Job.State.WAITING, finished_at=None, attempt=1)
        jobs.cancel(job, at=timezone.now())
        jobs.enqueue(job.pk)
        WROTE.clear()

    job = ended("writes", meanwhile=cancelled)

    assert (job.state, job.message, WROTE) == (Job.State.CANCELLED, "已取消。", [])
