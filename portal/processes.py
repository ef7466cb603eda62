"""Several processes of one work; none of them outlives the one that began them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connections

CONTEXT = multiprocessing.get_context("fork")


@contextmanager
def forked(
    jobs: int, begin: Callable[..., object], *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """So many processes, each of which begins with a call, forked before there is any connection:
    those that are open are closed."""
    connections.close_all()
    with ProcessPoolExecutor(jobs, CONTEXT, _begin, (begin, *arguments)) as pool:
        pool.submit(int)  # forks them all
        yield pool


def _begin(begin: Callable[..., object], *arguments: Any) -> None:
    """In each process: end with the one that began it, even where that was killed; nobody would
    know what is still being done."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    begin(*arguments)
