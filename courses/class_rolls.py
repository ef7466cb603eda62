"""The roll of a whole class (考勤总表): members × its sessions, several open ones saved at once.

A column is locked once its hours are credited: it is changed by a correction alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from courses import entered_late, marks, sessions
from courses.marks import Mark, NotOnRoll, Wish
from courses.models import Attendance, ReadingClass, StudySession
from courses.sessions import NotNow
from portal.audit import Actor
from portal.models import Member
from portal.refusals import Conflict

State = StudySession.State
NAMED = 5  # conflicts that a refusal names


@dataclass
class Line:
    """One member: a mark for each session by id (none: not due, or not called yet)."""

    member: Member
    marks: dict[int, Attendance] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)  # planned sessions in which they will stand
    guest: bool = True

    @property
    def times(self) -> int:
        return sum(mark.is_there for mark in self.marks.values())


@dataclass(frozen=True)
class ClassRoll:
    """Members × sessions of a class; those called off are no columns. Each session says whether
    any of its hours were `entered_late`; late: whose, as session and member by id."""

    sessions: Sequence[StudySession]
    lines: Sequence[Line]
    late: set[tuple[int, int]]


def roll(reading_class: ReadingClass, *, using: str = "default") -> ClassRoll:
    """The class's whole roll, whoever was in it ever. Three queries, and one more where hours
    came in through a catch-up window."""
    columns = StudySession.objects.using(using).alive().filter(reading_class=reading_class)
    columns = columns.annotate(entered_late=entered_late.any_of()).order_by("starts_at", "pk")
    lines: dict[int, Line] = {}
    held = Attendance.objects.using(using).filter(session__in=columns.values("pk"))
    for mark in held.select_related("member").order_by("pk"):
        line = lines.setdefault(mark.member_id, Line(mark.member))
        line.marks[mark.session_id] = mark
        line.guest = line.guest and mark.guest
    planned = [(s.pk, s.day) for s in columns if s.state == State.PLANNED]
    for place in reading_class.enrolments.using(using).select_related("member"):
        until = place.until or date.max
        due = {pk for pk, day in planned if place.since <= day < until}
        if place.until and not due and place.member_id not in lines:
            continue
        line = lines.setdefault(place.member_id, Line(place.member))
        line.due |= due
        line.guest = False
    ordered = sorted(lines.values(), key=lambda line: (line.guest, line.member.sort_key))
    return ClassRoll(list(columns), ordered, entered_late.people(columns, using=using))


@transaction.atomic
def save(
    reading_class: ReadingClass,
    wishes: Mapping[int, Mapping[int, Wish]],
    *,
    by: Actor,
    at: datetime,
) -> int:
    """Save marks of several open columns, given by session and member id; all or none. Returns how
    many changed; what the sender did not change says nothing.

    Raises Conflict naming each cell that somebody else changed meanwhile, NotNow naming a column
    that was locked meanwhile, NotOnRoll for other sessions or people.
    """
    wanted = {
        pk: {member: wish for member, wish in column.items() if wish.seen != wish.wanted}
        for pk, column in wishes.items()
    }
    wanted = {pk: column for pk, column in wanted.items() if column}
    own = list(StudySession.objects.filter(reading_class=reading_class, pk__in=wanted))
    if len(own) != len(wanted):
        raise NotOnRoll
    columns = sessions.lock_many(own)
    for column in columns:
        if column.state != State.OPEN:
            said = f"{named(column)}{column.get_state_display()}，这一列已经锁定。"
            raise NotNow(f"{said}要改请点这一列的日期，用“更正”。其他改动还没有保存。")
    rolls = marks.locked_many(columns)
    _check_seen(columns, rolls, wanted)
    changed: list[Attendance] = []
    for column in columns:
        rows = marks.grant(rolls[column.pk], wanted[column.pk], by=by, at=at)
        if rows:
            column.version += 1
            column.save(update_fields=["version"])
        changed += rows
    marks.write(changed)
    return len(changed)


def named(session: StudySession) -> str:
    """A column as people call it: 6月3日上午."""
    return f"{session.day.month}月{session.day.day}日{part_of(session)}"


def part_of(session: StudySession) -> str:
    hour = timezone.localtime(session.starts_at).hour
    return "上午" if hour < 12 else "下午" if hour < 18 else "晚上"


def _check_seen(
    columns: Sequence[StudySession],
    rolls: Mapping[int, Mapping[int, Attendance]],
    wanted: Mapping[int, Mapping[int, Wish]],
) -> None:
    """All cells at once, so that one look at the page settles them."""
    clashes = []
    for column in columns:
        rows = rolls[column.pk]
        if wanted[column.pk].keys() - rows.keys():
            raise NotOnRoll
        for member, wish in wanted[column.pk].items():
            now = Mark.of(rows[member])
            if now not in (wish.seen, wish.wanted):
                who = f"{named(column)} {rows[member].member.name}"
                clashes.append(f"{who}已被改为“{now.word}”（您看到的是“{wish.seen.word}”）")
    if clashes:
        rest = f"等 {len(clashes)} 处" if len(clashes) > NAMED else ""
        raise Conflict(f"{'；'.join(clashes[:NAMED])}{rest}。请核对后再保存，您的改动都还在。")
