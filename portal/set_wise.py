"""Set-wise statements for both engines: one for many rows. No business rule stands here.

Values are adapted as the ORM would, so that both engines store the same. SQLite runs one prepared
statement for all rows; PostgreSQL gets the rows at once, by COPY or as arrays, and may get several
statements in one go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from django.db import connection, connections
from django.db.models import DateField, Field, Model
from psycopg.pq import PipelineStatus

from portal import driver

Row = Sequence[Any]
Answer = Callable[[], list[Any]]  # rows of a statement that was sent, when they are wanted
COPY_FROM = 20  # rows from which on COPY is cheaper than one INSERT
FEW = 100  # rows up to which statements in one go are cheaper than COPY


@lru_cache
def on_postgresql() -> bool:
    return connection.vendor == "postgresql"


@lru_cache
def table(model: type[Model]) -> str:
    return f'"{model._meta.db_table}"'


def columns(model: type[Model], names: Sequence[str]) -> str:
    return ", ".join(_columns(model, tuple(names)))


@contextmanager
def in_one_go(rows: int = 0) -> Iterator[None]:
    """PostgreSQL gets the statements of this block without waiting for the answer to each, unless
    so many rows are to be written that COPY is cheaper. What one of them raises is raised by a
    later one, or at the end of the block.

    For the statements of this module: the ORM's `save` asks at once how many rows it touched.
    """
    if not on_postgresql() or rows > FEW:
        yield
        return
    db = _db()
    db.ensure_connection()
    with db.wrap_database_errors, db.connection.pipeline():
        yield


def insert(
    model: type[Model], names: Sequence[str], rows: Iterable[Row], *, ignore: bool = False
) -> None:
    """Insert rows; with `ignore`, rows that are there already are left as they are.

    Many rows are taken as they come and not gathered: what makes them must not ask the database.
    """
    coming = iter(rows)
    first = list(islice(coming, COPY_FROM))
    if not first:
        return
    every = chain(first, coming)
    into = f"{table(model)} ({columns(model, names)})"
    end = " ON CONFLICT DO NOTHING" if ignore else ""
    one = f"INSERT INTO {into} VALUES ({{}}){end}"  # noqa: S608 - names from our own models
    if not on_postgresql():
        driver.run_many(_db(), _filled(one, names), _adapted(model, names, every))
    elif len(first) == COPY_FROM and not ignore and not _is_in_one_go():
        with connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in every:
                copy.write_row(row)
    else:
        many = f"INSERT INTO {into} SELECT * FROM {{}}{end}"  # noqa: S608 - as above
        _run(model, names, list(every), one, many)


def upsert(
    model: type[Model], keys: Sequence[str], names: Sequence[str], rows: Iterable[Row]
) -> None:
    """Insert rows of keys and values, or set the values where the unique key is there."""
    every = [*keys, *names]
    values = list(_adapted(model, every, rows))
    if not values:
        return
    sets = ", ".join(f"{c} = excluded.{c}" for c in _columns(model, tuple(names)))
    into = f"INSERT INTO {table(model)} ({columns(model, every)})"
    end = f"ON CONFLICT ({columns(model, keys)}) DO UPDATE SET {sets}"
    many = f"{into} SELECT * FROM {{}} {end}"  # noqa: S608 - as above
    _run(model, every, values, f"{into} VALUES ({{}}) {end}", many)


def update_by_id(model: type[Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Set columns of rows by id; each row ends with its id."""
    every = [*names, "id"]
    values = list(_adapted(model, every, rows))
    if not values:
        return
    own = _columns(model, tuple(names))
    one = f"UPDATE {table(model)} SET {', '.join(f'{c} = %s' for c in own)} WHERE id = %s"  # noqa: S608 - as above
    many = (
        f"UPDATE {table(model)} SET {', '.join(f'{c} = v.{c}' for c in own)} "  # noqa: S608 - as above
        f"FROM {{}} WHERE {table(model)}.id = v.id"
    )
    _run(model, every, values, one, many)


def add(model: type[Model], names: Sequence[str], keys: Sequence[str], rows: Iterable[Row]) -> int:
    """Add to columns of rows found by a key; each row ends with the key. Returns how many rows
    were there."""
    every = [*names, *keys]
    values = list(_adapted(model, every, rows))
    if not values:
        return 0
    own, found = _columns(model, tuple(names)), _columns(model, tuple(keys))
    of = table(model)
    one = (
        f"UPDATE {of} SET {', '.join(f'{c} = {c} + %s' for c in own)} "  # noqa: S608 - as above
        f"WHERE {' AND '.join(f'{c} = %s' for c in found)}"
    )
    many = (
        f"UPDATE {of} SET {', '.join(f'{c} = {of}.{c} + v.{c}' for c in own)} "  # noqa: S608 - as above
        f"FROM {{}} WHERE {' AND '.join(f'{of}.{c} = v.{c}' for c in found)}"
    )
    return _run(model, every, values, one, many, counted=True)


def among(values: Iterable[Any]) -> tuple[str, Any]:
    """The condition of being one of many values, to stand behind a column, and its parameter."""
    wanted = list(values)
    if len(wanted) == 1:
        return "= %s", wanted[0]
    if on_postgresql():
        return "= ANY(%s)", wanted
    return "IN (SELECT value FROM json_each(%s))", json.dumps(wanted)


def select(sql: str, params: Sequence[Any], *, moments: Sequence[int] = ()) -> list[Any]:
    """Rows of a statement; `moments` are the places of moments in them, which come out aware."""
    rows = driver.fetch(_db(), sql, params)
    if not moments or on_postgresql():
        return rows
    aware = []
    for row in rows:
        cells = list(row)
        for place in moments:
            if cells[place] is not None:
                cells[place] = cells[place].replace(tzinfo=UTC)
        aware.append(tuple(cells))
    return aware


def ask(sql: str, params: Sequence[Any], *, moments: Sequence[int] = ()) -> Answer:
    """The same, to be fetched later: `in_one_go` sends several statements before it."""
    if not on_postgresql():
        rows = select(sql, params, moments=moments)
        return lambda: rows
    cursor = connection.cursor()
    cursor.execute(sql, params)

    def fetch() -> list[Any]:
        with cursor:
            return list(cursor.fetchall())

    return fetch


def next_ids(model: type[Model], count: int) -> list[int]:
    """Ids for rows about to be inserted, ascending."""
    return ask_ids(model, count)()


def ask_ids(model: type[Model], count: int) -> Callable[[], list[int]]:
    """The same, to be fetched later."""
    name = model._meta.db_table
    if on_postgresql():
        sql = f"SELECT nextval('{_sequence(name)}') FROM generate_series(1, %s)"  # noqa: S608 - as above
        answer = ask(sql, [count])
        return lambda: sorted(row[0] for row in answer())
    rows = select("SELECT seq FROM sqlite_sequence WHERE name = %s", [name])
    first = (rows[0][0] if rows else 0) + 1
    return lambda: list(range(first, first + count))


def take_stock() -> None:
    """Let the database look at its tables, which have grown much: it plans by what it knows."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def adapt(value: Any) -> Any:
    """One value as this connection's engine stores it."""
    if isinstance(value, date) and not on_postgresql():
        return _text(value)
    return value


def _run(
    model: type[Model],
    names: Sequence[str],
    values: list[Row],
    one: str,
    many: str,
    *,
    counted: bool = False,
) -> int:
    """Run a statement for all rows; returns how many rows of the table it touched, if that is to
    be counted."""
    own = _filled(one, names)
    if not on_postgresql():
        return driver.run_many(_db(), own, values)
    back = " RETURNING 1" if counted else ""
    with connection.cursor() as cursor:
        if len(values) == 1:
            cursor.execute(own + back, values[0])
        else:
            given, arrays = _arrays(model, names, values)
            cursor.execute(many.format(given) + back, arrays)
        return len(cursor.fetchall()) if counted else 0


def _filled(statement: str, names: Sequence[str]) -> str:
    """A statement with as many places as there are columns."""
    return statement.format(", ".join(["%s"] * len(names)))


def _is_in_one_go() -> bool:
    return bool(_db().connection.pgconn.pipeline_status != PipelineStatus.OFF)


@lru_cache
def _sequence(name: str) -> str:
    """The sequence of a table's ids; asked once, for PostgreSQL asks its catalogue each time."""
    return str(select("SELECT pg_get_serial_sequence(%s, 'id')", [name])[0][0])


def _db() -> Any:
    """The connection itself, not its proxy, which looks it up for every attribute."""
    return connections["default"]


def _arrays(
    model: type[Model], names: Sequence[str], values: Sequence[Row]
) -> tuple[str, list[list[Any]]]:
    """The rows as a set named v, for PostgreSQL: one array a column."""
    own = _columns(model, tuple(names))
    kinds = _kinds(model, tuple(names))
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    return f"unnest({arrays}) AS v({', '.join(own)})", [list(c) for c in zip(*values, strict=True)]


def _adapted(model: type[Model], names: Sequence[str], rows: Iterable[Row]) -> Iterable[Row]:
    """Rows as this connection's engine stores them, one by one."""
    places = () if on_postgresql() else _dated(model, tuple(names))
    return _dates_as_text(places, rows) if places else rows


def _dates_as_text(places: Sequence[int], rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        cells = list(row)
        for place in places:
            cells[place] = _text(cells[place])
        yield cells


@lru_cache(maxsize=8192)
def _text(value: Any) -> Any:
    """A day or moment as SQLite keeps it; anything else as it is."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value


@lru_cache
def _columns(model: type[Model], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f'"{_field(model, name).column}"' for name in names)


@lru_cache
def _dated(model: type[Model], names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(names) if isinstance(_field(model, name), DateField))


@lru_cache
def _kinds(model: type[Model], names: tuple[str, ...]) -> tuple[str, ...]:
    """PostgreSQL's types of columns; an id's is that of what refers to it, for its own would bring
    a sequence along."""
    fields = (_field(model, name) for name in names)
    return tuple(
        str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))
        for field in fields
    )


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    if name == "pk":
        name = "id"
    return model._meta.get_field(name)  # type: ignore[return-value] # concrete fields only
