"""Background work: a queue, a row that its user sees (`portal.progress`), cancel, heartbeat.

A unit of work is a plain function `work(progress, **arguments) -> dict` named by its dotted path;
it must be safe to run again, because a killed worker's job is taken up again, or started anew by
its user. `portal.reaping` looks after those that died; it and this module alone know django-tasks.

`manage.py work` runs `portal.worker`, which calls `run_next` again and again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks import task
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction

from portal.audit import Actor
from portal.models import Job
from portal.progress import Cancelled, Progress, Taken
from portal.refusals import Refusal

SILENCE = timedelta(seconds=settings.JOB_SILENCE)  # without a sign of life this long it is dead
BEAT = settings.JOB_SILENCE / 8  # seconds between signs of life
KEPT = timedelta(days=30)  # how long the queue remembers what is over
TURN = 0.12  # seconds, a little more than the longest pause of SQLite's busy handler
FILES_KEPT = timedelta(days=1)  # how long what a job made can be fetched
BROKEN = "系统出错，没有办完；已记入日志，请重新开始或联系管理员。"
WRITTEN = "已经写入，收尾时系统出错；已记入日志，请重新开始，已经办完的部分不会重复。"
LATE = "要求取消时已来不及，事项已经办完。"
at_work: set[int] = set()  # what this process is at
log = logging.getLogger(__name__)


def start(
    work: str,
    *,
    title: str,
    by: Actor,
    at: datetime,
    arguments: dict[str, Any] | None = None,
    back_url: str = "",
    resumes: int = 0,
) -> Job:
    """Queue a piece of work; it begins when the caller's transaction is committed.

    The queue is in the same database, so job and task are written together or not at all.
    resumes: how often a worker takes the work up again by itself when one died over it.
    """
    with transaction.atomic():
        job = Job.objects.create(
            work=work,
            title=title,
            by=by.member,
            role=by.role,
            arguments=arguments or {},
            created_at=at,
            back_url=back_url,
            resumes=resumes,
        )
        enqueue(job.pk)
    return job


def enqueue(job_id: int, *, priority: int = 0) -> None:
    """Put a waiting job's task into the queue, before those of a lower priority."""
    _run_task.using(priority=priority).enqueue(job_id)


def again(job: Job, *, at: datetime) -> Job:
    """Queue a failed or cancelled job's work once more, as a new job."""
    if job.state not in {Job.State.FAILED, Job.State.CANCELLED}:
        raise Refusal("只有未完成或已取消的事项可以重新开始。")
    by = Actor(job.by, job.role)
    return start(
        job.work, title=job.title, by=by, at=at, arguments=job.arguments, back_url=job.back_url,
        resumes=job.resumes,
    )  # fmt: skip


def cancel(job: Job, *, at: datetime) -> bool:
    """Ask a job to stop; one that nobody has begun is over at once. One that waits to be taken up
    again may have written already: its next attempt knows, and stops or says so. Returns whether
    it may stop: not one that is over or writes at once."""
    own = Job.objects.filter(pk=job.pk)
    if own.filter(state=Job.State.WAITING, attempt=0).update(
        state=Job.State.CANCELLED, finished_at=at, message="已取消，没有改动任何数据。"
    ):
        return True
    alive = own.filter(state__in=[Job.State.WAITING, Job.State.RUNNING])
    alive.update(cancel_asked=True)
    return alive.filter(too_late=False).exists()


def run_next(worker: str) -> bool:
    """Take the first task of the queue and do it; False when none is waiting."""
    waiting = DBTaskResult.objects.ready()
    if not waiting.exists():
        return False
    with exclusive_transaction():
        taken = waiting.get_locked()
        if taken is None:
            return False  # another worker has it
        taken.claim(worker)
    Worker(
        queue_names=["*"],
        excluded_queue_names=[],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=1,
        worker_id=worker,
    ).run_task(taken)
    return True


def run(job_id: int) -> None:
    """Do a queued job's work and write how it ended. Called by the worker."""
    at_work.add(job_id)
    try:
        if job := _begin(job_id):  # or it was cancelled before, or another worker has it
            _attempt(job)
    finally:
        at_work.discard(job_id)


def _attempt(job: Job) -> None:
    progress = Progress(job)
    try:
        work: Callable[..., dict[str, Any] | None] = import_string(job.work)
        with _heartbeat(progress):
            result = work(progress, **job.arguments)
    except Taken:
        log.warning("job %s: attempt %s ends, it was silent for too long", job.pk, job.attempt)
    except Cancelled:
        _finish(progress, Job.State.CANCELLED, "已取消。")
    except Refusal as refusal:
        _finish(progress, Job.State.FAILED, refusal.message)
    except Exception:
        log.exception("job %s failed", job.pk)
        _finish(progress, Job.State.FAILED, WRITTEN if progress.is_committed else BROKEN)
    else:
        _finish(progress, Job.State.DONE, "", result or {})


@transaction.atomic
def _begin(job_id: int) -> Job | None:
    """Make a waiting job this worker's, by a new attempt."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job_id, state=Job.State.WAITING)
    begun = waiting.update(
        state=Job.State.RUNNING,
        started_at=now,
        heartbeat=now,
        attempt=F("attempt") + 1,
        too_late=False,
    )
    return Job.objects.select_related("by__branch").get(pk=job_id) if begun else None


def remaining(job: Job, *, at: datetime) -> str:
    """How much longer a job takes at the pace of its present steps, in words; empty where that is
    unknown."""
    made = job.done - job.pace_done
    if job.state != Job.State.RUNNING or not job.pace_at or made <= 0 or job.done >= job.total:
        return ""
    spent = (at - job.pace_at).total_seconds()
    left = spent * (job.total - job.done) / made
    if spent < 2:
        return ""
    return f"大约还要 {ceil(left / 60)} 分钟" if left > 90 else f"大约还要 {max(1, ceil(left))} 秒"


def give_way() -> None:
    """Let others write between two transactions of a long piece of work: who waits for SQLite's
    only write lock looks for it every tenth of a second and would find it taken again."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(TURN)


def file_for(progress: Progress, name: str) -> Path:
    """Where a piece of work writes the file that it makes for its user; a second run begins it
    anew. Only `file_of` finds it, and only once the work is done. Raises Taken."""
    folder = settings.VAR_DIR / "made"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = Path(folder, f"{progress.job.pk}-{name[:80].replace('/', '／')}")
    if not progress.own.update(file=path.name):
        raise Taken
    path.unlink(missing_ok=True)
    return path


def file_of(job: Job) -> Path | None:
    """The file that a job made, while it is kept."""
    path = settings.VAR_DIR / "made" / job.file
    return path if job.file and job.state == Job.State.DONE and path.is_file() else None


def tidy(*, at: datetime) -> None:
    """Forget the queue's rows of jobs that have long been over, and files that were made more
    than a day ago; the jobs themselves stay."""
    for made in Job.objects.exclude(file="").filter(created_at__lt=at - FILES_KEPT):
        Path(settings.VAR_DIR, "made", made.file).unlink(missing_ok=True)
        Job.objects.filter(pk=made.pk).update(file="")
    old = DBTaskResult.objects.filter(finished_at__lt=at - KEPT)
    old.filter(pk__in=list(old.values_list("pk", flat=True)[:1000])).delete()


@task()
def _run_task(job_id: int) -> None:
    run(job_id)


def _finish(
    progress: Progress, state: Job.State, message: str, result: dict[str, Any] | None = None
) -> None:
    """Write how a job ended, unless it is no longer this attempt's; a lock is waited for."""
    for pause in (1, 2, 4, 0):
        try:
            _end(progress, state, message, result or {})
        except (OperationalError, InterfaceError):
            if not pause:
                raise  # the reaper will report it
            connection.close()
            time.sleep(pause)
        else:
            return


def _end(progress: Progress, state: Job.State, message: str, result: dict[str, Any]) -> None:
    values: dict[str, Any] = {"state": state, "finished_at": timezone.now(), "result": result}
    if state == Job.State.DONE:
        message = progress.last_words
        if progress.own.filter(cancel_asked=True).exists():
            message = LATE + message
        if progress.rows:
            values["done"] = values["total"] = progress.rows
    if message:
        values["message"] = message[:300]
    progress.own.update(**values)


@contextmanager
def _heartbeat(progress: Progress) -> Iterator[None]:
    """Give a sign of life from a thread of its own while long statements run."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            try:
                progress.own.update(heartbeat=timezone.now())
            except (OperationalError, InterfaceError):
                continue  # or the work itself holds SQLite's only write lock: it is alive
            finally:
                connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1)
