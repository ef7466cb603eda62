"""What happens to people while a programme runs: exemptions, transfers, departures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from courses import reading_classes
from courses.seeding.files import load
from courses.seeding.meetings import reason
from courses.seeding.world import World
from credits import exemptions
from credits.models import Exemption
from portal import members
from portal.members import Departure
from portal.models import Member, MobileStay

EXEMPT = 0.006  # of all members
MOVING, LEAVING = 12, 6  # people


def plan(world: World) -> None:
    """Put down a few changes among ordinary members, in branches where enough remain."""
    agenda, calendar = world.agenda, world.calendar
    candidates = list(_candidates(world))
    world.lot("changes").shuffle(candidates)
    exempt = round(world.size * EXEMPT)
    for member in candidates[:exempt]:
        agenda.add(calendar.at(date(2021, 3, 4), 15), _ask, member)
        agenda.add(calendar.at(date(2021, 3, 5), 15), _decide, member)
    away = set(MobileStay.objects.open().values_list("member", flat=True))
    near = [m for m in candidates[exempt:] if m.pk not in away]  # the others stay mobile members
    for member in near[:MOVING]:
        agenda.add(calendar.at(date(2021, 4, 25), 10), _move, member)
    for member in near[MOVING : MOVING + LEAVING]:
        agenda.add(calendar.at(date(2021, 5, 16), 10), _leave, member)


def _candidates(world: World) -> Iterator[Member]:
    busy = {member.pk for member in world.cast.values()}
    busy |= {actor.member.pk for actor in world.secretaries.values()}
    reserved = {world.branches[key].code for key in load("cast")["branches"]}
    for code, people in world.people.items():
        if len(people) > 4 and code not in reserved:
            yield from (m for m in people if m.pk not in busy)


def _ask(world: World, items: list[Member], at: datetime) -> None:
    for member in items:
        assert member.branch  # noqa: S101 - nobody has left yet
        exemptions.ask(
            world.programme,
            member,
            target=None,
            since=world.calendar.on(date(2021, 3, 5)),
            until=None,
            reason=reason(world, "exempt", member.key),
            by=world.secretaries[member.branch.code],
            at=at,
        )


def _decide(world: World, items: list[Member], at: datetime) -> None:
    asked = Exemption.objects.filter(programme=world.programme, member__in=items)
    for exemption in asked.order_by("member__number"):
        exemptions.decide(exemption, approve=True, answer="同意", by=world.official, at=at)


def _move(world: World, items: list[Member], at: datetime) -> None:
    """Transfer people to another branch of their unit, and to its class."""
    for member in items:
        before = member.branch
        assert before  # noqa: S101 - only active people are asked
        siblings = [
            code
            for code in world.classes
            if code != before.code and world.branches[code].unit_id == before.unit_id
        ]
        if not siblings:
            continue
        code = world.lot("move", member.key).choice(sorted(siblings))
        day = world.calendar.on(date(2021, 4, 25))
        members.transfer(member, world.branches[code], on=day, by=world.administrator, at=at)
        by = world.secretaries[before.code]
        reading_classes.drop(world.classes[before.code], member, by=by, at=at)
        reading_classes.enrol(world.classes[code], [member], by=world.secretaries[code], at=at)


def _leave(world: World, items: list[Any], at: datetime) -> None:
    day = world.calendar.on(date(2021, 5, 16))
    departures = [Departure(member, day) for member in items]
    members.leave_many(departures, by=world.administrator, at=at)
