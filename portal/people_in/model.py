"""What a sheet of people says and what would come of it: frozen values, nothing written."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from portal.mobile_stays import Away
from portal.models import Member, MobileStay, Organization
from portal.people_in.cells import masked
from portal.refusals import Refusal

SHOWN = 500  # lines of a preview on one page; the counts are always of all
MEMBERS, ORGANISATIONS, STAYS = "members", "organisations", "stays"
KINDS = {MEMBERS: "党员", ORGANISATIONS: "党组织", STAYS: "流动党员"}
UNITS = {MEMBERS: "人", ORGANISATIONS: "个", STAYS: "人"}
ACTIONS = {
    "create": "新增",
    "update": "更正",
    "transfer": "转接",
    "return": "重新入册",
    "leave": "离开",
    "back": "返回",
    "move": "划转",
    "merge": "并入",
    "dissolve": "撤销",
    "same": "不变",
}


class NotImportable(Refusal):
    """The sheet as a whole cannot be taken over, or still holds errors."""


@dataclass(frozen=True)
class Entry:
    """One row of a sheet as far as it is read; `row` is the spreadsheet's own number.

    cells: field → text; numeric: fields that stood there as numbers (zeros may be lost);
    hidden: fields in which an ID-card number stood; their text is masked already.
    """

    row: int
    sheet: str
    cells: Mapping[str, str]
    numeric: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def get(self, name: str) -> str:
        return self.cells.get(name, "")


@dataclass(frozen=True)
class Table:
    """The rows of a workbook, reduced to the columns that are read. All that is ever staged."""

    kind: str
    entries: tuple[Entry, ...]
    headings: Mapping[str, Mapping[str, str]]
    titles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    count: int = 0  # of sheets, where it is known before they are read

    @property
    def has_sheets(self) -> bool:
        """Whether a row must be named with its sheet."""
        return max(self.count, len(self.headings)) > 1

    def heading(self, entry: Entry, name: str, default: str = "") -> str:
        """The heading of a field as it is written above this row."""
        return self.headings.get(entry.sheet, {}).get(name, default)

    def has(self, name: str) -> bool:
        return any(name in columns for columns in self.headings.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "headings": {sheet: dict(columns) for sheet, columns in self.headings.items()},
            "titles": {sheet: list(titles) for sheet, titles in self.titles.items()},
            "warnings": list(self.warnings),
            "entries": [
                [e.row, e.sheet, dict(e.cells), sorted(e.numeric), sorted(e.hidden)]
                for e in self.entries
            ],
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            kind=data["kind"],
            entries=tuple(
                Entry(row, sheet, cells, frozenset(numeric), frozenset(hidden))
                for row, sheet, cells, numeric, hidden in data["entries"]
            ),
            headings=data["headings"],
            titles={sheet: tuple(titles) for sheet, titles in data["titles"].items()},
            warnings=tuple(data["warnings"]),
        )


@dataclass(frozen=True)
class Problem:
    """One cell that must be mended before anything is written."""

    row: int
    column: str
    value: str
    message: str
    sheet: str = ""

    def as_json(self) -> dict[str, Any]:
        where = f"工作表“{self.sheet}”：" if self.sheet else ""
        return {
            "row": self.row,
            "column": self.column,
            "value": masked(self.value),
            "message": f"{where}{self.message}",
        }


class Problems:
    """Collects problems while rows are read; a row with one is not part of the plan."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.found: list[Problem] = []

    def add(self, entry: Entry, name: str, message: str, *, default: str = "") -> None:
        column = self.table.heading(entry, name, default)
        sheet = entry.sheet if self.table.has_sheets else ""
        self.found.append(Problem(entry.row, column, entry.get(name), message, sheet))

    def hidden(self, entry: Entry) -> None:
        for name in sorted(entry.hidden):
            message = "这里填的像是身份证号。平台不保存身份证号，请删去，改填这一列应填的内容。"
            self.add(entry, name, message)

    @property
    def in_order(self) -> tuple[Problem, ...]:
        """By row, sheet after sheet as they stand in the workbook."""
        sheets = {sheet: n for n, sheet in enumerate(self.table.headings)}
        return tuple(sorted(self.found, key=lambda p: (sheets.get(p.sheet, 0), p.row)))


@dataclass(frozen=True)
class MemberLine:
    """What one row would do to one person; the values are those that would stand afterwards."""

    row: int
    sheet: str
    action: str
    number: str
    name: str
    branch: Organization | None
    group: str
    status: str
    category: str
    phone: str
    joined_on: date | None
    day: date
    member: Member | None = None
    how: str = ""
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "action": self.action,
            "number": self.number,
            "name": self.name,
            "branch": self.branch.name if self.branch else "",
            "branch_code": self.branch.code if self.branch else "",
            "group": self.group,
            "kind": self.status,
            "category": self.category,
            "phone": self.phone,
            "joined_on": self.joined_on.isoformat() if self.joined_on else None,
            "day": self.day.isoformat(),
            "changes": {name: list(pair) for name, pair in self.changes.items()},
        } | ({"sheet": self.sheet} if self.sheet else {})


@dataclass(frozen=True)
class OrganizationLine:
    """What one row would do to one organisation."""

    row: int
    sheet: str
    action: str
    code: str
    name: str
    short_name: str
    kind: str
    cohort: str
    parent: str
    parent_name: str
    is_unit: bool
    day: date
    organization: Organization | None = None
    into: str = ""
    renamed: bool = False
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "action": self.action,
            "code": self.code,
            "name": self.name,
            "short_name": self.short_name,
            "kind": self.kind,
            "cohort": self.cohort,
            "parent": self.parent_name,
            "parent_code": self.parent,
            "unit": self.is_unit,
            "day": self.day.isoformat(),
            "changes": {name: list(pair) for name, pair in self.changes.items()},
        } | ({"sheet": self.sheet} if self.sheet else {})


@dataclass(frozen=True)
class StayLine:
    """What one row would do to one mobile member's stay; `away` as it would stand afterwards."""

    row: int
    sheet: str
    action: str
    number: str
    name: str
    branch: Organization | None
    member: Member
    away: Away
    stay: MobileStay | None = None
    reported_on: date | None = None
    until: date | None = None
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "action": self.action,
            "number": self.number,
            "name": self.name,
            "branch": self.branch.name if self.branch else "",
            "since": self.away.since.isoformat(),
            "region": self.away.region,
            "reason": self.away.reason,
            "host": self.away.host_name,
            "contact": self.away.contact.number if self.away.contact else "",
            "last_contact_on": str(self.away.last_contact_on or ""),
            "reported_on": str(self.reported_on or ""),
            "expected_until": str(self.away.expected_until or ""),
            "until": str(self.until or ""),
            "changes": {name: list(pair) for name, pair in self.changes.items()},
        } | ({"sheet": self.sheet} if self.sheet else {})


Line = MemberLine | OrganizationLine | StayLine


@dataclass(frozen=True)
class Preview:
    """What an import would change, and what must be mended first."""

    kind: str
    lines: tuple[Line, ...] = ()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def outcome(self) -> str:
        if self.refusal:
            return "refuse"
        return "ask" if self.errors else "read"

    @property
    def message(self) -> str:
        """The whole in one sentence."""
        if self.refusal:
            return self.refusal
        if self.errors:
            return f"有 {len(self.errors)} 处要先改好；改好之前什么也不会写入。"
        counts = self.counts
        said = "、".join(f"{ACTIONS[a]} {counts[a]} {self.unit}" for a in ACTIONS if counts[a])
        return f"共读到 {len(self.lines)} {self.unit}：{said}。"

    @property
    def unit(self) -> str:
        return UNITS[self.kind]

    @property
    def counts(self) -> Counter[str]:
        return Counter(line.action for line in self.lines)

    @property
    def changing(self) -> list[Line]:
        return [line for line in self.lines if line.action != "same"]

    @property
    def change_count(self) -> int:
        return len(self.changing)

    @property
    def first(self) -> list[Line]:
        """The first of the lines that change anything, as many as a page shows."""
        return self.changing[:SHOWN]

    @property
    def fingerprint(self) -> str:
        """Tells whether what is confirmed is still what was shown."""
        text = json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "message": self.message,
            "kind": self.kind,
            "rows": [line.as_json() for line in self.lines],
            "errors": [problem.as_json() for problem in self.errors],
            "warnings": list(self.warnings),
        }


def distinct(sentences: Iterable[str]) -> tuple[str, ...]:
    """Each sentence once, in order."""
    return tuple(dict.fromkeys(sentences))


def said(counts: dict[str, int], kind: str) -> str:
    """What was written, in one sentence."""
    unit = UNITS[kind]
    acts = {a: n for a, n in counts.items() if a != "same" and n}
    if not acts:
        return "没有需要改动的内容。"
    listed = "、".join(f"{ACTIONS[a]} {n} {unit}" for a, n in acts.items())
    return f"已导入：{listed}。"
