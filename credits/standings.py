"""Standings: assess what totals are worth, keep branch rows and months in step, explain, rebuild.

Everything that changes a standing goes through `lock` → `assess` (or a change of roll) → `save`, so
that standings, branch rows, months and certificates move together, in one transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from django.db.models import Max
from django.utils import timezone

from credits import ledger_sql, registers, rules
from credits.models import Exemption, LedgerEntry, Programme, Standing, TargetChange
from credits.rule_book import RuleBook, Version
from credits.rule_sets import Rules
from portal import set_wise
from portal.models import Member

Earned = dict[tuple[str, str], int]  # (period, form) → hundredths


@dataclass(slots=True)
class Row:
    """A standing as the hot path holds it: the columns, by id where the model has a relation."""

    pk: int
    member: int
    branch: int
    on_roll: bool
    exempt: bool
    target: int
    full_target: int
    recognised: int
    shortfall: int
    points: int
    rules: int
    completed_at: datetime | None
    completed_on: date | None
    completed_home: int | None


COLUMNS = [field.name for field in fields(Row)]
NEW_COLUMNS = [
    "programme",
    "member",
    "branch",
    "on_roll",
    "exempt",
    "target",
    "full_target",
    "recognised",
    "shortfall",
    "points",
    "rules",
]
CHANGING = COLUMNS[2:]
MOMENTS = (COLUMNS.index("completed_at"),)
_changing = attrgetter(*CHANGING, "pk")


@dataclass
class Held:
    """Locked standings of some members, with their columns as they were when locked."""

    programme: Programme
    book: RuleBook
    rows: dict[int, Row]
    before: dict[int, tuple[Any, ...]]
    totals: dict[int, Earned]


def lock(programme: Programme, book: RuleBook, members: Iterable[int]) -> Held:
    """Lock the standings of `members` by member id and read their totals; stale ones are first
    brought up to the current rule version."""
    wanted = sorted(set(members))
    found = ledger_sql.standings(programme.pk, COLUMNS, wanted, MOMENTS)
    return _held(programme, book, wanted, found)


def lock_all(programme: Programme, book: RuleBook, members: Iterable[int]) -> Held | None:
    """The same if each of these members has a standing; else None, and none is locked."""
    wanted = sorted(set(members))
    found = ledger_sql.all_standings(programme.pk, COLUMNS, wanted, MOMENTS)
    return _held(programme, book, wanted, found) if len(found) == len(wanted) else None


def _held(
    programme: Programme, book: RuleBook, wanted: Sequence[int], found: Sequence[tuple[Any, ...]]
) -> Held:
    rows = {row[1]: Row(*row) for row in found}
    totals: dict[int, Earned] = {member: {} for member in wanted}
    for member, period, form, earned in ledger_sql.totals(programme.pk, wanted):
        totals[member][period, form] = earned
    held = Held(programme, book, rows, {row[1]: row for row in found}, totals)
    bring_up(held)
    return held


def assess(
    row: Row,
    earned: Mapping[tuple[str, str], int],
    version: Version,
    *,
    at: datetime,
    day: date,
    home: int,
) -> None:
    """Set what the totals are worth; `at`, `day` and `home` are those of the act that decides."""
    worth = rules.recognise(earned, version.rules, row.target, row.full_target)
    row.recognised, row.shortfall, row.points = worth.hours, worth.shortfall, worth.points
    row.rules = version.number
    if worth.shortfall:
        row.completed_at = row.completed_on = row.completed_home = None
    elif row.completed_at is None:
        row.completed_at, row.completed_on, row.completed_home = at, day, home


def bring_up(held: Held) -> None:
    """Carry standings of an older rule version over to the current one, version by version, each
    at its activation.

    A writer that meets a stale standing does this first, so that it makes no difference whether
    the background recomputation or a posting comes by earlier, nor how many versions it missed.
    """
    stale = [row for row in held.rows.values() if row.rules != held.book.current.number]
    if not stale:
        return
    people = Member.objects.filter(pk__in=[row.member for row in stale])
    categories = dict(people.values_list("pk", "category"))
    lowered = lowered_targets(held.programme, [row.member for row in stale])
    changes = []
    for row in stale:
        for version in held.book.after(row.rules):
            changes += _step(held, row, version, categories[row.member], lowered.get(row.member))
    note(changes)


def _step(
    held: Held, row: Row, version: Version, category: str, lowered: int | None
) -> list[TargetChange]:
    """Carry one standing over to one version."""
    moment = version.activated_at
    assert moment is not None  # noqa: S101 - the book gives activated ones only
    row.rules = version.number
    target, full = target_under(version.rules, category, row.target, row.full_target, lowered)
    reason = f"规则第{version.number}版"
    changes = retarget(held, row, target, full, at=moment, seen=version.seen_entry, reason=reason)
    day = timezone.localdate(moment)
    assess(row, held.totals[row.member], version, at=moment, day=day, home=row.branch)
    return changes


def retarget(
    held: Held, row: Row, target: int, full: int, *, at: datetime, seen: int, reason: str
) -> list[TargetChange]:
    """Give a standing another target; returns what is to be written down of it for replay."""
    if (row.target, row.full_target) == (target, full):
        return []
    change = TargetChange(
        programme=held.programme,
        member_id=row.member,
        at=at,
        before=row.target,
        before_full=row.full_target,
        after=target,
        after_full=full,
        rules=row.rules,
        seen_entry=seen,
        reason=reason,
    )
    row.target, row.full_target = target, full
    return [change]


def note(changes: Sequence[TargetChange]) -> None:
    """Write changes of target into their register."""
    people = Member.objects.in_bulk([change.member_id for change in changes])
    for change in changes:
        change.member = people[change.member_id]
    TargetChange.objects.bulk_create(map(registers.sign, changes), batch_size=500)


def target_under(
    new: Rules, category: str, target: int, full: int, lowered: int | None
) -> tuple[int, int]:
    """Somebody's (target, full target) under other rules: an exemption's target stays as it is,
    a late joiner's keeps its proportion."""
    new_full = new.target_for(category)
    new_target = rules.rescale(target, full, new_full, new) if lowered is None else lowered
    return min(new_target, new_full), new_full


def lowered_targets(
    programme: Programme, members: Sequence[int] | None = None, *, using: str = "default"
) -> dict[int, int]:
    """Targets lowered by an exemption in force, by member; of everybody without `members`."""
    rows = Exemption.objects.using(using).filter(programme=programme, in_force=True)
    found = rows.exclude(target=None)
    if members is not None:
        found = found.filter(member__in=members)
    return {member: target for member, target in found.values_list("member", "target") if target}


def last_entry(programme: Programme) -> int:
    """Id of the last ledger entry of a programme; 0 when there is none."""
    return LedgerEntry.objects.filter(programme=programme).aggregate(n=Max("pk"))["n"] or 0


def save(
    held: Held,
    *,
    made: Iterable[int] = (),
    hours: Mapping[tuple[int, date], int] | None = None,
) -> None:
    """Write changed standings, and move branch rows and months with them.

    made: members whose standing this transaction inserted (they were in no sum before).
    hours: earned hours to add, by (home, month).
    """
    new = set(made)
    changed = write(held)
    branches: dict[int, list[int]] = defaultdict(lambda: [0] * 5)
    months: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0, 0])
    for member in sorted({*changed, *(new & held.rows.keys())}):
        if member not in new:
            _count(branches, months, Row(*held.before[member]), -1)
        _count(branches, months, held.rows[member], +1)
    for key, amount in (hours or {}).items():
        months[key][0] += amount
    add_to_branches(held.programme, {b: sums for b, sums in branches.items() if any(sums)})
    ledger_sql.add_to_months(held.programme.pk, {k: (v[0], v[1]) for k, v in months.items()})


def write(held: Held) -> list[int]:
    """Write the standings that changed, in order of member; returns whose they are. Everybody but
    a rebuild calls `save`, which moves branch rows and months with them."""
    changed: list[int] = []
    values = []
    for member, row in sorted(held.rows.items()):
        now = _changing(row)
        if now[:-1] != held.before[member][2:]:
            changed.append(member)
            values.append(now)
    set_wise.update_by_id(Standing, CHANGING, values)
    return changed


def add_to_branches(programme: Programme, deltas: Mapping[int, Sequence[int]]) -> None:
    """Add to branch rows, making missing ones with their unit and cohort."""
    if deltas:
        ledger_sql.add_to_branches(programme.pk, deltas)


def contribution(row: Row) -> tuple[int, int, int, int, int]:
    """What a standing adds to its branch's (due, exempt, completed, hours, points)."""
    if not row.on_roll:
        return (0, 0, 0, 0, 0)
    if row.exempt:
        return (0, 1, 0, 0, 0)
    return (1, 0, int(row.shortfall == 0), row.recognised, row.points)


def _count(
    branches: dict[int, list[int]], months: dict[tuple[int, date], list[int]], row: Row, sign: int
) -> None:
    sums = branches[row.branch]
    for index, amount in enumerate(contribution(row)):
        sums[index] += sign * amount
    if row.completed_on and row.completed_home and not row.exempt:
        months[row.completed_home, row.completed_on.replace(day=1)][1] += sign
