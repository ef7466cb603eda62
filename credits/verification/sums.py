"""Sums over standings and lines: branch rows and months."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from django.db.models import Count, Sum

from credits import standings
from credits.models import BranchMonth, BranchStanding, LedgerEntry, Standing
from credits.standings import COLUMNS, Row
from credits.verification.report import Findings


def check_branches(found: Findings) -> None:
    """Branch rows are the sums of their standings."""
    rows = Standing.objects.using(found.using).filter(programme=found.programme)
    sums: dict[int, list[int]] = defaultdict(lambda: [0] * 5)
    for values in rows.order_by().values_list(*COLUMNS).iterator(chunk_size=5000):
        row = Row(*values)
        for index, amount in enumerate(standings.contribution(row)):
            sums[row.branch][index] += amount
    there = BranchStanding.objects.using(found.using).filter(programme=found.programme)
    kept = {
        b: [*v]
        for b, *v in there.values_list("branch", "due", "exempt", "completed", "hours", "points")
    }
    for branch in sorted(sums.keys() | kept.keys()):
        if sums.get(branch, [0] * 5) != kept.get(branch, [0] * 5):
            found.add(
                "branch",
                f"支部合计应为 {sums.get(branch)}，现为 {kept.get(branch)}"
                "（应学、免学、学满、学时、积分）。",
                branch=found.names.get(branch, ""),
            )


def check_months(found: Findings) -> None:
    """Month rows are the sums of the lines and completions that belong to them."""
    sums: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0, 0])
    entries = LedgerEntry.objects.using(found.using).filter(programme=found.programme)
    by_day = entries.order_by().values_list("home", "day").annotate(n=Sum("hours"))
    for home, day, hours in by_day:
        sums[home, day.replace(day=1)][0] += hours
    done = Standing.objects.using(found.using).filter(programme=found.programme, exempt=False)
    completions = done.exclude(completed_home=None).order_by()
    for home, day, count in completions.values_list("completed_home", "completed_on").annotate(
        n=Count("pk")
    ):
        sums[home, day.replace(day=1)][1] += count
    kept = {
        (b, m): [h, c]
        for b, m, h, c in BranchMonth.objects.using(found.using)
        .filter(programme=found.programme)
        .values_list("branch", "month", "hours", "completed")
    }
    for place in sorted(sums.keys() | kept.keys()):
        due, there = sums.get(place, [0, 0]), kept.get(place, [0, 0])
        if due != there:
            found.add(
                "month",
                f"{place[1]:%Y-%m} 月度合计应为 {due}，现为 {there}（学时、新增学满）。",
                branch=found.names.get(place[0], ""),
            )
