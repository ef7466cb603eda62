"""Triggers that hold invariants in the database, for both engines.

They are no part of migrations, because Django on SQLite silently drops a table's triggers when a
later migration rebuilds the table. Each app registers what it needs in its `AppConfig.ready`;
everything is installed anew after every `migrate` (the one signal of this project), and
`missing` lets `verify_ledger` and a test assert that nothing is gone.

Where PostgreSQL partitions a registered table, each partition has guards of its own: the parent's
statement trigger does not fire for whoever names a partition, and what a partition got from its
parent it would lose when it is detached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

PLAIN_FUNCTION = """
CREATE OR REPLACE FUNCTION portal_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
PARTITION_GUARDS = {
    "row_guard": "BEFORE UPDATE OR DELETE ON {} FOR EACH ROW",
    "truncate_guard": "BEFORE TRUNCATE ON {} FOR EACH STATEMENT",
}


@dataclass(frozen=True)
class Special:
    """A trigger or constraint of an app's own: each function is asked with vendor and table, and
    answers with the names that must be there, or the statements that make or remove them."""

    names: Callable[[str, str], list[str]]
    create: Callable[[str, str], list[str]]
    drop: Callable[[str, str], list[str]]


Tree = dict[str, list[str]]  # partitioned table → its partitions, the oldest first
_insert_only: list[str] = []
_special: dict[str, Special] = {}


def insert_only(*tables: str) -> None:
    """Register tables whose rows never change and never go."""
    _insert_only.extend(table for table in tables if table not in _insert_only)


def special(table: str, rule: Special) -> None:
    """Register a rule of an app's own on `table`; on each of its partitions where it has some."""
    _special[table] = rule


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every registered trigger in place that is not there; safe to repeat."""
    tables, there = set(connection.introspection.table_names()), _present(connection)
    tree = partitions(connection)
    for table in _insert_only:
        if table in tables and not there.issuperset(_wanted(connection.vendor, table, tree)):
            guard(connection, table)
    for table, rule in _special.items():
        for one in tree.get(table, [table]) if table in tables else ():
            if not there.issuperset(rule.names(connection.vendor, one)):
                _run(connection, rule.drop(connection.vendor, one))
                _run(connection, rule.create(connection.vendor, one))


def uninstall(connection: BaseDatabaseWrapper) -> None:
    """Remove every registered trigger: for tests that must flush their database."""
    tables = set(connection.introspection.table_names())
    for table in [*_insert_only, *_special]:
        if table in tables:
            lift(connection, table)


def guard(connection: BaseDatabaseWrapper, table: str) -> None:
    """Make one table with its partitions insert-only."""
    _drop_guards(connection, table)
    if connection.vendor == "postgresql":
        _run(
            connection,
            [
                PLAIN_FUNCTION,
                f"CREATE TRIGGER {table}_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION portal_insert_only()",
            ],
        )
        for partition in partitions(connection).get(table, ()):
            guard_partition(connection, partition)
        return
    _run(
        connection,
        [
            f"CREATE TRIGGER {table}_guard_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            for verb in ("UPDATE", "DELETE")
        ],
    )


def guard_partition(connection: BaseDatabaseWrapper, partition: str) -> None:
    """Make one partition insert-only by triggers of its own, which outlast its detachment."""
    _run(connection, [PLAIN_FUNCTION])
    for name, when in PARTITION_GUARDS.items():
        made = f"CREATE TRIGGER {name} " + when.format(f'"{partition}"')
        _run(
            connection,
            [
                f'DROP TRIGGER IF EXISTS {name} ON "{partition}"',
                f"{made} EXECUTE FUNCTION portal_insert_only()",
            ],
        )


def is_guarded(connection: BaseDatabaseWrapper, partition: str) -> bool:
    """Whether a partition, attached or detached, has its guards."""
    return _present(connection).issuperset(_guards_of(partition))


def dress(connection: BaseDatabaseWrapper, table: str, partition: str) -> None:
    """Give a new partition of `table` what is registered for the table, before it is attached."""
    if table in _insert_only:
        guard_partition(connection, partition)
    if table in _special:
        _run(connection, _special[table].create(connection.vendor, partition))


def lift(connection: BaseDatabaseWrapper, table: str) -> None:
    """Take everything registered off one table with its partitions."""
    if table in _insert_only:
        _drop_guards(connection, table)
    if table in _special:
        for one in partitions(connection).get(table, [table]):
            _run(connection, _special[table].drop(connection.vendor, one))


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of registered triggers and constraints that are not in the database."""
    there, tree = _present(connection), partitions(connection)
    wanted = [n for table in _insert_only for n in _wanted(connection.vendor, table, tree)]
    for table, rule in _special.items():
        for one in tree.get(table, [table]):
            wanted += rule.names(connection.vendor, one)
    return [name for name in wanted if name not in there] + _disarmed(connection)


def _disarmed(connection: BaseDatabaseWrapper) -> list[str]:
    """The function that guards call, where it does something else than ours: on PostgreSQL."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'portal_insert_only'")
        return ["portal_insert_only()" for row in cursor if row[0] != PLAIN_FUNCTION.split("$$")[1]]


def partitions(connection: BaseDatabaseWrapper) -> Tree:
    """The partitions of every partitioned table; nothing on SQLite."""
    if connection.vendor != "postgresql":
        return {}
    tree: Tree = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.relname, c.relname FROM pg_partitioned_table t "
            "JOIN pg_class p ON p.oid = t.partrelid AND pg_table_is_visible(p.oid) "
            "LEFT JOIN pg_inherits i ON i.inhparent = p.oid "
            "LEFT JOIN pg_class c ON c.oid = i.inhrelid ORDER BY p.relname, c.oid"
        )
        for table, partition in cursor.fetchall():
            tree.setdefault(table, []).extend([partition] if partition else [])
    return tree


def after_migrate(*, using: str, **_: Any) -> None:
    """Receiver of `post_migrate`: a migration may have dropped triggers; put all of them back."""
    from django.db import connections

    install(connections[using])


def _wanted(vendor: str, table: str, tree: Tree) -> list[str]:
    """The guards that an insert-only table and its partitions must have."""
    if vendor == "postgresql":
        return [f"{table}_guard", *(g for p in tree.get(table, ()) for g in _guards_of(p))]
    return [f"{table}_guard_update", f"{table}_guard_delete"]


def _guards_of(partition: str) -> list[str]:
    return [f"{partition}.{name}" for name in PARTITION_GUARDS]


def _drop_guards(connection: BaseDatabaseWrapper, table: str) -> None:
    if connection.vendor == "postgresql":
        drops = [f"DROP TRIGGER IF EXISTS {table}_guard ON {table}"]
        for partition in partitions(connection).get(table, ()):
            drops += [f'DROP TRIGGER IF EXISTS {g} ON "{partition}"' for g in PARTITION_GUARDS]
    else:
        drops = [f"DROP TRIGGER IF EXISTS {table}_guard_{verb}" for verb in ("update", "delete")]
    _run(connection, drops)


def _present(connection: BaseDatabaseWrapper) -> set[str]:
    """Enabled triggers and constraints by name; on PostgreSQL triggers also as `table.name`."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT unnest(ARRAY[t.tgname, c.relname || '.' || t.tgname]) FROM pg_trigger t "
                "JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal "
                "AND t.tgenabled IN ('O', 'A') UNION SELECT conname FROM pg_constraint"
            )
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {row[0] for row in cursor.fetchall()}


def _run(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
