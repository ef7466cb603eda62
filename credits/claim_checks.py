"""What may be wrong with stated hours before anybody approves them: said by line and by field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from credits import rule_book
from credits.models import Form, HoursClaim, Programme, Standing
from credits.rule_sets import Rules
from portal.models import Member, Organization

MOST = 99_900  # hundredths: what is more was written in minutes, or slipped by a digit
OLDEST = timedelta(days=5 * 366)  # before the programme; what lies further back is a slip of a year
LONGEST = 80  # characters of a proof
Place = tuple[int, str, str, str, date, str]  # what may stand only once while it waits or counts


@dataclass(frozen=True)
class Stated:
    """One line as a register or a certificate states it. hours: hundredths; row: where it stood."""

    member: Member
    kind: str
    form: str
    period: str
    day: date
    hours: int
    proof: str
    row: int = 0

    @property
    def place(self) -> Place:
        return self.member.pk, self.kind, self.form, self.period, self.day, self.proof.strip()


@dataclass(frozen=True)
class Fault:
    """Which line, which field of it, and how to mend it."""

    row: int
    field: str
    message: str


def faults(
    programme: Programme,
    branch: Organization,
    lines: Sequence[Stated],
    *,
    at: datetime,
    besides: Iterable[int] = (),
) -> list[Fault]:
    """Everything that is wrong with the lines, in their order; a fixed number of queries.

    besides: claims that are left out when doubled ones are looked for (the one that is mended).
    """
    book, today = rule_book.of(programme), timezone.localdate(at)
    people = {line.member.pk for line in lines}
    rows = Standing.objects.filter(programme=programme, member__in=people, on_roll=True)
    on_roll = set(rows.values_list("member", flat=True))
    live = HoursClaim.objects.filter(
        programme=programme, member__in=people, state__in=["pending", "approved"]
    ).exclude(pk__in=list(besides))
    there = {
        (c.member_id, c.kind, c.form, c.period, c.day, c.proof): c.get_state_display() for c in live
    }
    found: list[Fault] = []
    first: dict[Place, int] = {}
    for line in lines:
        wrong = _of_member(line.member, branch, programme, on_roll)
        wrong += _of_day(line.day, programme, today)
        wrong += _of_rules(line, book.on(line.day).rules)
        if line.place in first:
            wrong.append(("hours", f"与第 {first[line.place]} 行重复；同一来源的请合成一行。"))
        elif line.place in there:
            wrong.append(("hours", f"同样的一行已经申报过（{there[line.place]}），不能重复申报。"))
        first.setdefault(line.place, line.row)
        found += [Fault(line.row, field, message) for field, message in wrong]
    return found


def _of_member(
    member: Member, branch: Organization, programme: Programme, on_roll: set[int]
) -> list[tuple[str, str]]:
    if member.branch_id != branch.pk or not member.is_active:
        return [("member", f"{member.name}不是{branch}的在册党员。")]
    if member.pk not in on_roll:
        return [("member", f"{member.name}不在{programme}的学习名单上。")]
    return []


def _of_day(day: date, programme: Programme, today: date) -> list[tuple[str, str]]:
    if day > today:
        return [("day", f"{day} 还没有到。")]
    if day < programme.starts - OLDEST:
        return [("day", f"{day} 离专题教育开始太久，请核对年份。")]
    return []


def _of_rules(line: Stated, rules: Rules) -> list[tuple[str, str]]:
    wrong = []
    if line.kind not in HoursClaim.Kind.values:
        wrong.append(("kind", "来源请写“期初学时”或“外单位学时”。"))
    if line.form not in Form.values or rules.form(line.form) is None:
        wrong.append(("form", "本专题教育不计这种学习方式的学时。"))
    if line.period and rules.period(line.period) is None:
        wrong.append(("period", "本专题教育没有这个历史时期。"))
    if not 0 < line.hours <= MOST:
        wrong.append(("hours", f"学时要大于 0，不超过 {MOST / 100:g}。"))
    elif line.hours % rules.step:
        wrong.append(("hours", f"学时按 {rules.step / 100:g} 的整数倍填写。"))
    if not line.proof.strip():
        wrong.append(("proof", "请写明依据：哪一本登记簿，或哪个单位出具的证明。"))
    elif len(line.proof.strip()) > LONGEST:
        wrong.append(("proof", f"依据最多写 {LONGEST} 字。"))
    return wrong
