"""Statements over the staged lines of a long list, for both engines; no rule stands here.

Everything happens where the rows lie: nothing of a line passes through this process.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import JSONField

from portal import set_wise
from portal.audit import Actor
from portal.models import (
    AuditEvent,
    Member,
    Membership,
    Organization,
    PeopleImport,
    PeopleImportLine,
    StagedLine,
    Upload,
)

STAGED, MEMBER = set_wise.table(StagedLine), set_wise.table(Member)
ORGANIZATION = set_wise.table(Organization)
# The + keeps from going by the index: a list is most of the table, and is wanted in its order.
CREATES = "+s.upload_id = %s AND s.action = 'create'"
SHOWN = 300  # of whatever a page lists


def doubled(upload: Upload) -> list[tuple[Any, ...]]:
    """(sheet, row, number, row before) of lines whose number stands in an earlier one."""
    return set_wise.select(
        f"SELECT s.sheet, s.row, s.number, d.first FROM {STAGED} s JOIN "  # noqa: S608 - constant names, here and below
        f"(SELECT number, MIN(id) AS id, MIN(row) AS first FROM {STAGED} WHERE upload_id = %s "
        "GROUP BY number HAVING COUNT(*) > 1) d ON d.number = s.number AND d.id <> s.id "
        f"WHERE s.upload_id = %s ORDER BY s.id LIMIT {SHOWN}",
        [upload.pk, upload.pk],
    )


def too_short(upload: Upload, digits: int) -> list[tuple[Any, ...]]:
    """(sheet, row, number) of newcomers whose numbers have fewer digits."""
    return set_wise.select(
        f"SELECT s.sheet, s.row, s.number FROM {STAGED} s WHERE {CREATES} "  # noqa: S608
        f"AND s.digits > 0 AND s.digits < %s ORDER BY s.id LIMIT {SHOWN}",
        [upload.pk, digits],
    )


def namesakes(upload: Upload) -> list[tuple[Any, ...]]:
    """(row, branch, name, number there) of newcomers whose branch has their name already."""
    # SQLite without statistics goes by the branch alone, and looks at all of its people each time.
    by_name = "INDEXED BY member_branch_name" if connection.vendor == "sqlite" else ""
    return set_wise.select(
        f"SELECT s.row, o.name, s.name, m.number FROM {STAGED} s "  # noqa: S608
        f"JOIN {MEMBER} m {by_name} ON m.branch_id = s.branch AND m.name = s.name AND m.is_active "
        f"JOIN {ORGANIZATION} o ON o.id = s.branch WHERE {CREATES} ORDER BY s.id LIMIT {SHOWN}",
        [upload.pk],
    )


def missing(upload: Upload) -> list[tuple[Any, ...]]:
    """(branch, people of it in the list, people in the register who are not, one of them) where
    the list looks like the whole of a branch."""
    return set_wise.select(
        "SELECT o.name, here.n, COUNT(*), MIN(m.name) FROM "  # noqa: S608
        f"(SELECT k.branch_id, COUNT(*) AS n FROM {STAGED} s JOIN {MEMBER} k ON k.id = s.known "
        "WHERE s.upload_id = %s AND k.branch_id IS NOT NULL GROUP BY k.branch_id) here "
        f"JOIN {MEMBER} m ON m.branch_id = here.branch_id AND m.is_active "
        f"JOIN {ORGANIZATION} o ON o.id = here.branch_id "
        f"WHERE NOT EXISTS (SELECT 1 FROM {STAGED} t WHERE t.upload_id = %s "
        "AND t.number = m.number) "
        "GROUP BY o.id, o.name, here.n HAVING COUNT(*) <= here.n "
        f"ORDER BY o.id LIMIT {SHOWN}",
        [upload.pk, upload.pk],
    )


def taken(upload: Upload) -> list[str]:
    """Numbers of newcomers that somebody has by now."""
    rows = set_wise.select(
        f"SELECT s.number FROM {STAGED} s JOIN {MEMBER} m ON m.number = s.number "  # noqa: S608
        f"WHERE {CREATES} LIMIT 5",
        [upload.pk],
    )
    return [row[0] for row in rows]


def enter(upload: Upload) -> list[int]:
    """Write the newcomers and their memberships; returns their ids."""
    into = ("password", "key", "number", "name", "branch", "status", "category", "phone", "email",
            "joined_on", "is_active", "sessions_epoch")  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {MEMBER} ({set_wise.columns(Member, into)}) "  # noqa: S608
            "SELECT %s, s.key, s.number, s.name, s.branch, s.status, s.category, s.phone, '', "
            f"s.joined_on, %s, 0 FROM {STAGED} s WHERE {CREATES} ORDER BY s.id",
            [make_password(None), True, upload.pk],
        )
        belongs = set_wise.columns(
            Membership, ("member", "branch", "group", "since", "began", "ended")
        )
        cursor.execute(
            f"INSERT INTO {set_wise.table(Membership)} ({belongs}) "  # noqa: S608
            f"SELECT m.id, s.branch, s.\"group\", s.day, %s, '' FROM {STAGED} s "
            f"JOIN {MEMBER} m ON m.key = s.key WHERE {CREATES} ORDER BY s.id",
            [Membership.Began.ENROLLED, upload.pk],
        )
        cursor.execute(
            f"SELECT m.id FROM {STAGED} s JOIN {MEMBER} m ON m.key = s.key WHERE {CREATES}",  # noqa: S608
            [upload.pk],
        )
        return [row[0] for row in cursor.fetchall()]


def note_lines(upload: Upload, receipt: PeopleImport) -> None:
    """The receipt's lines of the newcomers, who have one membership each."""
    into = ("receipt", "row", "sheet", "action", "member", "opened", "before", "after", "outcome",
            "reason")  # fmt: skip
    kind = JSONField().db_type(connection)
    build = "jsonb_build_object" if connection.vendor == "postgresql" else "json_object"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {set_wise.table(PeopleImportLine)} "  # noqa: S608
            f"({set_wise.columns(PeopleImportLine, into)}) "
            f"SELECT %s, s.row, s.sheet, 'create', m.id, p.id, CAST(%s AS {kind}), "
            f"{build}('name', s.name, 'status', s.status, 'category', s.category, 'phone', "
            "s.phone, 'joined_on', s.joined_on, 'group', s.\"group\"), '', '' "
            f"FROM {STAGED} s JOIN {MEMBER} m ON m.key = s.key "
            f"JOIN {set_wise.table(Membership)} p ON p.member_id = m.id "
            f"WHERE {CREATES} ORDER BY s.id",
            [receipt.pk, "{}", upload.pk],
        )


def note_entered(upload: Upload, *, by: Actor, at: datetime) -> None:
    """One event for each branch that got people: a batch, not its rows."""
    into = ("event", "by", "role", "at", "organization", "subject", "detail", "address")
    kind = JSONField().db_type(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {set_wise.table(AuditEvent)} ({set_wise.columns(AuditEvent, into)}) "  # noqa: S608
            f"SELECT %s, %s, %s, %s, s.branch, '导入名册：入册 ' || COUNT(*) || ' 人', "
            f"CAST(%s AS {kind}), %s FROM {STAGED} s WHERE {CREATES} "
            "GROUP BY s.branch ORDER BY s.branch",
            [
                AuditEvent.Event.MEMBERSHIP, by.member.pk, by.role, set_wise.adapt(at), "{}",
                by.address, upload.pk,
            ],
        )  # fmt: skip


def first_entered(upload: Upload, count: int) -> list[tuple[int, int, str, str]]:
    """(staged id, member id, name, number) of the first newcomers still staged."""
    rows = set_wise.select(
        f"SELECT s.id, m.id, m.name, m.number FROM {STAGED} s JOIN {MEMBER} m ON m.key = s.key "  # noqa: S608
        f"WHERE {CREATES} ORDER BY s.id LIMIT {count}",
        [upload.pk],
    )
    return [(staged, pk, name, number) for staged, pk, name, number in rows]
