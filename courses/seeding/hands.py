"""Several processes that do calls at once, and take turns where only one may write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from portal import processes, set_wise

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
    """So many processes, or this one alone."""
    if jobs < 2:
        yield Hands()
        return
    with processes.forked(jobs, _take_turns, processes.CONTEXT.Lock()) as pool:
        yield Hands(pool)


def turn() -> AbstractContextManager[Any]:
    """One's turn to write. SQLite has one writer at a time, and who waits for its lock looks again
    only now and then; PostgreSQL has room for all."""
    return nullcontext() if _turn is None or set_wise.on_postgresql() else _turn


def _take_turns(lock: AbstractContextManager[Any]) -> None:
    """In each process: the lock that all of them share."""
    global _turn
    _turn = lock
