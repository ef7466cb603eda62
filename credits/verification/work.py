"""The parts of a verification that any process of a crew can do, each on its own.

A part gives back what it found and what others need of it; whatever it reads for that (names,
rules) it keeps for the next part of the same programme.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings

from credits import rule_book
from credits.models import Programme
from credits.rule_book import RuleBook
from credits.rule_sets import BadRules
from credits.verification import (
    late_marks,
    members,
    occupied,
    places,
    reading,
    records,
    spools,
    sums,
)
from credits.verification.outcomes import Outcomes
from credits.verification.report import Findings, Problem, Report
from credits.verification.spools import RANGE, Spool
from credits.verification.walk import Stretch, Walker


@dataclass(frozen=True)
class Part:
    """What came of one part."""

    problems: list[Problem]
    members: int
    value: Any


class Desk:
    """What one process has at hand of one programme."""

    def __init__(self, programme: int, at: datetime) -> None:
        using = settings.SNAPSHOT
        self.found = Findings(Report(at), Programme.objects.using(using).get(pk=programme), using)

    @cached_property
    def book(self) -> RuleBook | None:
        """The rules, where they can be read."""
        try:
            return rule_book.of(self.found.programme, using=self.found.using)
        except BadRules:
            return None

    @cached_property
    def least(self) -> int | None:
        """The lowest daily cap that any rule version knows."""
        versions = self.book.versions if self.book else ()
        return min((version.rules.daily_cap for version in versions), default=None)

    @cached_property
    def outcomes(self) -> Outcomes | None:
        """None where no rules were ever in force, so that nothing can be recomputed."""
        if self.book is None or not any(v.activated_at for v in self.book.versions):
            return None
        return Outcomes(self.found, self.book, self.places)

    @cached_property
    def walker(self) -> Walker:
        least = sys.maxsize if self.least is None else self.least
        return Walker(self.found, least=least, places=self.places)

    @cached_property
    def places(self) -> dict[tuple[str, str], int]:
        """The numbers of periods and forms, the same in every process."""
        return reading.places_of(self.book)

    def part(self, value: Any = None) -> Part:
        """Hand over what was found so far."""
        report = self.found.report
        found = Part(report.problems, report.members, value)
        report.problems, report.members = [], 0
        return found


_desks: dict[int, Desk] = {}


def desk(programme: int, at: datetime) -> Desk:
    if programme not in _desks:
        _desks.clear()
        _desks[programme] = Desk(programme, at)
    return _desks[programme]


def clear() -> None:
    """Forget everything: another verification begins."""
    _desks.clear()


def walk(programme: int, at: datetime, folder: Path, number: int, low: int, high: int) -> Part:
    """Walk over the postings from `low` to before `high`."""
    own = desk(programme, at)
    stretch = Stretch(Spool(folder, f"{programme}-{number}"))
    own.walker.walk(
        "id >= %s AND id < %s", "posting_id >= %s AND posting_id < %s", [low, high], stretch
    )
    return own.part(stretch)


def check_members(
    programme: int, at: datetime, ranges: Sequence[int], walked: Sequence[Spool]
) -> Part:
    """Hold standings and totals of ranges of members against the lines that were walked over."""
    own = desk(programme, at)
    if own.outcomes is None or own.book is None:
        return own.part()
    for number in ranges:
        first = number << RANGE
        people = first, first + (1 << RANGE)
        doubtful = own.outcomes.check(spools.lines_of(number, walked), people)
        members.check(own.found, own.book, doubtful)
    return own.part()


def count_occupied(programme: int, at: datetime) -> Part:
    own = desk(programme, at)
    return own.part(occupied.count(own.found, own.least))


def check_rolls(programme: int, at: datetime) -> Part:
    """The roll, the sums of branches over it, and the marks of what was entered late."""
    own = desk(programme, at)
    if own.book is not None:
        places.check(own.found, own.book)
    sums.check_branches(own.found)
    late_marks.check(own.found, own.book)
    return own.part()


def check_records(programme: int, at: datetime, wanted: Mapping[str, Collection[int]]) -> Part:
    own = desk(programme, at)
    return own.part(records.check(own.found, wanted))
