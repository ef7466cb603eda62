"""Triggers that hold invariants in the database, for both engines.

They are no part of migrations, because Django on SQLite silently drops a table's triggers when a
later migration rebuilds the table. Each app registers what it needs in its `AppConfig.ready`;
everything is installed anew after every `migrate` (the one signal of this project), and
`missing` lets `verify_ledger` and a test assert that nothing is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

Statements = Callable[[str], list[str]]
_insert_only: list[str] = []
_special: dict[str, tuple[str, Statements, Statements]] = {}

PLAIN_FUNCTION = """
CREATE OR REPLACE FUNCTION portal_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def insert_only(*tables: str) -> None:
    """Register tables whose rows never change and never go."""
    _insert_only.extend(table for table in tables if table not in _insert_only)


def special(name: str, table: str, create: Statements, drop: Statements) -> None:
    """Register a trigger or constraint of an app's own on `table`: statements by vendor."""
    _special[name] = (table, create, drop)


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every registered trigger in place that is not there; safe to repeat."""
    tables = set(connection.introspection.table_names())
    gone = missing(connection)
    for table in _insert_only:
        if table in tables and any(name.startswith(f"{table}_guard") for name in gone):
            guard(connection, table)
    for name, (table, create, drop) in _special.items():
        if table in tables and any(g.startswith(name) for g in gone):
            _run(connection, [*drop(connection.vendor), *create(connection.vendor)])


def uninstall(connection: BaseDatabaseWrapper) -> None:
    """Remove every registered trigger: for tests that must flush their database."""
    tables = set(connection.introspection.table_names())
    for table in _insert_only:
        if table in tables:
            lift(connection, table)
    for table, _, drop in _special.values():
        if table in tables:
            _run(connection, drop(connection.vendor))


def guard(connection: BaseDatabaseWrapper, table: str) -> None:
    """Make one table insert-only."""
    lift(connection, table)
    if connection.vendor == "postgresql":
        _run(
            connection,
            [
                PLAIN_FUNCTION,
                f"CREATE TRIGGER {table}_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION portal_insert_only()",
            ],
        )
        return
    _run(
        connection,
        [
            f"CREATE TRIGGER {table}_guard_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            for verb in ("UPDATE", "DELETE")
        ],
    )


def lift(connection: BaseDatabaseWrapper, table: str) -> None:
    """Take the guard off one table."""
    if connection.vendor == "postgresql":
        _run(connection, [f"DROP TRIGGER IF EXISTS {table}_guard ON {table}"])
        return
    _run(
        connection,
        [f"DROP TRIGGER IF EXISTS {table}_guard_{verb}" for verb in ("update", "delete")],
    )


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of registered triggers and constraints that are not in the database."""
    there = _present(connection)
    wanted: list[str] = []
    for table in _insert_only:
        if connection.vendor == "postgresql":
            wanted.append(f"{table}_guard")
        else:
            wanted += [f"{table}_guard_update", f"{table}_guard_delete"]
    for name, (_, create, _drop) in _special.items():
        wanted += [f"{name}{suffix}" for suffix in _suffixes(create(connection.vendor), name)]
    return [name for name in wanted if name not in there]


def after_migrate(*, using: str, **_: Any) -> None:
    """Receiver of `post_migrate`: a migration may have dropped triggers; put all of them back."""
    from django.db import connections

    install(connections[using])


def _suffixes(statements: Iterable[str], name: str) -> list[str]:
    """The endings with which the statements name what they create: `name`, `name_insert` …"""
    words = " ".join(statements).replace("(", " ").split()
    return sorted({word.removeprefix(name) for word in words if word.startswith(name)})


def _present(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' "
                "UNION SELECT conname FROM pg_constraint"
            )
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {row[0] for row in cursor.fetchall()}


def _run(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
