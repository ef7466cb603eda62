"""A session's history: one line for each act on it, and the same in the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from courses.models import SessionChange, StudySession
from portal import audit, set_wise
from portal.audit import Actor
from portal.models import AuditEvent, Member


@dataclass(frozen=True)
class Note:
    """One line of a session's history."""

    session: StudySession
    what: str
    by: Actor
    reason: str = ""
    member: Member | None = None


def note(
    session: StudySession,
    what: str,
    *,
    by: Actor,
    at: datetime,
    reason: str = "",
    member: Member | None = None,
) -> None:
    """Write a line into the session's history and the audit trail."""
    note_many([Note(session, what, by, reason, member)], at=at)


def note_many(notes: Sequence[Note], *, at: datetime) -> None:
    """Write lines into the histories of sessions and the audit trail."""
    set_wise.insert(
        SessionChange,
        ["session", "member", "what", "reason", "by", "at"],
        [
            (
                n.session.pk,
                n.member and n.member.pk,
                n.what[:120],
                n.reason[:200],
                n.by.member.pk,
                at,
            )
            for n in notes
        ],
    )
    events = []
    for n in notes:
        over = n.session.is_over
        kind = AuditEvent.Event.CORRECTION if over else AuditEvent.Event.ATTENDANCE
        subject = f"{n.session}：{n.what}"
        detail = {"reason": n.reason, "session": n.session.key}
        events.append(
            audit.event(
                kind, by=n.by, at=at, on=n.session.organiser, subject=subject, detail=detail
            )
        )
    audit.record_many(events)
