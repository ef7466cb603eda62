"""The mobile members' study groups: one of each unit for every thirty, set up by its official; one
of the cast's branch, and what was pushed to it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.utils import timezone

from courses.models import BookBag, Lesson, StudyGroup
from courses.online import push_kinds, pushes, study_groups
from courses.seeding.files import load
from courses.seeding.tree import numeral
from courses.seeding.world import World, key_of
from portal.audit import Actor
from portal.models import Appointment, Member, Role

SIZE = 30  # people of a group


def plan(world: World) -> None:
    """Put down what `groups.yaml` tells."""
    data, calendar = load("groups"), world.calendar
    world.agenda.add(calendar.at(data["day"], 9), _set_up, data)
    for entry in data["pushes"]:
        world.agenda.add(calendar.at(entry["day"], 15), _push, entry)


def _set_up(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for data in items:
        cast = world.branches["first"]
        away: dict[int, list[Member]] = defaultdict(list)
        own: list[Member] = []
        for member in world.everybody():
            if member.pk in world.mobile and member.branch:
                here = member.branch_id == cast.pk
                (own if here else away[member.branch.unit_id or 0]).append(member)
        by = world.actor("secretary", Role.SECRETARY)
        group = study_groups.set_up(
            cast, name=data["name"], leader=world.cast["helper"], plan=data["plan"], by=by, at=at
        )
        study_groups.add(group, own, by=by, at=at)
        officials = _officials(at)
        for unit in world.units.values():
            people = sorted(away[unit.pk], key=lambda m: m.pk)
            for number, start in enumerate(range(0, len(people), SIZE), 1):
                some = people[start : start + SIZE]
                branch = some[0].branch
                assert branch is not None  # noqa: S101 - only who has one was gathered
                leader, by = world.secretaries[branch.code].member, officials[unit.pk]
                more = f"第{numeral(number)}" if len(people) > SIZE else ""
                name = f"{unit.short_name}{more}流动党员学习群"[-40:]
                made = study_groups.set_up(
                    unit, name=name, leader=leader, plan=data["plan"], by=by, at=at
                )
                study_groups.add(made, some, by=by, at=at)


def _officials(at: datetime) -> dict[int, Actor]:
    """An official of each organisation that has one."""
    seats = Appointment.objects.on(timezone.localdate(at)).filter(role=Role.OFFICIAL)
    rows = seats.select_related("member").order_by("-pk")
    return {seat.organization_id: Actor(seat.member, Role.OFFICIAL) for seat in rows}


def _push(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        group = StudyGroup.objects.get(organiser=world.branches["first"])
        kind = push_kinds.KINDS[entry["kind"]]
        one = (
            BookBag.objects.get(slug=entry["what"])
            if entry["kind"] == "bag"
            else Lesson.objects.get(key=entry["what"])
        )
        thing, by = kind.thing(entry["kind"], one), world.actor("secretary", Role.SECRETARY)
        code = key_of("push", entry["what"])[:8]
        pushes.push(thing, [group], sentence=entry["sentence"], code=code, by=by, at=at)
