"""Background work: queued with its cause, done once, reported; what is due by the clock."""

from __future__ import annotations

import io
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal import jobs, reaping, worker
from portal.models import Job, PeriodicRun
from portal.progress import Progress
from portal.refusals import Refusal
from portal.worker import Loop

pytestmark = pytest.mark.django_db

DONE: list[str] = []


def note(progress: Progress, *, text: str) -> dict[str, Any]:
    progress.step(1, 1)
    DONE.append(text)
    return {"text": text}


def refuse(progress: Progress) -> None:
    raise Refusal("名单是空的。")


def fall_over(progress: Progress) -> None:
    raise ValueError("boom")


def cancelled_half_way(progress: Progress) -> None:
    jobs.cancel(progress.job, at=timezone.now())
    progress.step(1, 2)
    DONE.append("not reached")


def tick(*, at: Any) -> None:
    DONE.append("tick")


def broken_tick(*, at: Any) -> None:
    raise ValueError("boom")


@pytest.fixture(autouse=True)
def _nothing_done(settings: Any) -> None:
    DONE.clear()
    settings.PERIODIC_WORK = []


@pytest.fixture
def start(city):
    def queue(work: str, **arguments: Any) -> Job:
        return jobs.start(
            f"{__name__}.{work}", title=work, by=city.by, at=timezone.now(), arguments=arguments
        )

    return queue


def work() -> None:
    call_command("work", once=True, stdout=io.StringIO())


def test_queued_work_is_done_once_with_its_result(start):
    job = start("note", text="甲")

    work()
    work()

    job.refresh_from_db()
    assert DONE == ["甲"]
    assert (job.state, job.result, job.share) == (Job.State.DONE, {"text": "甲"}, 1.0)


def test_work_is_queued_with_its_cause_or_not_at_all(start):
    with transaction.atomic():
        start("note", text="甲")
        transaction.set_rollback(True)

    work()

    assert DONE == []
    assert not DBTaskResult.objects.exists()


def test_a_refusal_is_the_jobs_own_message(start):
    job = start("refuse")

    work()

    job.refresh_from_db()
    assert (job.state, job.message) == (Job.State.FAILED, "名单是空的。")


def test_an_error_stops_neither_the_worker_nor_the_next_job(start, caplog):
    broken, next_ = start("fall_over"), start("note", text="乙")

    work()

    broken.refresh_from_db()
    next_.refresh_from_db()
    assert broken.state == Job.State.FAILED
    assert "系统出错" in broken.message
    assert "boom" not in broken.message
    assert next_.state == Job.State.DONE


def test_a_job_stops_at_its_next_step_when_its_user_asks(start):
    job = start("cancelled_half_way")

    work()

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert DONE == []


def test_a_job_cancelled_before_it_began_is_never_done(start):
    job = start("note", text="甲")
    jobs.cancel(job, at=timezone.now())

    work()

    assert DONE == []


def test_a_failed_job_can_be_started_again(start):
    job = start("fall_over")
    work()
    job.refresh_from_db()

    once_more = jobs.again(job, at=timezone.now())

    assert once_more.pk != job.pk
    assert once_more.state == Job.State.WAITING


def test_a_dead_job_is_reported_within_a_minute():
    """Silence, then the next round of the reaper, then the page that asks every few seconds."""
    rounds = settings.JOB_SILENCE / 8 * 2

    assert timedelta(seconds=settings.JOB_SILENCE) == jobs.SILENCE
    assert settings.JOB_SILENCE + rounds + worker.IDLE <= 55


def test_a_living_job_is_not_reaped_and_a_silent_one_is(start):
    now = timezone.now()
    living, silent = start("note", text="甲"), start("note", text="乙")
    Job.objects.update(state=Job.State.RUNNING, started_at=now)
    Job.objects.filter(pk=living.pk).update(heartbeat=now - timedelta(seconds=30))
    Job.objects.filter(pk=silent.pk).update(heartbeat=now - timedelta(seconds=45))

    assert reaping.reap(at=now) == 1

    silent.refresh_from_db()
    assert silent.state == Job.State.FAILED
    assert "可以重新开始" in silent.message


def test_periodic_work_runs_once_a_minute_and_one_failure_stops_no_other(settings, caplog):
    settings.PERIODIC_WORK = [f"{__name__}.broken_tick", f"{__name__}.tick"]
    now = timezone.now()

    worker.run_periodic(at=now)
    worker.run_periodic(at=now + timedelta(seconds=10))
    assert DONE == ["tick"]

    worker.run_periodic(at=now + timedelta(seconds=60))
    assert DONE == ["tick", "tick"]
    assert PeriodicRun.objects.count() == 2


def test_everything_named_as_periodic_work_can_be_called():
    from django.conf import LazySettings
    from django.utils.module_loading import import_string

    names = LazySettings().PERIODIC_WORK

    assert "credits.programmes.turn_the_day" in names
    for name in names:
        import_string(name)(at=timezone.now())


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("gone")])
def test_the_loop_rests_longer_and_longer_while_the_database_is_away(monkeypatch, error, caplog):
    def away(worker: str) -> bool:
        raise error

    loop = Loop(now=timezone.now)
    monkeypatch.setattr(worker.connections, "close_all", lambda: None)  # the test's own connection
    monkeypatch.setattr(worker, "close_old_connections", lambda: None)
    monkeypatch.setattr(jobs, "run_next", away)

    assert [loop.turn() for _ in range(6)] == [1, 2, 4, 8, 15, 15]

    monkeypatch.setattr(jobs, "run_next", lambda worker: True)
    assert loop.turn() == 0


def test_what_is_long_over_leaves_the_queue_but_not_the_users_list(start):
    job = start("note", text="甲")
    work()

    jobs.tidy(at=timezone.now() + timedelta(days=31))

    assert not DBTaskResult.objects.exists()
    assert Job.objects.filter(pk=job.pk).exists()


def test_an_empty_queue_costs_one_short_query(db, django_assert_num_queries):
    began = time.perf_counter()

    with django_assert_num_queries(1):
        assert not jobs.run_next("worker")

    assert time.perf_counter() - began < 0.5
