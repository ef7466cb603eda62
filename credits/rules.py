"""The arithmetic of credit hours: pure functions over a frozen rule set, no database.

All hours are integers in hundredths of a credit hour (学时); points in hundredths of a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Band = Literal["", "half_day", "day"]
Joiners = Literal["full", "months", "exempt"]
SHARED = ("present", "late", "left_early", "made_up")  # attendance that earns anything


class BadRules(ValueError):
    """The rule set contradicts itself; the message says where, in Chinese."""


@dataclass(frozen=True)
class FormRule:
    """One admitted form. cap: recognised at most (None: no cap, 0: not admitted)."""

    code: str
    cap: int | None
    points: int  # per hour


@dataclass(frozen=True)
class GroupRule:
    """A cap over several forms together."""

    name: str
    forms: tuple[str, ...]
    cap: int


@dataclass(frozen=True)
class PeriodRule:
    """A history period (历史时期) and what must be earned in it."""

    code: str
    name: str
    minimum: int


@dataclass(frozen=True)
class Rules:
    """One version of a programme's rules, as parsed from its JSON."""

    target: int
    minutes_per_hour: int
    half_day: int
    day: int
    step: int
    daily_cap: int
    forms: tuple[FormRule, ...]
    periods: tuple[PeriodRule, ...]
    groups: tuple[GroupRule, ...] = ()
    targets: Mapping[str, int] = field(default_factory=dict)  # by category of member
    shares: Mapping[str, int] = field(default_factory=dict)  # percent, by attendance status
    back_dating: int = 30  # days
    make_up: int = 60  # days
    joiners: Joiners = "full"

    def form(self, code: str) -> FormRule | None:
        """The rule of an admitted form, None for one that is not admitted."""
        return next((f for f in self.forms if f.code == code and f.cap != 0), None)

    def period(self, code: str) -> PeriodRule | None:
        return next((p for p in self.periods if p.code == code), None)

    def target_for(self, category: str) -> int:
        return self.targets.get(category, self.target)

    def share(self, status: str) -> int:
        return self.shares.get(status, 100 if status in SHARED else 0)


@dataclass(frozen=True)
class Recognised:
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


def parse(data: Mapping[str, Any]) -> Rules:
    """Read a rule set from its JSON form. Raises BadRules for what contradicts itself."""
    try:
        rules = Rules(
            target=int(data["target"]),
            minutes_per_hour=int(data["minutes_per_hour"]),
            half_day=int(data["half_day"]),
            day=int(data["day"]),
            step=int(data["step"]),
            daily_cap=int(data["daily_cap"]),
            forms=tuple(FormRule(f["code"], f["cap"], int(f["points"])) for f in data["forms"]),
            periods=tuple(
                PeriodRule(p["code"], p["name"], int(p["minimum"])) for p in data["periods"]
            ),
            groups=tuple(
                GroupRule(g["name"], tuple(g["forms"]), int(g["cap"]))
                for g in data.get("groups", [])
            ),
            targets={k: int(v) for k, v in data.get("targets", {}).items()},
            shares={k: int(v) for k, v in data.get("shares", {}).items()},
            back_dating=int(data.get("back_dating", 30)),
            make_up=int(data.get("make_up", 60)),
            joiners=data.get("joiners", "full"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadRules(f"规则缺少或写错了一项：{error}。") from error
    check(rules)
    return rules


def check(rules: Rules) -> None:
    """Raise BadRules for a rule set under which the arithmetic would not hold together."""
    amounts = [rules.target, rules.minutes_per_hour, rules.step, rules.daily_cap, rules.half_day]
    if min(*amounts, rules.day, *rules.targets.values()) <= 0:
        raise BadRules("应学学时、每学时分钟数、步长、半天、全天和每日上限都必须大于 0。")
    if any(v % rules.step for v in (rules.target, *rules.targets.values())):
        raise BadRules(f"应学学时必须是步长 {rules.step / 100:g} 学时的整数倍。")
    lowest = min([rules.target, *rules.targets.values()])
    minimums = sum(p.minimum for p in rules.periods)
    if minimums > lowest:
        raise BadRules(
            f"各历史时期最低学时合计 {minimums / 100:g}，超过了最低的应学学时 {lowest / 100:g}。"
        )
    codes = [f.code for f in rules.forms]
    if len(set(codes)) < len(codes) or len({p.code for p in rules.periods}) < len(rules.periods):
        raise BadRules("同一学习方式或历史时期写了两次。")
    grouped = [code for group in rules.groups for code in group.forms]
    if len(set(grouped)) < len(grouped):
        raise BadRules("一种学习方式最多只能归入一个合计上限。")
    for group in rules.groups:
        points = {f.points for f in rules.forms if f.code in group.forms}
        if len(points) > 1 or not set(group.forms) <= set(codes):
            raise BadRules(f"“{group.name}”中各学习方式必须都已列入，且每学时积分相同。")
    if any(not 0 <= share <= 100 for share in rules.shares.values()):
        raise BadRules("考勤计学时比例必须在 0 到 100 之间。")
    if rules.joiners not in ("full", "months", "exempt"):
        raise BadRules("新入册党员的规则只能是全额、按剩余月份或免学。")


def worth(minutes: int, rules: Rules, *, band: Band = "", share: int = 100) -> int:
    """Hundredths of an hour for `minutes` (or a band) attended at `share` percent, rounded down
    to the step: 45 minutes an hour make 45 → 1, 60 → 1.25, 90 → 2, 20 → 0.25, 10 → 0."""
    if band:
        amount = rules.half_day if band == "half_day" else rules.day
        return amount * share // (100 * rules.step) * rules.step
    return minutes * share // (rules.minutes_per_hour * rules.step) * rules.step


def minimums(rules: Rules, target: int, full_target: int) -> dict[str, int]:
    """What each period must bring for this target: lowered in proportion, down to the step."""
    if target >= full_target:
        return {p.code: p.minimum for p in rules.periods}
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
    caps = {f.code: f.cap for f in rules.forms}
    rates = {f.code: f.points for f in rules.forms}
    by_form = {f: _capped(h, caps.get(f, 0)) for f, h in by_form.items()}
    total, points = 0, 0
    grouped: set[str] = set()
    for group in rules.groups:
        hours = min(sum(by_form.get(f, 0) for f in group.forms), group.cap)
        total += hours
        points += hours * rates.get(group.forms[0], 0)
        grouped.update(group.forms)
    for form, hours in by_form.items():
        if form not in grouped:
            total += hours
            points += hours * rates.get(form, 0)
    least = minimums(rules, target, full_target)
    lacking = sum(max(0, m - by_period.get(p, 0)) for p, m in least.items())
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
    months = _months(starts, ends)
    remaining = min(months, max(1, _months(joined, ends)))
    return max(rules.step, target * remaining // (months * rules.step) * rules.step)


def rescale(target: int, full: int, new_full: int, rules: Rules) -> int:
    """A lowered target under a new full one: the same proportion, down to the step."""
    if target >= full:
        return new_full
    return max(rules.step, target * new_full // (full * rules.step) * rules.step)


def _capped(hours: int, cap: int | None) -> int:
    return hours if cap is None else min(hours, cap)


def _months(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month + 1
