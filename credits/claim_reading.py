"""Reading sheets of stated hours: what each row states about whom, and what is to be mended."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from credits import claim_checks, claim_sheets, rule_book
from credits.claim_checks import Stated
from credits.claim_rows import LABELS, Row
from credits.models import Form, HoursClaim, Programme
from portal.models import Member, Organization
from portal.people_in.cells import BadCell, day_of, number_of, tight

KINDS = {
    "期初学时": "opening", "期初": "opening", "外单位学时": "outside", "外单位": "outside",
    "外单位转入": "outside", "转入学时": "outside", "转入": "outside",
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One cell to be mended before anything is written."""

    row: int
    column: str
    value: str
    message: str


@dataclass
class Preview:
    """What a sheet would hand in, and what must be mended first."""

    lines: list[Stated] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Tells whether what is confirmed is still what was shown."""
        shown = [
            [s.row, s.member.pk, s.kind, s.form, s.period, s.day.isoformat(), s.hours, s.proof]
            for s in self.lines
        ]
        shown += [[p.row, p.column, p.value, p.message] for p in self.problems]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()

    @property
    def total(self) -> int:
        return sum(line.hours for line in self.lines)

    @property
    def people(self) -> int:
        return len({line.member.pk for line in self.lines})


def judge(
    rows: Sequence[Row], programme: Programme, branch: Organization, *, at: datetime
) -> Preview:
    """What the rows state about the branch's members, with everything to be mended by row and
    column; a fixed number of queries."""
    reader = _Reader(programme, branch, timezone.localdate(at))
    found = Preview()
    for row in rows:
        line = reader.line(row)
        if line is not None:
            found.lines.append(line)
    by_row = {row.row: row for row in rows}
    faults = claim_checks.faults(programme, branch, found.lines, at=at)
    reader.problems += [
        Problem(
            f.row,
            LABELS[f.field],
            by_row[f.row].get("number" if f.field == "member" else f.field),
            f.message,
        )
        for f in faults
    ]
    found.problems = sorted(reader.problems, key=lambda p: p.row)
    return found


class _Reader:
    """Reads row after row, collecting problems; a row with one is no line."""

    def __init__(self, programme: Programme, branch: Organization, today: date) -> None:
        self.branch, self.today = branch, today
        self.rules = rule_book.of(programme).current.rules
        self.problems: list[Problem] = []
        self.by_number: dict[str, Member] = {}
        self.by_name: dict[str, list[Member]] = defaultdict(list)
        for member in Member.objects.in_branch(branch).order_by("number"):
            self.by_number[member.number] = member
            self.by_name[tight(member.name)].append(member)

    def line(self, row: Row) -> Stated | None:
        before = len(self.problems)
        member = self._cell(row, "number", lambda _: self._member(row))
        kind = self._cell(row, "kind", _kind)
        form = self._cell(row, "form", self._form)
        period = self._cell(row, "period", self._period)
        day = self._cell(row, "day", lambda text: day_of(text, today=self.today))
        hours = self._cell(row, "hours", _hours)
        if len(self.problems) > before:
            return None
        return Stated(member, kind, form, period, day, hours, row.get("proof"), row.row)

    def _cell(self, row: Row, name: str, read: Callable[[str], Any]) -> Any:
        text = row.get(name)
        try:
            return read(text)
        except BadCell as bad:
            self.problems.append(Problem(row.row, LABELS[name], text, str(bad.args[0])))
            return None

    def _member(self, row: Row) -> Member:
        """Whom a row means: by number, held against the name; by name where only one bears it."""
        name = tight(row.get("name"))
        if not row.get("number"):
            return self._named(name)
        number = number_of(row.get("number"), numeric=row.numeric)
        member = self.by_number.get(number)
        if member is None and row.numeric:  # 00123 that a program made 123 of
            bare = number.lstrip("0")
            alike = [m for n, m in self.by_number.items() if n.lstrip("0") == bare]
            member = alike[0] if len(alike) == 1 else None
        if member is None:
            raise BadCell(f"{self.branch}没有编号为 {number} 的党员，请核对。")
        if name and name != tight(member.name):
            raise BadCell(f"编号 {number} 是{member.name}，与姓名“{name}”不符，请核对。")
        return member

    def _named(self, name: str) -> Member:
        found = self.by_name.get(name, [])
        if not name:
            raise BadCell("请填写党员编号。")
        if not found:
            raise BadCell(f"{self.branch}没有叫“{name}”的党员，请核对。")
        if len(found) > 1:
            numbers = "、".join(m.number for m in found)
            raise BadCell(f"有 {len(found)} 位党员叫“{name}”（{numbers}），请填写编号。")
        return found[0]

    def _form(self, text: str) -> str:
        known = claim_sheets.forms(self.rules)
        if tight(text) in known:
            return known[tight(text)]
        if tight(text) in Form.labels:
            raise BadCell("本专题教育不计这种学习方式的学时。")
        raise BadCell(f"请从这些里选：{'、'.join(known)}。")

    def _period(self, text: str) -> str:
        known = claim_sheets.periods(self.rules)
        wanted = tight(text)
        if wanted in ("", "不分时期"):
            return ""
        fitting = [name for name in known if wanted == name] or [n for n in known if wanted in n]
        if len(fitting) != 1:
            raise BadCell(f"请从这些里选：{'、'.join(known)}；不分时期的留空。")
        return known[fitting[0]]


def _kind(text: str) -> str:
    if tight(text) not in KINDS:
        raise BadCell(f"请填写{'或'.join(HoursClaim.Kind.labels)}。")
    return KINDS[tight(text)]


def _hours(text: str) -> int:
    """Hours as people write them, in hundredths: 4, 1.5, 4学时."""
    found = re.fullmatch(r"(\d{1,4})(?:\.(\d{1,2})0*)?(?:个?学时)?", tight(text))
    if not found:
        raise BadCell("学时要写成数字，最多两位小数，例如 4 或 1.5。")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
