"""Figures as they stood at a past moment (截止时间), from what is never changed.

Counted is what was posted by the cut-off about days up to it, for whom memberships of that day put
on the roll, with the targets, exemptions and rules of then. Memberships are dated by day and so
stand as at the end of the cut-off's day; so does one that was written down later with an earlier
date. Which unit a branch belongs to is read from today's tree. Members are taken chunk by chunk,
so that memory does not grow with their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone

from credits import bulletin_figures, rule_book, rules, scopes, sessions_held, since_last
from credits.bulletin_figures import Counted, Figures
from credits.models import (
    BranchStanding,
    Bulletin,
    Exemption,
    LedgerEntry,
    Posting,
    Programme,
    Standing,
    TargetChange,
)
from credits.rule_book import Version
from portal.models import Membership, MobileStay, Organization
from portal.refusals import Refusal

CHUNK = 2000  # members at a time
SUMS = ("due", "exempt", "completed", "hours", "points", "mobile")
State = Exemption.State


class NotThen(Refusal):
    """No figures can be computed for this moment."""


@dataclass
class Partial:
    """How far a computation is: sums by unit of the members up to `after`. Kept between chunks,
    so that a worker that died is followed by one that goes on."""

    after: int = 0
    sums: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Partial:
        """From what `as_json` gave; the beginning where that is empty."""
        if not kept:
            return cls()
        return cls(kept["after"], {int(unit): sums for unit, sums in kept["sums"].items()})

    def as_json(self) -> dict[str, Any]:
        return {"after": self.after, "sums": self.sums}


def check(programme: Programme, cutoff: datetime, *, at: datetime) -> None:
    """Raises NotThen for a moment that is still to come, or before the programme began."""
    if cutoff > at:
        raise NotThen("截止时间还没有到。", field="cutoff")
    if timezone.localdate(cutoff) < programme.starts:
        raise NotThen(f"{programme}自 {programme.starts} 起，截止时间不能更早。", field="cutoff")
    if programme.is_over and cutoff >= programme.state_since:
        raise NotThen(f"{programme}封账后数据不再变化，截止时间请留空。", field="cutoff")


def figures(
    programme: Programme,
    cohorts: Sequence[str],
    cutoff: datetime,
    *,
    measures: Sequence[str] = (),
    minimum: int = 0,
    number: Bulletin | None = None,
    begun: Partial | None = None,
    tell: Callable[[Partial, int, int], None] = lambda *_: None,
) -> Figures:
    """The figures up to a cut-off. number: a published one that is computed again, which compares
    with what it compared with then. begun: where an earlier computation stopped; `tell` hears how
    far this one is after each chunk: what to keep, members done, members in all.

    Raises NotThen while standings wait to be carried over to rules that counted by then.
    """
    version = _version(programme, cutoff)
    partial = begun or Partial()
    units, cohort_of = _units(programme)
    members = Standing.objects.filter(programme=programme).order_by("member_id")
    total = members.count()
    done = members.filter(member__lte=partial.after).count()
    rows = members.values_list("member", "exempt", "target", "full_target", named=True)
    while people := list(rows.filter(member__gt=partial.after)[:CHUNK]):
        for unit, sums in _of_chunk(programme, people, units, version, cutoff).items():
            own = partial.sums.setdefault(unit, [0] * len(SUMS))
            partial.sums[unit] = [a + b for a, b in zip(own, sums, strict=True)]
        partial.after, done = people[-1].member, done + len(people)
        tell(partial, done, total)
    previous = number.previous if number else bulletin_figures.previous_of(programme, cutoff)
    counted = Counted(
        sessions_held.by_unit(programme, cutoff),
        {unit: sums[-1] for unit, sums in partial.sums.items()},
        since_last.of(programme, previous, cutoff),
    )
    by_unit = [u for u in _by_unit(programme, cutoff, partial, cohort_of) if u["cohort"] in cohorts]
    found = bulletin_figures.assemble(cohorts, by_unit, counted, previous, minimum=minimum)
    return replace(found, measures=measures)


def _version(programme: Programme, cutoff: datetime) -> Version:
    """The rules that counted at a moment."""
    active = [v for v in rule_book.of(programme).versions if v.activated_at]
    then = [v for v in active if v.activated_at and v.activated_at <= cutoff]
    if not then:
        raise NotThen(f"{programme}那时还没有生效的规则。", field="cutoff")
    waiting = Standing.objects.filter(programme=programme, rules__lt=then[-1].number)
    if waiting.exists():
        raise NotThen("还有学习进度没有按新规则重新计算完，请稍后再统计。")
    return then[-1]


def _units(programme: Programme) -> tuple[dict[int, int], dict[int, str]]:
    """Unit by branch, and cohort by unit."""
    rows = BranchStanding.objects.filter(programme=programme).exclude(unit=None)
    units: dict[int, int] = {}
    cohorts: dict[int, str] = {}
    for branch, unit, cohort in rows.values_list("branch", "unit", "cohort"):
        if unit is not None:
            units[branch], cohorts[unit] = unit, cohort
    return units, cohorts


def _of_chunk(
    programme: Programme,
    people: Sequence[Any],
    units: Mapping[int, int],
    version: Version,
    cutoff: datetime,
) -> dict[int, list[int]]:
    """What some members add to the sums of their units: `people` are standings that follow one
    another (member, exempt, target, full_target)."""
    day = timezone.localdate(cutoff)
    members = Q(member__gte=people[0].member, member__lte=people[-1].member)
    branches = _branches(programme, members, day)
    earned = _earned(programme, members, day, cutoff)
    targets = _targets(programme, members, cutoff)
    lifted, lifted_now = _exempt(programme, members, cutoff)
    stays = _on(MobileStay.objects.filter(members), day)
    away = set(stays.values_list("member", flat=True))
    sums: dict[int, list[int]] = defaultdict(lambda: [0] * len(SUMS))
    for row in people:
        unit = units.get(branches.get(row.member, 0))
        if unit is None:
            continue
        by_rule = row.exempt and row.member not in lifted_now  # as a late joiner, for good
        if by_rule or row.member in lifted:
            sums[unit][1] += 1
            continue
        target, full = targets.get(row.member, (row.target, row.full_target))
        worth = rules.recognise(earned.get(row.member, {}), version.rules, target, full)
        mobile = row.member in away and worth.hours > 0
        added = (1, 0, not worth.shortfall, worth.hours, worth.points, mobile)
        sums[unit] = [a + b for a, b in zip(sums[unit], added, strict=True)]
    return sums


def _branches(programme: Programme, members: Q, day: date) -> dict[int, int]:
    """The branch to which each belonged on a day, of those that take part."""
    rows = _on(Membership.objects.filter(members), day)
    inside = rows.filter(scopes.taking_part(programme, lookup="branch__path"))
    return dict(inside.order_by("pk").values_list("member", "branch"))


def _on(rows: Any, day: date) -> Any:
    """Of memberships and stays those that lasted on a day."""
    return rows.filter(Q(until=None) | Q(until__gt=day), since__lte=day)


def _earned(
    programme: Programme, members: Q, day: date, cutoff: datetime
) -> dict[int, dict[tuple[str, str], int]]:
    lines = LedgerEntry.objects.filter(members, programme=programme, day__lte=day)
    lines = lines.filter(posting__programme=programme, posting__at__lte=cutoff).order_by()
    sums = lines.values_list("member", "period", "form").annotate(n=Sum("hours"))
    earned: dict[int, dict[tuple[str, str], int]] = {}
    for member, period, form, hours in sums:
        earned.setdefault(member, {})[period, form] = hours
    return earned


def _targets(programme: Programme, members: Q, cutoff: datetime) -> dict[int, tuple[int, int]]:
    """(target, full target) at a moment of those whose target ever changed."""
    found: dict[int, tuple[int, int]] = {}
    rows = TargetChange.objects.filter(members, programme=programme)
    names = ("member", "at", "before", "before_full", "after", "after_full")
    for member, at, *targets in rows.order_by("seen_entry", "at", "pk").values_list(*names):
        found.setdefault(member, (targets[0], targets[1]))
        if at <= cutoff:
            found[member] = targets[2], targets[3]
    return found


def _exempt(programme: Programme, members: Q, cutoff: datetime) -> tuple[set[int], set[int]]:
    """Who was wholly exempt at a moment by an exemption that was granted, and who is now."""
    rows = Exemption.objects.filter(members, programme=programme, target=None)
    then, now = set(), set()
    for row in rows.exclude(seen_entry=None):
        if row.in_force:
            now.add(row.member_id)
        began, ended = _began(row), _ended(row)
        if began and began <= cutoff and (ended is None or ended > cutoff):
            then.add(row.member_id)
    return then, now


def _began(row: Exemption) -> datetime | None:
    if row.began_at or row.decided_at is None:
        return row.began_at
    return max(row.decided_at, _midnight(row.since))


def _ended(row: Exemption) -> datetime | None:
    """Of an older row, which does not say: its last day, or the last line that it saw."""
    if row.in_force or row.ended_at:
        return row.ended_at
    last = Posting.objects.filter(programme=row.programme_id, entries=row.ended_entry)
    seen = last.values_list("at", flat=True).first()
    last_day = _midnight(row.until) if row.until else None
    return min((m for m in (last_day, seen) if m), default=row.decided_at)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _by_unit(
    programme: Programme, cutoff: datetime, partial: Partial, cohort_of: Mapping[int, str]
) -> Iterable[dict[str, Any]]:
    """The sums in the shape of `BranchStandingQuerySet.by_unit`: every unit that stood on the
    day, and one dissolved since where it counted somebody."""
    day = timezone.localdate(cutoff)
    units = Organization.objects.filter(pk__in=cohort_of, founded_on__lte=day)
    for pk, code, name, gone in units.values_list("pk", "code", "short_name", "dissolved_on"):
        sums = partial.sums.get(pk, [0] * len(SUMS))
        if gone is None or gone > day or any(sums[:2]):
            values = dict(zip(SUMS, sums, strict=True))
            yield {"unit": pk, "code": code, "name": name, "cohort": cohort_of[pk], **values}
