"""Rules in words: what differs between two sets of them, before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from credits.models import Form
from credits.rule_sets import Rules
from portal.models import Member
from portal.templatetags.portal import hours

JOINERS = {"full": "全额", "months": "按剩余月份", "exempt": "免学"}
STATUSES = {"present": "出席", "late": "迟到", "left_early": "早退", "made_up": "补学"}


class Difference(NamedTuple):
    """One point on which two rule sets differ."""

    what: str
    before: str
    after: str


def differences(old: Rules, new: Rules) -> list[Difference]:
    """What a change of rules changes, point by point, as people read it."""
    before, after = _said(old), _said(new)
    names = list(dict.fromkeys([*before, *after]))
    return [
        Difference(name, before.get(name, "无"), after.get(name, "无"))
        for name in names
        if before.get(name) != after.get(name)
    ]


def admitted(rules: Rules) -> str:
    """The forms of study that count, in words."""
    labels = dict(Form.choices)
    return "、".join(labels[f.code] for f in rules.forms if f.cap != 0)


def _said(rules: Rules) -> dict[str, str]:
    """A rule set, each point by its name."""
    said = {name: of(rules) for name, of in _PLAIN.items()}
    for code, target in rules.targets.items():
        said[f"{dict(Member.Category.choices).get(code, code)}应学学时"] = hours(target)
    for period in rules.periods:
        said[f"{period.name}最低学时"] = hours(period.minimum)
    labels = dict(Form.choices)
    for form in rules.forms:
        label = labels.get(form.code, form.code)
        said[f"{label}最多计学时"] = _cap(form.cap)
        said[f"{label}每学时积分"] = str(form.points)
    for group in rules.groups:
        names = "、".join(labels.get(code, code) for code in group.forms)
        said[f"{group.name}合计最多计学时"] = f"{hours(group.cap)}（{names}）"
    for status, label in STATUSES.items():
        said[f"{label}计学时比例"] = f"{rules.share(status)}%"
    return said


def _cap(cap: int | None) -> str:
    if cap is None:
        return "不限"
    return hours(cap) if cap else "不计"


_PLAIN: dict[str, Callable[[Rules], Any]] = {
    "应学学时": lambda rules: hours(rules.target),
    "每学时分钟数": lambda rules: str(rules.minutes_per_hour),
    "学时取整到": lambda rules: hours(rules.step),
    "半天计学时": lambda rules: hours(rules.half_day),
    "全天计学时": lambda rules: hours(rules.day),
    "每日最多计学时": lambda rules: hours(rules.daily_cap),
    "补记期限": lambda rules: f"{rules.back_dating} 天",
    "补学期限": lambda rules: f"{rules.make_up} 天",
    "新入册党员": lambda rules: JOINERS[rules.joiners],
}
