"""Several processes that do calls at once; none of them outlives the one that began them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import connections

from portal import set_wise

_turn: AbstractContextManager[Any] | None = None


@dataclass(frozen=True)
class Hands:
    """Whoever does calls: this process alone, or several."""

    pool: ProcessPoolExecutor | None = None

    def do(self, calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """What they return, as each is done; what one raises is raised here, and those that had
        not begun are left."""
        if self.pool is None:
            for call, *values in calls:
                yield call(*values)
            return
        begun = [self.pool.submit(*call) for call in calls]
        try:
            for future in as_completed(begun):
                yield future.result()
        finally:
            for future in begun:
                future.cancel()


@contextmanager
def several_hands(jobs: int) -> Iterator[Hands]:
    """So many processes, forked before there is any connection: those that are open are closed."""
    if jobs < 2:
        yield Hands()
        return
    connections.close_all()
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, context, _begin, (context.Lock(),)) as pool:
        pool.submit(int)  # forks them all
        yield Hands(pool)


def turn() -> AbstractContextManager[Any]:
    """One's turn to write. SQLite has one writer at a time, and who waits for its lock looks again
    only now and then; PostgreSQL has room for all."""
    return nullcontext() if _turn is None or set_wise.on_postgresql() else _turn


def _begin(lock: AbstractContextManager[Any]) -> None:
    """In each process: end with the one that began it, even where that was killed; nobody would
    know what is still being written."""
    global _turn
    _turn = lock
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
