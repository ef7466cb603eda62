"""From a workbook to the rows that are read: headings found, titles, totals and notes set apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from portal.people_in.cells import has_id_card, masked, text_of, tight
from portal.people_in.headings import LABELS, REQUIRED, WANTED, field_of, is_private, plain
from portal.people_in.model import Entry, NotImportable, Table, distinct
from portal.workbooks import Grid, Workbook

LOOK_FOR_HEADING = 40  # rows
# Fields that stand once for several rows where cells are merged.
GROUPING = frozenset({"branch", "branch_code", "parent", "parent_code", "group", "kind", "cohort"})
FOOT = re.compile(
    r"^(?:合计|小计|总计|共计|总人数|人数合计|备注|说明|注|填表|制表|审核|填报|报送|负责人|联系人|"
    r"党支部书记|支部书记|经办人|以下空白|打印)|^共\d+|盖章|公章"
)
TOTAL = re.compile(r"(?:合计|总计|共计|总人数|共)\D{0,6}?(\d+)(?:[人名个]|$)")


@dataclass(frozen=True)
class Heading:
    """Where the heading of a sheet stands and which column holds which field."""

    first: int
    last: int
    columns: Mapping[int, str]
    words: Mapping[str, str]
    private: tuple[str, ...]
    unread: tuple[str, ...]


def read(workbook: Workbook, kind: str) -> Table:
    """The rows of every sheet that has a heading; raises NotImportable when none has."""
    entries: list[Entry] = []
    headings: dict[str, Mapping[str, str]] = {}
    titles: list[str] = []
    warnings = list(workbook.notes)
    missing = ""
    for grid in workbook.sheets:
        if not any(text_of(value) for row in grid.rows for value in row):
            continue
        if grid.hidden:
            warnings.append(f"工作表“{grid.name}”是隐藏的，没有读取。")
            continue
        cells = [[text_of(value) for value in row] for row in grid.rows]
        heading = _heading(cells, kind)
        lacking = _lacking(heading, kind)
        if heading is None or lacking:
            missing = missing or lacking
            warnings.append(f"工作表“{grid.name}”没有认出表头，没有读取。")
            continue
        headings[grid.name] = heading.words
        titles += [masked(t) for row in cells[: heading.first] for t in row if t]
        warnings += _about_columns(heading)
        warnings += _about_hidden(grid)
        found = list(_entries(grid, cells, heading, warnings, kind))
        warnings += _against_totals(cells[heading.last + 1 :], len(found))
        entries += found
    if not headings:
        raise NotImportable(_no_heading(missing, kind))
    if not entries:
        raise NotImportable("表头下面没有内容，没有可以导入的行。")
    return Table(kind, tuple(entries), headings, distinct(titles), distinct(warnings))


def _heading(cells: list[list[str]], kind: str) -> Heading | None:
    """The row (or two rows) that names the most fields."""
    best: tuple[int, int] | None = None
    for index, row in enumerate(cells[:LOOK_FOR_HEADING]):
        count = len({f[0] for text in row if (f := field_of(text, kind))})
        if count >= 2 and (best is None or count > best[0]):
            best = (count, index)
    if best is None:
        return None
    first = last = best[1]
    words = dict(enumerate(cells[first]))
    if last + 1 < len(cells):
        below = {c: t for c, t in enumerate(cells[last + 1]) if t}
        fitting = [c for c, t in below.items() if field_of(t, kind) or is_private(t)]
        if below and len(fitting) == len(below):  # a heading in two rows: 联系方式 over 手机
            last += 1
            words |= below
    return _columns(first, last, words, kind)


def _columns(first: int, last: int, words: Mapping[int, str], kind: str) -> Heading:
    surest: dict[str, tuple[int, int]] = {}
    for column, text in words.items():
        found = field_of(text, kind)
        if found and found[1] < surest.get(found[0], (99, 0))[0]:
            surest[found[0]] = (found[1], column)
    columns = {column: name for name, (_, column) in surest.items()}
    private = tuple(plain(text) for text in words.values() if is_private(text))
    unread = tuple(
        plain(text)
        for column, text in words.items()
        if plain(text) and column not in columns and not is_private(text) and not _usual(text)
    )
    named = {name: " ".join(words[column].split()) for column, name in columns.items()}
    return Heading(first, last, columns, named, private, unread)


def _usual(text: str) -> bool:
    return plain(text) in ("序号", "备注", "说明", "性别", "民族")


def _lacking(heading: Heading | None, kind: str) -> str:
    there = set(heading.columns.values()) if heading else set()
    return "、".join(f"“{LABELS[name]}”" for name in REQUIRED[kind] if name not in there)


def _no_heading(missing: str, kind: str) -> str:
    if missing and missing.count("“") < len(REQUIRED[kind]):
        return f"表头里没有找到{missing}这一列，无法导入。表头可用：{WANTED[kind]}。"
    return f"没有找到表头。请在表格里写明各列名称，可用：{WANTED[kind]}。"


def _about_columns(heading: Heading) -> Iterator[str]:
    if heading.private:
        names = "、".join(distinct(heading.private))
        yield f"表里有“{names}”列：平台不保存身份证号和出生日期，这些列没有读取。"
    if heading.unread:
        yield f"没有用到的列：{masked('、'.join(distinct(heading.unread)))}。"


def _about_hidden(grid: Grid) -> Iterator[str]:
    if grid.hidden_rows:
        yield f"工作表“{grid.name}”有 {len(grid.hidden_rows)} 行被隐藏或筛选掉了，也已读取。"


def _entries(
    grid: Grid, cells: list[list[str]], heading: Heading, warnings: list[str], kind: str
) -> Iterator[Entry]:
    fill = _filled(grid, heading)
    for index in range(heading.last + 1, len(cells)):
        row = cells[index]
        own = {
            name: row[column]
            for column, name in heading.columns.items()
            if column < len(row) and row[column]
        }
        written = [text for text in row if text]
        if not own or _repeats(row, heading, kind):
            continue
        if FOOT.search(tight(written[0])) and not set(REQUIRED[kind]) <= set(own):
            continue
        if len(written) == 1 and written[0].isdigit():
            continue  # a number of the row and nothing else
        if _note(written) or (len(written) == 1 and not set(REQUIRED[kind]) & set(own)):
            warnings.append(f"第 {index + 1} 行只有“{masked(written[0])[:30]}”，没有读取。")
            continue
        for name, text in fill.get(index, {}).items():
            own.setdefault(name, text)
        yield _entry(grid, index, own, heading)


def _note(written: list[str]) -> bool:
    return len(set(written)) == 1 and len(tight(written[0])) > 12


def _entry(grid: Grid, index: int, own: Mapping[str, str], heading: Heading) -> Entry:
    raw = grid.rows[index]
    numeric = {
        name
        for column, name in heading.columns.items()
        if column < len(raw)
        and isinstance(raw[column], int | float)
        and not isinstance(raw[column], bool)
    }
    hidden = {name for name, text in own.items() if has_id_card(text)}
    cells = {name: masked(text) if name in hidden else text for name, text in own.items()}
    return Entry(index + 1, grid.name, cells, frozenset(numeric), frozenset(hidden))


def _filled(grid: Grid, heading: Heading) -> dict[int, dict[str, str]]:
    """What merged cells say to the rows that they cover."""
    fill: dict[int, dict[str, str]] = {}
    for first, column, last, _ in grid.merged:
        name = heading.columns.get(column, "")
        if name not in GROUPING or first <= heading.last or last == first:
            continue
        row = grid.rows[first] if first < len(grid.rows) else ()
        text = text_of(row[column]) if column < len(row) else ""
        for index in range(first + 1, last + 1):
            if text:
                fill.setdefault(index, {})[name] = text
    return fill


def _repeats(row: list[str], heading: Heading, kind: str) -> bool:
    """Whether a row is the heading again, as at the head of a printed page."""
    same = [
        c for c, name in heading.columns.items()
        if c < len(row) and (found := field_of(row[c], kind)) and found[0] == name
    ]  # fmt: skip
    return len(same) >= 2


def _against_totals(rows: list[list[str]], count: int) -> Iterator[str]:
    """A total under the list that says another number is said before confirming."""
    for row in rows:
        written = [text for text in row if text]
        if not written or not FOOT.search(tight(written[0])):
            continue
        said = TOTAL.search(tight("".join(written)))
        if said and int(said[1]) != count:
            yield f"表中写着合计 {said[1]}，实际读到 {count} 行，请核对。"
