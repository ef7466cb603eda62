"""`seed`: the whole of it in one transaction, so that a killed seed leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from time import perf_counter

from django.db import transaction

from courses.seeding import (
    afar,
    book_bags,
    cast,
    changes,
    classes,
    discussions,
    groups,
    own_study,
    people,
    programme,
    reflections,
    said,
    syllabus,
    tree,
)
from courses.seeding.agenda import Agenda
from courses.seeding.calendar import Calendar
from courses.seeding.files import load
from courses.seeding.world import World
from credits.models import Programme
from portal import sign_in
from portal.models import Member
from portal.refusals import Refusal

MEMBERS = 12_000


class TooFew(Refusal):
    """So few members that some unit would have nobody."""


@dataclass(frozen=True)
class SignIn:
    """One account of the demonstration."""

    role: str
    number: str
    name: str
    where: str


def seed(
    *, today: date, size: int = MEMBERS, number: int = 1, report: Callable[[str], None] = print
) -> bool:
    """Lay the programme out as it is on `today`; False, and nothing changed, where one is there.

    Raises TooFew when the members do not suffice for all units.
    """
    if size < tree.least_members():
        raise TooFew(f"党员人数至少要有 {tree.least_members()} 名，每个单位才有人。")
    began = perf_counter()
    with transaction.atomic():
        if Programme.objects.exists():
            report("数据库中已有专题教育，种子数据不再写入，一切保持原样。")
            return False
        calendar = Calendar(today)
        world = World(calendar, number, size, Agenda(calendar.horizon))
        report(f"正在布置 {today} 的演示数据（党员 {size} 名）……")
        tree.lay_out(world)
        people.enrol(world)
        people.appoint(world)
        people.send_away(world)
        syllabus.lay_out(at=calendar.at(world.registered, 9))
        report(f"党组织和党员已就位（{perf_counter() - began:.0f} 秒），按时间先后重演学习活动：")
        programme.plan_ended(world)
        programme.plan_running(world)
        cast.plan(world)
        classes.plan(world)
        own_study.plan(world)
        changes.plan(world)
        afar.plan(world)
        said.plan(world)
        book_bags.plan(world)
        syllabus.plan(world)
        reflections.plan(world)
        groups.plan(world)
        discussions.plan(world)
        world.agenda.run(world, report)
    report(f"种子数据已写入，用时 {perf_counter() - began:.0f} 秒。")
    return True


def demo_sign_ins() -> list[SignIn]:
    """The demonstration's accounts, one for each role; empty where they are not."""
    data = load("cast")
    first = data["branches"]["first"]
    where = {
        "guidance": "、".join(data["guided"]),
        "official": "中共抚顺市委员会",
        "acting": data["unit"],
        "administrator": "中共抚顺市委员会",
    }
    marked = [entry for entry in data["people"] if "sign_in" in entry]
    there = Member.objects.filter(
        number__in=[entry["number"] for entry in marked], password=sign_in.demo_hash()
    )
    numbers = set(there.values_list("number", flat=True))
    return [
        SignIn(entry["sign_in"], entry["number"], entry["name"], where.get(entry["key"], first))
        for entry in marked
        if entry["number"] in numbers
    ]
