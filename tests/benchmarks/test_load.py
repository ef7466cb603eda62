"""Building the whole city beside the bare rows: executemany on SQLite, COPY on PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from time import perf_counter

import pytest
from django.db import connection

from credits.models import LedgerEntry, Posting
from tests.benchmarks.scale import SCALE
from tests.benchmarks.stopwatch import keep

pytestmark = pytest.mark.bench
CHUNK = 10_000
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000;"


def test_the_city_is_loaded_at_the_cost_of_its_rows(committed, load_seconds, tmp_path):
    """Every row of every table is written once more, in transactions of 10,000 rows, with the same
    indexes and checks, without triggers and foreign keys. Measured once: pairs would double it."""
    entries = LedgerEntry.objects.count()
    assert entries == SCALE.entries * SCALE.programmes
    single = Posting.objects.filter(lines=1).count()
    assert single >= 0.3 * entries
    longer = Posting.objects.filter(lines__gt=1)
    assert not longer.exclude(lines__gte=5, lines__lte=200).exists()
    if load_seconds is None:
        pytest.skip("the city was there already (--reuse-db): nothing to time")
    bare = _into_postgresql() if connection.vendor == "postgresql" else _into_sqlite(tmp_path)
    keep("loading the city", load_seconds, bare, goal=3, n=entries, runs=1)


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT COUNT(*) FROM "{table}"')
            filled = cursor.fetchone()[0]
            if filled and table != "django_migrations" and not table.startswith("sqlite_"):
                found.append(table)
        return found


def _plain_columns(table: str) -> list[str]:
    """Without those that the database computes."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" LIMIT 0')
        names = [column[0] for column in cursor.description]
    return [name for name in names if (table, name) != ("credits_branchstanding", "rate")]


def _into_sqlite(folder) -> float:
    taken = 0.0
    file = connection.settings_dict["NAME"]
    with (
        closing(sqlite3.connect(file)) as source,
        closing(sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)) as bare,
    ):
        bare.executescript(PRAGMAS)
        tables = _tables()
        for (sql,) in source.execute(
            "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND type IN ('table', 'index') "
            f"AND tbl_name IN ({', '.join('?' * len(tables))}) ORDER BY type DESC",
            tables,
        ):
            bare.execute(sql)
        for table in tables:
            names = ", ".join(f'"{name}"' for name in _plain_columns(table))
            rows = source.execute(f'SELECT {names} FROM "{table}"')
            marks = ", ".join("?" * (names.count(",") + 1))
            while chunk := rows.fetchmany(CHUNK):
                began = perf_counter()
                bare.execute("BEGIN IMMEDIATE")
                bare.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', chunk)
                bare.execute("COMMIT")
                taken += perf_counter() - began
    return taken


def _into_postgresql() -> float:
    taken = 0.0
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS bare CASCADE")
        cursor.execute("CREATE SCHEMA bare")
        for table in _tables():
            cursor.execute(f'CREATE TABLE bare."{table}" (LIKE public."{table}" INCLUDING ALL)')
            names = ", ".join(f'"{name}"' for name in _plain_columns(table))
            with connection.chunked_cursor() as rows:
                rows.execute(f'SELECT {names} FROM public."{table}"')
                while chunk := rows.fetchmany(CHUNK):
                    began = perf_counter()
                    with cursor.copy(f'COPY bare."{table}" ({names}) FROM STDIN') as copy:
                        for row in chunk:
                            copy.write_row(row)
                    taken += perf_counter() - began
        cursor.execute("DROP SCHEMA bare CASCADE")
    return taken
