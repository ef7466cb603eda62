"""One snapshot of the database, read by this process alone or by several at once.

On PostgreSQL the others take over the exported snapshot. On SQLite all begin to read while the
writers' lock is held for a moment, so that nobody writes between the first and the last.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from psycopg import sql

from portal import processes

WORK_MEMORY = "32MB"  # of the server, for one sort or one join
PATIENCE = 60  # seconds until a process must have begun to read
_open = ExitStack()  # the transaction of a process that takes part


@dataclass(frozen=True)
class Crew:
    """Whoever reads. `do` makes calls; what they return comes in their order, and what one raises
    is raised here."""

    using: str
    pool: ProcessPoolExecutor | None
    jobs: int

    def do(self, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        if self.pool is None:
            for call, *values in calls:
                yield call(*values)
            return
        waiting: list[Future[Any]] = [self.pool.submit(*call) for call in calls]
        for future in waiting:
            yield future.result()


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Millions of short-lived rows, no cycles among them: looking for cycles all the time costs a
    tenth and frees nothing."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    yield
    gc.set_threshold(*before)


@contextmanager
def reading_one_moment(jobs: int) -> Iterator[Crew]:
    """A crew of so many processes over one snapshot, which is this connection's as well.

    Several processes are forked before there is any connection: those that are open are closed.
    """
    using = settings.SNAPSHOT
    with ExitStack() as stack:
        if jobs < 2:
            stack.enter_context(transaction.atomic(using=using))
            _make_room(using)
            yield Crew(using, None, 1)
            return
        names, begun = processes.CONTEXT.Queue(), processes.CONTEXT.Queue()
        pool = stack.enter_context(processes.forked(jobs, _begin, names, begun))
        with _undisturbed(using):
            stack.enter_context(transaction.atomic(using=using))
            name = _snapshot(using)
            for _ in range(jobs):
                names.put(name)
            for _ in range(jobs):
                begun.get(timeout=PATIENCE)
        _make_room(using)
        yield Crew(using, pool, jobs)


@contextmanager
def _undisturbed(using: str) -> Iterator[None]:
    """Where a snapshot has no name, writers wait until all have begun to read."""
    if connections[using].vendor == "postgresql":
        yield
        return
    with transaction.atomic():
        yield


def _snapshot(using: str) -> str:
    """Take this connection's snapshot; its name, where it can have one."""
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            cursor.execute("SELECT pg_export_snapshot()")
            return str(cursor.fetchone()[0])
        cursor.execute("SELECT count(*) FROM credits_programme")
        return ""


def _begin(names: Any, begun: Any) -> None:
    """In each process: begin to read at the moment that the first one reads, and never end."""
    using, name = settings.SNAPSHOT, names.get(timeout=PATIENCE)
    _open.enter_context(transaction.atomic(using=using))
    if name:
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            named = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(name)  # takes no parameter
            cursor.execute(named.as_string())
    else:
        _snapshot(using)
    _make_room(using)
    begun.put(True)


def _make_room(using: str) -> None:
    """Room for the server's sorts and joins; and every cursor is read to its end, while PostgreSQL
    plans for its first tenth: for some members' lines in order it then goes through everybody's."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
            cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
