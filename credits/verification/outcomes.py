"""What a range of members have earned, from their lines as a walk laid them aside.

A member whose lines only add up, under one rule version and one target, needs no replay: more
hours never make a shortfall larger, so that the act which completed somebody is the first after
which nothing is short. Whoever is not as simple, or not as they should be, is told to `members`,
which replays every act and names what differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from credits import rules
from credits.models import TargetChange
from credits.rule_book import RuleBook
from credits.rules import Recognised
from credits.standings import Row
from credits.verification import reading
from credits.verification.places import Targets
from credits.verification.report import Findings
from credits.verification.spools import Line, Lines

# The columns of `Row`, in its order.
STANDING = (
    "id", "member_id", "branch_id", "on_roll", "exempt", "target", "full_target", "recognised",
    "shortfall", "points", "rules", "completed_at", "completed_on", "completed_home_id",
)  # fmt: skip
MOMENTS = {"completed_at", "completed_on"}
Members = tuple[int, int] | list[int]  # from one id to before another, or by id
# A completion to be held against its act: member, entry, moment, day, home.
Completion = tuple[int, int, Any, Any, Any]


class Outcomes:
    """Holds standings and totals of one programme against lines."""

    def __init__(
        self, found: Findings, book: RuleBook, places: Mapping[tuple[str, str], int]
    ) -> None:
        """places: the numbers by which lines tell their period and form."""
        self.found, self.book = found, book
        self.targets = Targets(found, book)
        self.numbers, self.places = places, [*places, ("?", "?")]
        self.active = [v for v in book.versions if v.activated_at]
        changes = TargetChange.objects.using(found.using).filter(programme=found.programme)
        self.changed = set(changes.values_list("member", flat=True))

    def check(self, lines: Lines, members: Members) -> set[int]:
        """Check some members; returns those whom `members` must look at, and names whoever has
        lines without a standing."""
        kept = self._kept(members)
        doubtful: set[int] = set()
        completions: list[Completion] = []
        for *columns, category in self._standings(members):
            row = Row(*columns)
            self.found.report.members += 1
            own, there = lines.pop(row.member, []), kept.get(row.member, {})
            if self.targets.check(row, category) and not self._check(row, there, own, completions):
                doubtful.add(row.member)
        for stranger in sorted(lines):
            self.found.add("standing", "有学时明细，却没有学习进度。", member=stranger)
        return doubtful | self._wrong(completions)

    def _standings(self, members: Members) -> Iterator[tuple[Any, ...]]:
        """The columns of `Row` as the engine holds them, and the member's category."""
        using = self.found.using
        columns = [
            (reading.text if name in MOMENTS else reading.raw)(using, f"s.{name}")
            for name in STANDING
        ]
        sql = (
            f"SELECT {', '.join(columns)}, m.category FROM credits_standing s "  # noqa: S608 - constant names
            "JOIN portal_member m ON m.id = s.member_id "
            f"WHERE s.programme_id = %s AND {_among('s.member_id', members)}"
        )
        values = [self.found.programme.pk, *members]
        return chain.from_iterable(reading.chunks(using, sql, values))

    def _kept(self, members: Members) -> dict[int, dict[int, int]]:
        """Totals by member and number of place."""
        sql = (
            "SELECT member_id, period, form, earned FROM credits_credittotal "  # noqa: S608 - marks
            f"WHERE programme_id = %s AND {_among('member_id', members)} AND earned <> 0"
        )
        kept: defaultdict[int, dict[int, int]] = defaultdict(dict)
        numbers = self.numbers
        values = [self.found.programme.pk, *members]
        for chunk in reading.chunks(self.found.using, sql, values):
            for member, period, form, earned in chunk:
                kept[member][numbers.get((period, form), -1)] = earned
        return kept

    def _check(
        self,
        row: Row,
        kept: Mapping[int, int],
        lines: Sequence[Line],
        completions: list[Completion],
    ) -> bool:
        """Whether a standing is beyond doubt, but for a completion that is still to be checked."""
        version = self.active[0]
        if row.rules != version.number or row.member in self.changed:
            return False
        earned: dict[int, int] = {}
        last = 0
        for _, entry, _, place, hours in lines:
            if hours <= 0 or entry <= last:
                return False
            last = entry
            earned[place] = earned.get(place, 0) + hours
        if earned != kept:
            return False
        worth = self._worth(earned, row)
        if (worth.hours, worth.shortfall, worth.points) != (
            row.recognised,
            row.shortfall,
            row.points,
        ):
            return False
        if worth.shortfall:
            return (row.completed_at, row.completed_on, row.completed_home) == (None, None, None)
        if lines:
            entry = self._completing(lines, row)
            completions.append(
                (row.member, entry, row.completed_at, row.completed_on, row.completed_home)
            )
        return bool(lines)

    def _worth(self, earned: Mapping[int, int], row: Row) -> Recognised:
        sums = {self.places[number]: hours for number, hours in earned.items()}
        return rules.recognise(sums, self.active[0].rules, row.target, row.full_target)

    def _completing(self, lines: Sequence[Line], row: Row) -> int:
        """The last line of the first act after which nothing is short, found by halves."""
        acts = [list(own) for _, own in groupby(lines, key=itemgetter(2))]
        total, low, high = 0, 0, len(acts) - 1
        while low < high and (total := total + sum(line[4] for line in acts[low])) < row.target:
            low += 1
        while low < high:
            middle = (low + high) // 2
            earned: dict[int, int] = {}
            for act in acts[: middle + 1]:
                for _, _, _, place, hours in act:
                    earned[place] = earned.get(place, 0) + hours
            if self._worth(earned, row).shortfall:
                low = middle + 1
            else:
                high = middle
        return acts[low][-1][1]

    def _wrong(self, completions: Sequence[Completion]) -> set[int]:
        """Members whose completion is not that of the act which completed them."""
        wrong: set[int] = set()
        by_entry = {entry: (member, at, on, home) for member, entry, at, on, home in completions}
        using, programme = self.found.using, reading.raw(self.found.using, "e.programme_id")
        for some in reading.listed(by_entry):
            sql = (
                f"SELECT e.id, {reading.text(using, 'p.at')}, {reading.text(using, 'e.day')}, "  # noqa: S608 - marks
                "e.home_id FROM credits_ledgerentry e JOIN credits_posting p "
                "ON p.programme_id = e.programme_id AND p.id = e.posting_id "
                f"WHERE {programme} = %s AND e.id IN {reading.marks(some)}"
            )
            acts = reading.rows(using, sql, [self.found.programme.pk, *some])
            found = {entry: values for entry, *values in acts}
            wrong |= {by_entry[e][0] for e in some if found.get(e) != list(by_entry[e][1:])}
        return wrong


def _among(column: str, members: Members) -> str:
    if isinstance(members, tuple):
        return f"{column} >= %s AND {column} < %s"
    return f"{column} IN {reading.marks(members)}"
