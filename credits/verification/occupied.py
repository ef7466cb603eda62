"""What live lines occupy: time, named contents, days of the programme, and each day's cap.

Counted in the database, by its own joins; only where the counts do not agree are both sides read
side by side, to name what stands on one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, Sum, TextField
from django.db.models.functions import Cast

from credits.lines import GRANTED
from credits.models import CreditedContent, CreditedTime
from credits.rule_book import RuleBook
from credits.verification import reading
from credits.verification.report import Findings

TIME = "credits_creditedtime", ("starts_at", "ends_at"), "starts_at IS NOT NULL"
CONTENT = "credits_creditedcontent", ("content",), "content <> ''"

COUNTS = """
SELECT (SELECT count(*) FROM {table} WHERE programme_id = %s),
       (SELECT count(*) FROM {table} o JOIN credits_ledgerentry e
          ON e.programme_id = o.programme_id AND e.id = o.entry_id
         WHERE o.programme_id = %s AND e.reverses_id IS NULL AND e.member_id = o.member_id
           AND {same}),
       (SELECT count(*) FROM credits_ledgerentry r JOIN credits_ledgerentry e
          ON e.programme_id = r.programme_id AND e.id = r.reverses_id
         WHERE r.programme_id = %s AND r.reverses_id > 0 AND e.reverses_id IS NULL
           AND e.{some}),
       (SELECT count(*) FROM credits_ledgerentry r JOIN {table} o
          ON o.programme_id = r.programme_id AND o.entry_id = r.reverses_id
         WHERE r.programme_id = %s AND r.reverses_id > 0)
"""
OVERLAPS = """
SELECT count(*) FROM (
  SELECT starts_at < lag(ends_at) OVER (PARTITION BY member_id ORDER BY starts_at) AS early
    FROM credits_creditedtime WHERE programme_id = %s) AS spans
 WHERE early
"""
# More than one line of a member on a day: those with one are held against the cap by the walk.
BUSY_DAYS = """
SELECT count(*) FROM (
  SELECT e.member_id, e.day
    FROM (SELECT member_id, day FROM credits_ledgerentry WHERE programme_id = %s
           GROUP BY member_id, day HAVING count(*) > 1) AS busy
    JOIN credits_ledgerentry e
      ON e.programme_id = %s AND e.member_id = busy.member_id AND e.day = busy.day
    JOIN credits_posting p ON p.programme_id = e.programme_id AND p.id = e.posting_id
   WHERE p.kind NOT IN (%s, %s)
   GROUP BY e.member_id, e.day HAVING sum(e.hours) > %s) AS over
"""

# As the engine writes moments, all alike and in their order: to make them moments costs more than
# to read them.
SPAN = Cast("start", TextField()), Cast("end", TextField())


@dataclass(frozen=True)
class Occupied:
    """How many lines ought to have a row of their own by what is occupied, if each row is right:
    None where a row is wrong whatever the lines say."""

    timed: int | None
    named: int | None
    overlaps: bool
    over: bool


def count(found: Findings, least: int | None) -> Occupied:
    """What the database counts; least: the lowest daily cap of any rule version, if there is."""
    programme = found.programme.pk
    over = 0
    if least is not None:
        over = reading.one(found.using, BUSY_DAYS, [programme, programme, *GRANTED, least])
    return Occupied(
        _lines_held(found, *TIME),
        _lines_held(found, *CONTENT),
        bool(reading.one(found.using, OVERLAPS, [programme])),
        bool(over),
    )


def _lines_held(found: Findings, table: str, columns: tuple[str, ...], some: str) -> int | None:
    """The lines that are or were held by right rows; None where a row is nobody's."""
    same = " AND ".join(f"e.{column} = o.{column}" for column in columns)
    sql = COUNTS.format(table=table, same=same, some=some)
    [(held, matching, reversed_, strays)] = reading.rows(found.using, sql, [found.programme.pk] * 4)
    return None if strays or held != matching else held + reversed_


def check_times(found: Findings, people: Collection[int] | None = None) -> None:
    """Occupied time is that of the live lines, of all or of some: read side by side."""
    times = CreditedTime.objects.using(found.using).filter(programme=found.programme, **_of(people))
    _same(
        found,
        "time",
        "占用时间",
        found.entries.filter(**_of(people))
        .live()
        .exclude(start=None)
        .order_by("pk")
        .values_list("pk", "member", *SPAN),
        times.order_by("entry_id").values_list("entry_id", "member", *SPAN),
    )


def check_contents(found: Findings, people: Collection[int] | None = None) -> None:
    """Credited contents are those of the live lines: read side by side."""
    contents = CreditedContent.objects.using(found.using).filter(
        programme=found.programme, **_of(people)
    )
    _same(
        found,
        "content",
        "已学内容",
        found.entries.filter(**_of(people))
        .live()
        .exclude(content="")
        .order_by("pk")
        .values_list("pk", "member", "content"),
        contents.order_by("entry_id").values_list("entry_id", "member", "content"),
    )


def check_overlaps(found: Findings, people: Collection[int] | None = None) -> None:
    """No times of one member overlap."""
    times = CreditedTime.objects.using(found.using).filter(programme=found.programme, **_of(people))
    last: tuple[int, str] | None = None
    spans = times.order_by("member", "start").values_list("member", *SPAN, "entry_id")
    for member, start, end, entry in spans.iterator(chunk_size=5000):
        if last and last[0] == member and start < last[1]:
            found.add("overlap", "同一时间记了两次学时。", member=member, entry=entry)
        last = (member, end)


def _of(people: Collection[int] | None) -> dict[str, Any]:
    return {} if people is None else {"member__in": people}


def _same(found: Findings, kind: str, what: str, due: Any, there: Any) -> None:
    """Walk two ordered reads side by side; whatever stands in one only is a problem."""
    for entry, side, row in _differences(due, there):
        lacks = "缺少" if side == "due" else "多出"
        found.add(kind, f"第 {entry} 号明细的{what}{lacks}或不符。", entry=entry, member=row[1])


def check_caps(found: Findings, book: RuleBook, people: Collection[int] | None = None) -> None:
    """Nobody has more on a day than its rules allow."""
    if not book.versions:
        return
    least = min(version.rules.daily_cap for version in book.versions)
    sums = (
        found.entries.filter(posting__programme=found.programme, **_of(people))
        .exclude(posting__kind__in=GRANTED)
        .order_by()
        .values_list("member", "day")
    )
    for member, day, hours in sums.annotate(n=Sum("hours")).filter(n__gt=least):
        cap = book.on(day).rules.daily_cap
        if hours > cap:
            found.add(
                "cap",
                f"{day} 记了 {hours / 100:g} 学时，超过每日上限 {cap / 100:g}。",
                member=member,
            )


def check_days(found: Findings) -> None:
    """No line that counts is of a day outside the programme's dates, but for what is granted."""
    first, last = found.programme.starts, found.programme.ends
    lines = found.entries.filter(Q(day__lt=first) | Q(day__gt=last)).live()
    lines = lines.filter(posting__programme=found.programme)
    lines = lines.exclude(posting__kind__in=GRANTED).order_by("pk")
    for entry, member, day in lines.values_list("pk", "member", "day"):
        message = f"第 {entry} 号明细的日期 {day} 不在起止日期（{first} 至 {last}）内。"
        found.add("outside", message, entry=entry, member=member)


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
