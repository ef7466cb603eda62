"""What the documentation's cast goes through: class, logs, exemptions, corrections."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from courses import corrections, reading_classes
from courses.marks import Mark, Wish
from courses.models import StudySession
from courses.seeding import own_study
from courses.seeding.calendar import moment
from courses.seeding.files import load
from courses.seeding.meetings import Meeting, plan_of, put_down
from courses.seeding.world import World, key_of
from courses.study_logs import Study
from credits import exemptions
from portal import members


def plan(world: World) -> None:
    """Put down everything that `cast.yaml` tells."""
    data, calendar, agenda = load("cast"), world.calendar, world.agenda
    meetings = [_meeting(world, entry) for entry in data["class"]["sessions"]]
    agenda.add(calendar.at(data["class"]["starts"], 8), _found, meetings)
    for meeting in meetings:
        put_down(world, meeting)
    for number, entry in enumerate(data["logs"]):
        _log(world, number, entry)
    agenda.add(calendar.at(data["transfer"]["day"], 9), _transfer)
    for entry in data["exemptions"]:
        agenda.add(calendar.at(entry["asked"], 9), _ask, entry)
        agenda.add(calendar.at(entry["decided"], 9), _decide, entry)
    for name, act in (("exchange", _exchange), ("correction", _correct), ("make_up", _make_up)):
        agenda.add(calendar.at(data[name]["day"], 16), act, data[name])


def _meeting(world: World, entry: dict[str, Any]) -> Meeting:
    day = world.calendar.today - timedelta(days=entry.get("days_ago", 0))
    if "day" in entry:
        day = world.calendar.on(entry["day"])
    start = moment(day, entry["hour"], entry.get("minute", 0))
    return Meeting(
        world.branches["first"].code,
        plan_of(world, entry, start, key=entry["key"], host=world.cast["secretary"].name),
        marks={world.cast[who].key: mark for who, mark in entry.get("marks", {}).items()},
        by_lot=False,
        lag=None if "days_ago" in entry else timedelta(minutes=30),
        opens=timedelta(hours=2, minutes=30)
        if entry.get("days_ago") == 0
        else timedelta(minutes=10),
        cancelled=entry.get("cancelled", ""),
        not_held=entry.get("not_held", ""),
        scans=tuple(world.cast[who] for who in load("cast")["scanned"].get(entry["key"], [])),
    )


def _log(world: World, number: int, entry: dict[str, Any]) -> None:
    study = Study(
        entry["form"],
        world.calendar.on(entry["day"]),
        entry["minutes"],
        entry["topic"],
        entry["period"],
        entry.get("content", ""),
    )
    member, key = world.cast[entry["who"]], f"cast-log-{number + 1:02d}"
    world.agenda.add(
        world.calendar.at(entry["day"], 20, 30), own_study.hand_in, (member, study, key)
    )
    decided = world.calendar.at(entry["day"] + timedelta(days=2), 17)
    if entry.get("state") == "returned":
        world.agenda.add(decided, own_study.return_, key)
    elif entry.get("state") != "pending":
        world.agenda.add(decided, own_study.confirm, key)


def _found(world: World, items: list[list[Meeting]], at: datetime) -> None:
    entry, branch = load("cast")["class"], world.branches["first"]
    world.classes[branch.code] = reading_classes.found(
        world.programme,
        branch,
        name=entry["name"],
        plans=[meeting.plan for meeting in items[0]],
        starts=world.calendar.on(entry["starts"]),
        ends=world.calendar.on(entry["ends"]),
        by=world.actor("secretary", "secretary"),
        at=at,
        leader=world.cast["organiser"],
        key=key_of("class", branch.code),
    )


def _transfer(world: World, _: list[Any], at: datetime) -> None:
    """Somebody moves from the third branch to the first, and from its class to the other."""
    entry = load("cast")["transfer"]
    member, first, third = (
        world.cast[entry["who"]],
        world.branches["first"],
        world.branches["third"],
    )
    day = world.calendar.on(entry["day"])
    members.transfer(member, first, on=day, by=world.administrator, at=at)
    by = world.secretaries[third.code]
    reading_classes.drop(world.classes[third.code], member, by=by, at=at)
    by = world.secretaries[first.code]
    reading_classes.enrol(world.classes[first.code], [member], by=by, at=at)


def _ask(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        exemptions.ask(
            world.programme,
            world.cast[entry["who"]],
            target=entry.get("target"),
            since=world.calendar.on(entry["decided"]),
            until=None,
            reason=entry["reason"],
            by=world.actor("secretary", "secretary"),
            at=at,
        )


def _decide(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        asked = world.cast[entry["who"]].exemptions.get(programme=world.programme)
        exemptions.decide(asked, approve=True, answer="同意", by=world.official, at=at)


def _exchange(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        corrections.exchange(
            _session(entry),
            world.cast[entry["wrong"]],
            world.cast[entry["right"]],
            reason=entry["reason"],
            by=world.actor("secretary", "secretary"),
            at=at,
        )


def _correct(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        session, member = _session(entry), world.cast[entry["who"]]
        seen = Mark.of(session.attendances.get(member=member))
        wishes = {member.pk: Wish(seen, Mark.parse(entry["status"]))}
        by = world.actor("secretary", "secretary")
        corrections.correct(session, wishes, reason=entry["reason"], by=by, at=at)


def _make_up(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        on: date = world.calendar.on(entry["studied"])
        by = world.actor("secretary", "secretary")
        corrections.make_up(_session(entry), world.cast[entry["who"]], on=on, by=by, at=at)


def _session(entry: dict[str, Any]) -> StudySession:
    return StudySession.objects.get(key=entry["session"])
