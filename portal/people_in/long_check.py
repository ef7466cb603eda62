"""Checking a long list: row by row against the register, staged in chunks, nothing else written."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from portal import set_wise, workbooks
from portal.access import Scope
from portal.models import StagedLine, Upload
from portal.people_in import long_sql
from portal.people_in.cells import masked
from portal.people_in.member_lines import LOST_ZEROS, MemberReader
from portal.people_in.model import MEMBERS, Entry, MemberLine, Problem, Table, distinct
from portal.people_in.tables import Rows

KEPT = 300  # problems and warnings that are shown
STAGED = [
    "upload", "row", "sheet", "action", "number", "digits", "name", "branch", "group", "status",
    "category", "phone", "joined_on", "day", "how", "known", "key", "entry", "shown",
]  # fmt: skip


class Checker:
    """Reads one file and stages its lines, chunk by chunk."""

    def __init__(self, upload: Upload, scope: Scope, at: datetime) -> None:
        self.upload = upload
        book = workbooks.read_lazily(bytes(upload.file), upload.filename)
        self.book, self.height = book, 0
        self.rows = Rows(MEMBERS, book.filename, book.notes)
        table = Table(MEMBERS, (), self.rows.headings, self.rows.titles, (), book.count)
        self.reader = MemberReader(table, scope, at)
        self.counts: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.wrong = self.longest = 0
        self.prefix = secrets.token_hex(7)
        self.number = 0

    def entries(self) -> Iterator[Entry]:
        def counted() -> Iterator[tuple[workbooks.Grid, Iterator[Any]]]:
            for grid, rows in self.book.sheets():
                self.height = max(self.height, grid.height)
                yield grid, rows

        return self.rows.over(counted())

    def take(self, entries: Sequence[Entry], *, hold: Callable[[], None]) -> None:
        """Check a chunk of rows and stage its lines, in a transaction of its own, which begins with
        `hold`."""
        pairs = self.reader.pairs(list(self.reader.parsed(entries)))
        self.counts.update(line.action for _, line in pairs)
        for entry in entries:
            number = entry.get("number")
            if number.startswith("0") and number.isdigit():
                self.longest = max(self.longest, len(number))
        self._note(self.reader.problems.found)
        self.reader.problems.found.clear()
        del self.reader.warnings[KEPT:]
        del self.rows.warnings[KEPT:]
        rows = [self._row(entry, line) for entry, line in pairs]
        with transaction.atomic():
            hold()
            set_wise.insert(StagedLine, STAGED, rows)

    def _row(self, entry: Entry, line: MemberLine) -> tuple[Any, ...]:
        self.number += 1
        known = line.member.pk if line.member else None
        key = "" if known else f"{self.prefix}{self.number:08x}"  # ascending: quick to index
        told = shown = ""
        if line.action not in ("create", "same"):
            told = json.dumps(entry_json(entry), ensure_ascii=False)
            shown = json.dumps(line.as_json(), ensure_ascii=False, sort_keys=True)
        digits = len(line.number) if line.number.isdigit() else 0
        return (
            self.upload.pk, line.row, entry.sheet[:60], line.action, line.number, digits, line.name,
            line.branch.pk if line.branch else None, line.group, line.status, line.category,
            line.phone, line.joined_on, line.day, line.how, known, key, told, shown,
        )  # fmt: skip

    def _note(self, problems: Sequence[Problem]) -> None:
        self.wrong += len(problems)
        self.problems += problems[: max(0, KEPT - len(self.problems))]

    def result(self) -> dict[str, Any]:
        """What was found, for the page; what concerns all rows together is asked of the staging."""
        for sheet, row, number, first in long_sql.doubled(self.upload):
            text = f"与第 {first} 行的编号重复，请只留一行或改正编号。"
            self._note([self._problem(sheet, row, number, text)])
        for sheet, row, number in long_sql.too_short(self.upload, self.longest):
            self._note([self._problem(sheet, row, number, LOST_ZEROS)])
        self.reader.say_defaults()
        warnings = [*self.rows.warnings, *self.reader.warnings]
        for row, branch, name, number in long_sql.namesakes(self.upload):
            warnings.append(f"第 {row} 行：{branch}已有{name}（编号 {number}），请确认不是同一人。")
        for branch, _, count, name in long_sql.missing(self.upload):
            warnings.append(
                f"{branch}在册的 {count} 人不在表里（{name}{'等' if count > 1 else ''}），"
                "不会被移出；如已离开，请加一列“去向”写明。"
            )
        order = {sheet: n for n, sheet in enumerate(self.rows.headings)}
        found = sorted(self.problems, key=lambda p: (order.get(p.sheet, 0), p.row))
        rows = sum(self.counts.values())
        message = (
            f"有 {self.wrong} 处要先改好；改好之前什么也不会写入。"
            if self.wrong
            else f"核对完毕，共读到 {rows} 人。请看过预览再确认导入。"
        )
        return {
            "rows": rows,
            "counts": dict(self.counts),
            "wrong": self.wrong,
            "errors": [[p.row, p.column, masked(p.value), p.message, p.sheet] for p in found],
            "warnings": distinct(warnings)[:KEPT],
            "message": message,
            "headings": {sheet: dict(columns) for sheet, columns in self.rows.headings.items()},
            "titles": {sheet: list(titles) for sheet, titles in self.rows.titles.items()},
            "sheets": self.book.count,
        }

    def _problem(self, sheet: str, row: int, number: str, message: str) -> Problem:
        column = self.rows.headings.get(sheet, {}).get("number", "党员编号")
        shown = sheet if self.reader.table.has_sheets else ""
        return Problem(row, column, number, message, shown)


def entry_json(entry: Entry) -> list[Any]:
    """A row as it is staged."""
    return [entry.row, entry.sheet, dict(entry.cells), sorted(entry.numeric), sorted(entry.hidden)]


def entry_of(told: list[Any]) -> Entry:
    """A staged row as it was read."""
    row, sheet, cells, numeric, hidden = told
    return Entry(row, sheet, cells, frozenset(numeric), frozenset(hidden))
