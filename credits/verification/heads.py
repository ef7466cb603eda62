"""Heads of the books that were seen once: each must still stand in its chain."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from credits.models import Bulletin, Verification
from credits.verification.report import Problem, Report


class Heads:
    """Heads stored in bulletins and by the last verification, held against the chains."""

    def __init__(self, report: Report, using: str) -> None:
        self.report, self.using = report, using
        self.wanted: dict[str, dict[int, list[tuple[str, str]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.met: dict[tuple[str, int], str] = {}
        for bulletin in Bulletin.objects.using(using).select_related("programme"):
            self.want(bulletin.heads, f"《{bulletin}》")
        last = Verification.objects.using(using).filter(ok=True).order_by("-pk").first()
        if last:
            self.want(last.heads, f"{last.at:%Y-%m-%d %H:%M}的核验")

    def want(self, heads: dict[str, Any], source: str) -> None:
        for book, head in heads.items():
            self.wanted[book][head["sequence"]].append((head["digest"], source))

    def meet(self, book: str, sequence: int, digest: str) -> None:
        if sequence in self.wanted.get(book, ()):
            self.met[book, sequence] = digest

    def check(self) -> None:
        """Every head that was once seen must still stand in its chain."""
        for book, sequences in self.wanted.items():
            for sequence, heads in sequences.items():
                for digest, source in heads:
                    found = self.met.get((book, sequence))
                    if found != digest:
                        what = "已不在账簿中" if found is None else "与当时不同"
                        self.report.problems.append(
                            Problem(
                                "head",
                                f"{source}记下的账簿 {book} 第 {sequence} 笔{what}。",
                                book=book,
                            )
                        )
