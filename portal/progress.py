"""What a piece of background work says of itself, and hears of its user and of other workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.utils import timezone

from portal.audit import Actor
from portal.models import Job

T = TypeVar("T")


class Cancelled(Exception):
    """The user asked to stop; everything the work has not committed is undone."""


class Taken(Exception):
    """The worker gave no sign of life for so long that the job is another's now, or was reported
    as failed. What this attempt has not committed is undone; it leaves everything else alone."""


class Progress:
    """What an attempt at a piece of work says of itself while it runs."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.by = Actor(job.by, job.role)
        self.at = job.created_at
        self.is_committed = False
        self.last_words, self.rows = "", 0
        self._counted = -1, 0

    @property
    def own(self) -> QuerySet[Job]:
        """The job's row, as long as it is this attempt's."""
        job = self.job
        return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempt=job.attempt)

    def hold(self) -> None:
        """Keep the job this attempt's until the caller's transaction ends, which must be a short
        one: no sign of life is given meanwhile. Raises Taken."""
        if not self.own.select_for_update().exists():
            raise Taken

    def now(self) -> datetime:
        """The moment, for work that is dated by when it is done and not by when it was asked."""
        return timezone.now()

    def step(self, done: int, total: int = 0, message: str = "", *, too_late: bool = False) -> None:
        """Say how far it is; too_late: after this step everything is written at once, so that it
        is the last that can be cancelled. Raises Cancelled when the user asked to stop and nothing
        has been committed, or Taken."""
        now = timezone.now()
        values: dict[str, Any] = {"done": done, "heartbeat": now}
        if too_late:
            values["too_late"] = True
        if total:
            values["total"] = total
        before, in_all = self._counted
        if before < 0 or done < before or total not in (0, in_all):  # steps of another pace
            values |= {"pace_at": now, "pace_done": done}
        self._counted = done, total or in_all
        if message:
            values["message"] = message[:300]
        wanted = self.own if self.is_committed else self.own.filter(cancel_asked=False)
        if not wanted.update(**values):
            raise Cancelled if self.own.exists() else Taken

    def committed(self) -> None:
        """What was asked for is written: from here on nothing can be cancelled."""
        self.is_committed = True
        self.own.update(too_late=True)

    def finished(self, message: str, *, rows: int = 1) -> None:
        """Say how it ended, after the last commit. Cannot fail: it is written with the job's end,
        whether or not somebody asked to stop meanwhile."""
        self.is_committed = True
        self.last_words, self.rows = message, rows

    def lead_to(self, address: str) -> None:
        """Where the job's page leads once it is over, if not to where it was begun."""
        self.own.update(back_url=address)

    def over(self, items: Iterable[T], *, total: int, every: int = 20) -> Iterator[T]:
        """Walk through `items`, each of which is committed by itself, saying how far it is."""
        for number, item in enumerate(items):
            if number % every == 0:
                self.step(number, total)
            yield item
        self.finished("", rows=total)
