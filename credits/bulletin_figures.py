"""The figures of a bulletin: as they stand now, or read from a published number.

Those of a past cut-off come from `credits.cutoffs`, which puts them together with `assemble`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from credits import bulletin_columns, ledger_sql, rankings, sessions_held, since_last
from credits.bulletin_columns import Column
from credits.models import (
    BranchStanding,
    Bulletin,
    BulletinRow,
    LedgerBook,
    Posting,
    Programme,
)
from credits.rankings import Place
from credits.since_last import Before, Since
from portal.models import Cohort
from portal.prepared import Prepared, columns, given, unsaved

SUMS = ("cohort", "unit", "code", "name", "due", "exempt", "completed", "hours", "points")


@dataclass(frozen=True)
class Figures:
    """What a bulletin says in numbers: rows by cohort and rank, and the number it compares with.

    measures: the columns shown besides the fixed ones. minimum: units with fewer due are not
    ranked.
    """

    rows: tuple[BulletinRow, ...]
    previous: Bulletin | None
    holds: Callable[[BulletinRow], bool] = lambda row: bool(row.sessions)  # sessions of its own
    measures: Sequence[str] = ()
    minimum: int = 0

    def of(self, cohort: str) -> list[BulletinRow]:
        return self._ranked.get(cohort, [])

    @cached_property
    def _ranked(self) -> dict[str, list[BulletinRow]]:
        found: dict[str, list[BulletinRow]] = {}
        for row in self.rows:
            if row.rank is not None:
                found.setdefault(row.cohort, []).append(row)
        return found

    @property
    def apart(self) -> list[BulletinRow]:
        """Units where nobody is due."""
        return [row for row in self.rows if row.rank is None and not row.due]

    @property
    def small(self) -> list[BulletinRow]:
        """Units that are too small to be ranked."""
        return [row for row in self.rows if row.rank is None and row.due]

    @property
    def cohorts(self) -> list[tuple[str, list[BulletinRow]]]:
        """Cohorts that have units, in their fixed order."""
        return [(label, rows) for value, label in Cohort.choices if (rows := self.of(value))]

    @property
    def listed(self) -> list[tuple[str, list[BulletinRow]]]:
        """The same, each with its units that are too small behind those that are ranked."""
        by_cohort = [
            (label, self.of(value) + [row for row in self.small if row.cohort == value])
            for value, label in Cohort.choices
        ]
        return [(label, rows) for label, rows in by_cohort if rows]

    @property
    def columns(self) -> tuple[Column, ...]:
        return bulletin_columns.of(self.measures)

    @property
    def more(self) -> tuple[Column, ...]:
        """The columns that were chosen."""
        return bulletin_columns.more(self.measures)

    @cached_property
    def totals(self) -> dict[str, int]:
        names = ("due", "exempt", "completed", "hours", "points", "sessions")
        return {name: sum(getattr(row, name) for row in self.rows) for name in names}

    @property
    def rate(self) -> float | None:
        sums = self.totals
        return sums["completed"] / sums["due"] if sums["due"] else None

    @property
    def previous_rate(self) -> float | None:
        """The whole city's rate in the previous number: sum over sum."""
        rows = [row for row in self.rows if row.previous_due]
        due = sum(row.previous_due or 0 for row in rows)
        return sum(row.previous_completed or 0 for row in rows) / due if due else None


@dataclass(frozen=True)
class Counted:
    """What is counted besides the sums of branch rows, by unit."""

    sessions: Mapping[int, int] = field(default_factory=dict)
    mobile: Mapping[int, int] = field(default_factory=dict)
    since: Since = field(default_factory=Since)


def figures(
    programme: Programme,
    cohorts: Sequence[str],
    *,
    measures: Sequence[str] = (),
    minimum: int = 0,
) -> Figures:
    """The figures as they stand: unsaved rows with ranks, and what the last number said."""
    previous = previous_of(programme)
    counted = Counted(
        sessions_held.by_unit(programme),
        since_last.mobile(programme),
        since_last.of(programme, previous),
    )
    found = assemble(cohorts, _sums(programme, cohorts), counted, previous, minimum=minimum)
    return replace(found, measures=measures)


def to_draft_from(programme: Programme, cohorts: Sequence[str], *, minimum: int = 0) -> Figures:
    """The figures for the texts of a draft, which asks of few units whether they hold sessions:
    to count everybody's is to read the whole ledger."""

    def holds(row: BulletinRow) -> bool:
        if ledger_sql.has_plain_session(programme.pk, row.unit_id):
            return True
        books = LedgerBook.objects.filter(programme=programme, organization__unit=row.unit_id)
        postings = Posting.objects.filter(
            programme=programme, book__in=list(books.values_list("pk", flat=True))
        ).order_by("book", "sequence")  # in the order of an index: the first session will do
        return any(
            kind == "session" and sessions_held.has_live_line(programme, posting)
            for posting, kind in postings.values_list("pk", "kind").iterator(chunk_size=100)
        )

    previous = previous_of(programme)
    counted = Counted(since=since_last.merged_alone(programme, previous))
    found = assemble(cohorts, _sums(programme, cohorts), counted, previous, minimum=minimum)
    return replace(found, holds=holds)


def published(bulletin: Bulletin) -> Figures:
    """The figures of a published number, from its own rows."""
    rows = bulletin.rows.order_by("pk")
    return Figures(
        tuple(rows), bulletin.previous, measures=bulletin.measures, minimum=bulletin.minimum
    )


def previous_of(programme: Programme, cutoff: datetime | None = None) -> Bulletin | None:
    """The number with which figures up to a cut-off compare: the newest that counts no later."""
    if cutoff is None:
        return rankings.last_bulletin(programme)
    rows = Bulletin.objects.filter(programme=programme, cutoff__lte=cutoff)
    return rows.standing().order_by("-cutoff", "-pk").first()


def assemble(
    cohorts: Sequence[str],
    sums: Iterable[Mapping[str, Any]],
    counted: Counted,
    previous: Bulletin | None,
    *,
    minimum: int = 0,
) -> Figures:
    """Rank the sums of units (as `BranchStandingQuerySet.by_unit` has them) and compare them."""
    before: dict[tuple[int, str], Before] = {}
    if previous:
        for unit, cohort, *was in _rows_of(bulletin=previous.pk):
            before[unit, cohort] = Before(*was)
    covered = {cohort for _, cohort in before}
    by_cohort: dict[str, list[Place]] = {cohort: [] for cohort in cohorts}
    for u in sums:
        by_cohort[u["cohort"]].append(_place(u, minimum))
    rows: list[BulletinRow] = []
    for cohort in (c for c in Cohort.values if c in by_cohort):
        places = rankings.ranked([p for p in by_cohort[cohort] if p.value is not None])
        places += sorted((p for p in by_cohort[cohort] if p.value is None), key=lambda p: p.code)
        for place in places:
            was = before.get((place.organization, cohort))
            rows.append(_row(place, cohort, counted, was, covered=cohort in covered))
    return Figures(tuple(rows), previous, minimum=minimum)


def _sums(programme: Programme, cohorts: Sequence[str]) -> Iterable[Mapping[str, Any]]:
    for values in _unit_sums(programme=programme.pk):
        if values[0] in cohorts:
            yield dict(zip(SUMS, values, strict=True))


_rows_of = Prepared(
    lambda: BulletinRow.objects.filter(bulletin=given("bulletin", int)).values_list(
        "unit_id", "cohort", "rank", "due", "completed", "unit_name"
    )
)
_unit_sums = Prepared(
    lambda: (
        BranchStanding.objects.filter(programme=given("programme", int))
        .by_unit()
        .values_list(*SUMS)
    )
)


def _place(u: Mapping[str, Any], minimum: int) -> Place:
    ranks = u["due"] and u["due"] >= minimum
    return Place(
        u["unit"],
        u["code"],
        u["name"],
        u["due"],
        u["exempt"],
        u["completed"],
        u["hours"],
        u["points"],
        value=u["completed"] / u["due"] if ranks else None,
    )


def _row(
    place: Place, cohort: str, counted: Counted, before: Before | None, *, covered: bool
) -> BulletinRow:
    """covered: whether the number before told of the cohort."""
    unit, since = place.organization, counted.since
    values = (
        None,
        None,
        unit,
        place.code,
        place.name,
        cohort,
        place.due,
        place.exempt,
        place.completed,
        place.hours,
        place.points,
        counted.sessions.get(unit, 0),
        place.rank,
        *(before[:3] if before else (None, None, None)),
        counted.mobile.get(unit, 0),
        since.arrived.get(unit, 0),
        since.gone.get(unit, 0),
        since.late.get(unit, 0),
        since.change(unit, place.name, before) if covered else "",
    )
    return unsaved(BulletinRow, zip(_ROW, values, strict=True))


_ROW = columns(BulletinRow)
