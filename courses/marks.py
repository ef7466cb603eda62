"""Marks of a roll call: what one says, who may write it over what, and how they add up.

A mark is a pair of status and leave category; whoever saves sends the mark that they saw and the
one they want, so that two people at once never overwrite one another in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from courses import hosting
from courses.models import Attendance, Leave, Status, StudySession
from portal import set_wise
from portal.audit import Actor
from portal.models import Member, Membership
from portal.prepared import Prepared, Shared, columns, given
from portal.refusals import Conflict, Refusal


class NotOnRoll(Refusal):
    """Somebody who does not stand on this session's roll."""

    message = "名单里有不在这次活动中的人，请刷新后再试。"


class BadMark(Refusal):
    """The mark contradicts itself."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A status, with a category where it is leave."""

    status: str
    leave: str = ""

    @classmethod
    def parse(cls, text: str) -> Mark:
        """Read `present`, `leave:sick` … Raises BadMark for anything else."""
        status, _, leave = text.partition(":")
        if status == Status.LEAVE and not leave:
            leave = Leave.UNSTATED
        fits = bool(leave) == (status == Status.LEAVE)
        if status not in Status.values or leave not in Leave.values or not fits:
            raise BadMark(f"看不懂的考勤标记：{text[:20]}。")
        return cls(status, leave)

    @classmethod
    def of(cls, attendance: Attendance) -> Mark:
        return cls(attendance.status, attendance.leave)

    def __str__(self) -> str:
        return f"{self.status}:{self.leave}" if self.leave else self.status

    @property
    def word(self) -> str:
        return Leave(self.leave).label if self.leave else Status(self.status).label


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody who saves saw, and what they want instead."""

    seen: Mark
    wanted: Mark


@dataclass(frozen=True)
class Counts:
    """应到 = 实到 + 请假 + 缺席 + 未签到; guests, observers and make-up stand beside it."""

    due: int = 0
    there: int = 0
    leave: int = 0
    absent: int = 0
    not_yet: int = 0
    guests: int = 0
    observers: int = 0
    made_up: int = 0

    @property
    def rate(self) -> float | None:
        return self.there / self.due if self.due else None


def count(attendances: Sequence[Attendance]) -> Counts:
    """Count the marks of one session."""
    own = [a for a in attendances if not a.guest and a.status != Status.OBSERVER]
    return Counts(
        due=len(own),
        there=sum(a.is_there for a in own),
        leave=sum(a.status == Status.LEAVE for a in own),
        absent=sum(a.status == Status.ABSENT for a in own),
        not_yet=sum(a.status == Status.NOT_YET for a in own),
        guests=sum(a.guest and a.status != Status.OBSERVER for a in attendances),
        observers=sum(a.status == Status.OBSERVER for a in attendances),
        made_up=sum(a.made_up_on is not None for a in attendances),
    )


def enter(due: Iterable[tuple[int, int, int, Mark]], *, at: datetime) -> None:
    """Make the marks of those due, given as (session, member, home, mark); all but marks by id."""
    names = ["session", "member", "home", "status", "leave", "marked_at", "guest", "scanned"]
    rows = ((*place, mark.status, mark.leave, at, False, False, "") for *place, mark in due)
    set_wise.insert(Attendance, [*names, "remark"], rows)


def locked(session: StudySession) -> dict[int, Attendance]:
    """Lock all marks of a session: check-ins wait, and see what was decided."""
    return locked_many([session])[session.pk]


def locked_many(sessions: Sequence[StudySession]) -> dict[int, dict[int, Attendance]]:
    """Lock all marks of several sessions, by id; returns session → member → mark. Whoever stands
    on several of the rolls is one object."""
    people: Shared = {}
    return {
        pk: {row.member_id: row for row in _locked.objects(people, session=pk)}
        for pk in sorted({session.pk for session in sessions})
    }


_locked = Prepared(
    lambda: (
        Attendance.objects.filter(session=given("session", int))
        .order_by("pk")
        .values_list(*columns(Attendance, *columns(Member, of="member")))
    ),
    lock="UPDATE",
)


def apply(
    rows: Mapping[int, Attendance], wishes: Mapping[int, Wish], *, by: Actor, at: datetime
) -> list[Attendance]:
    """Write what was wished for; returns the rows that changed. See `grant`."""
    changed = grant(rows, wishes, by=by, at=at)
    write(changed)
    return changed


def grant(
    rows: Mapping[int, Attendance], wishes: Mapping[int, Wish], *, by: Actor, at: datetime
) -> list[Attendance]:
    """Give locked rows the marks wished for, to be written; returns the rows that changed.

    Raises NotOnRoll for people who do not stand on this roll, Conflict naming whose mark somebody
    else changed meanwhile.
    """
    if wishes.keys() - rows.keys():
        raise NotOnRoll
    changed = []
    for member, wish in wishes.items():
        row, now = rows[member], Mark.of(rows[member])
        if wish.wanted == wish.seen or wish.wanted == now:
            continue
        if now != wish.seen:
            raise Conflict(
                f"{row.member.name}刚刚被改为“{now.word}”（您看到的是“{wish.seen.word}”），"
                "请核对后再保存。"
            )
        give(row, wish.wanted, by=by, at=at)
        changed.append(row)
    return changed


def write(rows: Sequence[Attendance]) -> None:
    """Write the marks of locked rows at once."""
    values = [
        (row.status, row.leave, row.made_up_on, row.marked_by_id, row.marked_at, row.pk)
        for row in rows
    ]
    names = ["status", "leave", "made_up_on", "marked_by", "marked_at"]
    set_wise.update_by_id(Attendance, names, values)


def mark(row: Attendance, new: Mark, *, by: Actor, at: datetime) -> None:
    """Give a locked row another mark and save it."""
    give(row, new, by=by, at=at)
    row.save()


def give(row: Attendance, new: Mark, *, by: Actor, at: datetime) -> None:
    """Give a locked row another mark, to be written."""
    row.status, row.leave = new.status, new.leave
    row.marked_by, row.marked_at = by.member, at
    if new.status not in (Status.LEAVE, Status.ABSENT):
        row.made_up_on = None


def add(
    session: StudySession,
    member: Member,
    status: str,
    *,
    by: Actor,
    at: datetime,
    remark: str = "",
) -> Attendance:
    """Add somebody to a locked session's roll: as a guest (present) or an observer.

    Neither is due, whatever their mark becomes later.
    """
    return add_many(session, [(member, status)], by=by, at=at, remark=remark)[0]


def add_many(
    session: StudySession,
    people: Sequence[tuple[Member, str]],
    *,
    by: Actor,
    at: datetime,
    remark: str = "",
) -> list[Attendance]:
    """The same of several people, with their statuses: all or none, set-wise.

    Raises hosting.HostedHere for a mobile member of the organiser; Refusal for whoever stands on
    the roll or has left.
    """
    if any(status not in (Status.PRESENT, Status.OBSERVER) for _, status in people):
        raise BadMark("添加的人只能是客人（出席）或列席。")
    members = [member for member, _ in people]
    there = Attendance.objects.filter(session=session, member__in=members)
    if first := there.select_related("member").order_by("pk").first():
        raise Refusal(f"{first.member.name}已经在名单上。", field="member")
    hosting.check(session, members)
    held = Membership.objects.on(session.day).filter(member__in=members).order_by("pk")
    then = dict(held.values_list("member", "branch"))
    homes: dict[int, int] = {}
    for member in members:
        home = then.get(member.pk, member.branch_id)
        if home is None:
            raise Refusal(f"{member.name}已不在册。", field="member")
        homes[member.pk] = home
    return Attendance.objects.bulk_create(
        Attendance(
            session=session,
            member=member,
            home_id=homes[member.pk],
            guest=True,
            status=status,
            remark=remark[:100],
            marked_by=by.member,
            marked_at=at,
        )
        for member, status in people
    )
