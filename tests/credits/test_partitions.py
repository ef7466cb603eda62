"""Partitions of the ledger by programme, on PostgreSQL: made at the opening, each with guards."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max

from credits import partitions, programmes, statements, verification
from credits.models import LedgerEntry, Posting, Programme
from portal import set_wise, triggers
from portal.together import Together
from tests import plans
from tests.cast import BEFORE, ENDS, NOW, STARTS, rules_json
from tests.credits.conftest import earn

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
LEDGER = ("credits_posting", "credits_ledgerentry")


def query(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def run(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def key_of(table):
    [(key,)] = query(
        "SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_constraint c JOIN "
        "pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) "
        "WHERE c.conrelid = %s::regclass AND c.contype = 'p'",
        table,
    )
    return key


@pytest.fixture
def two(programme, found_programme, post, lin, zhou):
    """Two programmes with a posting of two lines each."""
    other = found_programme("dsxx-2022")
    for one in (programme, other):
        post(one, earn(lin), earn(zhou))
    connection.check_constraints()
    return programme, other


def test_every_table_is_partitioned_by_programme_and_so_is_its_key(two):
    for table in partitions.TABLES:
        assert query("SELECT pg_get_partkeydef(%s::regclass)", table) == [("LIST (programme_id)",)]
        assert key_of(table) == ["id", "programme_id"]
        assert triggers.partitions(connection)[table] == [f"{table}_p{p.pk}" for p in two]


def test_every_unique_key_of_a_partitioned_table_contains_the_programme(two):
    keys = query(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indisunique AND indrelid::regclass::text = ANY (%s)",
        list(partitions.TABLES),
    )
    assert len(keys) >= 8
    assert [name for name, definition in keys if "programme_id" not in definition] == []


def test_lines_stand_in_the_partition_of_their_programme_and_ids_are_common_to_all(two):
    for programme in two:
        [(lines,)] = query(f"SELECT count(*) FROM credits_ledgerentry_p{programme.pk}")
        assert lines == 2
    ids = list(LedgerEntry.objects.order_by("pk").values_list("pk", "programme"))
    assert [p for _, p in ids] == [two[0].pk] * 2 + [two[1].pk] * 2
    last = Posting.objects.aggregate(n=Max("pk"))["n"]
    assert set_wise.next_ids(Posting, 2) == [last + 1, last + 2]


def test_a_line_is_found_by_its_id_alone_through_the_index_of_each_partition(two):
    line = LedgerEntry.objects.filter(programme=two[1]).earliest("pk")

    assert LedgerEntry.objects.get(pk=line.pk).programme == two[1]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = LedgerEntry.objects.filter(pk=line.pk).explain()
    assert plan.count("_pkey") == 2
    assert "Seq Scan" not in plan


def test_a_page_of_one_programme_reads_its_partition_only(two, lin):
    plan = LedgerEntry.objects.of_member(two[1], lin).explain()

    assert f"credits_ledgerentry_p{two[1].pk}" in plan
    assert f"credits_posting_p{two[1].pk}" in plan
    assert set(re.findall(r" on credits_\w+_p(\d+)", plan)) == {str(two[1].pk)}


def test_the_newest_lines_of_a_start_page_too_are_read_from_one_partition(two, lin):
    newest = Together(lambda: {"newest": statements.newest()}, few=["programme"])
    [shape] = plans.of_page(lambda: newest(programme=two[1].pk, member=lin.pk))

    assert "credits_ledgerentry" in shape
    assert "Append" not in shape


@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize("where", ["parent", "partition"])
@pytest.mark.parametrize(
    "verb", ["UPDATE {} SET programme_id = programme_id", "DELETE FROM {}", "TRUNCATE {}"]
)
def test_raw_changes_are_refused_on_the_table_and_on_its_partitions(two, table, where, verb):
    name = table if where == "parent" else f"{table}_p{two[0].pk}"

    with pytest.raises(IntegrityError, match="insert-only"):
        run(verb.format(name))


@pytest.mark.parametrize("table", LEDGER)
def test_a_partition_guards_itself_when_the_guard_of_the_whole_table_is_gone(two, table):
    run(f"DROP TRIGGER {table}_guard ON {table}")

    for verb in (f"UPDATE {table} SET programme_id = programme_id", f"TRUNCATE {table}"):
        with pytest.raises(IntegrityError, match="insert-only"):
            run(verb)


@pytest.mark.parametrize("name", ["row_guard", "truncate_guard"])
def test_verification_names_the_partition_whose_guard_is_gone_and_migrate_puts_it_back(two, name):
    partition = f"credits_ledgerentry_p{two[1].pk}"
    run(f"DROP TRIGGER {name} ON {partition}")

    [problem] = verification.verify(at=NOW).problems
    assert problem.kind == "trigger"
    assert f"{partition}.{name}" in problem.message

    triggers.install(connection)
    assert triggers.missing(connection) == []


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ("ALTER TABLE credits_posting ENABLE REPLICA TRIGGER credits_posting_guard",
         "credits_posting_guard"),
        ("CREATE OR REPLACE FUNCTION portal_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
         "$$ BEGIN RETURN NULL; END $$", "portal_insert_only()"),
    ],
)  # fmt: skip
def test_a_guard_that_is_there_and_does_nothing_is_named(two, done, told):
    run(done)

    [problem] = verification.verify(at=NOW).problems

    assert problem.kind == "trigger"
    assert told in problem.message


def test_a_partition_that_is_gone_is_noticed_by_a_verification_of_what_is_new_too(two):
    assert verification.verify(at=NOW).ok
    table = f"credits_creditedcontent_p{two[0].pk}"
    run(f"ALTER TABLE credits_creditedcontent DETACH PARTITION {table}")

    told = [p.message for p in verification.verify(at=NOW, since_last=True).problems]

    assert told == [f"数据表 credits_creditedcontent 缺少分区 {table}。"]


def test_times_of_one_member_do_not_overlap_within_a_partition(two, lin):
    with pytest.raises(IntegrityError, match="_overlap"):
        run(
            "INSERT INTO credits_creditedtime (programme_id, member_id, entry_id, starts_at, "
            "ends_at) SELECT programme_id, member_id, 0, starts_at, ends_at FROM "
            f"credits_creditedtime WHERE member_id = {lin.pk} AND programme_id = {two[0].pk}"
        )


def test_a_posting_without_a_partition_fails_loudly_and_verification_says_what_lacks(
    two, post, lin
):
    for table in partitions.TABLES:
        triggers.lift(connection, table)
        run(f"DROP TABLE {table}_p{two[0].pk}")
    triggers.install(connection)
    before = Posting.objects.count()

    with pytest.raises(IntegrityError, match="no partition"):
        post(two[0], earn(lin), key="lost")

    assert Posting.objects.count() == before
    told = {p.message for p in verification.verify(at=NOW).problems if p.kind == "partition"}
    assert told == {
        f"数据表 {table} 缺少分区 {table}_p{two[0].pk}。" for table in partitions.TABLES
    }


def test_verification_names_a_partition_that_takes_in_whatever_comes(two):
    run("CREATE TABLE credits_posting_rest PARTITION OF credits_posting DEFAULT")

    told = [p.message for p in verification.verify(at=NOW).problems if p.kind == "partition"]

    assert told == ["数据表 credits_posting 的分区 credits_posting_rest 不属于任何专题教育。"]


def test_partitions_are_made_at_the_opening_and_only_once(city, programme):
    draft = programmes.found(
        code="next", name="下一个", organiser=city.root, scopes=[city.root], starts=STARTS,
        ends=ENDS, rules_=rules_json(), authority="依据", by=city.by, at=BEFORE,
    )  # fmt: skip
    assert partitions.lacking_of(connection, draft).keys() == set(partitions.TABLES)

    opened = programmes.open_(draft, by=city.by, at=BEFORE)

    assert opened.state == Programme.State.RUNNING
    assert partitions.lacking_of(connection, draft) == {}
    partitions.make(opened)
    assert triggers.missing(connection) == []


def test_partitions_that_another_makes_meanwhile_are_left_as_they_are(programme, monkeypatch):
    lacking = partitions.lacking_of
    answers = [{"credits_posting": partitions.name_of("credits_posting", programme)}]
    monkeypatch.setattr(
        partitions, "lacking_of", lambda *of: answers.pop() if answers else lacking(*of)
    )

    partitions.make(programme)

    assert answers == []


def test_no_partition_is_made_for_a_programme_that_is_gone(programme):
    with pytest.raises(Programme.DoesNotExist):
        partitions.make(Programme(pk=programme.pk + 1))
    assert all(len(own) == 1 for own in triggers.partitions(connection).values())


def keys_to_programmes():
    return query(
        "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND "
        "confrelid = 'credits_programme'::regclass AND conrelid::regclass::text = ANY (%s)",
        [*partitions.TABLES],
    )


@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET id = id + 1000"])
def test_a_programme_with_partitions_neither_goes_nor_gets_another_id(two, verb):
    assert keys_to_programmes() == []

    with pytest.raises(IntegrityError, match="has partitions"):
        run(f"{verb.format('credits_programme')} WHERE id = {two[0].pk}")


def test_a_programme_whose_partitions_are_empty_is_kept_and_one_without_any_may_go(programme):
    for table in ("ruleversion", "programmescope"):
        run(f"DELETE FROM credits_{table} WHERE programme_id = {programme.pk}")
    delete = f"DELETE FROM credits_programme WHERE id = {programme.pk}"
    with pytest.raises(IntegrityError, match="has partitions"):
        run(delete)

    with transaction.atomic():
        for table in partitions.TABLES:
            run(f"DROP TABLE {table}_p{programme.pk}")
        run(delete)
        assert not Programme.objects.exists()
        transaction.set_rollback(True)


def test_verification_says_when_what_keeps_programmes_is_gone_and_migrate_puts_it_back(two):
    run(f"DROP TRIGGER {partitions.KEEPER} ON {partitions.PROGRAMMES}")

    [problem] = verification.verify(at=NOW).problems
    assert problem.kind == "trigger"
    assert partitions.KEEPER in problem.message

    triggers.install(connection)
    assert triggers.missing(connection) == []


def test_the_keys_to_programmes_can_be_put_back_and_dropped_again(two):
    loader = MigrationExecutor(connection).loader
    migration = loader.get_migration("credits", "0011_programme_of_a_partition")
    [operation] = migration.operations
    with connection.schema_editor() as editor:
        operation.reverse_code(None, editor)
    assert {table for (table,) in keys_to_programmes()} == {*partitions.TABLES}

    with connection.schema_editor() as editor:
        operation.code(None, editor)
    assert keys_to_programmes() == []


def plain_again(table):
    """The table as 0001 makes it, with the rows that it has now."""
    run(f"CREATE TABLE {table}_old (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    run(f"INSERT INTO {table}_old SELECT * FROM {table}")
    kept = query(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype IN ('u', 'f')", table,
    )  # fmt: skip
    run(f"DROP TABLE {table} CASCADE")
    run(f"ALTER TABLE {table}_old RENAME TO {table}")
    run(f"ALTER TABLE {table} ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY")
    run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    run(f"ALTER TABLE {table} ADD PRIMARY KEY (id)")
    for name, definition in kept:
        run(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


def test_the_migration_partitions_tables_that_have_rows_and_keeps_all_of_them(two, post, zhou):
    rows = {t: query(f"SELECT * FROM {t} ORDER BY id") for t in partitions.TABLES}
    named = {
        t: query("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass "
                 "ORDER BY conname", t)
        for t in partitions.TABLES
    }  # fmt: skip
    for table in partitions.TABLES:
        plain_again(table)
    assert [p.kind for p in verification.verify(at=NOW).problems].count("partition") >= 4

    migration = MigrationExecutor(connection).loader.get_migration("credits", "0002_partitions")
    with connection.schema_editor() as editor:
        for operation in migration.operations:
            operation.code(None, editor)
    triggers.install(connection)

    assert {t: query(f"SELECT * FROM {t} ORDER BY id") for t in partitions.TABLES} == rows
    for table, names in named.items():
        now = query("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass "
                    "ORDER BY conname", table)  # fmt: skip
        assert now == names
    assert verification.verify(at=NOW).problems == []
    post(two[1], earn(zhou, hour=14), key="after")
    assert verification.verify(at=NOW).problems == []
