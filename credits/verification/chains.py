"""The hash chain of every book, recomputed line by line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from credits import digests
from credits.models import LedgerBook, LedgerEntry, Posting
from credits.verification.heads import Heads
from credits.verification.report import Findings


def check(found: Findings, heads: Heads) -> None:
    """Every posting follows the one before it, and every line is as it was written."""
    books = LedgerBook.objects.using(found.using).filter(programme=found.programme)
    rows = {book.pk: book for book in books.select_related("organization")}
    postings = Posting.objects.using(found.using).filter(programme=found.programme)
    ordered = postings.select_related("by").order_by("book", "sequence", "pk")
    entries = _entries_by_posting(found)
    pending = next(entries, None)
    seen: dict[int, tuple[int, str]] = {}
    for posting in ordered.iterator(chunk_size=2000):
        found.report.postings += 1
        lines: list[tuple[Any, ...]] = []
        while pending and pending[0] < (posting.book_id, posting.sequence, posting.pk):
            pending = next(entries, None)
        if pending and pending[0] == (posting.book_id, posting.sequence, posting.pk):
            lines, pending = pending[1], next(entries, None)
        code = rows[posting.book_id].organization.code if posting.book_id in rows else "?"
        sequence, digest = seen.get(posting.book_id, (0, ""))
        _check_posting(found, posting, lines, code, sequence, digest)
        seen[posting.book_id] = (posting.sequence, posting.digest)
        heads.meet(f"{found.programme.code}/{code}", posting.sequence, posting.digest)
    for pk, book in rows.items():
        _check_tail(found, book, seen.get(pk, (0, "")))


def _entries_by_posting(
    found: Findings,
) -> Iterator[tuple[tuple[int, int, int], list[tuple[Any, ...]]]]:
    rows = LedgerEntry.objects.using(found.using).filter(programme=found.programme)
    rows = rows.filter(posting__programme=found.programme)
    values = rows.order_by("posting__book", "posting__sequence", "posting", "line").values_list(
        "posting__book",
        "posting__sequence",
        "posting_id",
        "pk",
        "line",
        "member",
        "member__key",
        "home",
        "form",
        "period",
        "content",
        "day",
        "minutes",
        "start",
        "end",
        "hours",
        "rules",
        "reverses_id",
        "reverses__check_value",
        "check_value",
        "reverses__member",
        "reverses__hours",
    )
    grouped = groupby(values.iterator(chunk_size=5000), key=lambda row: row[:3])
    for place, lines in grouped:
        yield (place[0], place[1], place[2]), list(lines)


def _check_posting(
    found: Findings,
    posting: Posting,
    lines: list[tuple[Any, ...]],
    code: str,
    last: int,
    previous: str,
) -> None:
    about = {"book": code, "posting": posting.pk}
    if posting.sequence != last + 1:
        found.add(
            "chain",
            f"账簿 {code} 第 {last + 1} 笔至第 {posting.sequence - 1} 笔缺失。",
            **about,
        )
    elif posting.previous != previous:
        found.add("chain", f"账簿 {code} 第 {posting.sequence} 笔与前一笔不衔接。", **about)
    checks = []
    for line in lines:
        found.report.entries += 1
        check = _check_of(found, posting, code, line)
        checks.append(line[19])
        if check != line[19]:
            found.add(
                "entry",
                f"第 {line[3]} 号明细（{line[11]}，{line[15] / 100:g} 学时）被改动过。",
                entry=line[3],
                branch=found.names.get(line[7], ""),
                member=line[5],
                **about,
            )
        if line[17] and (line[20] != line[5] or line[21] != -line[15]):
            found.add(
                "reversal",
                f"第 {line[3]} 号冲销与所冲明细不符。",
                entry=line[3],
                branch=found.names.get(line[7], ""),
                member=line[5],
                **about,
            )
    if len(lines) != posting.lines:
        found.add(
            "lines",
            f"账簿 {code} 第 {posting.sequence} 笔《{posting.title}》应有 {posting.lines} 行，"
            f"实有 {len(lines)} 行。",
            **about,
        )
    digest = digests.posting_digest(
        previous=posting.previous,
        programme=found.programme.code,
        book=code,
        sequence=posting.sequence,
        kind=posting.kind,
        key=posting.key,
        revision=posting.revision,
        asked=posting.fingerprint,
        by=posting.by.key,
        at=posting.at,
        checks=checks,
        name=posting.digest.partition(":")[0],
    )
    if digest != posting.digest:
        found.add(
            "posting",
            f"账簿 {code} 第 {posting.sequence} 笔《{posting.title}》与校验值不符。",
            **about,
        )


def _check_of(found: Findings, posting: Posting, code: str, line: tuple[Any, ...]) -> str:
    return digests.check_value(
        programme=found.programme.code,
        book=code,
        kind=posting.kind,
        key=posting.key,
        revision=posting.revision,
        line=line[4],
        member=line[6],
        home=found.codes.get(line[7], ""),
        form=line[8],
        period=line[9],
        content=line[10],
        day=line[11],
        minutes=line[12],
        start=line[13],
        end=line[14],
        hours=line[15],
        rules=line[16],
        reverses=line[18] or "",
    )


def _check_tail(found: Findings, book: LedgerBook, last: tuple[int, str]) -> None:
    code = book.organization.code
    found.report.heads[f"{found.programme.code}/{code}"] = {
        "sequence": last[0],
        "digest": last[1],
    }
    if (book.last_sequence, book.last_digest) != last:
        found.add(
            "tail",
            f"账簿 {code} 应到第 {book.last_sequence} 笔，实到第 {last[0]} 笔：末尾被截去或改动。",
            book=code,
            posting=last[0],
            branch=book.organization.name,
        )


def check_orphans(found: Findings) -> None:
    """Lines without their posting, and reversals without their line."""
    entries = LedgerEntry.objects.using(found.using).filter(programme=found.programme)
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
