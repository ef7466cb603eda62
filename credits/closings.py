"""Certificates of a closing (结业情况证明): what each branch had reached, drawn up with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Max

from credits import registers, rule_book
from credits.models import BranchClosing, Exemption, Programme, Standing
from portal.audit import Actor
from portal.models import Organization
from portal.templatetags.portal import hours

BATCH = 500  # certificates written by one statement
ABOVE = "市直属"  # what stands above the units


def draw_up(programme: Programme, *, by: Actor, at: datetime) -> int:
    """Certify every branch with anybody on its roll; returns how many.

    Part of closing the books: the programme is locked, so that figures and certificates cannot
    differ. A closing that was opened again keeps its certificates; the next ones supersede them.
    """
    turn = last_turn(programme) + 1
    earlier = BranchClosing.objects.filter(programme=programme).defer("lines").order_by("turn")
    former = {closing.branch_id: closing for closing in earlier}
    exemptions, branches = _exemptions(programme), _branches(programme)
    rules, count = rule_book.of(programme).current.number, 0
    made: list[BranchClosing] = []
    for pk, people in groupby(_people(programme), key=attrgetter("branch")):
        closing, branch = _closing(list(people), exemptions), branches[pk]
        closing.programme, closing.branch, closing.turn = programme, branch, turn
        closing.number = f"{programme.code}-{branch.code}-{turn}"
        closing.branch_name = branch.name
        closing.unit_name = branch.unit.short_name if branch.unit else ABOVE
        closing.rules, closing.closed_by, closing.closed_at = rules, by.member, at
        closing.replaces = former.get(branch.pk)
        made.append(registers.sign(closing))
        if len(made) == BATCH:
            count += len(BranchClosing.objects.bulk_create(made))
            made = []
    return count + len(BranchClosing.objects.bulk_create(made))


def last_turn(programme: Programme) -> int:
    """How many times the books have been closed."""
    turns = BranchClosing.objects.filter(programme=programme).aggregate(n=Max("turn"))
    return turns["n"] or 0


def stands(closing: BranchClosing, programme: Programme) -> bool:
    """Whether a certificate counts: of the last closing, which was not opened again."""
    return programme.is_over and closing.turn == last_turn(programme)


_COLUMNS = (
    "branch",
    "member",
    "member__key",
    "member__number",
    "member__name",
    "target",
    "full_target",
    "recognised",
    "shortfall",
    "exempt",
    "completed_on",
)


class _Person(NamedTuple):
    """Somebody on the roll, by `_COLUMNS`: an object of each standing with its member and branch
    would take four times as long, and whoever checks in waits meanwhile."""

    branch: int
    member: int
    key: str
    number: str
    name: str
    target: int
    full_target: int
    recognised: int
    shortfall: int
    exempt: bool
    completed_on: date | None


def _people(programme: Programme) -> Iterator[_Person]:
    """Everybody on the roll, branch by branch, by name."""
    rows = Standing.objects.filter(programme=programme, on_roll=True)
    order = ("branch__path", "branch_id", "member__name", "member__number")
    found = rows.order_by(*order).values_list(*_COLUMNS).iterator(chunk_size=2000)
    return map(_Person._make, found)


def _branches(programme: Programme) -> dict[int, Organization]:
    """The branches with anybody on the roll, with their units."""
    taking = Standing.objects.filter(programme=programme, on_roll=True).values("branch")
    return Organization.objects.select_related("unit").filter(pk__in=taking).in_bulk()


def _closing(people: Sequence[_Person], exemptions: dict[int, Exemption]) -> BranchClosing:
    due = [person for person in people if not person.exempt]
    return BranchClosing(
        due=len(due),
        exempt=len(people) - len(due),
        completed=sum(not person.shortfall for person in due),
        hours=sum(person.recognised for person in due),
        lines=[_line(person, exemptions.get(person.member)) for person in people],
    )


def _line(person: _Person, exemption: Exemption | None) -> dict[str, Any]:
    done = person.completed_on
    return {
        "key": person.key,
        "number": person.number,
        "name": person.name,
        "target": person.target,
        "hours": person.recognised,
        "shortfall": person.shortfall,
        "exempt": person.exempt,
        "completed_on": done.isoformat() if done and not person.exempt else "",
        "why": "；".join(_why(person, exemption)),
    }


def _why(person: _Person, exemption: Exemption | None) -> Iterator[str]:
    """Why somebody did not complete, or has another target than others."""
    if person.exempt:
        yield f"免学：{exemption.reason}" if exemption else "免学：入册晚，按规则免学"
        return
    if person.target < person.full_target:
        yield f"应学减为 {hours(person.target)}：" + (
            exemption.reason if exemption else "入册晚，按剩余月份"
        )
    if person.shortfall:
        enough = person.recognised >= person.target
        yield f"差 {hours(person.shortfall)} 学时" + ("（历史时期最低学时）" if enough else "")


def _exemptions(programme: Programme) -> dict[int, Exemption]:
    """Those in force, by member."""
    rows = Exemption.objects.filter(programme=programme, in_force=True)
    return {exemption.member_id: exemption for exemption in rows}


def outcome(line: dict[str, Any]) -> str:
    """How somebody ended, in a word."""
    if line["exempt"]:
        return "免学"
    return "未学满" if line["shortfall"] else "学满"
