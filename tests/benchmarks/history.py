"""Former programmes, copied row by row from the city's own: seeding 40 million entries takes hours,
copying them a part of one. For what pages and plans cost beside a long history; the copies' digests
prove nothing, so that nothing may be verified upon them.

Indexes are taken off while the rows are copied and built anew in the end: kept up row by row they
cost ten times as much as the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import DateField, DateTimeField, Field, Max, Model

from courses.models import Attendance, AttendanceCredit, StudyLog, StudySession
from credits import partitions
from credits.models import (
    BranchMonth,
    BranchStanding,
    CreditedContent,
    CreditedTime,
    CreditTotal,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    ProgrammeScope,
    RuleVersion,
    Standing,
    UnitWeek,
)

APART = 182  # days between two programmes
TABLES: list[type[Model]] = [
    Programme, ProgrammeScope, RuleVersion, LedgerBook, Posting, LedgerEntry, CreditedTime,
    CreditedContent, CreditTotal, Standing, BranchStanding, BranchMonth, UnitWeek, StudySession,
    StudySession.programmes.through, Attendance, AttendanceCredit, StudyLog,
]  # fmt: skip
COPIED = [model._meta.db_table for model in TABLES]
OF_SQLITE = (
    "SELECT type, name, sql FROM sqlite_master "
    "WHERE type IN ('index', 'trigger') AND sql NOT NULL AND tbl_name = %s"
)
OF_POSTGRESQL = (
    "SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i "
    "WHERE indrelid = %s::regclass AND NOT EXISTS "
    "(SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)"
)


def copy(times: int) -> None:
    """Copy the only programme, with sessions, marks and logs, so many times, each half a year
    before the last and closed."""
    own = Programme.objects.get()
    apart = {model: _last(model) for model in TABLES}
    with _unhindered(), _bare():
        for number in range(1, times + 1):
            with transaction.atomic():
                for model in TABLES:
                    _copy(model, apart, own, number)
                copied = Programme.objects.filter(pk=own.pk + number * apart[Programme])
                name = f"{own.name}（第{number}批）"
                copied.update(name=name, state=Programme.State.CLOSED, books_close_on=own.ends)
        for statement in connection.ops.sequence_reset_sql(no_style(), TABLES):
            _run(statement)
    connection.close()  # the next has the usual settings


@contextmanager
def _unhindered() -> Iterator[None]:
    """Neither foreign keys nor the disk are waited for, and there is much memory to sort in."""
    if connection.vendor == "sqlite":
        for pragma in ("foreign_keys=OFF", "journal_mode=OFF", "synchronous=OFF",
                       "cache_size=-2000000", "temp_store=FILE", "threads=2"):  # fmt: skip
            _run(f"PRAGMA {pragma}")
    else:
        for setting in ("session_replication_role = replica", "synchronous_commit = off",
                        "maintenance_work_mem = '1GB'"):  # fmt: skip
            _run(f"SET {setting}")
    yield
    if connection.vendor == "sqlite":
        _run("PRAGMA journal_mode=WAL")


@contextmanager
def _bare() -> Iterator[None]:
    """Take off what a copied table has beside its keys, indexes and on SQLite the triggers that
    look through them at each row (PostgreSQL's sleep), and make it anew after the copying.
    Partitioned tables keep theirs: a partition gets its own when it is attached."""
    catalogue = OF_SQLITE if connection.vendor == "sqlite" else OF_POSTGRESQL
    taken: list[tuple[str, str, str]] = []
    for table in COPIED:
        if not _is_partitioned(table):
            taken += _rows(catalogue, table)
    for kind, name, _ in reversed(taken):
        _run(f"DROP {kind} {name}")
    yield
    for _, _, made in taken:
        _run(made)


def _copy(model: type[Model], apart: dict[type[Model], int], own: Programme, number: int) -> None:
    """Copy a table's first rows, those of the own programme, moved back `number` times. The rule
    that times do not overlap is left out of partitions, as are their guards: no page needs them."""
    table = model._meta.db_table
    if not _is_partitioned(table):
        _run(_statement(model, apart, number, into=table))
        return
    copied = Programme(pk=own.pk + number * apart[Programme])
    partition = partitions.name_of(table, copied)
    _run(
        f"CREATE UNLOGGED TABLE {partition} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    _run(_statement(model, apart, number, into=partition))
    _run(f"ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES IN ({copied.pk})")


def _is_partitioned(table: str) -> bool:
    return connection.vendor == "postgresql" and table in partitions.TABLES


def _last(model: type[Model]) -> int:
    return int(model._default_manager.aggregate(last=Max("pk"))["last"] or 0)


def _statement(model: type[Model], apart: dict[type[Model], int], number: int, *, into: str) -> str:
    fields = [f for f in model._meta.concrete_fields if not getattr(f, "generated", False)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    cells = ", ".join(_cell(field, apart, number) for field in fields)
    return (
        f'INSERT INTO "{into}" ({names}) SELECT {cells} FROM "{model._meta.db_table}" '
        f"WHERE id <= {apart[model]} ORDER BY id"
    )


def _cell(field: Field[Any, Any], apart: dict[type[Model], int], number: int) -> str:
    of = field.model if field.primary_key else field.related_model
    column, days = f'"{field.column}"', number * APART
    if of in apart:
        return f"{column} + {number * apart[of]}"
    if isinstance(field, DateField) and connection.vendor == "postgresql":
        return f"{column} - interval '{days} days'"
    if isinstance(field, DateTimeField):
        return f"datetime({column}, '-{days} days')"
    if isinstance(field, DateField):
        return f"date({column}, '-{days} days')"
    if field.column in ("key", "code"):
        return f"{column} || '-{number}'"
    return column


def _rows(sql: str, *values: str) -> list[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
