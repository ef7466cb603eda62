"""Partitions of the ledger on PostgreSQL: one of each table for a programme, by list of programme.

A programme's partitions are made when it opens and leave with it into the archive. There is no
default partition: a posting for which there is none fails loudly and is rolled back, where a
default would take it in, and then neither let a partition be made beside it nor be archived.
The tables of what live lines occupy are partitioned too: no rule of theirs crosses programmes, and
they leave together with the lines that they point to. SQLite keeps its plain tables.

A partition says that its programme is there, so that no line has a key to it: a trigger refuses to
take a programme away, or to give it another id, as long as it has a partition (`kept_while_used`).

Making and detaching lock the tables that the partitions' foreign keys point to. They are locked
first, in the order in which every writer comes by them (people, then programmes, then books, then
the ledger), in a transaction of their own, and not waited for longer than `PATIENCE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from credits.models import Programme
from portal import triggers
from portal.refusals import Refusal

TABLES = (
    "credits_posting",
    "credits_ledgerentry",
    "credits_creditedtime",
    "credits_creditedcontent",
)
PROGRAMMES = "credits_programme"
REFERENCED = "portal_member, portal_organization, credits_programme, credits_ledgerbook"
LOCK_NOT_AVAILABLE = "55P03"
PATIENCE = "5s"  # to wait for a lock; everybody who writes waits behind us meanwhile


KEEPER = f"{PROGRAMMES}_of_partition"
KEEPER_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {KEEPER}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE gone bigint := OLD.id;
BEGIN
  IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid IN (
    {", ".join(f"to_regclass('{table}_p' || gone)" for table in TABLES)}
  )) THEN
    RAISE EXCEPTION 'programme % has partitions', gone
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$
"""


class InUse(Refusal):
    """Somebody works in the tables for longer than others should wait."""

    message = "正在导入、核验或导出大批数据，现在不能调整账目分区；请稍后再试。"


def name_of(table: str, programme: Programme) -> str:
    """A partition's name while it is attached."""
    return f"{table}_p{programme.pk}"


def archive_name_of(table: str, programme: Programme) -> str:
    """A partition's name once it is detached: at most 63 characters, as codes have at most 30."""
    return f"{table}_archived_{programme.code}"


def make(programme: Programme) -> None:
    """Make a programme's partitions, each with its own guards, where it has none.

    Raises InUse when the tables are not to be had in time, Programme.DoesNotExist where it is gone.
    """
    if not lacking_of(connection, programme):
        return
    like = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
    with _locked():
        Programme.objects.get(pk=programme.pk)  # no partition without its programme
        lacking = lacking_of(connection, programme)  # another may have made them meanwhile
        for table, partition in lacking.items():
            _run(f"CREATE TABLE {partition} (LIKE {table} {like})")
            triggers.dress(connection, table, partition)
            values = f"FOR VALUES IN ({programme.pk:d})"
            _run(f"ALTER TABLE {table} ATTACH PARTITION {partition} {values}")


def detach(programme: Programme) -> bool:
    """Turn a programme's partitions into plain tables, insert-only for ever; whether there were
    any. Raises InUse when the tables are not to be had in time."""
    if connection.vendor != "postgresql":
        return False
    lacking = lacking_of(connection, programme)
    own = [table for table in TABLES if table not in lacking]
    with _locked("LOCK TABLE " + ", ".join(TABLES) + " IN ACCESS EXCLUSIVE MODE"):
        connection.check_constraints()  # PostgreSQL alters no table while checks are pending
        for table in own:
            partition, archived = name_of(table, programme), archive_name_of(table, programme)
            triggers.guard_partition(connection, partition)
            _run(f"ALTER TABLE {table} DETACH PARTITION {partition}")
            _run(f'ALTER TABLE {partition} RENAME TO "{archived}"')
    return bool(own)


def lacking_of(using: BaseDatabaseWrapper, programme: Programme) -> dict[str, str]:
    """Partitions that a programme should have and has not, by table; none on SQLite."""
    if using.vendor != "postgresql":
        return {}
    names, tree = {table: name_of(table, programme) for table in TABLES}, triggers.partitions(using)
    return {table: name for table, name in names.items() if name not in tree.get(table, ())}


def archived_tables(using: BaseDatabaseWrapper, programme: Programme) -> list[str]:
    """The detached tables of a programme that are still in the database."""
    names = {archive_name_of(table, programme) for table in TABLES}
    return sorted(names & set(using.introspection.table_names()))


def kept_while_used() -> triggers.Special:
    """The rule on programmes that stands for the keys of partitioned tables; none on SQLite."""
    return triggers.Special(
        names=lambda vendor, _: [KEEPER] if vendor == "postgresql" else [],
        create=lambda _, table: [
            KEEPER_FUNCTION,
            f"CREATE TRIGGER {KEEPER} BEFORE DELETE OR UPDATE OF id ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {KEEPER}()",
        ],
        drop=lambda vendor, table: (
            [f"DROP TRIGGER IF EXISTS {KEEPER} ON {table}"] if vendor == "postgresql" else []
        ),
    )


@contextmanager
def _locked(*then: str) -> Iterator[None]:
    """Hold the referenced tables against writers, then run the statements that lock others."""
    try:
        with transaction.atomic():
            _run(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            _run(f"LOCK TABLE {REFERENCED} IN SHARE ROW EXCLUSIVE MODE")
            for statement in then:
                _run(statement)
            yield
            _run("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == LOCK_NOT_AVAILABLE:
            raise InUse from error
        raise


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
