"""Rebuilding: set totals, standings, branch rows and months to what the ledger sums to.

Branch by branch, under the same locks as every writer, so that it can run while others post.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date

from django.db import transaction
from django.db.models import Count, F, Sum

from credits import ledger_sql, replay, rule_book, standings
from credits.models import (
    BranchMonth,
    BranchStanding,
    CreditTotal,
    LedgerEntry,
    Programme,
    Standing,
)
from portal import set_wise
from portal.models import Membership


def rebuild(programme: Programme, *, tell: Callable[[int, int], None] = lambda *_: None) -> int:
    """Rebuild every branch of a programme; returns how many standings were other than they
    should be. `tell` hears (done, total)."""
    places = (
        Standing.objects.filter(programme=programme).values_list("branch", flat=True),
        BranchStanding.objects.filter(programme=programme).values_list("branch", flat=True),
        LedgerEntry.objects.filter(programme=programme).values_list("home", flat=True),
    )
    branches = {branch for rows in places for branch in rows.order_by().distinct().iterator()}
    mended = 0
    for number, branch in enumerate(sorted(branches), 1):
        mended += rebuild_branch(programme, branch)
        tell(number, len(branches))
    return mended


def rebuild_branch(programme: Programme, branch: int) -> int:
    """Rebuild one branch in one transaction, and in one of its own each to which somebody moved
    meanwhile; returns how many standings changed. What is in the archive stays as it is: its lines
    may be gone."""
    changed, elsewhere = _rebuild(programme, branch)
    return changed + sum(rebuild_branch(programme, other) for other in sorted(elsewhere))


@transaction.atomic
def _rebuild(programme: Programme, branch: int) -> tuple[int, set[int]]:
    """How many standings changed, and where those belong who had left before they were locked."""
    if ledger_sql.share_programme(programme.pk) == Programme.State.ARCHIVED:
        return 0, set()
    book = rule_book.of(programme)
    members = Standing.objects.filter(programme=programme, branch=branch)
    held = standings.lock(programme, book, members.values_list("member_id", flat=True))
    elsewhere = {row.branch for row in held.rows.values()} - {branch}
    held.rows = {member: row for member, row in held.rows.items() if row.branch == branch}
    steps = dict(replay.steps_of(programme, using="default", members=held.rows))
    changes = replay.target_changes(programme, using="default", members=held.rows)
    totals: list[tuple[int, str, str, int]] = []
    for member, row in held.rows.items():
        outcome = replay.replay(
            steps.get(member, []),
            changes.get(member, []),
            book,
            target=row.target,
            full_target=row.full_target,
            until=row.rules,
        )
        row.recognised, row.shortfall, row.points = (
            outcome.recognised,
            outcome.shortfall,
            outcome.points,
        )
        row.completed_home = outcome.completed_home or (
            (row.completed_home or row.branch) if outcome.completed_at else None
        )
        row.completed_at, row.completed_on = outcome.completed_at, outcome.completed_on
        places = held.totals[member].keys() | outcome.earned.keys()
        totals += [(member, p, f, outcome.earned.get((p, f), 0)) for p, f in places]
    ledger_sql.write_totals(programme.pk, totals)
    changed = standings.write(held)
    CreditTotal.objects.filter(programme=programme, member__in=held.rows, earned=0).delete()
    _set_branch(programme, branch)
    _set_months(programme, branch)
    return len(changed), elsewhere


def _set_branch(programme: Programme, branch: int) -> None:
    """Lock the branch's row, then sum: whoever moves it later adds to what is written here."""
    standings.add_to_branches(programme, {branch: (0,) * 5})
    rows = BranchStanding.objects.filter(programme=programme, branch=branch)
    row = rows.select_for_update(of=("self",)).get()
    sums = [0] * 5
    for values in Standing.objects.filter(programme=programme, branch=branch).values_list(
        *standings.COLUMNS
    ):
        for index, amount in enumerate(standings.contribution(standings.Row(*values))):
            sums[index] += amount
    rows.filter(pk=row.pk).update(
        due=sums[0], exempt=sums[1], completed=sums[2], hours=sums[3], points=sums[4]
    )


def _set_months(programme: Programme, branch: int) -> None:
    def sums() -> dict[date, list[int]]:
        found: dict[date, list[int]] = defaultdict(lambda: [0, 0])
        # Whose home it was is whoever ever belonged to it: found by member, not among all lines.
        people = Membership.objects.filter(branch=branch).values("member")
        entries = LedgerEntry.objects.filter(programme=programme, home=branch, member__in=people)
        entries = entries.order_by()
        for day, hours in entries.values_list("day").annotate(n=Sum("hours")):
            found[day.replace(day=1)][0] += hours
        done = Standing.objects.filter(programme=programme, exempt=False, completed_home=branch)
        days = done.order_by().annotate(day=F("completed_on")).values_list("day")
        for day, count in days.annotate(n=Count("pk")):
            if day:
                found[day.replace(day=1)][1] += count
        return found

    set_wise.insert(
        BranchMonth,
        ["programme", "branch", "month", "hours", "completed"],
        [(programme.pk, branch, month, 0, 0) for month in sorted(sums())],
        ignore=True,
    )
    rows = BranchMonth.objects.filter(programme=programme, branch=branch).order_by("month")
    locked = list(rows.select_for_update(of=("self",)))
    now = sums()
    for row in locked:
        row.hours, row.completed = now.get(row.month, [0, 0])
        row.save(update_fields=["hours", "completed"])
