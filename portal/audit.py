"""The audit trail: who did or exported what, when, in which role, from where."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db import connection, transaction

from portal import set_wise, triggers
from portal.models import AuditEvent, Member, Organization

COLUMNS = ["event", "by", "role", "at", "organization", "subject", "address", "detail"]
_row = attrgetter("event", "by_id", "role", "at", "organization_id", "subject", "address")
KEPT = timedelta(days=400)  # the law asks for six months (网络安全法 article 21); a year is kept


@dataclass(frozen=True)
class Actor:
    """Who acts: the person, the role in which, and the network address (empty for commands)."""

    member: Member
    role: str
    address: str = ""


def record(kind: AuditEvent.Event, **values: Any) -> AuditEvent:
    """Write one event, given as for `event`, in the transaction of the act that it records."""
    made = event(kind, **values)
    made.save(force_insert=True)
    return made


def record_many(events: Iterable[AuditEvent]) -> None:
    """Write the events of a batch at once; they are built with `event`."""
    set_wise.insert(AuditEvent, COLUMNS, [(*_row(e), json.dumps(e.detail)) for e in events])


def event(
    kind: AuditEvent.Event,
    *,
    by: Actor | None,
    at: datetime,
    on: Organization | None = None,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    address: str = "",
) -> AuditEvent:
    """One unsaved event for `record_many`."""
    return AuditEvent(
        event=kind,
        by=by.member if by else None,
        role=by.role if by else "",
        at=at,
        organization=on,
        subject=subject[:120],
        detail=dict(detail or {}),
        address=by.address if by else address,
    )


def expire(*, at: datetime) -> int:
    """Delete events older than `KEPT`, the one act that removes any; returns how many.

    The insert-only trigger is lifted and put back inside one transaction, so no other connection
    ever sees the table unguarded.
    """
    old = AuditEvent.objects.filter(at__lt=at - KEPT)
    if not old.exists():
        return 0
    table = AuditEvent._meta.db_table
    with transaction.atomic():
        triggers.lift(connection, table)
        count, _ = old.delete()
        triggers.guard(connection, table)
    return count
