"""What the overview of an organisation shows, kept for a minute at most; the page says since when.

A branch's own figures are few and are read anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import router

from credits import figures
from credits.figures import Figure
from credits.models import Programme
from portal.models import Organization

KEPT = timedelta(seconds=60)  # how old figures over many branches may be


@dataclass(frozen=True)
class Overview:
    """Figures of an organisation at a moment.

    week: at the end of the last week written. mobile: how many 流动党员 take part, of how many.
    children: what stands directly below, in the order of the tree. cohorts and the share of
    self-study are there for the whole city only.
    """

    at: datetime
    now: Figure
    week: Figure | None
    mobile: tuple[int, int]
    children: list[Figure]
    cohorts: list[tuple[str, Figure]]
    self_share: float | None

    @property
    def gain(self) -> float | None:
        """Percentage points gained since the last week written."""
        if self.week is None or self.week.rate is None or self.now.rate is None:
            return None
        return (self.now.rate - self.week.rate) * 100


def of(programme: Programme, where: Organization, *, at: datetime) -> Overview:
    """The figures of an organisation and of what stands below it."""
    if where.is_branch:
        return _counted(programme, where, at)
    key = f"overview:{programme.pk}:{where.pk}"
    found: Overview = _kept(key, at, lambda: _counted(programme, where, at))
    return found


def kept(programme: Programme, name: str, paths: list[str], count: Callable[[], Any], *,
         at: datetime) -> Any:  # fmt: skip
    """What `count` gives, which depends on the subtrees at `paths` alone; kept for as long."""
    key = f"overview:{programme.pk}:{name}:{','.join(sorted(paths))}"
    return _kept(key, at, lambda: _Dated(at, count())).value


@dataclass(frozen=True)
class _Dated:
    at: datetime
    value: Any


def _kept(key: str, at: datetime, count: Callable[[], Any]) -> Any:
    """Apart for each database that is read: a standby may be behind."""
    key = f"{router.db_for_read(Programme)}:{key}"
    found = cache.get(key)
    if found is None or not at - KEPT < found.at <= at:
        found = count()
        cache.set(key, found, KEPT.total_seconds())
    return found


def _counted(programme: Programme, where: Organization, at: datetime) -> Overview:
    whole = where.parent_id is None
    return Overview(
        at,
        figures.of(programme, where),
        figures.last_week(programme, where),
        figures.mobile(programme, where),
        [] if where.is_branch else figures.children(programme, where),
        figures.cohorts(programme) if whole else [],
        figures.self_study_share(programme) if whole else None,
    )
