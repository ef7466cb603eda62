"""The few set-wise statements of the ledger's hot path, for both engines; no business rule here.

Portable INSERT, UPDATE and INSERT … ON CONFLICT, one prepared statement for many rows. Values
pass through the connection's own adapters, so both engines store what the ORM would store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from credits.models import (
    BranchMonth,
    BranchStanding,
    CreditTotal,
    LedgerBook,
    Programme,
    Standing,
)

CHUNK = 500


def columns(model: type[Model], names: Sequence[str]) -> str:
    return ", ".join(f'"{model._meta.get_field(name).column}"' for name in names)  # type: ignore[union-attr] # concrete fields only


def table(model: type[Model]) -> str:
    return f'"{model._meta.db_table}"'


def adapted(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows as this connection's engine stores them."""
    moment, day = connection.ops.adapt_datetimefield_value, connection.ops.adapt_datefield_value

    def adapt(value: Any) -> Any:
        if isinstance(value, date):
            return moment(value) if isinstance(value, datetime) else day(value)
        return value

    return [tuple(map(adapt, row)) for row in rows]


def insert(
    model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, ignore: bool = False
) -> None:
    """Insert rows; with `ignore`, rows that are there already are left as they are."""
    values = adapted(rows)
    if not values:
        return
    marks = ", ".join(["%s"] * len(names))
    end = " ON CONFLICT DO NOTHING" if ignore else ""
    sql = f"INSERT INTO {table(model)} ({columns(model, names)}) VALUES ({marks}){end}"  # noqa: S608 - names from our own models
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)


def share_programme(programme_id: int) -> str:
    """Keep the programme's state from changing until this transaction ends; returns the state.

    SQLite needs no lock: its transactions hold the only write lock from their beginning.
    """
    end = " FOR SHARE" if connection.vendor == "postgresql" else ""
    sql = f"SELECT state FROM {table(Programme)} WHERE id = %s{end}"  # noqa: S608 - constant names
    with connection.cursor() as cursor:
        cursor.execute(sql, [programme_id])
        return str(cursor.fetchone()[0])


def lock_books(programme_id: int, organisations: Iterable[int]) -> dict[int, tuple[int, int, str]]:
    """Make and lock the books, by id; returns organisation → (id, last sequence, last digest)."""
    wanted = sorted(set(organisations))
    insert(
        LedgerBook,
        ["programme", "organization", "last_sequence", "last_digest"],
        [(programme_id, organisation, 0, "") for organisation in wanted],
        ignore=True,
    )
    rows = (
        LedgerBook.objects.select_for_update()
        .filter(programme=programme_id, organization__in=wanted)
        .order_by("pk")
    )
    found = rows.values_list("organization_id", "pk", "last_sequence", "last_digest")
    return {organisation: (pk, last, digest) for organisation, pk, last, digest in found}


def enter(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> set[int]:
    """Insert standings in order of member, ignoring those that are there; returns the members
    whose standing this transaction made."""
    made: set[int] = set()
    for start in range(0, len(rows), CHUNK):
        values = adapted(rows[start : start + CHUNK])
        marks = ", ".join(["(" + ", ".join(["%s"] * len(names)) + ")"] * len(values))
        sql = (
            f"INSERT INTO {table(Standing)} ({columns(Standing, names)}) VALUES {marks} "  # noqa: S608 - constant names
            "ON CONFLICT DO NOTHING RETURNING member_id"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for row in values for value in row])
            made.update(row[0] for row in cursor.fetchall())
    return made


def next_ids(model: type[Model], count: int) -> list[int]:
    """Ids for rows about to be inserted, ascending."""
    name = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [name, count],
            )
            return sorted(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [name])
        row = cursor.fetchone()
        first = (row[0] if row else 0) + 1
        return list(range(first, first + count))


def write_totals(programme_id: int, totals: Iterable[tuple[int, str, str, int]]) -> None:
    """Set sums of (member, period, form), whose members' standings are locked."""
    sql = (
        f"INSERT INTO {table(CreditTotal)} (programme_id, member_id, period, form, earned) "  # noqa: S608 - constant names
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (programme_id, member_id, period, form) "
        "DO UPDATE SET earned = excluded.earned"
    )
    values = [(programme_id, *total) for total in sorted(totals)]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(sql, values)


def update_by_id(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Set columns of rows by id; each row ends with its id."""
    values = adapted(rows)
    if not values:
        return
    sets = ", ".join(f'"{model._meta.get_field(n).column}" = %s' for n in names)  # type: ignore[union-attr] # concrete fields only
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table(model)} SET {sets} WHERE id = %s", values)  # noqa: S608 - constant names


def add_to_branches(
    programme_id: int,
    deltas: Mapping[int, Sequence[int]],
    places: Mapping[int, tuple[int | None, str]],
) -> None:
    """Add (due, exempt, completed, hours, points) to branch rows, in order of branch.

    `places` gives unit and cohort for rows that are made here.
    """
    insert(
        BranchStanding,
        ["programme", "branch", "unit", "cohort", "due", "exempt", "completed", "hours", "points"],
        [(programme_id, b, *places[b], 0, 0, 0, 0, 0) for b in sorted(deltas)],
        ignore=True,
    )
    sql = (
        f"UPDATE {table(BranchStanding)} SET due = due + %s, exempt = exempt + %s, "  # noqa: S608 - constant names
        "completed = completed + %s, hours = hours + %s, points = points + %s "
        "WHERE programme_id = %s AND branch_id = %s"
    )
    values = [(*deltas[b], programme_id, b) for b in sorted(deltas) if any(deltas[b])]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(sql, values)


def add_to_months(programme_id: int, deltas: Mapping[tuple[int, date], tuple[int, int]]) -> None:
    """Add (hours, completed) to the months of branches, in order of branch and month."""
    order = sorted(key for key, values in deltas.items() if any(values))
    insert(
        BranchMonth,
        ["programme", "branch", "month", "hours", "completed"],
        [(programme_id, branch, month, 0, 0) for branch, month in order],
        ignore=True,
    )
    sql = (
        f"UPDATE {table(BranchMonth)} SET hours = hours + %s, completed = completed + %s "  # noqa: S608 - constant names
        "WHERE programme_id = %s AND branch_id = %s AND month = %s"
    )
    values = adapted((*deltas[key], programme_id, *key) for key in order)
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(sql, values)
