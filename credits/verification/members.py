"""Every member's lines replayed, and held against totals and standing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from credits import replay
from credits.models import CreditTotal, Standing
from credits.rule_book import RuleBook
from credits.standings import COLUMNS, Row
from credits.verification.places import Targets
from credits.verification.report import Findings


def check(found: Findings, book: RuleBook) -> None:
    """Totals and standings are what replaying each member's lines gives."""
    targets = Targets(found, book)
    steps = replay.steps_of(found.programme, using=found.using)
    changes = replay.target_changes(found.programme, using=found.using)
    totals = _grouped(
        CreditTotal.objects.using(found.using)
        .filter(programme=found.programme)
        .order_by("member")
        .values_list("member", "period", "form", "earned")
    )
    rows = Standing.objects.using(found.using).filter(programme=found.programme)
    ordered = rows.order_by("member_id").values_list(*COLUMNS).iterator(chunk_size=5000)
    next_steps, next_totals = next(steps, None), next(totals, None)
    for values in ordered:
        row = Row(*values)
        found.report.members += 1
        while next_steps and next_steps[0] < row.member:
            _without_standing(found, next_steps[0])
            next_steps = next(steps, None)
        own: list[replay.Step] = []
        if next_steps and next_steps[0] == row.member:
            own, next_steps = next_steps[1], next(steps, None)
        while next_totals and next_totals[0] < row.member:
            next_totals = next(totals, None)
        kept: dict[tuple[str, str], int] = {}
        if next_totals and next_totals[0] == row.member:
            kept = {(t[1], t[2]): t[3] for t in next_totals[1] if t[3]}
            next_totals = next(totals, None)
        if not targets.check(row):
            continue
        outcome = replay.replay(
            own,
            changes.get(row.member, []),
            book,
            target=row.target,
            full_target=row.full_target,
            until=row.rules,
        )
        _compare(found, row, kept, outcome)
    while next_steps:
        _without_standing(found, next_steps[0])
        next_steps = next(steps, None)


def _without_standing(found: Findings, member: int) -> None:
    found.add("standing", "有学时明细，却没有学习进度。", member=member)


def _compare(
    found: Findings, row: Row, kept: dict[tuple[str, str], int], outcome: replay.Outcome
) -> None:
    earned = {place: hours for place, hours in outcome.earned.items() if hours}
    branch = found.names.get(row.branch, "")
    if earned != kept:
        due, there = sum(earned.values()), sum(kept.values())
        found.add(
            "total",
            f"明细合计 {due / 100:g} 学时，学时合计表为 {there / 100:g}。",
            member=row.member,
            branch=branch,
        )
    for name, what in (
        ("target", "应学学时"),
        ("full_target", "全额学时"),
        ("recognised", "认定学时"),
        ("shortfall", "还差学时"),
        ("points", "积分"),
    ):
        due, there = getattr(outcome, name), getattr(row, name)
        if due != there:
            found.add(
                "standing",
                f"{what}应为 {due / 100:g}，现为 {there / 100:g}。",
                member=row.member,
                branch=branch,
            )
    if (outcome.completed_at, outcome.completed_on) != (row.completed_at, row.completed_on) or (
        outcome.completed_home and outcome.completed_home != row.completed_home
    ):
        found.add(
            "completion",
            f"学满时间应为 {outcome.completed_at}，现为 {row.completed_at}。",
            member=row.member,
            branch=branch,
        )


def _grouped(rows: Any) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    for member, group in groupby(rows.iterator(chunk_size=5000), key=lambda row: row[0]):
        yield member, list(group)
