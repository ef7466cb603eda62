"""What becomes of jobs whose worker died: reported as failed, or queued again.

Every worker looks for them every few seconds (`portal.worker`), in the midst of a job, too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from portal import jobs
from portal.models import Job

FIRST = 10  # priority of what waited before: it goes before what is queued
State = Job.State


def reap(*, at: datetime, spare: Collection[int] = ()) -> int:
    """Report jobs whose worker died as failed; returns how many. spare: those that the caller's
    process is at, and that live whether or not they could say so.

    One that may be resumed waits again instead. Whatever has waited for long without a task is
    queued anew: its task was taken from the queue by a worker that died, or that met an error
    before it could begin. Writes nothing where there is nothing to do, so that no lock is waited
    for.
    """
    silent = at - jobs.SILENCE
    dead = Job.objects.filter(state=State.RUNNING)
    dead = dead.filter(Q(heartbeat__lt=silent) | Q(heartbeat=None)).exclude(pk__in=spare)
    reported = _report(dead, at=at) if dead.exists() else 0
    for taken in DBTaskResult.objects.running().filter(started_at__lt=silent):
        if not Job.objects.filter(pk=_job_of(taken), state=State.RUNNING).exists():
            same = DBTaskResult.objects.running().filter(pk=taken.pk, started_at=taken.started_at)
            same.update(status=TaskResultStatus.FAILED, finished_at=at)
    waiting = Job.objects.filter(state=State.WAITING, created_at__lt=silent)
    if _without_task(waiting):
        _queue(waiting)
    return reported


def _report(dead: QuerySet[Job], *, at: datetime) -> int:
    dead.filter(resumes__gt=0).update(
        state=State.WAITING,
        started_at=None,
        heartbeat=None,
        resumes=F("resumes") - 1,
        message="后台程序曾经中断，已自动接着办理；已经办完的部分不会重复。",
    )
    return dead.filter(resumes=0).update(
        state=State.FAILED,
        finished_at=at,
        message="后台程序中断，可能没有办完；可以重新开始，已经办完的部分不会重复。",
    )


@transaction.atomic
def _queue(waiting: QuerySet[Job]) -> None:
    """Queue jobs that wait without a task; locked, so that no two workers do."""
    for job_id in sorted(_without_task(waiting.select_for_update())):
        jobs.enqueue(job_id, priority=FIRST)


def _without_task(waiting: QuerySet[Job]) -> set[int]:
    """Which jobs no worker will find in the queue."""
    found = set(waiting.values_list("pk", flat=True))
    if not found:
        return found
    alive = [TaskResultStatus.READY, TaskResultStatus.RUNNING]
    tasks = DBTaskResult.objects.filter(status__in=alive).only("args_kwargs")
    return found - {_job_of(task) for task in tasks}


def _job_of(task: DBTaskResult[..., Any]) -> int:
    [job_id] = task.args_kwargs["args"]
    return int(job_id)
