"""Newcomers: people who just entered the register are put on a programme's roll, a batch at once.

They have no standing yet and earned nothing, so nothing is assessed: rows are made where they lie,
in one statement, whether it is one person or a whole city.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection

from credits import rule_book, rules, standings
from credits.models import Programme, ProgrammeScope, Standing
from portal import set_wise
from portal.models import Member, Membership, Organization
from portal.querysets import after

GROUPS = 1000  # kinds of newcomers a statement

_MEMBERS = (
    f"FROM {set_wise.table(Member)} m JOIN {set_wise.table(Organization)} o ON o.id = m.branch_id "
)
_JOINED = f"JOIN {set_wise.table(Membership)} s ON s.member_id = m.id AND s.until IS NULL "


def enter(programme: Programme, members: Sequence[int]) -> None:
    """Put those of the newcomers who take part on the roll, in order of member id, then count
    them in their branches. The caller has locked the programme."""
    if not members:
        return
    paths = ProgrammeScope.objects.filter(programme=programme)
    ranges = [(p, after(p)) for p in paths.values_list("organization__path", flat=True)]
    if not ranges:
        return
    among, ids = _among(members)
    inside = " OR ".join(["(o.path >= %s AND o.path < %s)"] * len(ranges))
    where = f"WHERE m.id {among} AND ({inside})"
    given = [*ids, *(end for pair in ranges for end in pair)]
    current = rule_book.of(programme).current
    # Where joiners owe the whole, nobody's first day has to be looked up.
    day_counts = current.rules.joiners != "full"
    asked = f"m.category, s.since {_MEMBERS} {_JOINED}" if day_counts else f"m.category {_MEMBERS}"
    rows = []
    for category, *day in set_wise.select(f"SELECT DISTINCT {asked} {where}", given):
        full = current.rules.target_for(category)
        since = day[0] if day else programme.starts
        joined = since if isinstance(since, date) else date.fromisoformat(since)
        target = rules.joiner_target(
            full,
            current.rules,
            starts=programme.starts,
            ends=programme.ends,
            joined=joined,
        )
        rows.append((category, set_wise.adapt(joined), target is None, target or full, full))
    for start in range(0, len(rows), GROUPS):
        chunk = rows[start : start + GROUPS]
        _insert(programme, chunk, where, given, current.number, day_counts=day_counts)
    standings.add_to_branches(programme, _sums(programme, among, ids))


def _among(members: Sequence[int]) -> tuple[str, list[Any]]:
    """The condition of being one of them: ids without a gap are a range."""
    first, last = min(members), max(members)
    if last - first + 1 == len(set(members)):
        return "BETWEEN %s AND %s", [first, last]
    among, ids = set_wise.among(members)
    return among, [ids]


def _insert(
    programme: Programme,
    kinds: Sequence[tuple[Any, ...]],
    where: str,
    given: Sequence[Any],
    version: int,
    *,
    day_counts: bool,
) -> None:
    """Standings of the newcomers of some kinds: (category, since, exempt, target, full target)."""
    marks = ", ".join(["(%s, %s, %s, %s, %s)"] * len(kinds))
    columns = set_wise.columns(Standing, standings.NEW_COLUMNS)
    joined = f"{_JOINED} JOIN k ON k.category = m.category AND k.since = s.since"
    alike = joined if day_counts else "JOIN k ON k.category = m.category"
    sql = (
        f"INSERT INTO {set_wise.table(Standing)} ({columns}) "
        f"WITH k(category, since, exempt, target, full_target) AS (VALUES {marks}) "
        "SELECT %s, m.id, m.branch_id, %s, k.exempt, k.target, k.full_target, 0, k.target, 0, %s "
        f"{_MEMBERS} {alike} {where} ORDER BY m.id"
    )
    params = [value for kind in kinds for value in kind]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, programme.pk, True, version, *given])


def _sums(programme: Programme, among: str, ids: Sequence[Any]) -> dict[int, tuple[int, ...]]:
    """What the newcomers add to their branches: (due, exempt, completed, hours, points)."""
    sql = (
        "SELECT branch_id, SUM(CASE WHEN exempt THEN 0 ELSE 1 END), "  # noqa: S608 - constant names
        f"SUM(CASE WHEN exempt THEN 1 ELSE 0 END) FROM {set_wise.table(Standing)} "
        f"WHERE programme_id = %s AND member_id {among} GROUP BY branch_id"
    )
    rows = set_wise.select(sql, [programme.pk, *ids])
    return {branch: (due, exempt, 0, 0, 0) for branch, due, exempt in rows}
