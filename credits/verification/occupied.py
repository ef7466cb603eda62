"""What live lines occupy: time, named contents, and the day's cap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Sum

from credits.lines import GRANTED
from credits.models import CreditedContent, CreditedTime, LedgerEntry
from credits.rule_book import RuleBook
from credits.verification.report import Findings


def check(found: Findings) -> None:
    """Occupied time and credited contents are those of the live lines, and no times overlap."""
    live = LedgerEntry.objects.using(found.using).filter(programme=found.programme).live()
    times = CreditedTime.objects.using(found.using).filter(programme=found.programme)
    _same(
        found,
        "time",
        "占用时间",
        live.exclude(start=None).order_by("pk").values_list("pk", "member", "start", "end"),
        times.order_by("entry_id").values_list("entry_id", "member", "start", "end"),
    )
    contents = CreditedContent.objects.using(found.using).filter(programme=found.programme)
    _same(
        found,
        "content",
        "已学内容",
        live.exclude(content="").order_by("pk").values_list("pk", "member", "content"),
        contents.order_by("entry_id").values_list("entry_id", "member", "content"),
    )
    last: tuple[int, datetime] | None = None
    spans = times.order_by("member", "start").values_list("member", "start", "end", "entry_id")
    for member, start, end, entry in spans.iterator(chunk_size=5000):
        if last and last[0] == member and start < last[1]:
            found.add("overlap", "同一时间记了两次学时。", member=member, entry=entry)
        last = (member, end)


def _same(found: Findings, kind: str, what: str, due: Any, there: Any) -> None:
    """Walk two ordered reads side by side; whatever stands in one only is a problem."""
    for entry, side, row in _differences(due, there):
        lacks = "缺少" if side == "due" else "多出"
        found.add(kind, f"第 {entry} 号明细的{what}{lacks}或不符。", entry=entry, member=row[1])


def check_caps(found: Findings, book: RuleBook) -> None:
    """Nobody has more on a day than its rules allow."""
    if not book.versions:
        return
    least = min(version.rules.daily_cap for version in book.versions)
    rows = LedgerEntry.objects.using(found.using).filter(programme=found.programme)
    sums = rows.exclude(posting__kind__in=GRANTED).order_by().values_list("member", "day")
    for member, day, hours in sums.annotate(n=Sum("hours")).filter(n__gt=least):
        cap = book.on(day).rules.daily_cap
        if hours > cap:
            found.add(
                "cap",
                f"{day} 记了 {hours / 100:g} 学时，超过每日上限 {cap / 100:g}。",
                member=member,
            )


def _differences(due: Any, there: Any) -> Iterator[tuple[int, str, tuple[Any, ...]]]:
    """Rows, keyed and ordered by their first value, that stand on one side only or differ."""
    left, right = due.iterator(chunk_size=5000), there.iterator(chunk_size=5000)
    end: tuple[Any, ...] = (float("inf"),)
    a, b = next(left, end), next(right, end)
    while a is not end or b is not end:
        if a == b:
            a, b = next(left, end), next(right, end)
        elif a[0] <= b[0]:
            yield a[0], "due", a
            if a[0] == b[0]:
                b = next(right, end)
            a = next(left, end)
        else:
            yield b[0], "there", b
            b = next(right, end)
