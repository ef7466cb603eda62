"""The agenda: acts with their moments, replayed in order; acts of one kind and moment at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

Step = Callable[[Any, list[Any], datetime], None]  # world, items, moment
Report = Callable[[str], None]


class Agenda:
    """What is to be replayed up to a horizon.

    Steps of one moment run in the order in which their kinds were first named.
    """

    def __init__(self, horizon: datetime) -> None:
        self.horizon = horizon
        self._kinds: dict[Step, int] = {}
        self._acts: dict[tuple[datetime, int], list[Any]] = defaultdict(list)

    def add(self, at: datetime, step: Step, item: Any = None) -> bool:
        """Put an act down; False for one that lies behind the horizon, and is still to come."""
        if at > self.horizon:
            return False
        self._acts[at, self._kinds.setdefault(step, len(self._kinds))].append(item)
        return True

    def run(self, world: Any, report: Report) -> None:
        """Replay everything in order of its moment, saying each tenth."""
        steps = list(self._kinds)
        total, done, said = sum(map(len, self._acts.values())), 0, 0
        for at, kind in sorted(self._acts):
            items = self._acts[at, kind]
            steps[kind](world, items, at)
            done += len(items)
            if done * 10 // total > said:
                said = done * 10 // total
                report(f"  {said * 10:3d} %  {at:%Y-%m-%d}  ({done}/{total})")
