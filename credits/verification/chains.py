"""The hash chain of a book under suspicion, recomputed line by line to name what differs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from credits import digests
from credits.models import LedgerBook, Posting
from credits.verification import reading
from credits.verification.report import Findings
from credits.verification.walk import End


class Line(NamedTuple):
    """One line as it stands in the database, in the order of `VALUES`."""

    book: int
    sequence: int
    posting: int
    entry: int
    number: int
    member: int
    member_key: str
    home: int
    form: str
    period: str
    content: str
    day: date
    minutes: int
    start: datetime | None
    end: datetime | None
    hours: int
    rules: int
    reverses: int | None
    reversed_check: str | None
    check_value: str
    reversed_member: int | None
    reversed_hours: int | None


VALUES = (
    "posting__book", "posting__sequence", "posting_id", "pk", "line", "member", "member__key",
    "home", "form", "period", "content", "day", "minutes", "start", "end", "hours", "rules",
    "reverses_id", "reverses__check_value", "check_value", "reverses__member", "reverses__hours",
)  # fmt: skip
Place = tuple[int, int, int]


def check(found: Findings, books: Collection[int]) -> dict[int, End]:
    """Every posting of some books follows the one before it, and every line is as it was written;
    what is not is named. Returns where each book ends."""
    ends: dict[int, End] = {}
    for some in reading.listed(sorted(books)):
        rows = LedgerBook.objects.using(found.using).filter(programme=found.programme, pk__in=some)
        codes = {book.pk: book.organization.code for book in rows.select_related("organization")}
        postings = Posting.objects.using(found.using).filter(
            programme=found.programme, book__in=some
        )
        ordered = postings.select_related("by").order_by("book", "sequence", "pk")
        entries = _entries_by_posting(found, some)
        pending = next(entries, None)
        for posting in ordered.iterator(chunk_size=2000):
            place, lines = (posting.book_id, posting.sequence, posting.pk), list[Line]()
            while pending and pending[0] < place:
                pending = next(entries, None)
            if pending and pending[0] == place:
                lines, pending = pending[1], next(entries, None)
            ends[posting.book_id] = _check_posting(
                found,
                posting,
                lines,
                codes.get(posting.book_id, "?"),
                ends.get(posting.book_id, End()),
            )
    return ends


def _entries_by_posting(
    found: Findings, books: Collection[int]
) -> Iterator[tuple[Place, list[Line]]]:
    rows = found.entries.filter(posting__programme=found.programme, posting__book__in=books)
    values = rows.order_by("posting__book", "posting__sequence", "posting", "line")
    lines = map(Line._make, values.values_list(*VALUES).iterator(chunk_size=5000))
    for place, own in groupby(lines, key=lambda line: line[:3]):
        yield (place[0], place[1], place[2]), list(own)


def _check_posting(
    found: Findings, posting: Posting, lines: list[Line], code: str, last: End
) -> End:
    """Check one posting with its lines against the one before it; returns the book's new end."""
    about = {
        "book": code,
        "posting": posting.pk,
        "sequence": posting.sequence,
        "source": f"{posting.kind}:{posting.key}:{posting.revision}",
    }
    what = f"账簿 {code} 第 {posting.sequence} 笔"
    if posting.sequence != last.sequence + 1:
        first, end = last.sequence + 1, posting.sequence - 1
        missing = f"第 {first} 笔" if first == end else f"第 {first} 笔至第 {end} 笔"
        said = f"账簿 {code} {missing}缺失。" if first <= end else f"{what}重复。"
        found.add("chain", said, **about | {"sequence": first})
    elif posting.previous != last.digest:
        found.add("chain", f"{what}与前一笔不衔接。", **about)
    for line in lines:
        _check_line(found, posting, line, code, about)
    order = [last.entry, *(line.entry for line in lines)]
    if posting.pk <= last.posting or order != sorted(set(order)):
        found.add("order", f"{what}《{posting.title}》或其明细的编号不在次序上。", **about)
    if len(lines) != posting.lines:
        found.add(
            "lines",
            f"{what}《{posting.title}》应有 {posting.lines} 行，实有 {len(lines)} 行。",
            **about,
        )
    if _digest_of(found, posting, lines, code) != posting.digest:
        found.add("posting", f"{what}《{posting.title}》与校验值不符。", **about)
    return End(posting.sequence, posting.digest, posting.pk, max(order))


def _check_line(
    found: Findings, posting: Posting, line: Line, code: str, about: dict[str, Any]
) -> None:
    where = {
        "entry": line.entry,
        "branch": found.names.get(line.home, ""),
        "member": line.member,
    }
    if _check_of(found, posting, code, line) != line.check_value:
        found.add(
            "entry",
            f"第 {line.entry} 号明细（{line.day}，{line.hours / 100:g} 学时）被改动过。",
            **where | about,
        )
    if line.reverses and (
        line.reversed_member != line.member or line.reversed_hours != -line.hours
    ):
        found.add("reversal", f"第 {line.entry} 号冲销与所冲明细不符。", **where | about)


def _digest_of(found: Findings, posting: Posting, lines: list[Line], code: str) -> str:
    return digests.posting_digest(
        previous=posting.previous,
        programme=found.programme.code,
        book=code,
        sequence=posting.sequence,
        kind=posting.kind,
        key=posting.key,
        revision=posting.revision,
        asked=posting.fingerprint,
        reason=posting.reason,
        by=posting.by.key,
        at=posting.at,
        checks=[line.check_value for line in lines],
        name=digests.algorithm_of(posting.digest),
    )


def _check_of(found: Findings, posting: Posting, code: str, line: Line) -> str:
    return digests.check_value(
        programme=found.programme.code,
        book=code,
        kind=posting.kind,
        key=posting.key,
        revision=posting.revision,
        line=line.number,
        member=line.member_key,
        home=found.codes.get(line.home, ""),
        form=line.form,
        period=line.period,
        content=line.content,
        day=line.day,
        minutes=line.minutes,
        start=line.start,
        end=line.end,
        hours=line.hours,
        rules=line.rules,
        reverses=line.reversed_check or "",
    )


def books_of(found: Findings) -> set[int]:
    """Every book that a posting of the programme stands in."""
    postings = Posting.objects.using(found.using).filter(programme=found.programme)
    return set(postings.order_by().values_list("book", flat=True).distinct())


def check_tails(
    found: Findings, ends: Mapping[int, End], books: Collection[int] | None = None
) -> None:
    """Every book, or some, ends where its row says; the heads found are kept in the report."""
    for some in [None] if books is None else reading.listed(books):
        chosen = {} if some is None else {"pk__in": some}
        rows = LedgerBook.objects.using(found.using).filter(programme=found.programme, **chosen)
        ordered = rows.select_related("organization").order_by("pk")
        for book in ordered.iterator(chunk_size=2000):
            _check_tail(found, book, ends.get(book.pk, End()))


def _check_tail(found: Findings, book: LedgerBook, last: End) -> None:
    code = book.organization.code
    found.report.heads[f"{found.programme.code}/{code}"] = {
        "sequence": last.sequence,
        "digest": last.digest,
    }
    if (book.last_sequence, book.last_digest) == (last.sequence, last.digest):
        return
    if book.last_sequence > last.sequence:
        gone = f"第 {last.sequence + 1} 笔起被截去"
    else:
        gone = "账簿末尾被改动"
    found.add(
        "tail",
        f"账簿 {code} 应到第 {book.last_sequence} 笔，实到第 {last.sequence} 笔：{gone}。",
        book=code,
        posting=last.posting or None,
        sequence=last.sequence + 1,
        branch=book.organization.name,
    )


def check_orphans(found: Findings) -> None:
    """Lines without their posting, and reversals without their line."""
    entries = found.entries
    posted = Posting.objects.using(found.using).filter(programme=found.programme)
    for pk, posting, member in entries.exclude(posting__in=posted.values("pk")).values_list(
        "pk", "posting_id", "member"
    )[:100]:
        found.add(
            "orphan", f"第 {pk} 号明细没有记账凭据。", entry=pk, posting=posting, member=member
        )
    lost = entries.exclude(reverses=None).exclude(reverses__in=entries.values("pk"))
    for pk, member in lost.values_list("pk", "member")[:100]:
        found.add("reversal", f"第 {pk} 号冲销所冲的明细已不存在。", entry=pk, member=member)
