"""The background worker: the queue's jobs one after the other, and what is due by the clock.

One process, as many of them as one likes. It outlives locked databases and lost connections, and
stops between two jobs when asked to (SIGTERM, SIGINT). A thread of its own looks for jobs whose
worker died, so that a long job keeps no dead one from being seen.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import FrameType

from django.conf import settings
from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)
from django.utils.module_loading import import_string

from portal import jobs, reaping
from portal.models import PeriodicRun

IDLE = 1.0  # seconds between two looks at an empty queue
LONGEST_PAUSE = 15.0  # seconds between two tries while the database does not answer
log = logging.getLogger(__name__)


class Loop:
    """Does what waits until it is told to stop; `now` reads the clock."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self.now = now
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._over = threading.Event()
        self._pause = 0.0
        self._periodic = float("-inf")

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Stop after the current job; a signal handler."""
        self._over.set()

    def run(self) -> None:
        """Work until told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        threading.Thread(target=self._go_on_reaping, daemon=True).start()
        while not self._over.is_set():
            self._over.wait(self.turn())

    def once(self) -> None:
        """Do everything that waits now, and return."""
        reaping.reap(at=self.now())
        run_periodic(at=self.now())
        while jobs.run_next(self.name):
            pass

    def turn(self) -> float:
        """What is due by the clock, then one job; returns the seconds to rest."""
        close_old_connections()
        try:
            self._periodic = self._every(60, self._periodic, self._run_periodic)
            rest = 0.0 if jobs.run_next(self.name) else IDLE
        except (OperationalError, InterfaceError) as error:
            # Somebody holds SQLite's write lock for long, or the database server went away.
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or IDLE)
            log.warning("database does not answer, again in %.0f s: %s", self._pause, error)
            connections.close_all()
            return self._pause
        self._pause = 0.0
        return rest

    def _every(self, seconds: float, last: float, act: Callable[[], object]) -> float:
        """Act if the last time is `seconds` ago; returns the last time."""
        now = time.monotonic()
        if now - last < seconds:
            return last
        act()
        return now

    def reap(self) -> None:
        """Look for jobs whose worker died; what this one is at lives, even where it holds SQLite's
        only write lock for so long that it can give no sign of it."""
        try:
            reaping.reap(at=self.now(), spare=frozenset(jobs.at_work))
        except (OperationalError, InterfaceError) as error:
            log.warning("database does not answer, dead jobs are looked for later: %s", error)
        except Exception:
            log.exception("looking for dead jobs failed")

    def _go_on_reaping(self) -> None:
        """Every few seconds, whatever the worker does meanwhile, for as long as it lives."""
        while True:
            self.reap()
            connection.close()
            time.sleep(jobs.BEAT * 2)

    def _run_periodic(self) -> None:
        run_periodic(at=self.now())


def run_periodic(*, at: datetime) -> None:
    """Call each function of `settings.PERIODIC_WORK`, at most once a minute over all workers.

    Each decides by itself, and quickly, whether anything is due. One that fails does not stop the
    others.
    """
    for name in settings.PERIODIC_WORK:
        PeriodicRun.objects.get_or_create(name=name, defaults={"ran_at": at - timedelta(days=1)})
        due = PeriodicRun.objects.filter(name=name, ran_at__lte=at - timedelta(seconds=50))
        if due.update(ran_at=at):
            try:
                import_string(name)(at=at)
            except Exception:
                log.exception("periodic work %s failed", name)
