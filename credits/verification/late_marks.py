"""The marks of what was entered in catch-up windows: each is of its line, of a day of its window;
and what only a window can have let in has one.

Of what was inside a window though it was in time nobody can tell so later: branches may have moved.
Nor of own study and of host sessions, for the day on which they were handed in or attested is not
the ledger's.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from credits import dates
from credits.lines import GRANTED
from credits.models import CatchUpWindow, LateEntry, LedgerEntry, SourceKind
from credits.rule_book import RuleBook
from credits.verification.report import Findings

NAMED = 200
# Whose posting does not tell whether it was late.
NOT_DATED = [
    *GRANTED, SourceKind.STUDY_LOG, SourceKind.HOST_SESSION, SourceKind.DISCUSSION
]  # fmt: skip


def check(found: Findings, book: RuleBook | None) -> None:
    """Name marks that are of no line, that say something else than their line, or whose day lies
    outside their window; and lines that came too late, by their rules in `book`, without a mark."""
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
    if book is not None and book.versions:
        _check_unmarked(found, book)


def _check_unmarked(found: Findings, book: RuleBook) -> None:
    """Name lines of a window's days, posted while it was open, that were too late and have no mark:
    a window let them in, and no correction is bound by the limit."""
    rules = {version.number: version.rules for version in book.versions}
    least = timedelta(days=min(r.back_dating for r in rules.values()))
    marks = LateEntry.objects.using(found.using).filter(programme=found.programme)
    lines = (
        LedgerEntry.objects.using(found.using)
        .filter(programme=found.programme, posting__programme=found.programme, reverses=None)
        .filter(posting__revision=1)
        .exclude(posting__kind__in=NOT_DATED)
        .filter(~Exists(marks.filter(entry=OuterRef("pk"))))
        .order_by("pk")
    )
    windows = CatchUpWindow.objects.using(found.using).filter(programme=found.programme)
    named: set[int] = set()
    for window in windows:
        last = min(window.last_day, window.closes_on - least)
        opened, closed = _begins(window.opens_on), _begins(window.closes_on + timedelta(days=1))
        inside = lines.filter(day__gte=window.first_day, day__lte=last)
        inside = inside.filter(posting__at__gte=opened, posting__at__lt=closed)
        for pk, member, home, day, at, number in inside.values_list(
            "pk", "member", "home", "day", "posting__at", "rules"
        ).iterator():
            its = rules.get(number)
            too_late = its and dates.too_late(day, timezone.localdate(at), its)
            if too_late and pk not in named and len(named) < NAMED:
                named.add(pk)
                branch = found.names.get(home, "")
                found.add(
                    "late", "补录的学时没有补录标记。", member=member, branch=branch, entry=pk
                )


def _begins(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
