"""What happened to units since the last number: transfers, late entries, changes of the unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Exists, F, Min, OuterRef, Q
from django.utils import timezone

from credits.models import (
    Bulletin,
    Changed,
    LateEntry,
    LedgerEntry,
    Posting,
    Programme,
    Standing,
)
from portal.models import Membership, MobileStay, Organization

CAME = (Membership.Began.TRANSFERRED, Membership.Began.MERGED)


class Before(NamedTuple):
    """What the last number said of a unit."""

    rank: int | None
    due: int
    completed: int
    name: str


@dataclass(frozen=True)
class Since:
    """By unit: who came from another unit (`arrived`), who went to one (`gone`), lines that were
    entered late; and the units that branches were merged into or out of."""

    arrived: Mapping[int, int] = field(default_factory=dict)
    gone: Mapping[int, int] = field(default_factory=dict)
    late: Mapping[int, int] = field(default_factory=dict)
    merged: frozenset[int] = frozenset()

    def change(self, unit: int, name: str, before: Before | None) -> str:
        """Why a unit is not compared with the number before, which told of its cohort; empty
        where it is the same unit."""
        if before is None:
            return Changed.NEW.value
        if unit in self.merged:
            return Changed.MERGED.value
        return Changed.RENAMED.value if before.name != name else ""


def of(programme: Programme, previous: Bulletin | None, until: datetime | None = None) -> Since:
    """What happened since the previous number's cut-off, or since the programme began, and by
    `until` (None: up to now). Memberships are dated by day: those of the days behind that of the
    cut-off count."""
    last = timezone.localdate(until) if until else None
    if previous:
        first = timezone.localdate(previous.cutoff) + timedelta(days=1)
    else:
        first = programme.starts
    arrived, gone = _transfers(first, last)
    late = _late(programme, previous.cutoff if previous else None, until)
    return Since(arrived, gone, late, _merged(previous, last))


def merged_alone(programme: Programme, previous: Bulletin | None) -> Since:
    """For texts, which speak of nothing else."""
    return Since(merged=_merged(previous, None))


def mobile(programme: Programme) -> dict[int, int]:
    """Mobile members taking part by unit: due now, away now, with hours recognised."""
    away = MobileStay.objects.filter(until=None, member=OuterRef("member"))
    rows = Standing.objects.filter(programme=programme, on_roll=True, exempt=False)
    rows = rows.filter(Exists(away), recognised__gt=0).order_by()
    return _counted(rows.values_list("branch__unit").annotate(n=Count("pk")))


def _transfers(first: date, last: date | None) -> tuple[Counter[int], Counter[int]]:
    """Memberships that began by transfer or merger on the days asked for and follow one in
    another unit: by the unit where they began, and by that which was left. Who goes there and
    back counts both times."""
    came = Membership.objects.filter(began__in=CAME, since__gte=first)
    if last is not None:
        came = came.filter(since__lte=last)
    left = Membership.objects.filter(until__gte=first, member__in=came.values("member"))
    ended: dict[tuple[int, date], list[tuple[int, int | None]]] = {}
    for member, day, pk, unit in left.order_by("pk").values_list(
        "member", "until", "pk", "branch__unit"
    ):
        if day is not None:
            ended.setdefault((member, day), []).append((pk, unit))
    arrived: Counter[int] = Counter()
    gone: Counter[int] = Counter()
    for member, day, pk, unit in came.values_list("member", "since", "pk", "branch__unit"):
        before = [own for earlier, own in ended.get((member, day), ()) if earlier < pk]
        if before and before[-1] != unit:
            if unit:
                arrived[unit] += 1
            if before[-1]:
                gone[before[-1]] += 1
    return arrived, gone


def _late(programme: Programme, since: datetime | None, until: datetime | None) -> dict[int, int]:
    """Late entries by the unit that was home on the day: lines that earn, posted after the
    previous number's cut-off about days up to it, or marked as entered in a catch-up window.
    Without a previous number, the marked ones. What a correction wrote anew is a line as well."""
    marks = LateEntry.objects.filter(programme=programme, entry=OuterRef("pk"))
    lines = LedgerEntry.objects.filter(programme=programme, reverses=None).order_by()
    if until is not None:
        lines = lines.filter(posting__at__lte=until)
    if since is None:
        marked = LateEntry.objects.filter(programme=programme).values("entry")
        lines = lines.filter(pk__in=marked)
    else:
        posted = Posting.objects.filter(programme=programme, at__gt=since)
        first = posted.aggregate(n=Min("pk"))["n"]
        if first is None:
            return {}
        # From the first such posting on: by the index of lines, not through all of them.
        lines = lines.filter(
            posting__programme=programme, posting__gte=first, posting__at__gt=since
        )
        lines = lines.filter(Q(day__lte=timezone.localdate(since)) | Exists(marks))
    return _counted(lines.values_list("home__unit").annotate(n=Count("pk")))


def _merged(previous: Bulletin | None, last: date | None) -> frozenset[int]:
    """Units that a branch left or joined by merger; what was merged on the day of the previous
    cut-off counts, so that no doubtful movement is shown."""
    if previous is None:
        return frozenset()
    rows = Organization.objects.filter(
        merged_into__isnull=False, dissolved_on__gte=timezone.localdate(previous.cutoff)
    )
    if last is not None:
        rows = rows.filter(dissolved_on__lte=last)
    pairs = rows.exclude(unit=F("merged_into__unit")).values_list("unit", "merged_into__unit")
    return frozenset(unit for pair in pairs for unit in pair if unit)


def _counted(rows: Any) -> dict[int, int]:
    return {unit: count for unit, count in rows if unit}
