"""Verbs that are often a part of another verb's transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import connection, transaction

P = ParamSpec("P")
T = TypeVar("T")


def joining(verb: Callable[P, T]) -> Callable[P, T]:
    """Do the whole of a verb or nothing, as `transaction.atomic`; within another's transaction
    without a savepoint.

    For verbs that write many rows. Within a savepoint SQLite keeps a copy of each page that is
    written, for each row anew, which makes a row four times as dear; PostgreSQL is spared two round
    trips. Whoever catches what such a verb raises and goes on within a transaction needs a
    savepoint of their own: Django refuses them every further statement otherwise.
    """

    @wraps(verb)
    def joined(*args: P.args, **kwargs: P.kwargs) -> T:
        around: list[Any] = connection.atomic_blocks
        # A test is no verb: it goes on after what was refused.
        is_own = not around or around[-1]._from_testcase
        with transaction.atomic(savepoint=is_own):
            return verb(*args, **kwargs)

    return joined
