"""Mobile members of whom `cast.yaml` tells: their sessions at the host, attested and recognised."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from courses import host_decisions, host_sessions
from courses.models import HostAttendance, StudySession
from courses.seeding.files import load
from courses.seeding.world import World, key_of
from credits.models import Programme
from portal.models import Member, MobileStay, Organization


def stays(world: World) -> list[MobileStay]:
    """Their stays, not saved yet."""
    found = []
    for entry in load("cast")["stays"]:
        host = _host(world, entry) if "host" in entry else None
        found.append(
            MobileStay(
                member=_who(world, entry),
                since=world.calendar.on(entry["since"]),
                region=entry["region"],
                reason=entry["reason"],
                host=host,
                host_name=host.name if host else "",
                reported_on=world.calendar.on(entry["since"]) if host else None,
                contact=world.cast["helper"],
                last_contact_on=world.calendar.on(date(2021, 5, 25)),
            )
        )
    return found


def plan(world: World) -> None:
    """Put down what their hosts attest, and what home makes of it on the evening."""
    for entry in load("cast")["stays"]:
        if "host" in entry:
            world.agenda.add(world.calendar.at(entry["attested"], 9), _attest, entry)
            world.agenda.add(world.calendar.at(entry["attested"], 20), _recognise, entry)


def _attest(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        host, member = _host(world, entry), _who(world, entry)
        stay = member.mobile_stays.open().get()
        held = StudySession.objects.held().filter(organiser=host, ends_at__lt=at)
        held = held.exclude(attendances__member=member).order_by("-starts_at")
        if "sessions" in entry:
            held = held.filter(key__in=entry["sessions"])
        for session in held[: entry.get("newest")]:
            by = world.secretaries[host.code]
            host_sessions.attest(session, [stay], by=by, at=at, key_of=_key_of)


def _key_of(session: StudySession, member: Member, programme: Programme) -> str:
    return key_of("host", session.key, member.key, programme.code)


def _recognise(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        member = _who(world, entry)
        waiting = HostAttendance.objects.waiting().filter(member=member)
        rows = waiting.order_by("session__starts_at")[: entry.get("recognised", 0)]
        if rows and member.branch:  # the others wait
            host_decisions.recognise(list(rows), by=world.secretaries[member.branch.code], at=at)


def _who(world: World, entry: dict[str, Any]) -> Member:
    """Somebody of the cast, or the last of a branch that nobody tells of otherwise."""
    if "who" in entry:
        return world.cast[entry["who"]]
    return world.people[world.branches[entry["of"]].code][-1]


def _host(world: World, entry: dict[str, Any]) -> Organization:
    """A branch of the cast, or the first of a unit."""
    name = entry["host"]
    if name in load("cast")["branches"]:
        return world.branches[name]
    unit = world.units[name]
    return min((b for b in world.branches.values() if b.unit_id == unit.pk), key=lambda b: b.code)
