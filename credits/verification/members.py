"""Members' lines replayed act by act, and held against totals and standing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from credits import replay
from credits.models import CreditTotal, Standing
from credits.rule_book import RuleBook
from credits.standings import COLUMNS, Row
from credits.verification import reading
from credits.verification.report import Findings


def check(found: Findings, book: RuleBook, members: Iterable[int]) -> None:
    """Totals and standings of `members` are what replaying each one's lines gives."""
    for some in reading.listed(sorted(members)):
        steps = dict(replay.steps_of(found.programme, using=found.using, members=some))
        changes = replay.target_changes(found.programme, using=found.using, members=some)
        kept: dict[int, dict[tuple[str, str], int]] = {}
        totals = CreditTotal.objects.using(found.using).filter(
            programme=found.programme, member__in=some
        )
        for member, period, form, earned in totals.exclude(earned=0).values_list(
            "member", "period", "form", "earned"
        ):
            kept.setdefault(member, {})[period, form] = earned
        rows = Standing.objects.using(found.using).filter(
            programme=found.programme, member__in=some
        )
        for row in itertools.starmap(Row, rows.order_by("member_id").values_list(*COLUMNS)):
            outcome = replay.replay(
                steps.get(row.member, []),
                changes.get(row.member, []),
                book,
                target=row.target,
                full_target=row.full_target,
                until=row.rules,
            )
            _compare(found, row, kept.get(row.member, {}), outcome)


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
