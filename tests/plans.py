"""The shape of query plans: what the database does, without how much of it.

    shapes = of_page(lambda: browser.get(address))

gives one shape for every query; the same page over another programme, or another database, must
give the same list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.db import connections
from django.db.backends.utils import CursorWrapper

WORDS = ("SELECT", "WITH", "(SELECT")
# What says how much, or in which order two sides of a join are begun, is no shape of its own.
KEPT = ("Node Type", "Relation Name", "Index Name", "Join Type", "Strategy")


def of_page(view: Callable[[], object], *, using: str = "default") -> list[str]:
    """The shapes of all reading queries that `view` makes, in their order."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        of_session = "django_session" in sql  # which of its two indexes is a matter of chance
        if not many and not of_session and sql.lstrip().upper().startswith(WORDS):
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        stack.enter_context(connections[using].execute_wrapper(note))
        view()
    return [of_query(sql, params, using=using) for sql, params in asked]


def of_query(sql: str, params: Any, *, using: str = "default") -> str:
    """The shape of one query's plan: nodes, tables and indexes; no cost, no rows, no partition."""
    connection = connections[using]
    with connection.cursor() as cursor:
        return _postgresql(cursor, sql, params) if connection.vendor == "postgresql" else _sqlite(
            cursor, sql, params
        )  # fmt: skip


def _sqlite(cursor: CursorWrapper, sql: str, params: Any) -> str:
    cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
    lines = [detail for *_, detail in cursor.fetchall()]
    shape = "; ".join(re.sub(r" \(~?\d+ rows?\)", "", line) for line in lines)
    # One branch of an OR for each of many paths: how many there are is no shape.
    return re.sub(r"(INDEX \d+; ([^;]+; ))(?:INDEX \d+; \2)+", r"\1", shape)


def _postgresql(cursor: CursorWrapper, sql: str, params: Any) -> str:
    cursor.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {sql}", params)
    [plan] = cursor.fetchone()
    return _shape((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])


def _shape(node: dict[str, Any]) -> str:
    own = " ".join(_name(str(node[key])) for key in KEPT if key in node)
    below = [_shape(child) for child in node.get("Plans", [])]
    return f"{own} [{', '.join(below)}]" if below else own


def _name(name: str) -> str:
    """A partition's name without its number: credits_ledgerentry_17 → credits_ledgerentry."""
    return re.sub(r"_p?\d+(?=_|$)", "", name)
