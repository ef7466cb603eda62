"""The figures of a bulletin, computed from branch rows or read from a published number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import Count, F

from credits import ledger_sql, rankings
from credits.models import (
    BranchStanding,
    Bulletin,
    BulletinRow,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
)
from credits.rankings import Place
from portal.models import Cohort


@dataclass(frozen=True)
class Figures:
    """What a bulletin says in numbers: rows by cohort and rank, and the number it compares with."""

    rows: tuple[BulletinRow, ...]
    previous: Bulletin | None
    holds: Callable[[BulletinRow], bool] = lambda row: bool(row.sessions)  # sessions of its own

    def of(self, cohort: str) -> list[BulletinRow]:
        return [row for row in self.rows if row.cohort == cohort and row.rank is not None]

    @property
    def apart(self) -> list[BulletinRow]:
        """Units where nobody is due."""
        return [row for row in self.rows if row.rank is None]

    @property
    def cohorts(self) -> list[tuple[str, list[BulletinRow]]]:
        """Cohorts that have units, in their fixed order."""
        return [(label, rows) for value, label in Cohort.choices if (rows := self.of(value))]

    @property
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


def figures(programme: Programme, cohorts: Sequence[str]) -> Figures:
    """The figures as they stand: unsaved rows with ranks, and what the last number said."""
    return _figures(programme, cohorts, _sessions_held(programme))


def to_draft_from(programme: Programme, cohorts: Sequence[str]) -> Figures:
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
            kind == "session" and _has_live_line(programme, posting)
            for posting, kind in postings.values_list("pk", "kind").iterator(chunk_size=100)
        )

    return replace(_figures(programme, cohorts, {}), holds=holds)


def _has_live_line(programme: Programme, posting: int) -> bool:
    """Looked for by posting, then line by line until one is live: asked for in one statement,
    SQLite looks through every line of the programme."""
    lines = LedgerEntry.objects.filter(programme=programme)
    own = lines.filter(posting=posting).order_by("line").values_list("pk", "reverses")
    return any(reverses is None and not lines.filter(reverses=pk).exists() for pk, reverses in own)


def _figures(programme: Programme, cohorts: Sequence[str], held: Mapping[int, int]) -> Figures:
    previous = rankings.last_bulletin(programme)
    last = BulletinRow.objects.filter(bulletin=previous)
    before = {(row.unit_id, row.cohort): row for row in last}
    rows: list[BulletinRow] = []
    sums = BranchStanding.objects.filter(programme=programme, cohort__in=cohorts).by_unit()
    by_cohort: dict[str, list[Place]] = {cohort: [] for cohort in cohorts}
    for u in sums:
        by_cohort[u["cohort"]].append(
            Place(
                u["unit"],
                u["code"],
                u["name"],
                u["due"],
                u["exempt"],
                u["completed"],
                u["hours"],
                u["points"],
                value=u["completed"] / u["due"] if u["due"] else None,
            )
        )
    for cohort in (c for c in Cohort.values if c in by_cohort):
        places = rankings.ranked([p for p in by_cohort[cohort] if p.value is not None])
        places += sorted((p for p in by_cohort[cohort] if p.value is None), key=lambda p: p.code)
        rows += [_row(p, cohort, held, before.get((p.organization, cohort))) for p in places]
    return Figures(tuple(rows), previous)


def published(bulletin: Bulletin) -> Figures:
    """The figures of a published number, from its own rows."""
    rows = bulletin.rows.order_by("pk")
    return Figures(tuple(rows), bulletin.previous)


def _row(
    place: Place, cohort: str, held: Mapping[int, int], before: BulletinRow | None
) -> BulletinRow:
    return BulletinRow(
        unit_id=place.organization,
        unit_code=place.code,
        unit_name=place.name,
        cohort=cohort,
        due=place.due,
        exempt=place.exempt,
        completed=place.completed,
        hours=place.hours,
        points=place.points,
        sessions=held.get(place.organization, 0),
        rank=place.rank,
        previous_rank=before.rank if before else None,
        previous_due=before.due if before else None,
        previous_completed=before.completed if before else None,
    )


def _sessions_held(programme: Programme) -> dict[int, int]:
    """Sessions held by unit: those that leave a live line. One that was never corrected does so if
    it had a line at all; only of the others are the lines read."""
    posted = Posting.objects.filter(programme=programme, kind="session")
    corrected = posted.filter(revision__gt=1).order_by().values("key")
    unit = F("book__organization__unit")
    plain = posted.filter(revision=1, lines__gt=0).exclude(key__in=corrected).order_by()
    held = Counter({u: n for u, n in plain.values_list(unit).annotate(n=Count("pk")) if u})
    seen: dict[str, int] = {}
    again = posted.filter(key__in=corrected).order_by("key", "revision")
    for posting, key, own in again.values_list("pk", "key", unit):
        if own and key not in seen and _has_live_line(programme, posting):
            seen[key] = own
    held.update(seen.values())
    return held
