"""One meeting from planned to credited: when its roll opens, who is marked how, when it closes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from courses import check_in, corrections, hosting, roll_call, sessions
from courses.marks import Mark, Wish
from courses.models import Attendance, Status, StudySession
from courses.roll_call import Closing
from courses.seeding.files import load
from courses.seeding.world import World, key_of
from courses.sessions import Plan
from portal.models import Member

SOON = timedelta(minutes=10)


@dataclass(frozen=True)
class Meeting:
    """A session of a branch (by code) and what becomes of it.

    marks: by member key, whatever chance would say; by_lot: whether chance marks the others.
    lag: how long after its end the roll is closed (None: it stays open).
    """

    branch: str
    plan: Plan
    marks: dict[str, str] = field(default_factory=dict)
    by_lot: bool = True
    lag: timedelta | None = timedelta(minutes=30)
    opens: timedelta = SOON
    cancelled: str = ""
    not_held: str = ""
    guest: Member | None = None
    scans: tuple[Member, ...] = ()


def cancel(world: World, items: list[Meeting], at: datetime) -> None:
    for meeting, session in _found(items):
        by = world.secretaries[meeting.branch]
        sessions.cancel(session, reason=meeting.cancelled, by=by, at=at)


def not_held(world: World, items: list[Meeting], at: datetime) -> None:
    for meeting, session in _found(items):
        by = world.secretaries[meeting.branch]
        sessions.not_held(session, reason=meeting.not_held, by=by, at=at)


def open_(world: World, items: list[Meeting], at: datetime) -> None:
    found = _found(items)
    openings = [(session, world.secretaries[m.branch]) for m, session in found]
    roll_call.open_many(openings, at=at)


def scan(world: World, items: list[tuple[Meeting, Member]], at: datetime) -> None:
    found = {m.plan.key: session for m, session in _found([m for m, _ in items])}
    for meeting, member in items:
        session, nonce = found[meeting.plan.key], key_of("scan", meeting.plan.key, at)
        try:
            check_in.accept(session, member, scanned_at=at, nonce=nonce, at=at)
        except check_in.ScanRefused:
            continue  # kept with its reason: that is what the second scan is for


def add_guest(world: World, items: list[Meeting], at: datetime) -> None:
    for meeting, session in _found(items):
        guest = meeting.guest
        inside = Attendance.objects.filter(session=session, member=guest)
        if not guest or not guest.is_active or inside.exists():
            continue
        if not hosting.hosted(session.organiser, [guest.pk], on=session.day):
            by = world.secretaries[meeting.branch]
            roll_call.add(session, guest, Status.PRESENT, by=by, at=at, remark="旁听")


def close(world: World, items: list[Meeting], at: datetime) -> None:
    found = _found(items)
    rolls = _rolls([session for _, session in found])
    closings = []
    for meeting, session in found:
        closings.append(
            Closing(
                session,
                _wishes(world, meeting, rolls[session.pk]),
                world.secretaries[meeting.branch],
                Status.PRESENT,
            )
        )
    roll_call.close_many(closings, at=at)


def mend(world: World, items: list[Meeting], at: datetime) -> None:
    """Correct one mark of a closed roll: somebody marked absent was merely late."""
    for meeting, session in _found(items):
        rows = session.attendances.filter(status=Status.ABSENT).order_by("member__number")
        row = rows.first()
        if row:
            wish = Wish(Mark.of(row), Mark(Status.LATE))
            by = world.secretaries[meeting.branch]
            reason = "签到表核对后更正"
            corrections.correct(session, {row.member_id: wish}, reason=reason, by=by, at=at)


def _found(items: list[Meeting]) -> list[tuple[Meeting, StudySession]]:
    meetings = sorted({m.plan.key: m for m in items}.values(), key=lambda m: m.plan.key)
    rows = StudySession.objects.in_bulk([m.plan.key for m in meetings], field_name="key")
    return [(m, rows[m.plan.key]) for m in meetings]


def _wishes(world: World, meeting: Meeting, roll: list[tuple[int, str, Mark]]) -> dict[int, Wish]:
    wishes = {}
    for member, key, seen in roll:
        wanted = meeting.marks.get(key, "")
        if not wanted and meeting.by_lot:
            wanted = _by_lot(world, meeting.plan.key, member, key)
        if wanted:
            wishes[member] = Wish(seen, Mark.parse(wanted))
    return wishes


def _by_lot(world: World, session: str, member: int, key: str) -> str:
    """How chance marks somebody: the diligent come nearly always, who is far away seldom."""
    lot, mobile = world.lot("mark", session, key), member in world.mobile
    coming = 0.4 if mobile else 0.82 + 0.17 * world.diligence(key)
    if lot.random() < coming:
        return lot.choices(["", "late", "left_early"], [94, 4, 2])[0]
    if mobile:
        return lot.choice(["leave:official", "leave:other"])
    kinds = ["leave:sick", "leave:personal", "leave:official", "absent"]
    return lot.choices(kinds, [3, 3, 2, 2])[0]


def put_down(world: World, meeting: Meeting) -> None:
    """Put a meeting's acts on the agenda; those behind the horizon are still to come."""
    agenda, plan = world.agenda, meeting.plan
    if meeting.cancelled:
        agenda.add(plan.starts_at - timedelta(days=2), cancel, meeting)
        return
    if meeting.not_held:
        agenda.add(plan.ends_at + timedelta(hours=2), not_held, meeting)
        return
    agenda.add(plan.starts_at - meeting.opens, open_, meeting)
    for number, member in enumerate([*meeting.scans, *meeting.scans[-1:]]):
        at = plan.starts_at - timedelta(minutes=5) + timedelta(seconds=40 * number)
        agenda.add(at, scan, (meeting, member))
    if meeting.guest:
        agenda.add(plan.starts_at + timedelta(minutes=20), add_guest, meeting)
    if meeting.lag is not None:
        closes = plan.ends_at + meeting.lag
        agenda.add(closes, close, meeting)
        if meeting.by_lot and world.lot("mend", plan.key).random() < 0.02:
            agenda.add(closes + timedelta(days=1), mend, meeting)


def plan_of(world: World, entry: dict[str, Any], start: datetime, **more: Any) -> Plan:
    """A plan from an entry of the data files."""
    wanted = ("content", "place", "lecturer", "method", "band", "occasion")
    lasting = timedelta(minutes=entry["minutes"])
    values = {name: entry[name] for name in wanted if name in entry}
    return Plan(
        entry["title"],
        entry["form"],
        start,
        start + lasting,
        entry["period"],
        **{"recorder": "支部记录员（演示）"} | values | more,
    )


def reason(world: World, kind: str, *about: object) -> str:
    """A reason of the data files, drawn by lot."""
    return str(world.lot(kind, *about).choice(load("sessions")["reasons"][kind]))


def _rolls(found: list[StudySession]) -> dict[int, list[tuple[int, str, Mark]]]:
    """Session → (member, member key, mark), as they stand."""
    rolls: dict[int, list[tuple[int, str, Mark]]] = defaultdict(list)
    rows = Attendance.objects.filter(session__in=found).order_by("pk")
    for session, member, key, status, leave in rows.values_list(
        "session_id", "member_id", "member__key", "status", "leave"
    ):
        rolls[session].append((member, key, Mark(status, leave)))
    return rolls
