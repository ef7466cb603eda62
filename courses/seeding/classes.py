"""Reading classes of all branches: founded in the first week, held at the branch's own pace."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from courses import reading_classes, sessions
from courses.seeding.files import load
from courses.seeding.meetings import Meeting, plan_of, put_down, reason
from courses.seeding.world import World, key_of

FIRST = date(2021, 3, 1)  # the Monday of the programme's first week
HOLIDAY = 9  # the week of the first of May, whose first days are off


def plan(world: World) -> None:
    """Put down the classes of all branches but the first, which the cast has."""
    first = world.branches["first"].code
    for code in world.people:
        if code != first:
            meetings = _meetings(world, code)
            day = FIRST + timedelta(days=1 + world.lot("founding", code).randrange(4))
            world.agenda.add(world.calendar.at(day, 8), found, (code, meetings))
            for meeting in meetings:
                put_down(world, meeting)


def found(world: World, items: list[Any], at: datetime) -> None:
    """Found the classes of some branches; the theme day stands beside the class."""
    calendar = world.calendar
    for code, meetings in items:
        branch, by = world.branches[code], world.secretaries[code]
        inside = [m.plan for m in meetings if m.plan.occasion == "class"]
        world.classes[code] = reading_classes.found(
            world.programme,
            branch,
            name=f"{branch.short_name[:40]}{load('sessions')['class']}",
            plans=inside,
            starts=min(p.starts_at for p in inside).date() - timedelta(days=1),
            ends=calendar.on(date(2021, 11, 30)),
            by=by,
            at=at,
            leader=by.member,
            key=key_of("class", code),
        )
        beside = [m.plan for m in meetings if m.plan.occasion != "class"]
        if beside:
            sessions.schedule_many(branch, [world.programme], beside, by=by, at=at)


def _meetings(world: World, code: str) -> list[Meeting]:
    data, lot = load("sessions"), world.lot("class", code)
    weeks = data["paces"][_pace(world, code, lot)]["weeks"]
    weekday, hour = lot.choice(data["slots"])
    meetings = []
    for number, (week, entry) in enumerate(zip(weeks, data["sessions"], strict=False)):
        day = max(weekday, 3) if week == HOLIDAY else weekday
        start = world.calendar.at(FIRST + timedelta(weeks=week, days=day), hour)
        key = f"{code}-{number + 1}"
        theme = entry["form"] == "site" and lot.random() < 0.5
        planned = plan_of(
            world,
            entry,
            start,
            key=key,
            occasion="theme" if theme else "class",
            host=world.secretaries[code].member.name,
            method="check_in" if lot.random() < 0.03 else "roll_call",
        )
        meetings.append(_with_fate(world, code, Meeting(code, planned), lot))
    return meetings


def _pace(world: World, code: str, lot: Random) -> str:
    """How often a branch meets: a good unit has more fast branches than others."""
    paces = load("sessions")["paces"]
    unit = world.branches[code].unit
    zeal = world.lot("zeal", unit.code if unit else code).uniform(-0.35, 0.35)
    place = lot.random() - zeal
    for pace, entry in paces.items():
        place -= entry["share"]
        if place < 0:
            return str(pace)
    return "slow"


def _with_fate(world: World, code: str, meeting: Meeting, lot: Random) -> Meeting:
    """What becomes of a meeting: mostly held; called off, visited or recorded late by lot."""
    planned, draw = meeting.plan, lot.random()
    if draw < 0.015:
        return Meeting(code, planned, cancelled=reason(world, "cancelled", planned.key))
    if draw < 0.025:
        return Meeting(code, planned, not_held=reason(world, "not_held", planned.key))
    lag: timedelta | None = timedelta(minutes=30)
    if lot.random() < 0.2:
        lag = timedelta(days=1)
    recent = world.calendar.horizon - planned.starts_at < timedelta(days=5)
    if recent and lot.random() < 0.4:
        lag = None
    guest = None
    if draw > 0.98:
        guest = _visitor(world, code, lot)
    return Meeting(code, planned, lag=lag, guest=guest)


def _visitor(world: World, code: str, lot: Random) -> Any:
    """Somebody of another branch of the same unit."""
    unit = code.rpartition("-")[0]
    siblings = [c for c in world.people if c.startswith(f"{unit}-") and c != code]
    return lot.choice(world.people[lot.choice(siblings)]) if siblings else None
