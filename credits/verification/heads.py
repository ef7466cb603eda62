"""Heads of books and registers that were seen once: each must still stand in its chain."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from credits import registers
from credits.models import Bulletin, LedgerBook, Programme, Verification
from credits.verification import reading
from credits.verification.report import Findings, Problem, Report


class Heads:
    """Heads stored in bulletins and by the last verification, held against the chains."""

    def __init__(self, report: Report, using: str) -> None:
        self.report = report
        self.wanted: dict[str, dict[int, list[tuple[str, str]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.met: dict[tuple[str, int], str] = {}
        bulletins = Bulletin.objects.using(using).select_related("programme").order_by("pk")
        for bulletin in bulletins.iterator(chunk_size=1):  # one has the heads of 10,000 books
            self._want(bulletin.heads, f"《{bulletin}》")
        self.last = last = Verification.objects.using(using).filter(ok=True).order_by("-pk").first()
        if last:
            when = f"{last.at:%Y-%m-%d %H:%M}的核验"
            if not registers.is_sound(last):
                report.problems.append(Problem("head", f"{when}的记录被改动过。"))
            self._want(last.heads, when)

    def places_of(self, programme: Programme) -> dict[str, list[int]]:
        """Where the registers of a programme were seen."""
        beginning = f"{programme.code}:"
        return {n: list(s) for n, s in self.wanted.items() if n.startswith(beginning)}

    def enter(self, met: Mapping[str, Mapping[int, str]]) -> None:
        """What stands in registers today."""
        self.met |= {(n, place): d for n, own in met.items() for place, d in own.items()}

    def look_up(self, found: Findings) -> None:
        """Find what stands today where the books of a programme were seen."""
        books = LedgerBook.objects.using(found.using).filter(programme=found.programme)
        names: dict[tuple[int, int], str] = {}
        values = books.values_list("pk", "organization", "last_sequence", "last_digest")
        for pk, organization, last, digest in values:
            name = f"{found.programme.code}/{found.codes.get(organization, '?')}"
            for sequence in self.wanted.get(name, ()):
                if sequence == last:  # that the book ends there is checked with its tail
                    self.met[name, sequence] = digest
                else:
                    names[pk, sequence] = name
        for some in reading.listed(names):
            sql = (
                f"WITH seen (book, place) AS (VALUES {', '.join(['(%s, %s)'] * len(some))}) "  # noqa: S608 - marks
                "SELECT book_id, sequence, digest FROM seen JOIN credits_posting "
                "ON book_id = book AND sequence = place WHERE programme_id = %s"
            )
            places = [value for place in some for value in place]
            for pk, sequence, digest in reading.rows(
                found.using, sql, [*places, found.programme.pk]
            ):
                self.met[names[pk, sequence], sequence] = digest

    def check(self, *, books_only: bool = False) -> None:
        """Every head that was once seen must still stand in its chain."""
        for name, sequences in self.wanted.items():
            if books_only and "/" not in name:
                continue
            programme, _, book = name.partition("/")
            for sequence, heads in sequences.items():
                for digest, source in heads:
                    found = self.met.get((name, sequence))
                    if found != digest:
                        what = "已不在账簿中" if found is None else "与当时不同"
                        self.report.problems.append(
                            Problem(
                                "head",
                                f"{source}记下的 {name} 第 {sequence} 笔{what}。",
                                programme,
                                book,
                                sequence=sequence,
                            )
                        )

    def _want(self, heads: Any, source: str) -> None:
        try:
            told = [(name, head["sequence"], head["digest"]) for name, head in heads.items()]
            for name, sequence, digest in told:
                seen = self.wanted[name][sequence] if sequence else []
                # A book in which nothing happened is told of by number after number.
                if sequence and all(digest != before for before, _ in seen):
                    seen.append((sys.intern(digest), source))
        except (AttributeError, KeyError, TypeError):
            self.report.problems.append(Problem("head", f"{source}记下的账簿不能辨认。"))
