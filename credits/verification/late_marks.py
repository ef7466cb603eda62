"""The marks of what was entered in catch-up windows: each is of its line, and of a late one."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q

from credits.models import LateEntry, LedgerEntry
from credits.verification.report import Findings

NAMED = 200


def check(found: Findings) -> None:
    """Name marks that are of no line, that say something else than their line, or whose day lies
    outside their window."""
    lines = LedgerEntry.objects.using(found.using).filter(
        programme=found.programme,
        posting__programme=found.programme,
        pk=OuterRef("entry"),
        member=OuterRef("member"),
        home=OuterRef("home"),
        day=OuterRef("day"),
        hours=OuterRef("hours"),
        posting__kind=OuterRef("kind"),
        posting__key=OuterRef("key"),
    )
    marks = LateEntry.objects.using(found.using).filter(programme=found.programme)
    outside = Q(day__lt=F("window__first_day")) | Q(day__gt=F("window__last_day"))
    outside |= ~Q(window__programme=found.programme)
    for message, rows in (
        ("补录标记与学时明细不符。", marks.filter(~Exists(lines))),
        ("补录标记的学习日期不在其补录期内。", marks.filter(outside)),
    ):
        named = rows.order_by("pk").values_list("member_id", "home", "entry")[:NAMED]
        for member, home, entry in named:
            branch = found.names.get(home, "")
            found.add("late", message, member=member, branch=branch, entry=entry)
