"""Members, organisations and mobile members from spreadsheets: read, previewed, then written.

`preview` reads a file by its Chinese headings and says what would change and what must be mended
first; it writes nothing. `apply` writes a preview through the real verbs, all or nothing.
Birthdays and ID-card numbers are neither stored nor shown: such columns are not read, and such
values are masked where they stand by mistake.
"""

from __future__ import annotations

from datetime import datetime

from portal import workbooks
from portal.access import Scope
from portal.people_in import member_lines, organization_lines, stay_lines, tables
from portal.people_in.applying import apply
from portal.people_in.model import (
    ACTIONS,
    KINDS,
    MEMBERS,
    ORGANISATIONS,
    STAYS,
    NotImportable,
    Preview,
    Problem,
    Table,
)
from portal.refusals import Refusal

__all__ = [
    "ACTIONS",
    "KINDS",
    "MEMBERS",
    "ORGANISATIONS",
    "STAYS",
    "NotImportable",
    "Preview",
    "Problem",
    "Table",
    "apply",
    "plan",
    "preview",
    "read",
]


def preview(data: bytes, filename: str, kind: str, *, scope: Scope | None, at: datetime) -> Preview:
    """What a file would change, for somebody with `scope` (None: the whole); writes nothing."""
    try:
        return plan(read(data, filename, kind), scope=scope, at=at)
    except Refusal as refusal:
        return Preview(kind, refusal=refusal.message)


def read(data: bytes, filename: str, kind: str) -> Table:
    """The rows of a file. Raises a Refusal that says why it cannot be read."""
    return tables.read(workbooks.read(data, filename), kind)


def plan(table: Table, *, scope: Scope | None, at: datetime) -> Preview:
    """What the rows would change, against the register as it is now."""
    if table.kind == MEMBERS:
        return member_lines.plan(table, scope=scope, at=at)
    if table.kind == STAYS:
        return stay_lines.plan(table, scope=scope, at=at)
    return organization_lines.plan(table, scope=scope, at=at)
