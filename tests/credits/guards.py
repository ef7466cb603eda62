"""Raw SQL as somebody with the database's own password could write it."""

from __future__ import annotations

from django.db import connection

from portal import triggers


def behind_the_guards(*statements: str) -> None:
    """Run statements while all triggers are off, and put these back."""
    connection.check_constraints()  # PostgreSQL alters no table while checks are pending
    triggers.uninstall(connection)
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
    connection.check_constraints()
    triggers.install(connection)
