"""A programme in the archive, held against what was written down of it, without its lines."""

from __future__ import annotations

from collections import defaultdict

from credits import archives, digests, rule_book, rules
from credits.models import CreditTotal, LedgerBook, Programme, ProgrammeArchive, Standing
from credits.rule_book import RuleBook
from credits.standings import COLUMNS, Row
from credits.verification import sums
from credits.verification.heads import Heads
from credits.verification.report import Findings


def check(found: Findings, heads: Heads, record: ProgrammeArchive) -> None:
    """State, books, registers and figures are as when the programme went into the archive.

    The registers, which stay, are to be checked after this; so are the lines where they stay.
    """
    if found.programme.state != Programme.State.ARCHIVED:
        found.add("archive", f"已归档，状态却是“{found.programme.get_state_display()}”。")
    for name, head in record.heads.items():
        if "/" not in name and head["sequence"]:
            heads.wanted[name][head["sequence"]].append((head["digest"], "归档记录"))
    _check_books(found, record)
    name = digests.algorithm_of(record.figures)
    if archives.figures_digest(found.programme, using=found.using, name=name) != record.figures:
        found.add("figures", "学时合计、学习进度、支部或月度数据与归档时不符。")
        _name_differences(found)
    if record.moved:
        _take_as_proved(found, heads, record)


def _take_as_proved(found: Findings, heads: Heads, record: ProgrammeArchive) -> None:
    """What bulletins say of the chains was proved against the lines before they were taken out,
    and no bulletin has changed since: their register is held against the record."""
    for name, end in record.heads.items():
        if "/" not in name:
            continue
        found.report.heads[name] = end
        for sequence, told in heads.wanted.get(name, {}).items():
            if sequence <= end["sequence"]:
                last = sequence == end["sequence"]
                heads.met[name, sequence] = end["digest"] if last else told[0][0]


def _check_books(found: Findings, record: ProgrammeArchive) -> None:
    """Every book ends where it ended."""
    due = {n: (h["sequence"], h["digest"]) for n, h in record.heads.items() if "/" in n}
    books = LedgerBook.objects.using(found.using).filter(programme=found.programme)
    there = {
        f"{found.programme.code}/{code}": (sequence, digest)
        for code, sequence, digest in books.values_list(
            "organization__code", "last_sequence", "last_digest"
        )
    }
    for name in sorted(due.keys() | there.keys()):
        if due.get(name) != there.get(name):
            book = name.partition("/")[2]
            found.add("tail", f"账簿 {book} 的末号与归档记录不符。", book=book)


def _name_differences(found: Findings) -> None:
    """Whose standing is not what the totals are worth, and which branch is not the sum of its
    standings; where both agree the totals themselves were changed with them."""
    book = rule_book.of(found.programme, using=found.using)
    totals = CreditTotal.objects.using(found.using).filter(programme=found.programme)
    earned: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    for member, period, form, hours in totals.values_list("member", "period", "form", "earned"):
        earned[member][period, form] = hours
    rows = Standing.objects.using(found.using).filter(programme=found.programme)
    for values in rows.order_by("member_id").values_list(*COLUMNS).iterator(chunk_size=5000):
        row = Row(*values)
        if not _is_worth(row, earned.get(row.member, {}), book):
            branch = found.names.get(row.branch, "")
            found.add("standing", "学习进度与学时合计不符。", member=row.member, branch=branch)
    sums.check_branches(found)


def _is_worth(row: Row, earned: dict[tuple[str, str], int], book: RuleBook) -> bool:
    worth = rules.recognise(earned, book.numbered(row.rules).rules, row.target, row.full_target)
    return (worth.hours, worth.shortfall, worth.points) == (
        row.recognised,
        row.shortfall,
        row.points,
    )
