"""Sums over standings and lines: branch rows and months."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from credits.models import BranchMonth, BranchStanding, Standing
from credits.verification.report import Findings

DUE = Q(on_roll=True, exempt=False)


def check_branches(found: Findings, branches: Collection[int] | None = None) -> None:
    """Branch rows are the sums of their standings: of all branches, or of some."""
    chosen = {} if branches is None else {"branch__in": branches}
    rows = Standing.objects.using(found.using).filter(programme=found.programme, **chosen)
    grouped = rows.order_by().values_list("branch").annotate(
        due_=Count("pk", filter=DUE),
        exempt_=Count("pk", filter=Q(on_roll=True, exempt=True)),
        completed_=Count("pk", filter=DUE & Q(shortfall=0)),
        hours_=Coalesce(Sum("recognised", filter=DUE), 0),
        points_=Coalesce(Sum("points", filter=DUE), 0),
    )  # fmt: skip
    sums = {branch: list(amounts) for branch, *amounts in grouped}
    there = BranchStanding.objects.using(found.using).filter(programme=found.programme, **chosen)
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


def check_months(found: Findings, hours: Mapping[tuple[int, str], int]) -> None:
    """Month rows are the sums of the lines (`hours` by home and month, as a walk summed them) and
    completions that belong to them."""
    sums: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0, 0])
    for (home, month), amount in hours.items():
        sums[home, date.fromisoformat(f"{month}-01")][0] = amount
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


def hours_by_month(found: Findings) -> dict[tuple[int, str], int]:
    """Hours by home and month, summed up by the database: of lines without a posting as well."""
    sums: dict[tuple[int, str], int] = defaultdict(int)
    by_day = found.entries.order_by().values_list("home", "day").annotate(n=Sum("hours"))
    for home, day, hours in by_day.iterator(chunk_size=5000):
        sums[home, f"{day:%Y-%m}"] += hours
    return sums
