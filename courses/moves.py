"""Moving one attendance in one act: to another closed session, or to another person of its roll.

Both places are corrected in one transaction: either both or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from courses import crediting, hosting, marks, session_history, sessions
from courses.crediting import Revision
from courses.marks import Mark, NotOnRoll
from courses.models import Attendance, AttendanceCredit, Status, StudySession
from courses.session_history import Note
from courses.sessions import NotNow
from credits.ledger import Posted, Refused
from portal.audit import Actor
from portal.models import Member
from portal.refusals import Refusal

NOWHERE = "不在名单"
Rolls = Mapping[int, Mapping[int, Attendance]]  # session → member → mark


class CannotMove(Refusal):
    """Something stands in the way of the move; nothing was changed."""


@dataclass(frozen=True)
class Place:
    """Where an attendance stands: whose, in which session."""

    session: StudySession
    member: Member


@dataclass(frozen=True)
class Change:
    """What a move does at one place: the mark and the hours (hundredths) before and after."""

    place: Place
    was: str
    becomes: str
    hours_before: int
    hours_after: int

    @property
    def difference(self) -> int:
        return self.hours_after - self.hours_before


@transaction.atomic
def move(origin: Place, target: Place, *, reason: str, by: Actor, at: datetime) -> list[Posted]:
    """Move the attendance at `origin` to `target`, which differs in either session or person.

    `origin` gets the mark of `target`, absent where there was none; a guest leaves the roll. The
    hours follow in every programme. Raises CannotMove with what stands in the way at either place,
    NotNow unless both rolls are closed, NotOnRoll, hosting.HostedHere;
    Refusal without a reason.
    """
    if not reason.strip():
        raise Refusal("请写明移动的理由。", field="reason")
    both = {place.session.pk: place.session for place in (origin, target)}
    locked = {pk: sessions.lock_closed(both[pk]) for pk in sorted(both)}
    origin = Place(locked[origin.session.pk], origin.member)
    target = Place(locked[target.session.pk], target.member)
    rolls = marks.locked_many(list(locked.values()))
    first, second = _check(origin, target, rolls)
    guest, word = first.guest, first.word
    if second is None:
        second = marks.add(target.session, target.member, Status.PRESENT, by=by, at=at)
        _exchange(first, second, Mark(Status.ABSENT))
    else:
        _exchange(first, second, Mark.of(second))
    for row in (first, second):
        row.marked_by, row.marked_at = by.member, at
        row.save()
    revisions = _revisions(first, second, at=at)
    posted = crediting.revise_many(revisions, reason=reason, by=by, at=at)
    _check_refused([refused for p in posted for refused in p.refused], target)
    if guest:
        AttendanceCredit.objects.filter(attendance=first).delete()
        first.delete()
    session_history.note_many(_notes(origin, target, word, reason=reason, by=by), at=at)
    return posted


def rehearse(origin: Place, target: Place, *, at: datetime) -> tuple[Change, Change]:
    """What a move would change at both places; writes nothing. Refused as `move` would be."""
    for place in (origin, target):
        if not place.session.is_closed:
            raise NotNow(f"活动{place.session.get_state_display()}，还没有记学时。")
    rolls = {
        place.session.pk: {
            row.member_id: row for row in place.session.attendances.select_related("member")
        }
        for place in (origin, target)
    }
    first, second = _check(origin, target, rolls)
    was = first.word, second.word if second else NOWHERE
    hours = _hours(first), 0
    mark = Mark.of(second) if second else Mark(Status.ABSENT)
    if second is None:
        second = Attendance(session=target.session, member=target.member)
    first.session, second.session = origin.session, target.session
    _exchange(first, second, mark)
    gained, refused = crediting.rehearse(_revisions(first, second, at=at), at=at)
    _check_refused(refused, target)
    becomes = NOWHERE if first.guest else first.word
    return (
        Change(origin, was[0], becomes, hours[0], 0),
        Change(target, was[1], second.word, hours[1], gained),
    )


def _check(origin: Place, target: Place, rolls: Rolls) -> tuple[Attendance, Attendance | None]:
    """The marks at both places, the second if there is one. Raises for what forbids the move."""
    here, there = origin.session, target.session
    if (here.pk == there.pk) == (origin.member.pk == target.member.pk):
        raise CannotMove("请选择移到另一次活动，或改到另一个人名下。")
    if here.organiser_id != there.organiser_id:
        raise CannotMove("两次活动不是同一个党组织主办的，请分别更正。")
    programmes = {p.pk: p for p in here.programmes.all()}
    if programmes.keys() != set(there.programmes.values_list("pk", flat=True)):
        raise CannotMove("两次活动计入的专题教育不同，请分别更正。")
    for programme in programmes.values():
        if not programme.takes_postings:
            raise CannotMove(f"{programme}{programme.get_state_display()}，不能再改记学时。")
    first = rolls[here.pk].get(origin.member.pk)
    if first is None:
        raise NotOnRoll
    if not first.is_there:
        raise CannotMove(f"{first.member.name}在这次活动中是“{first.word}”，没有出席可以移。")
    second = rolls[there.pk].get(target.member.pk)
    if second is None:
        hosting.check(there, [target.member])
    if second and (second.earns or second.status == Status.OBSERVER):
        word = "补学" if second.made_up_on else second.word
        raise CannotMove(f"{second.member.name}在《{there}》中已记“{word}”，不能再移过去。")
    return first, second


def _exchange(first: Attendance, second: Attendance, mark: Mark) -> None:
    """Give the second what the first had, and the first `mark`."""
    second.status, second.leave = first.status, first.leave
    second.minutes, first.minutes = _own_minutes(first, second), None
    first.status, first.leave = mark.status, mark.leave
    first.scanned = second.scanned = False


def _own_minutes(first: Attendance, second: Attendance) -> int | None:
    """Somebody's own time goes along, within the session where it comes to stand."""
    return None if first.minutes is None else min(first.minutes, second.session.minutes)


def _revisions(first: Attendance, second: Attendance, *, at: datetime) -> list[Revision]:
    """What is corrected, in its order: the new place first, so that whoever has completed stays so
    all the time; the place that is left first where the new one needs its time or its share of the
    day."""
    if first.session_id == second.session_id:
        return [Revision(first.session, [first, second])]
    left, taken = Revision(first.session, [first]), Revision(second.session, [second])
    _, refused = crediting.rehearse([taken, left], at=at)
    return [left, taken] if refused else [taken, left]


def _check_refused(refused: list[Refused], target: Place) -> None:
    if refused:
        raise CannotMove(
            f"{target.member.name}不能记入《{target.session}》：{refused[0].message}没有改动。"
        )


def _hours(row: Attendance) -> int:
    return row.credits.aggregate(sum=Sum("hours"))["sum"] or 0


def _notes(origin: Place, target: Place, word: str, *, reason: str, by: Actor) -> list[Note]:
    who, other = origin.member, target.member
    if who.pk != other.pk:
        what = f"{who.name}（{who.tail}）的“{word}”移到 {other.name}（{other.tail}）名下"
        return [Note(origin.session, what, by, reason, other)]
    return [
        Note(origin.session, f"“{word}”移到{_named(target.session)}", by, reason, who),
        Note(target.session, f"“{word}”由{_named(origin.session)}移来", by, reason, who),
    ]


def _named(session: StudySession) -> str:
    return f"{session.day.month}月{session.day.day}日《{session}》"
