"""Ratios measured in one run: both sides take turns, their medians are compared."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from django.db import transaction


def median(work: Callable[[], object], *, times: int) -> float:
    """Seconds that `work` takes, each time undone."""
    taken = []
    for _ in range(times):
        with transaction.atomic():
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
            transaction.set_rollback(True)
    return statistics.median(taken)


def ratio(
    name: str, work: Callable[[], object], bare: Callable[[], object], *, times: int = 9
) -> float:
    """How many times as long `work` takes as `bare`; printed with both times."""
    for warm in (work, bare):
        median(warm, times=1)
    ours, least = median(work, times=times), median(bare, times=times)
    line = f"{name}: {ours * 1000:.1f} ms against {least * 1000:.1f} ms, ratio {ours / least:.1f}"
    sys.stdout.write(f"\n{line}\n")
    return ours / least
