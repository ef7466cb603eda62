"""The roll call: open, mark, add, close. Locks: session → its attendances → the ledger's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from courses import crediting, marks, sessions
from courses.marks import Mark, Wish
from courses.models import Attendance, Enrolment, Status, StudySession
from courses.sessions import NotNow
from credits.ledger import Posted
from credits.models import Standing
from portal.audit import Actor
from portal.models import Member, Membership, Organization
from portal.querysets import below
from portal.refusals import Refusal

State = StudySession.State
EARLY = timedelta(hours=3)  # how long before its start a roll may be opened


class Unmarked(Refusal):
    """Somebody has no mark yet; closing must say what becomes of them."""


def due_in(session: StudySession) -> list[tuple[Member, Organization]]:
    """Who is due, with the home branch of that day: a class's enrolled members of whatever branch,
    else the organiser's members of that day; never the exempt."""
    day = session.day
    memberships = Membership.objects.on(day).select_related("member", "branch")
    if session.reading_class:
        enrolled = Enrolment.objects.filter(reading_class=session.reading_class, since__lte=day)
        enrolled = enrolled.exclude(until__lte=day)
        memberships = memberships.filter(member__in=enrolled.values_list("member"))
    else:
        memberships = memberships.filter(below(session.organiser.path, lookup="branch__path"))
    exempt = Standing.objects.filter(
        programme__in=session.programmes.all(), exempt=True, on_roll=True
    )
    rows = memberships.exclude(member__in=exempt.values_list("member"))
    found = {m.member_id: (m.member, m.branch) for m in rows.order_by("pk")}
    return list(found.values())


@transaction.atomic
def open_(session: StudySession, *, by: Actor, at: datetime) -> StudySession:
    """Open the roll: everyone due gets a row, present by default, "not yet" for check-in.

    Opening an open roll changes nothing. Raises NotNow too early or once it is over.
    """
    session = sessions.lock(session)
    if session.state == State.OPEN:
        return session
    if session.state != State.PLANNED:
        raise NotNow(f"活动{session.get_state_display()}，不能再开始点名。")
    if at < session.starts_at - EARLY:
        first = timezone.localtime(session.starts_at - EARLY)
        raise NotNow(f"{first.month}月{first.day}日 {first:%H:%M} 起才能开始点名。")
    by_code = session.method == StudySession.Method.CHECK_IN
    default = Status.NOT_YET if by_code else Status.PRESENT
    Attendance.objects.bulk_create(
        Attendance(
            session=session, member=m, home=home, status=default, marked_by=None, marked_at=at
        )
        for m, home in due_in(session)
    )
    session.state, session.opened_at = State.OPEN, at
    session.version += 1
    session.save(update_fields=["state", "opened_at", "version"])
    sessions.note(session, "开始点名", by=by, at=at)
    return session


@transaction.atomic
def save(
    session: StudySession, wishes: Mapping[int, Wish], *, by: Actor, at: datetime
) -> list[Attendance]:
    """Save marks; only what this person changed is written. Returns the rows that changed.

    Raises Conflict naming whose mark somebody else changed meanwhile, NotOnRoll for people who
    do not stand on this roll, NotNow unless the roll is open. In each case nothing is written.
    """
    session = sessions.lock(session)
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，请用更正修改。")
    rows = marks.locked(session)
    changed = marks.apply(rows, wishes, by=by, at=at)
    if changed:
        session.version += 1
        session.save(update_fields=["version"])
    return changed


@transaction.atomic
def add(
    session: StudySession,
    member: Member,
    status: str,
    *,
    by: Actor,
    at: datetime,
    remark: str = "",
) -> Attendance:
    """Add somebody who takes part without being due: a guest (credited) or an observer (not).

    Raises Refusal for whoever stands on the roll already, or has left.
    """
    session = sessions.lock(session)
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，不能再添加。")
    return marks.add(session, member, status, by=by, at=at, remark=remark)


@transaction.atomic
def close(
    session: StudySession,
    wishes: Mapping[int, Wish],
    *,
    by: Actor,
    at: datetime,
    not_yet_becomes: str = "",
) -> list[Posted]:
    """Close the roll and credit everyone who was there, once in each programme.

    not_yet_becomes: what the unmarked were, `absent` or `present`; the person who counted heads
    decides. One person's conflict never blocks the others: it is kept with its reason for "credit
    now". Closing a closed roll changes nothing. Raises Unmarked, Conflict, NotOnRoll, NotNow.
    """
    session = sessions.lock(session)
    if session.is_closed:
        return []
    if session.state != State.OPEN:
        raise NotNow(f"活动{session.get_state_display()}，不能记学时。")
    if session.ends_at > at:
        ends = timezone.localtime(session.ends_at)
        raise NotNow(f"活动 {ends:%H:%M} 才结束，结束后才能记学时；现在可以先暂存。")
    rows = marks.locked(session)
    marks.apply(rows, wishes, by=by, at=at)
    waiting = [row for row in rows.values() if row.status == Status.NOT_YET]
    if waiting:
        if not_yet_becomes not in (Status.ABSENT, Status.PRESENT):
            raise Unmarked(
                f"还有 {len(waiting)} 人未签到，请选择按缺席还是按出席记。",
                field="not_yet_becomes",
            )
        for row in waiting:
            marks.mark(row, Mark(not_yet_becomes), by=by, at=at)
    crediting.check_not_too_late(session, at=at)
    session.state, session.closed_at = State.CLOSED, at
    session.version += 1
    session.save(update_fields=["state", "closed_at", "version"])
    posted = crediting.post(session, [r for r in rows.values() if r.earns], reason="", by=by, at=at)
    there = sum(row.is_there for row in rows.values())
    sessions.note(session, f"记学时：{there} 人到会", by=by, at=at)
    return posted
