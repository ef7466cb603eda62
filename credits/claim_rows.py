"""The rows of a sheet of stated hours: the heading found, unfilled rows and totals set apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portal.people_in.cells import has_id_card, is_blank, masked, text_of, tight
from portal.people_in.tables import FOOT
from portal.refusals import Refusal
from portal.workbooks import Grid, Workbook

LOOK_FOR_HEADING = 40  # rows
HEADINGS: dict[str, tuple[str, ...]] = {
    "number": ("党员编号", "编号"),
    "name": ("姓名", "党员姓名"),
    "kind": ("来源", "学时来源", "种类"),
    "form": ("学习方式", "方式", "学习形式"),
    "period": ("历史时期", "时期"),
    "day": ("截至日期", "日期", "学习日期"),
    "hours": ("学时", "学时数"),
    "proof": ("依据", "证明", "出具单位", "登记簿"),
}
NEEDED = ("kind", "form", "day", "hours", "proof")
LABELS = {name: words[0] for name, words in HEADINGS.items()} | {"member": "党员编号"}


class NotReadable(Refusal):
    """No sheet in the file has a heading of stated hours, or none has a row below it."""


@dataclass(frozen=True)
class Row:
    """One row as it stands. numeric: the number stood there as a number: zeros may be lost."""

    row: int
    cells: Mapping[str, str]
    numeric: bool = False

    def get(self, name: str) -> str:
        return self.cells.get(name, "")


def rows_of(workbook: Workbook) -> tuple[list[Row], list[str]]:
    """The rows of the first sheet that has the heading, and what was passed over. Raises
    NotReadable."""
    for grid in workbook.sheets:
        if not grid.hidden and (found := _heading(grid)):
            first, columns = found
            rows, warnings = _below(grid, first, columns)
            if rows:
                others = [g.name for g in workbook.sheets if g is not grid and any(g.rows)]
                warnings += [f"只读了工作表“{grid.name}”；没有读“{name}”。" for name in others]
                return rows, [*workbook.notes, *warnings]
            raise NotReadable("表头下面没有填写学时的行。")
    wanted = "、".join(words[0] for words in HEADINGS.values())
    raise NotReadable(f"没有找到表头；请用导出的样表填写，表头要有：{wanted}。")


def _heading(grid: Grid) -> tuple[int, dict[int, str]] | None:
    """Where the heading stands, and which column holds which field."""
    fields = {word: name for name, words in HEADINGS.items() for word in words}
    for index, row in enumerate(grid.rows[:LOOK_FOR_HEADING]):
        columns: dict[int, str] = {}
        for column, value in enumerate(row):
            name = fields.get(re.sub(r"[(（].*?[)）]", "", tight(text_of(value))))
            if name and name not in columns.values():
                columns[column] = name
        there = set(columns.values())
        if there >= set(NEEDED) and there & {"number", "name"}:
            return index, columns
    return None


def _below(grid: Grid, first: int, columns: Mapping[int, str]) -> tuple[list[Row], list[str]]:
    rows, warnings = [], []
    for index, raw in enumerate(grid.rows[first + 1 :], first + 2):
        cells = {
            name: masked(text) if has_id_card(text) else text
            for column, name in columns.items()
            if column < len(raw) and (text := text_of(raw[column])) and not is_blank(text)
        }
        # Name and number alone, or with the source that stands there already: not filled in.
        if not cells.keys() & {"form", "period", "day", "hours", "proof"}:
            continue
        written = [text for value in raw if (text := text_of(value))]
        if FOOT.search(tight(written[0])) and not {"form", "day"} <= cells.keys():
            warnings.append(f"第 {index} 行是“{masked(written[0])[:20]}”，没有读取。")
            continue
        numeric = any(
            name == "number" and column < len(raw) and isinstance(raw[column], int | float)
            for column, name in columns.items()
        )
        rows.append(Row(index, cells, numeric))
    return rows, warnings
