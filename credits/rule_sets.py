"""Rule sets: what one holds, how it is read from its JSON, and when it contradicts itself.

Hours are integers in hundredths of a credit hour (学时), points in hundredths of a point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

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
    groups: tuple[GroupRule, ...]
    targets: Mapping[str, int]  # by category of member
    shares: Mapping[str, int]  # percent, by attendance status
    back_dating: int  # days
    make_up: int  # days
    joiners: Joiners

    @cached_property
    def caps(self) -> Mapping[str, int | None]:
        """Caps by form."""
        return {f.code: f.cap for f in self.forms}

    @cached_property
    def rates(self) -> Mapping[str, int]:
        """Points an hour by form."""
        return {f.code: f.points for f in self.forms}

    @cached_property
    def minimums(self) -> Mapping[str, int]:
        """What each period must bring for the full target."""
        return {p.code: p.minimum for p in self.periods}

    @cached_property
    def period_names(self) -> Mapping[str, str]:
        """Names of the history periods by code."""
        return {p.code: p.name for p in self.periods}

    def form(self, code: str) -> FormRule | None:
        """The rule of an admitted form, None for one that is not admitted."""
        return next((f for f in self.forms if f.code == code and f.cap != 0), None)

    def period(self, code: str) -> PeriodRule | None:
        return next((p for p in self.periods if p.code == code), None)

    def target_for(self, category: str) -> int:
        return self.targets.get(category, self.target)

    def share(self, status: str) -> int:
        return self.shares.get(status, 100 if status in SHARED else 0)


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
