"""Reading millions of rows: raw cursors in chunks, texts as the database holds them, few objects.

Whatever is read so is only held against something; what differs is read again by models, to be
named (`chains`, `members`, `occupied`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import product
from typing import Any

from django.db import connections

from credits import digests
from credits.digests import quoted
from credits.models import Form
from credits.rule_book import RuleBook

CHUNK = 4000  # rows fetched at a time
LIST = 500  # values in one list of a statement
KEPT = 250_000  # keys and moments held at a time
Rows = Iterator[list[tuple[Any, ...]]]


def chunks(using: str, sql: str, params: Sequence[Any]) -> Rows:
    """The rows of one statement, some thousands at a time, from a cursor on the server's side."""
    with closing(connections[using].chunked_cursor()) as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(CHUNK):
            yield rows


def rows(using: str, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement that has few."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def one(using: str, sql: str, params: Sequence[Any]) -> Any:
    """The only value of a statement."""
    return rows(using, sql, params)[0][0]


def text(using: str, column: str) -> str:
    """A day or a moment as the engine writes it: a driver's objects cost more than the rest of a
    row. On SQLite the driver converts what is declared as a day, but no expression."""
    return f"{column}::text" if connections[using].vendor == "postgresql" else f"+{column}"


def raw(using: str, column: str) -> str:
    """A column that SQLite neither converts nor searches by: ids are there to be searched by."""
    return column if connections[using].vendor == "postgresql" else f"+{column}"


def listed(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in lists that one statement may hold."""
    every = list(values)
    return (every[start : start + LIST] for start in range(0, len(every), LIST))


def marks(values: Sequence[Any]) -> str:
    """The place of a list in a statement."""
    return f"({','.join(['%s'] * len(values))})"


class Keys:
    """Members' stable keys by id, quoted; read where they are first met."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.known: dict[int, str] = {}

    def learn(self, members: set[int]) -> dict[int, str]:
        """The keys by id, with at least those of `members` among them."""
        wanted = members - self.known.keys()
        if len(self.known) + len(wanted) > KEPT:
            self.known.clear()
            wanted = members
        for some in listed(wanted):
            sql = f"SELECT id, key FROM portal_member WHERE id IN {marks(some)}"  # noqa: S608 - marks
            self.known.update((pk, quoted(key)) for pk, key in rows(self.using, sql, some))
        return self.known


class Moments(dict[str | None, str]):
    """Moments in their one written form, quoted, by what the engine holds."""

    def __missing__(self, raw: str | None) -> str:
        if len(self) > KEPT:
            self.clear()
        self[raw] = written = f'"{digests.moment(_moment(raw))}"'
        return written


def _moment(raw: str | None) -> datetime | None:
    """SQLite holds moments in UTC without saying so."""
    if not raw:
        return None
    moment = datetime.fromisoformat(raw)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Days(dict[str, tuple[str, str]]):
    """Days quoted, with their month, by what the engine holds."""

    def __missing__(self, raw: str) -> tuple[str, str]:
        self[raw] = found = quoted(raw), raw[:7]
        return found


class Studied(dict[tuple[str, str, str], tuple[str, int]]):
    """Form, period and content in their written form, with the number of their place; what stands
    in no rules has the number behind all others."""

    def __init__(self, places: Mapping[tuple[str, str], int]) -> None:
        super().__init__()
        self.places = places

    def __missing__(self, what: tuple[str, str, str]) -> tuple[str, int]:
        form, period, content = what
        if len(self) > KEPT:
            self.clear()  # contents without end
        place = self.places.get((period, form), len(self.places))
        self[what] = found = digests.studied_form(form, period, content), place
        return found


def places_of(book: RuleBook | None) -> dict[tuple[str, str], int]:
    """Every period of any rules, and none, with every form: numbered, the same in each process."""
    versions = book.versions if book else ()
    periods = sorted({p.code for version in versions for p in version.rules.periods} | {""})
    return {place: n for n, place in enumerate(product(periods, sorted(Form.values)))}
