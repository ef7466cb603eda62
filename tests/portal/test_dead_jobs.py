"""Jobs whose worker died or was silent for too long: taken up once more or reported, never lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal import jobs, reaping
from portal.models import Job
from portal.progress import Cancelled, Progress, Taken
from portal.worker import Loop
from tests.portal.test_work import work

pytestmark = pytest.mark.django_db

DONE: list[int] = []


def is_taken(progress: Progress) -> dict[str, int]:
    """Be silent in the first attempt until another worker has the job, and try to go on."""
    attempt = progress.job.attempt
    if attempt == 1:
        reap_later()
        assert jobs.run_next("another worker")
        progress.step(1, 2, "原来的后台程序又动了。")
    DONE.append(attempt)
    return {"attempt": attempt}


def stops(progress: Progress) -> dict[str, int]:
    """End the first time as a signal or a library would have it."""
    DONE.append(len(DONE) + 1)
    if len(DONE) == 1:
        raise SystemExit
    return {"runs": len(DONE)}


def note(progress: Progress) -> None:
    DONE.append(len(DONE) + 1)


def is_long(progress: Progress) -> None:
    """Give no sign of life for long, while the same worker looks for dead jobs."""
    Loop(now=lambda: timezone.now() + 2 * jobs.SILENCE).reap()
    progress.step(1, 1)
    DONE.append(progress.job.attempt)


def reap_later() -> None:
    """Look for dead jobs when nobody has heard of what runs for a while."""
    reaping.reap(at=timezone.now() + 2 * jobs.SILENCE)


@pytest.fixture(autouse=True)
def _nothing_done(settings: Any) -> None:
    DONE.clear()
    settings.PERIODIC_WORK = []


@pytest.fixture
def start(city):
    def queue(work: str, **options: Any) -> Job:
        return jobs.start(
            f"{__name__}.{work}", title=work, by=city.by, at=timezone.now(), **options
        )

    return queue


# --- What waits without a task --------------------------------------------------------------------


def test_a_job_whose_first_statement_met_a_lock_is_queued_anew(start, monkeypatch):
    job = start("note")

    def locked(*args: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "run", locked)
        assert jobs.run_next("worker")
    job.refresh_from_db()
    assert job.state == Job.State.WAITING
    assert not DBTaskResult.objects.ready().exists()

    reaping.reap(at=timezone.now())
    assert not DBTaskResult.objects.ready().exists()  # it may just be between queue and worker
    reap_later()
    reap_later()
    assert DBTaskResult.objects.ready().count() == 1
    assert jobs.run_next("worker")

    job.refresh_from_db()
    assert (job.state, DONE) == (Job.State.DONE, [1])


def test_a_job_whose_end_could_not_be_written_is_taken_up_again(start, monkeypatch):
    job = start("note", resumes=1)

    def locked(*args: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_finish", locked)
        assert jobs.run_next("worker")

    assert taken_up(job) == (Job.State.DONE, [1, 2])


def test_a_job_that_ends_its_worker_is_taken_up_again_or_reported(start):
    job = start("stops", resumes=1)
    assert jobs.run_next("worker")
    assert taken_up(job) == (Job.State.DONE, [1, 2])

    DONE.clear()
    job = start("stops")
    assert jobs.run_next("worker")
    assert taken_up(job) == (Job.State.FAILED, [1])


def test_work_that_is_not_there_is_reported_at_once(start, caplog):
    job = start("no_such_work", resumes=3)

    assert jobs.run_next("worker")

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "系统出错" in job.message


def test_what_waited_before_goes_before_what_was_queued_meanwhile(start):
    job = start("stops", resumes=1)
    assert jobs.run_next("worker")
    later = start("note")
    reap_later()

    assert jobs.run_next("worker")

    job.refresh_from_db()
    later.refresh_from_db()
    assert (job.state, later.state) == (Job.State.DONE, Job.State.WAITING)


def taken_up(job: Job) -> tuple[str, list[int]]:
    """How a job ends of which a dead worker says no more, and what was done by then."""
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    reap_later()
    while jobs.run_next("worker"):
        pass
    job.refresh_from_db()
    return job.state, DONE


# --- Two workers over one job ---------------------------------------------------------------------


def test_the_attempt_that_was_silent_for_too_long_ends_and_the_next_one_counts(start, caplog):
    job = start("is_taken", resumes=3)

    work()

    job.refresh_from_db()
    assert DONE == [2]
    assert (job.state, job.result, job.attempt) == (Job.State.DONE, {"attempt": 2}, 2)
    assert job.message == "后台程序曾经中断，已自动接着办理；已经办完的部分不会重复。"


def test_a_worker_does_not_take_its_own_job_for_dead(start):
    job = start("is_long", resumes=3)

    assert jobs.run_next("worker")

    job.refresh_from_db()
    assert (job.state, job.message, DONE) == (Job.State.DONE, "", [1])
    assert not jobs.at_work


def test_only_the_last_attempt_writes_of_its_job(start):
    job = start("is_taken")
    Job.objects.update(state=Job.State.RUNNING, started_at=job.created_at, attempt=1)
    job.refresh_from_db()
    first = Progress(job)
    with transaction.atomic():
        first.hold()
    Job.objects.update(attempt=2)

    with pytest.raises(Taken):
        first.step(1, 2)
    with pytest.raises(Taken), transaction.atomic():
        first.hold()
    with pytest.raises(Taken):
        jobs.file_for(first, "花名册.xlsx")
    first.lead_to("/elsewhere/")

    job.refresh_from_db()
    assert (job.done, job.file, job.back_url, job.heartbeat) == (0, "", "", None)


def test_whoever_cancels_is_not_mistaken_for_another_worker(start):
    job = start("is_taken")
    Job.objects.update(state=Job.State.RUNNING, started_at=job.created_at, attempt=1)
    job.refresh_from_db()
    jobs.cancel(job, at=timezone.now())

    with pytest.raises(Cancelled):
        Progress(job).step(1, 2)
