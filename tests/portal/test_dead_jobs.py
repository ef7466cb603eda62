"""Jobs whose worker died or was silent for too long: taken up once more or reported, never lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal import jobs, reaping
from portal.models import Job

pytestmark = pytest.mark.django_db

DONE: list[int] = []


def stops(progress: jobs.Progress) -> dict[str, int]:
    """End the first time as a signal or a library would have it."""
    DONE.append(len(DONE) + 1)
    if len(DONE) == 1:
        raise SystemExit
    return {"runs": len(DONE)}


def note(progress: jobs.Progress) -> None:
    DONE.append(len(DONE) + 1)


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
