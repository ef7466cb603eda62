"""What becomes of jobs whose worker died: reported as failed, or queued again.

Every worker looks for them every few seconds (`portal.worker`), in the midst of a job, too.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from portal.jobs import SILENCE
from portal.models import Job

State = Job.State


def reap(*, at: datetime) -> int:
    """Report jobs whose worker died as failed; returns how many.

    One that may be resumed is queued again instead, and so is a job that was taken from the queue
    but had not begun. Writes nothing where nobody died, so that no lock is waited for.
    """
    silent = at - SILENCE
    dead = Job.objects.filter(state=State.RUNNING)
    dead = dead.filter(Q(heartbeat__lt=silent) | Q(heartbeat=None))
    reported = _report(dead, at=at) if dead.exists() else 0
    for taken in DBTaskResult.objects.running().filter(started_at__lt=silent):
        _end_task(taken, at=at)
    return reported


def _report(dead: QuerySet[Job], *, at: datetime) -> int:
    dead.filter(resumes__gt=0).update(
        state=State.WAITING,
        started_at=None,
        heartbeat=None,
        resumes=F("resumes") - 1,
        message="后台程序曾经中断，已自动接着办理；已经办完的部分不会重复。",
    )
    return dead.update(
        state=State.FAILED,
        finished_at=at,
        message="后台程序中断，可能没有办完；可以重新开始，已经办完的部分不会重复。",
    )


def _end_task(taken: DBTaskResult, *, at: datetime) -> None:
    """Have a task that was taken long ago say what its job says."""
    [job_id] = taken.args_kwargs["args"]
    state = Job.objects.filter(pk=job_id).values_list("state", flat=True).first()
    same = DBTaskResult.objects.running().filter(pk=taken.pk, started_at=taken.started_at)
    if state == State.WAITING:
        same.update(status=TaskResultStatus.READY)
    elif state != State.RUNNING:
        same.update(status=TaskResultStatus.FAILED, finished_at=at)
