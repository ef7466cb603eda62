"""What stands behind one unit in a check before publishing: its sessions, refused credits that
nobody has looked into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from courses.models import AttendanceCredit, StudySession
from credits.bulletin_matters import MOST
from credits.models import BranchStanding, BulletinDraft
from portal.models import Organization

State = StudySession.State


@dataclass(frozen=True)
class Idle:
    """A branch of a unit that held no session. planned, overdue, called_off: its sessions that are
    to come, that are over without a roll, that were cancelled or not held."""

    branch: int
    name: str
    due: int
    planned: int
    overdue: int
    called_off: int


@dataclass(frozen=True)
class Conflict:
    """How many of a unit got no credit in a session for one reason."""

    session: int
    title: str
    starts_at: datetime
    reason: str
    people: int


def conflicts(draft: BulletinDraft) -> QuerySet[AttendanceCredit]:
    """Refused credits of a draft's programme that no secretary has settled."""
    return AttendanceCredit.objects.filter(
        programme=draft.programme, state=AttendanceCredit.State.REFUSED, settled_at=None
    )


def conflicts_by_unit(draft: BulletinDraft) -> dict[int, int]:
    unit = "attendance__home__unit"
    counts = conflicts(draft).order_by().values_list(unit).annotate(n=Count("pk"))
    return {pk: n for pk, n in counts if pk}


def conflicts_of(draft: BulletinDraft, unit: Organization) -> list[Conflict]:
    """A unit's, by session and reason, the newest session first."""
    of = "attendance__session"
    rows = conflicts(draft).filter(attendance__home__unit=unit)
    named = rows.order_by(f"-{of}__starts_at", f"{of}_id", "reason").values_list(
        f"{of}_id", f"{of}__title", f"{of}__starts_at", "reason"
    )
    return [Conflict(*values) for values in named.annotate(n=Count("pk"))[:MOST]]


def idle(draft: BulletinDraft, unit: Organization, *, at: datetime) -> list[Idle]:
    """The branches of a unit, and what became of the sessions that they planned."""
    until = draft.cutoff or at
    sessions = StudySession.objects.of_programme(draft.programme).filter(organiser__unit=unit)
    counts: dict[int, list[int]] = {}
    for where, state, ends_at in sessions.values_list("organiser", "state", "ends_at"):
        planned, overdue, off = counts.setdefault(where, [0, 0, 0])
        if state in (State.CANCELLED, State.NOT_HELD):
            off += 1
        elif state in (State.PLANNED, State.OPEN):
            planned, overdue = planned + (ends_at > until), overdue + (ends_at <= until)
        counts[where] = [planned, overdue, off]
    branches = BranchStanding.objects.filter(programme=draft.programme, branch__unit=unit)
    named = branches.order_by("branch__path").values_list("branch", "branch__short_name", "due")
    return [Idle(pk, name, due, *counts.get(pk, (0, 0, 0))) for pk, name, due in named]
