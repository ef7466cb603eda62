"""Several prepared queries asked at once: on PostgreSQL a round trip costs more than an answer.

    page = Together(lambda: {"standing": …, "totals": …})
    found = page(programme=1, member=7)
    found.objects("standing"), found.rows("totals")

PostgreSQL gets one statement, in which each query is a list in JSON; what comes out is what the
queries give by themselves. SQLite, to which nothing has to travel, is asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connections
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    JSONField,
    QuerySet,
    TextField,
)

from portal import driver
from portal.prepared import Given, Prepared, Written, spelled

_PLAIN = (BooleanField, CharField, IntegerField, JSONField, TextField)  # JSON has these itself
_KINDS: dict[type, str] = {  # of values, as PostgreSQL calls them
    IntegerField: "bigint",
    CharField: "varchar",
    DateField: "date",
    DateTimeField: "timestamptz",
}


@dataclass(frozen=True)
class Found:
    """What the queries of a `Together` gave, by name."""

    alias: str
    queries: Mapping[str, Prepared]
    answers: Mapping[str, list[Any]]

    def rows(self, name: str) -> list[Any]:
        """The rows of a query, as named tuples."""
        written, _ = self.queries[name].here()
        return list(map(written.row._make, self.answers[name]))

    def objects(self, name: str) -> list[Any]:
        """The rows of a query as objects, as `Prepared.objects` has them."""
        return self.queries[name].filled(self.alias, self.answers[name])


class Together:
    """Queries by name, as for `Prepared`, of models that are read from one database; `given()`
    places of one name get the same value in all of them.

    few: names of values of which there are few, such as programmes. There is a statement for each,
    planned for it: of a partitioned table only the one partition is looked at.
    """

    def __init__(
        self, make: Callable[[], Mapping[str, QuerySet[Any, Any]]], *, few: Sequence[str] = ()
    ) -> None:
        self._make, self._few = make, few
        self._queries: dict[str, Prepared] = {}
        self._merged: dict[tuple[Any, ...], _Merged] = {}

    def __call__(self, **values: Any) -> Found:
        """What all of them give. Raises KeyError for a value that is missing."""
        if not self._queries:
            self._queries = {
                name: Prepared(lambda q=queryset: q)  # type: ignore[misc] # bound now
                for name, queryset in self._make().items()
            }
        here = [query.here() for query in self._queries.values()]
        written, alias = [each for each, _ in here], here[0][1]
        db = connections[alias]
        if db.vendor == "postgresql":
            known = {name: values[name] for name in self._few}
            merged = self._merged.get((alias, *known.values()))
            if merged is None:
                merged = self._merged[alias, *known.values()] = _Merged(written, db, known)
            answers = merged.rows(db, values)
        else:
            answers = [each.rows(db, values) for each in written]
        return Found(alias, self._queries, dict(zip(self._queries, answers, strict=True)))


class _Merged:
    """The one statement for PostgreSQL: a row of as many lists, NULL for an empty one.

    Values come in by a table of one row that the planner cannot look into; what the queries say
    themselves, and what is `known` beforehand, is written out. So a plan for these values is never
    better than the one for any: PostgreSQL keeps that from the sixth time on, where else it plans
    anew each time, which takes longer than the answer.
    """

    def __init__(self, written: Sequence[Written], db: Any, known: Mapping[str, Any]) -> None:
        self.written = written
        givens = [p for each in written for p in each.params if isinstance(p, Given)]
        self.given = {p.value: p.output_field for p in givens if p.value not in known}
        places = [f'%s::{_KINDS[type(field)]} AS "{n}"' for n, field in self.given.items()]
        lists = ", ".join(_list(each, db, known) for each in written)
        values = f"WITH given AS MATERIALIZED (SELECT {', '.join(places)}) " if places else ""
        self.sql = f"{values}SELECT {lists}"

    def rows(self, db: Any, values: Mapping[str, Any]) -> list[list[Any]]:
        params = [f.get_db_prep_value(values[name], db) for name, f in self.given.items()]
        [lists] = driver.fetch(db, self.sql, params)
        return [
            each.converted(db, _read(rows or [], each.fields))
            for each, rows in zip(self.written, lists, strict=True)
        ]


def _list(written: Written, db: Any, known: Mapping[str, Any]) -> str:
    """A query as one list of its rows."""

    def place(param: Any) -> str:
        if isinstance(param, Given):
            if param.value not in known:
                return f'(SELECT "{param.value}" FROM given)'  # noqa: S608 - a name of our own
            param = param.output_field.get_db_prep_value(known[param.value], db)
        return str(db.ops.compose_sql("%s", [param])).replace("%", "%%")

    names = [f"c{n}" for n in range(len(written.fields))]
    cells = ", ".join(map(_cell, names, written.fields))
    inner = spelled(written.sql, written.params, place)
    return (
        f"(SELECT json_agg(json_build_array({cells})) "  # noqa: S608 - as above
        f"FROM ({inner}) AS q({', '.join(names)}))"
    )


def _cell(name: str, field: Field[Any, Any]) -> str:
    while isinstance(field, ForeignKey):
        field = field.target_field
    if not isinstance(field, (*_PLAIN, DateField)):
        raise TypeError(f"JSON has no {type(field).__name__} as the database has it.")
    return f"{name}::text" if isinstance(field, JSONField) else name


def _read(rows: list[Any], fields: Sequence[Field[Any, Any]]) -> list[Any]:
    """The rows with their days and moments, which JSON has as text."""
    dated = [
        (place, datetime.fromisoformat if isinstance(field, DateTimeField) else date.fromisoformat)
        for place, field in enumerate(fields)
        if isinstance(field, DateField)
    ]
    for row in rows if dated else ():
        for place, parse in dated:
            if row[place] is not None:
                row[place] = parse(row[place])
    return rows
