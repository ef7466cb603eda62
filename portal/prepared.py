"""Queries whose SQL is written once: for a small query Django spends longer on writing the SQL than
the database on answering it.

    of_member = Prepared(
        lambda: Standing.objects.filter(member=given("member", int)).values_list("target", "points")
    )
    [row] = of_member(member=7)    # row.target, row.points

The queryset is an ordinary one, so it stays portable, with `given()` where a value will stand.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import connections, router
from django.db.models import (
    CharField,
    DateField,
    DateTimeField,
    Field,
    IntegerField,
    Model,
    QuerySet,
)
from django.db.models.base import ModelState
from django.db.models.expressions import Value

from portal import driver
from portal.querysets import after

_M = TypeVar("_M", bound=Model)
Shared = dict[tuple[str, Any], Any]  # (relation, key) → the object of that row
_FIELDS: dict[type, type[Field[Any, Any]]] = {
    int: IntegerField,
    str: CharField,
    date: DateField,
    datetime: DateTimeField,
}


class Given(Value):
    """The place of a value that each call brings along."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]


def given(name: str, kind: type) -> Any:
    """A place for the value `name`: an int, a str, a date or a datetime, never None."""
    return Given(name, output_field=_FIELDS[kind]())


class Prepared:
    """A query of named columns (`values_list`), written once for each database.

    What decides the form of the SQL (columns, number of places) must not depend on values.
    lock: how rows of the model's own table are locked ("UPDATE", "NO KEY UPDATE"), for Django's
    select_for_update does not name that table where columns are named.
    """

    def __init__(self, make: Callable[[], QuerySet[Any, Any]], *, lock: str = "") -> None:
        self._make = make
        self._lock = lock
        self._model: Any = None
        self._shape: _Shape | None = None
        self._written: dict[str, Written] = {}

    def __call__(self, **values: Any) -> list[Any]:
        """All rows, as named tuples. Raises KeyError for a value that is missing."""
        written, alias = self.here()
        return list(map(written.row._make, written.rows(connections[alias], values)))

    def objects(self, shared: Shared | None = None, /, **values: Any) -> list[Any]:
        """All rows, as objects of the model: the columns are those of its table (see `columns`);
        further ones become attributes, those of another table (`member__name`) an object of it.

        shared: what several calls know of other tables, so that they make one object of each row
        there, found by the first of its columns, which is its key.
        """
        written, alias = self.here()
        return self.filled(alias, written.rows(connections[alias], values), shared)

    def first(self, **values: Any) -> Any:
        """The first row, or None."""
        rows = self(**values)
        return rows[0] if rows else None

    def filled(
        self, alias: str, rows: Iterable[Sequence[Any]], shared: Shared | None = None
    ) -> list[Any]:
        """Objects of rows that were read from a database."""
        if self._shape is None:
            self._shape = _Shape(self._model, self._written[alias].row._fields)
        return [self._shape.filled(alias, row, shared) for row in rows]

    def here(self) -> tuple[Written, str]:
        """The SQL for the database that is read now, and its alias."""
        if self._model is None:
            self._model = self._make().model
        alias = router.db_for_read(self._model)
        if alias not in self._written:
            self._written[alias] = Written(self._make().using(alias), self._lock)
        return self._written[alias], alias


class _Shape:
    """How rows become objects: what belongs to the model, to another table, and the rest."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        columns_ = {field.attname for field in model._meta.concrete_fields}
        own = sum(name in columns_ for name in names)  # first; a column left out is read later
        self._model, self._names = model, names[:own]
        of: dict[str, list[tuple[str, int]]] = {}
        for place, name in enumerate(names):
            relation, _, field = name.partition("__")
            if field:
                of.setdefault(relation, []).append((field, place))
        further = enumerate(names[own:], own)
        self._further = [(name, place) for place, name in further if "__" not in name]
        self._related = [
            (name, model._meta.get_field(name).related_model, fields) for name, fields in of.items()
        ]

    def filled(self, alias: str, row: Sequence[Any], shared: Shared | None = None) -> Any:
        one = _loaded(self._model, alias)
        held, state = one.__dict__, one._state
        held.update(zip(self._names, row))  # noqa: B905 - the row goes on
        for name, place in self._further:
            held[name] = row[place]
        for name, model, fields in self._related:
            key = row[fields[0][1]]
            other = shared.get((name, key)) if shared else None
            if other is None and key is not None:
                other = _loaded(model, alias)
                other.__dict__.update([(field, row[place]) for field, place in fields])
                if shared is not None:
                    shared[name, key] = other
            state.fields_cache[name] = other
        return one


def _loaded(model: Any, alias: str) -> Any:
    """An object as `Model.from_db` makes it, its columns still to be put into its dictionary: no
    model here has an __init__ or a signal of its own, and Django's costs ten times as much."""
    one = model.__new__(model)
    state = one._state = ModelState()
    state.adding, state.db, state.fields_cache = False, alias, {}
    return one


def unsaved(model: type[_M], values: Iterable[tuple[str, Any]]) -> _M:
    """A new object of all its columns by attribute name, made in the same way."""
    one = model.__new__(model)
    one._state = ModelState()
    one.__dict__.update(values)
    return one


class ByPaths:
    """A prepared query over a list of paths: written for 2, 8, 32 … places, the rest repeated.

    `make` gets the places for `…__path__in`. into: what takes what it makes; a `Together` wants at
    least one path.
    """

    def __init__(
        self, make: Callable[[list[Any]], Any], into: Callable[[Callable[[], Any]], Any] = Prepared
    ) -> None:
        self._make, self._into = make, into
        self._of_size: dict[int, Any] = {}

    def __call__(self, paths: Sequence[str], **values: Any) -> Any:
        """All rows, as named tuples; none for no path."""
        if not paths:
            return []
        size = 2
        while size < len(paths):
            size *= 4
        if size not in self._of_size:
            places = [given(f"path{n}", str) for n in range(size)]
            self._of_size[size] = self._into(lambda: self._make(places))
        filled = {f"path{n}": paths[n % len(paths)] for n in range(size)}
        return self._of_size[size](**filled, **values)


class BySubtrees(ByPaths):
    """The same over whole subtrees: `make` gets pairs of places, for `path__gte` and `path__lt`."""

    def __init__(self, make: Callable[[list[tuple[Any, Any]]], QuerySet[Any, Any]]) -> None:
        super().__init__(lambda places: make(list(zip(places[::2], places[1::2], strict=True))))

    def __call__(self, paths: Sequence[str], **values: Any) -> Any:
        return super().__call__([end for path in paths for end in (path, after(path))], **values)


def columns(model: type[Model], *others: str, of: str = "") -> list[str]:
    """The names of all columns of a model's table, and further ones, for `Prepared.objects`.
    of: the relation by which another table is reached."""
    prefix = f"{of}__" if of else ""
    return [*(f"{prefix}{field.attname}" for field in model._meta.concrete_fields), *others]


class Written:
    """The SQL of a queryset for one database, and how its columns are read.

    For SQLite what the query says itself is written out: it plans a statement anew for each value
    that stands where a partial index or LIKE could care, which takes longer than the answer.
    """

    def __init__(self, queryset: QuerySet[Any, Any], lock: str) -> None:
        compiler: Any = queryset.query.get_compiler(using=queryset.db)
        self.sql, self.params = compiler.as_sql()
        if connections[queryset.db].vendor == "sqlite":
            self._write_out()
        if lock and connections[queryset.db].features.has_select_for_update:
            self.sql += f' FOR {lock} OF "{queryset.model._meta.db_table}"'
        columns = [column for column, *_ in compiler.select[: compiler.col_count]]
        self.fields = [column.output_field for column in columns]
        self.converters = list(compiler.get_converters(columns).items())
        names: Any = queryset._fields  # type: ignore[attr-defined] # what values_list was asked for
        self.row: Any = namedtuple("Row", names)  # type: ignore[misc]

    def _write_out(self) -> None:
        kept = []

        def place(param: Any) -> str:
            literal = _literal(param)
            if not literal:
                kept.append(param)
            return literal or "%s"

        self.sql, self.params = spelled(self.sql, self.params, place), kept

    def rows(self, connection: Any, values: dict[str, Any]) -> list[Any]:
        rows = driver.fetch(connection, self.sql, self.filled_in(connection, values))
        return self.converted(connection, rows)

    def filled_in(self, connection: Any, values: dict[str, Any]) -> list[Any]:
        """The parameters of one call, as the database takes them."""
        return [
            p.output_field.get_db_prep_value(values[p.value], connection)
            if isinstance(p, Given)
            else p
            for p in self.params
        ]

    def converted(self, connection: Any, rows: list[Any]) -> list[Any]:
        """Rows as the database gives them, with the values that the ORM would make of them."""
        if not (self.converters and rows):
            return rows
        cells: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place, (converters, column) in self.converters:
            for convert in converters:
                values = cells[place]
                if isinstance(column.output_field, DateField):  # few days and moments, often
                    met = {value: convert(value, column, connection) for value in set(values)}
                    cells[place] = [met[value] for value in values]
                else:
                    cells[place] = [convert(value, column, connection) for value in values]
        return list(zip(*cells, strict=True))


def spelled(sql: str, params: Iterable[Any], place: Callable[[Any], str]) -> str:
    """SQL with what `place` makes of each parameter where that stood."""
    rest = iter(params)
    return re.sub("%[%s]", lambda found: "%%" if found[0] == "%%" else place(next(rest)), sql)


def _literal(value: Any) -> str:
    """A plain text or number as SQL with places has it; "" for anything else."""
    if isinstance(value, str):
        return "'" + str(value).replace("'", "''").replace("%", "%%") + "'"
    return str(value) if type(value) is int else ""
