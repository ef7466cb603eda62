"""Own study of ordinary members: handed in at weekends, decided by the secretary on Friday."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from courses import study_logs
from courses.models import StudyLog
from courses.seeding.classes import FIRST
from courses.seeding.files import load
from courses.seeding.meetings import reason
from courses.seeding.world import World
from courses.study_logs import Approval, Handing, Study
from portal.audit import Actor
from portal.models import Member

WEEKS = range(1, 15)


def plan(world: World) -> None:
    """Put down the logs of everybody but the cast and the secretaries."""
    busy = {member.pk for member in world.cast.values()}
    busy |= {actor.member.pk for actor in world.secretaries.values()}
    for member in world.everybody():
        if member.pk not in busy:
            _of(world, member)


def _of(world: World, member: Member) -> None:
    lot = world.lot("logs", member.key)
    eager = 0.8 if member.pk in world.mobile else 0.15 + 0.6 * world.diligence(member.key)
    if lot.random() > eager:
        return
    periods = [p["code"] for p in load("fushun-2021")["history_periods"]]
    for number, week in enumerate(sorted(lot.sample(WEEKS, lot.choice([1, 1, 2, 3])))):
        day = FIRST + timedelta(weeks=week, days=lot.choice([5, 6]))
        entry = lot.choice(load("sessions")["logs"])
        study = Study(
            entry["form"],
            world.calendar.on(day),
            lot.choice(entry["minutes"]),
            entry["topic"],
            lot.choice(periods),
        )
        put_down(world, member, study, f"{member.key}-{number}", day, lot.random() < 0.03)


def put_down(
    world: World, member: Member, study: Study, key: str, day: date, returned: bool
) -> None:
    """Hand in on the evening of the day; confirm or return on the Friday of the week after."""
    agenda, calendar = world.agenda, world.calendar
    friday = day + timedelta(days=11 - day.weekday())
    if not agenda.add(calendar.at(day, 20, 30), hand_in, (member, study, key)):
        return
    if returned:
        agenda.add(calendar.at(friday, 17), return_, key)
    else:
        agenda.add(calendar.at(friday, 17), confirm, key)


def hand_in(world: World, items: list[Any], at: datetime) -> None:
    handings = [
        Handing(member, study, Actor(member, "member"), key)
        for member, study, key in items
        if member.is_active
    ]
    study_logs.submit_many(world.programme, handings, at=at)


def confirm(world: World, items: list[Any], at: datetime) -> None:
    approvals = [Approval([log], world.secretaries[log.branch.code]) for log in _logs(items)]
    study_logs.confirm_many(approvals, at=at)


def return_(world: World, items: list[Any], at: datetime) -> None:
    for log in _logs(items):
        by = world.secretaries[log.branch.code]
        study_logs.return_([log], reason=reason(world, "returned", log.key), by=by, at=at)


def _logs(keys: list[str]) -> list[StudyLog]:
    """Logs by key, in order of key; of those who left before handing in there is none."""
    rows = StudyLog.objects.select_related("branch").in_bulk(keys, field_name="key")
    return [rows[key] for key in sorted(rows)]
