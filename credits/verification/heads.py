"""Heads of books and registers that were seen once: each must still stand in its chain."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from credits import registers
from credits.models import Bulletin, Verification
from credits.verification.report import Problem, Report


class Heads:
    """Heads stored in bulletins and by the last verification, held against the chains."""

    def __init__(self, report: Report, using: str) -> None:
        self.report = report
        self.wanted: dict[str, dict[int, list[tuple[str, str]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.met: dict[tuple[str, int], str] = {}
        for bulletin in Bulletin.objects.using(using).select_related("programme"):
            self._want(bulletin.heads, f"《{bulletin}》")
        last = Verification.objects.using(using).filter(ok=True).order_by("-pk").first()
        if last:
            when = f"{last.at:%Y-%m-%d %H:%M}的核验"
            if not registers.is_sound(last):
                report.problems.append(Problem("head", f"{when}的记录被改动过。"))
            self._want(last.heads, when)

    def meet(self, name: str, sequence: int, digest: str) -> None:
        """A chain stood here, with this digest."""
        if sequence in self.wanted.get(name, ()):
            self.met[name, sequence] = digest

    def check(self) -> None:
        """Every head that was once seen must still stand in its chain."""
        for name, sequences in self.wanted.items():
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
                if sequence:
                    self.wanted[name][sequence].append((digest, source))
        except (AttributeError, KeyError, TypeError):
            self.report.problems.append(Problem("head", f"{source}记下的账簿不能辨认。"))
