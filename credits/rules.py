"""The arithmetic of credit hours: pure functions over a frozen rule set, no database.

All hours are integers in hundredths of a credit hour (学时); points in hundredths of a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal, NamedTuple

from credits.rule_sets import Rules

Band = Literal["", "half_day", "day"]


class Recognised(NamedTuple):
    """What totals are worth against a target."""

    hours: int
    shortfall: int
    points: int
    by_form: Mapping[str, int]  # recognised, after the form's own cap
    by_period: Mapping[str, int]  # earned
    minimums: Mapping[str, int]  # as they apply to this target

    @property
    def missing(self) -> dict[str, int]:
        """What each period still lacks, periods that lack nothing left out."""
        lacks = {p: m - self.by_period.get(p, 0) for p, m in self.minimums.items()}
        return {p: lack for p, lack in lacks.items() if lack > 0}


def worth(
    minutes: int, rules: Rules, *, band: Band = "", share: int = 100, ceiling: int | None = None
) -> int:
    """Hundredths of an hour for `minutes` (or a band) attended at `share` percent, rounded down
    to the step: 45 minutes an hour make 45 → 1, 60 → 1.25, 90 → 2, 20 → 0.25, 10 → 0. No more than
    the `ceiling` to which a secretary lowered it."""
    if band:
        amount = rules.half_day if band == "half_day" else rules.day
        hours = amount * share // (100 * rules.step) * rules.step
    else:
        hours = minutes * share // (rules.minutes_per_hour * rules.step) * rules.step
    return hours if ceiling is None else min(hours, ceiling)


def minimums(rules: Rules, target: int, full_target: int) -> Mapping[str, int]:
    """What each period must bring for this target: lowered in proportion, down to the step."""
    if target >= full_target:
        return rules.minimums
    return {
        p.code: p.minimum * target // (full_target * rules.step) * rules.step for p in rules.periods
    }


def recognise(
    earned: Mapping[tuple[str, str], int], rules: Rules, target: int, full_target: int
) -> Recognised:
    """What earned sums by (period, form) are worth: each form's cap, then the caps over groups.

    Shortfall = max(target - recognised, sum of what the periods lack); a period's minimum is tested
    on earned hours. Points = recognised hours × points per hour of the form.
    """
    by_form: dict[str, int] = {}
    by_period: dict[str, int] = {}
    for (period, form), hours in earned.items():
        by_form[form] = by_form.get(form, 0) + hours
        by_period[period] = by_period.get(period, 0) + hours
    caps, rates = rules.caps, rules.rates
    total, points = 0, 0
    grouped: set[str] = set()
    for group in rules.groups:
        hours = min(sum(_capped(by_form.get(f, 0), caps.get(f, 0)) for f in group.forms), group.cap)
        total += hours
        points += hours * rates.get(group.forms[0], 0)
        grouped.update(group.forms)
    for form, hours in by_form.items():
        cap = caps.get(form, 0)
        if cap is not None and hours > cap:
            by_form[form] = hours = cap
        if form not in grouped:
            total += hours
            points += hours * rates.get(form, 0)
    least = minimums(rules, target, full_target)
    lacking = 0
    for period, minimum in least.items():
        lack = minimum - by_period.get(period, 0)
        if lack > 0:
            lacking += lack
    shortfall = max(target - total, lacking, 0)
    return Recognised(total, shortfall, points, by_form, by_period, least)


def line_by_line(lines: Iterable[tuple[str, int]], rules: Rules) -> list[int]:
    """What each line (form, hours) is recognised with, in the order of the ledger.

    Line k of a form counts min(cap, S_k) - min(cap, S_{k-1}) with S the running sum, then the
    same under its group's cap: the lines always add up to `recognise`, and a reversal frees room
    by itself.
    """
    caps = {f.code: f.cap for f in rules.forms}
    group_of = {form: g for g in rules.groups for form in g.forms}
    sums: dict[str, int] = {}
    group_sums: dict[str, int] = {}
    recognised = []
    for form, hours in lines:
        before = _capped(sums.get(form, 0), caps.get(form, 0))
        sums[form] = sums.get(form, 0) + hours
        counted = _capped(sums[form], caps.get(form, 0)) - before
        group = group_of.get(form)
        if group:
            running = group_sums.get(group.name, 0)
            group_sums[group.name] = running + counted
            counted = min(group.cap, running + counted) - min(group.cap, running)
        recognised.append(counted)
    return recognised


def joiner_target(
    target: int, rules: Rules, *, starts: date, ends: date, joined: date
) -> int | None:
    """The target of somebody who joins after the start; None means exempt."""
    if joined <= starts or rules.joiners == "full":
        return target
    if rules.joiners == "exempt":
        return None
    remaining, months = remaining_months(starts=starts, ends=ends, joined=joined)
    return max(rules.step, target * remaining // (months * rules.step) * rules.step)


def remaining_months(*, starts: date, ends: date, joined: date) -> tuple[int, int]:
    """How many of how many calendar months are left to somebody who joins; never none."""
    months = _months(starts, ends)
    return min(months, max(1, _months(joined, ends))), months


def rescale(target: int, full: int, new_full: int, rules: Rules) -> int:
    """A lowered target under a new full one: the same proportion, down to the step."""
    if target >= full:
        return new_full
    return max(rules.step, target * new_full // (full * rules.step) * rules.step)


def _capped(hours: int, cap: int | None) -> int:
    return hours if cap is None else min(hours, cap)


def _months(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month + 1
