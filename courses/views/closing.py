"""What is asked before a roll is closed, as `roll_confirm.html` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from courses import crediting, live_sessions, roll_pages
from courses.marks import Mark, Wish
from courses.models import THERE, Status, StudySession


def asked(
    session: StudySession, wishes: Mapping[int, Wish], *, at: datetime
) -> dict[str, Any] | None:
    """Who cannot be credited and why, those too who could not if they were called present; who has
    no mark yet, and who would count as there although their leave waits for a decision; how many
    were counted in a meeting at a distance. None where there is nothing to ask."""
    refused = crediting.cannot_be_credited(session, wishes, at=at)
    waiting, undecided = _waiting(session, wishes), _undecided(session, wishes)
    if not (refused or waiting or undecided or session.link):
        return None
    called = {m: Wish(Mark(Status.NOT_YET), Mark(Status.PRESENT)) for m in waiting}
    all_ = crediting.cannot_be_credited(session, {**wishes, **called}, at=at) if called else []
    return {
        "session": session,
        "wishes": [(m, w.seen, w.wanted) for m, w in wishes.items()],
        "refused": refused,
        "waiting": len(waiting),
        "undecided": undecided,
        "there": _there(session, wishes),
        "if_present": [(p, r) for p, r in all_ if r.credit.member.pk in called],
    }


def _waiting(session: StudySession, wishes: Mapping[int, Wish]) -> list[int]:
    """Who would have no mark if the roll were closed like this, by member id."""
    wanted = {member: wish.wanted.status for member, wish in wishes.items()}
    rows = session.attendances.values_list("member_id", "status")
    return [member for member, status in rows if wanted.get(member, status) == Status.NOT_YET]


def _there(session: StudySession, wishes: Mapping[int, Wish]) -> int:
    """How many the list would show as taking part, guests and observers among them."""
    wanted = {member: wish.wanted.status for member, wish in wishes.items()}
    rows = session.attendances.values_list("member_id", "status")
    return live_sessions.taking_part(wanted.get(member, status) for member, status in rows)


def _undecided(session: StudySession, wishes: Mapping[int, Wish]) -> list[str]:
    """Who would be there although their leave waits for a decision, by name."""
    pending = {row.member: row.name for row in roll_pages.asked(session) if row.state == "pending"}
    wanted = {member: wish.wanted.status for member, wish in wishes.items()}
    rows = session.attendances.filter(member__in=pending).values_list("member_id", "status")
    return [pending[member] for member, status in rows if wanted.get(member, status) in THERE]
