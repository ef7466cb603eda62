"""Former programmes, copied row by row from the city's own: seeding 40 million entries takes hours,
copying them one. For what pages and plans cost beside a long history; the copies' digests prove
nothing, so that nothing may be verified upon them.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import DateField, DateTimeField, Field, Max, Model

from courses.models import Attendance, AttendanceCredit, StudyLog, StudySession
from credits.models import (
    BranchMonth,
    BranchStanding,
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
    CreditTotal, Standing, BranchStanding, BranchMonth, UnitWeek, StudySession,
    StudySession.programmes.through, Attendance, AttendanceCredit, StudyLog,
]  # fmt: skip


def copy(times: int) -> None:
    """Copy the only programme, with sessions, marks and logs, so many times, each half a year
    before the last and closed. Only on SQLite, whose tables have no partitions."""
    assert connection.vendor == "sqlite"
    own = Programme.objects.get()
    apart = {model: _last(model) for model in TABLES}
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.execute("PRAGMA cache_size=-2000000")
        for number in range(1, times + 1):
            with transaction.atomic():
                for model in TABLES:
                    cursor.execute(_statement(model, apart, number))
                copied = Programme.objects.filter(pk=own.pk + number * apart[Programme])
                name = f"{own.name}（第{number}批）"
                copied.update(name=name, state=Programme.State.CLOSED, books_close_on=own.ends)
        cursor.execute("ANALYZE")
    connection.close()  # the next has the usual settings


def _last(model: type[Model]) -> int:
    return int(model._default_manager.aggregate(last=Max("pk"))["last"] or 0)


def _statement(model: type[Model], apart: dict[type[Model], int], number: int) -> str:
    """Copy a table's first rows, those of the own programme, moved back `number` times."""
    fields = [f for f in model._meta.concrete_fields if not getattr(f, "generated", False)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    cells = ", ".join(_cell(field, apart, number) for field in fields)
    table = f'"{model._meta.db_table}"'
    return (
        f"INSERT INTO {table} ({names}) SELECT {cells} FROM {table} "
        f"WHERE id <= {apart[model]} ORDER BY id"
    )


def _cell(field: Field[Any, Any], apart: dict[type[Model], int], number: int) -> str:
    of = field.model if field.primary_key else field.related_model
    column = f'"{field.column}"'
    if of in apart:
        return f"{column} + {number * apart[of]}"
    if isinstance(field, DateTimeField):
        return f"datetime({column}, '-{number * APART} days')"
    if isinstance(field, DateField):
        return f"date({column}, '-{number * APART} days')"
    if field.column in ("key", "code"):
        return f"{column} || '-{number}'"
    return column
