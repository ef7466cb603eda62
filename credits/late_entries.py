"""What was entered in a catch-up window: marked when it is posted, shown and counted for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Sum

from credits.chain import Act
from credits.models import CatchUpWindow, LateEntry, Programme
from portal import set_wise
from portal.models import Member

COLUMNS = ["programme", "window", "entry", "member", "home", "kind", "key", "day", "hours"]


@dataclass(frozen=True)
class Entered:
    """How much came in through a window. hours: hundredths, as they were entered."""

    lines: int = 0
    hours: int = 0
    members: int = 0


def mark(programme: Programme, acts: Sequence[Act]) -> None:
    """Mark the lines that were entered inside a window; called by the ledger in the posting's
    transaction."""
    rows = [
        (programme.pk, n.window, n.entry, n.member, n.home, *act.request.place, n.day, n.hours)
        for act in acts
        for n in act.lines
        if n.window
    ]
    if rows:
        set_wise.insert(LateEntry, COLUMNS, rows)


def of_member(programme: Programme, member: Member) -> dict[tuple[str, str], CatchUpWindow]:
    """By which window each of a member's sources was entered late, by kind and key."""
    rows = LateEntry.objects.filter(programme=programme, member=member)
    return {(row.kind, row.key): row.window for row in rows.select_related("window")}


def is_late(kind: str) -> Exists:
    """For rows that have programme, member and key: whether that source of the member was entered
    late."""
    marks = LateEntry.objects.filter(kind=kind, programme=OuterRef("programme"))
    return Exists(marks.filter(member=OuterRef("member"), key=OuterRef("key")))


def by_window(windows: Sequence[CatchUpWindow]) -> dict[int, Entered]:
    """What was entered in each window, by its id."""
    rows: Any = LateEntry.objects.filter(window__in=windows).order_by().values("window")
    return {pk: Entered(*sums) for pk, *sums in _counted(rows).values_list("window", *SUMS)}


def by_branch(window: CatchUpWindow) -> list[dict[str, Any]]:
    """What was entered in a window by the branches that were home on the day, in the tree's
    order."""
    rows: Any = LateEntry.objects.filter(window=window).order_by("home__path")
    rows = rows.values("home", "home__name", "home__short_name")
    return list(_counted(rows))


SUMS = ("lines", "worth", "people")


def _counted(rows: Any) -> Any:
    return rows.annotate(
        lines=Count("pk"), worth=Sum("hours"), people=Count("member", distinct=True)
    )
