"""Certificates of a closing (结业情况证明): what each branch had reached, drawn up with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db.models import Max

from credits import registers, rule_book
from credits.models import BranchClosing, Exemption, Programme, Standing
from portal.audit import Actor
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
    exemptions = _exemptions(programme)
    rules, count = rule_book.of(programme).current.number, 0
    made: list[BranchClosing] = []
    for branch, people in groupby(_people(programme), key=lambda standing: standing.branch):
        closing = _closing(list(people), exemptions)
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


def _people(programme: Programme) -> Iterator[Standing]:
    """Everybody on the roll, branch by branch, by name."""
    rows = Standing.objects.filter(programme=programme, on_roll=True)
    rows = rows.select_related("member", "branch__unit")
    order = ("branch__path", "branch_id", "member__name", "member__number")
    return rows.order_by(*order).iterator(chunk_size=2000)


def _closing(people: Sequence[Standing], exemptions: dict[int, Exemption]) -> BranchClosing:
    due = [standing for standing in people if not standing.exempt]
    return BranchClosing(
        due=len(due),
        exempt=len(people) - len(due),
        completed=sum(standing.is_complete for standing in due),
        hours=sum(standing.recognised for standing in due),
        lines=[_line(standing, exemptions.get(standing.member_id)) for standing in people],
    )


def _line(standing: Standing, exemption: Exemption | None) -> dict[str, Any]:
    member, done = standing.member, standing.completed_on
    return {
        "key": member.key,
        "number": member.number,
        "name": member.name,
        "target": standing.target,
        "hours": standing.recognised,
        "shortfall": standing.shortfall,
        "exempt": standing.exempt,
        "completed_on": done.isoformat() if done and not standing.exempt else "",
        "why": "；".join(_why(standing, exemption)),
    }


def _why(standing: Standing, exemption: Exemption | None) -> Iterator[str]:
    """Why somebody did not complete, or has another target than others."""
    if standing.exempt:
        yield f"免学：{exemption.reason}" if exemption else "免学：入册晚，按规则免学"
        return
    if standing.target < standing.full_target:
        yield f"应学减为 {hours(standing.target)}：" + (
            exemption.reason if exemption else "入册晚，按剩余月份"
        )
    if standing.shortfall:
        enough = standing.recognised >= standing.target
        yield f"差 {hours(standing.shortfall)} 学时" + ("（历史时期最低学时）" if enough else "")


def _exemptions(programme: Programme) -> dict[int, Exemption]:
    """Those in force, by member."""
    rows = Exemption.objects.filter(programme=programme, in_force=True)
    return {exemption.member_id: exemption for exemption in rows}


def outcome(line: dict[str, Any]) -> str:
    """How somebody ended, in a word."""
    if line["exempt"]:
        return "免学"
    return "未学满" if line["shortfall"] else "学满"
