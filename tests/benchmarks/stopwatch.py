"""Ratios measured in one run: both sides take turns, their medians are compared."""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection, transaction

from tests.benchmarks.scale import SCALE

PAIRS = SCALE.pairs
STEADY = 0.2  # a run whose reference moves by more is measured again …
TRIES = 5 if SCALE.name == "full" else 2  # … so often


@dataclass(frozen=True)
class Row:
    """One line of the table: a cost beside what it is compared with; smaller is better."""

    name: str
    database: str
    ours: float
    reference: float
    ratio: float
    goal: float
    unit: str
    runs: int  # pairs
    n: int  # how many rows or people it is about
    steady: bool  # whether the reference held still

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.goal

    def shown(self, amount: float) -> str:
        """One side as the table says it."""
        return f"{amount * 1000:.1f}ms" if self.unit == "s" else f"{amount:.1f}{self.unit}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


ROWS: list[Row] = []  # of this run, for the table at its end
DEAREST: dict[str, list[str]] = {}  # of rows that missed their goal: where the time went


def seconds(work: Callable[[], object], *, undone: bool = True) -> float:
    """What `work` takes; it is undone, unless it only reads or commits by itself."""
    if not undone:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began
    with transaction.atomic():
        began = time.perf_counter()
        work()
        taken = time.perf_counter() - began
        transaction.set_rollback(True)
    return taken


def ratio(
    name: str,
    work: Callable[[], object],
    bare: Callable[[], object],
    *,
    goal: float,
    n: int,
    pairs: int = PAIRS,
    before: Callable[[], object] = lambda: None,
    undone: bool = True,
    warmed: bool = True,
) -> Row:
    """How many times as long `work` takes as `bare`, in alternating pairs; kept for the table.

    before: gets each pair ready, outside its time. undone: both are rolled back each time; without
    it they only read, or commit by themselves.
    """

    def pair() -> tuple[float, float]:
        before()
        return seconds(work, undone=undone), seconds(bare, undone=undone)

    if warmed:
        pair()
    for _ in range(TRIES):
        taken = [pair() for _ in range(pairs)]
        references = [reference for _, reference in taken]
        if is_steady(references):
            break
    ours, reference = (statistics.median(side) for side in zip(*taken, strict=True))
    steady = is_steady(references)
    row = keep(name, ours, reference, goal=goal, n=n, runs=pairs, steady=steady)
    if not row.is_met:
        before()
        DEAREST[name] = dearest(lambda: seconds(work, undone=undone))
    return row


def dearest(work: Callable[[], object]) -> list[str]:
    """The ten functions in which `work` spends most time of its own: share, calls, where."""
    profile = cProfile.Profile()
    profile.runcall(work)
    stats: dict[tuple[str, int, str], tuple[Any, ...]] = pstats.Stats(profile).stats  # type: ignore[attr-defined] # documented, untyped
    whole = sum(own for _, _, own, *_ in stats.values())
    lines = []
    for (file, line, name), (_, calls, own, *_) in sorted(
        stats.items(), key=lambda item: -item[1][2]
    )[:10]:
        place = "/".join(file.split("/")[-3:]) if line else "built in"
        named = name.partition(" at 0x")[0].strip("<")
        lines.append(f"{own / whole:6.1%} {calls:8d}  {named} ({place}:{line})")
    return lines


def keep(
    name: str,
    ours: float,
    reference: float,
    *,
    goal: float,
    n: int,
    runs: int,
    unit: str = "s",
    steady: bool = True,
    dear: Callable[[], object] | None = None,
) -> Row:
    """Keep two figures that were measured otherwise than in pairs for the table; `dear` is gone
    through once more, for its dearest functions, where they miss their goal."""
    cost = round(ours / reference, 2)
    row = Row(name, connection.vendor, ours, reference, cost, goal, unit, runs, n, steady)
    ROWS.append(row)
    if dear and not row.is_met:
        DEAREST[name] = dearest(dear)
    return row


def is_steady(references: list[float]) -> bool:
    """Whether the reference took as long in the first half of a run as in the second."""
    half = len(references) // 2
    first, second = statistics.median(references[:half]), statistics.median(references[-half:])
    return abs(first - second) <= STEADY * min(first, second)
