"""The members, all invented: the cast of the documentation and as many others as were asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from django.conf import settings

from courses.seeding import afar
from courses.seeding.files import load
from courses.seeding.world import NOBODY, World, key_of
from portal import appointments, members, sign_in
from portal.appointments import Wanted
from portal.audit import Actor
from portal.members import Enrolment
from portal.models import Member, MobileStay, Organization, Role

FIRST_NUMBER = 21040100
MOBILE_CITY = 12_000  # from so many members on there are as many mobile ones as were counted
BATCH = 3000


def enrol(world: World) -> None:
    """Enrol the cast first, whose administrator enrols the others."""
    at, day = world.calendar.at(date(2020, 9, 2), 9), world.calendar.on(world.registered)
    entries = load("cast")["people"]
    password = sign_in.demo_hash() if settings.DEMO else ""
    cast = [
        Enrolment(
            number=entry["number"],
            name=entry["name"],
            branch=world.branches[entry["branch"]],
            day=day,
            group="第一党小组",
            status=entry.get("status", Member.Status.FULL),
            category=entry.get("category", Member.Category.EMPLOYED),
            phone=f"100{int(entry['number']):08d}",
            joined_on=world.calendar.on(date(2008, 7, 1)),
            key=key_of("member", entry["number"]),
            password=password,
        )
        for entry in entries
    ]
    made = members.enrol_many(cast, by=NOBODY, at=at)
    world.cast = {entry["key"]: member for entry, member in zip(entries, made, strict=True)}
    others = list(_others(world, day))
    people = list(made)
    for start in range(0, len(others), BATCH):
        chunk = others[start : start + BATCH]
        people += members.enrol_many(chunk, by=world.administrator, at=at)
    for member in people:
        world.people.setdefault(member.branch.code if member.branch else "", []).append(member)


def appoint(world: World) -> None:
    """Give the cast its roles, every branch its secretary and every unit its official; one branch
    has an acting one."""
    at, since = world.calendar.at(date(2020, 9, 3), 9), world.calendar.on(date(2020, 9, 3))
    cast, by = world.cast, world.administrator
    city, first, second = world.city, world.branches["first"], world.branches["second"]
    assert city is not None  # noqa: S101 - laid out before
    for who, role, organization in (
        ("administrator", Role.ADMINISTRATOR, city),
        ("official", Role.OFFICIAL, city),
        ("acting", Role.OFFICIAL, world.units[load("cast")["unit"]]),
        ("secretary", Role.SECRETARY, first),
        ("organiser", Role.ORGANISER, first),
    ):
        appointments.appoint(cast[who], role, organization, since=since, by=by, at=at)
    for name in load("cast")["guided"]:
        unit = world.units[name]
        appointments.appoint(cast["guidance"], Role.GUIDANCE, unit, since=since, by=by, at=at)
    helped = [cast["mobile"], cast["member"]]
    appointments.appoint(
        cast["helper"], Role.HELPER, first, since=since, by=by, at=at, helped=helped
    )
    appointments.act_for(cast["acting"], second, since=since, by=by, at=at)
    world.secretaries = {
        first.code: world.actor("secretary", "secretary"),
        second.code: world.actor("acting", "secretary"),
    }
    chosen = {
        code: next(m for m in people if m not in cast.values())
        for code, people in world.people.items()
        if code not in world.secretaries
    }
    wanted = [Wanted(m, Role.SECRETARY, world.branches[code]) for code, m in chosen.items()]
    world.secretaries |= {code: Actor(member, "secretary") for code, member in chosen.items()}
    wanted += _officials(world)
    appointments.appoint_many(wanted, since=since, by=by, at=at)


def _officials(world: World) -> list[Wanted]:
    """One official for each other unit, who checks its figures: somebody of its first branch that
    has one beside the secretary."""
    busy = {actor.member.pk for actor in world.secretaries.values()}
    units = {unit.pk: unit for name, unit in world.units.items() if name != load("cast")["unit"]}
    wanted = []
    for people in world.people.values():
        branch = people[0].branch
        free = next((m for m in people if m.pk not in busy), None)
        if free and branch and (unit := units.pop(branch.unit_id or 0, None)):
            wanted.append(Wanted(free, Role.OFFICIAL, unit))
    return wanted


def send_away(world: World) -> None:
    """Note the stays of mobile members: 1,830 in a whole city, below that 15 of 100."""
    stays = afar.stays(world)
    busy = {actor.member.pk for actor in world.secretaries.values()}
    busy |= {member.pk for member in world.cast.values()} | {stay.member_id for stay in stays}
    lot = world.lot("mobile")
    others = [m for m in world.everybody() if m.pk not in busy]
    for member in lot.sample(others, mobile_count(world.size) - len(stays)):
        stays.append(_stay(world, member, lot))
    MobileStay.objects.bulk_create(stays, batch_size=1000)
    world.mobile = {stay.member_id for stay in stays}


def mobile_count(size: int) -> int:
    """How many mobile members a seed of `size` members has."""
    if size >= MOBILE_CITY:
        return int(load("fushun-2021")["mobile_members"]["count"])
    return round(size * 0.15)


def _stay(world: World, member: Member, lot: Random) -> MobileStay:
    day = world.calendar.on(date(2019, 1, 1)) + timedelta(days=lot.randrange(600))
    region = lot.choice(load("sessions")["regions"])
    return MobileStay(
        member=member,
        since=day,
        region=region,
        reason=lot.choice(MobileStay.Reason.values),
        host_name=f"{region}流动党员服务站（演示）",
        contact=world.secretaries[member.branch.code].member if member.branch else None,
        last_contact_on=world.calendar.on(date(2021, 5, 1)) + timedelta(days=lot.randrange(32)),
    )


def _others(world: World, day: date) -> Iterator[Enrolment]:
    """The ordinary members, branch by branch, numbered through."""
    number, names = FIRST_NUMBER, _names(world.lot("names"))
    for code, size in world.sizes.items():
        branch = world.branches[code]
        lot = world.lot("people", code)
        for place in range(size):
            yield Enrolment(
                number=str(number),
                name=next(names),
                branch=branch,
                day=day,
                group=f"第{'一二三'[place % 3]}党小组" if size > 6 else "",
                status="probationary" if place and lot.random() < 0.03 else "full",
                category=_category(branch, lot) if place else "employed",
                phone=f"100{number:08d}" if lot.random() < 0.8 else "",
                joined_on=day - timedelta(days=lot.randrange(400, 14_000)),
                key=key_of("member", number),
            )
            number += 1


def _category(branch: Organization, lot: Random) -> str:
    if branch.cohort == "university":
        return "student" if lot.random() < 0.6 else "employed"
    return lot.choices(["employed", "retired", "other"], [88, 10, 2])[0]


def _names(lot: Random) -> Iterator[str]:
    parts = {name: text.split() for name, text in load("names").items()}
    while True:
        family = lot.choice(parts["surnames"])
        yield family + lot.choice(parts["first"]) + lot.choice(parts["second"])
