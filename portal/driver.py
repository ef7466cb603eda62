"""Statements handed to SQLite's driver itself: for a small one Django's cursor costs more than
SQLite's answer. PostgreSQL, and whoever watches statements (logs, wrappers), gets Django's cursor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any


def fetch(db: Any, sql: str, params: Sequence[Any]) -> list[Any]:
    """All rows of a statement, by the connection `db`."""
    bare = _bare(db)
    if bare is None:
        with db.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[Any] = cursor.fetchall()
            return rows
    with db.wrap_database_errors:
        return list(bare.execute(_marked(sql), params).fetchall())


def run_many(db: Any, sql: str, rows: Iterable[Sequence[Any]]) -> int:
    """Run a statement once for each row; returns how many rows of the table it touched."""
    bare = _bare(db)
    if bare is None:
        with db.cursor() as cursor:
            cursor.executemany(sql, rows)
            return int(cursor.rowcount)
    with db.wrap_database_errors:
        return int(bare.executemany(_marked(sql), rows).rowcount)


def _bare(db: Any) -> Any:
    """The driver's own connection, where it is open and may be used like this, checked as Django
    checks it; else None."""
    if db.vendor != "sqlite" or db.connection is None or db.execute_wrappers or db.queries_logged:
        return None
    db.validate_thread_sharing()
    db.validate_no_broken_transaction()
    return db.connection


@lru_cache(maxsize=1024)
def _marked(sql: str) -> str:
    """A statement with the driver's own marks for values."""
    return re.sub("%[%s]", lambda found: "%" if found[0] == "%%" else "?", sql)
