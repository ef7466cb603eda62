"""From a workbook to the rows that are read: headings found, titles, totals and notes set apart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from portal.people_in.cells import DITTO, has_id_card, is_blank, masked, text_of, tight
from portal.people_in.headings import LABELS, REQUIRED, WANTED, field_of, is_private, plain
from portal.people_in.kinds import hints_at_leaving
from portal.people_in.model import MEMBERS, Entry, NotImportable, Table, distinct
from portal.workbook_refusals import TEXT_EXTENSIONS
from portal.workbooks import Grid, Value, Workbook

LOOK_FOR_HEADING = 40  # rows
# Fields that stand once for several rows where cells are merged.
GROUPING = frozenset({"branch", "branch_code", "parent", "parent_code", "group", "kind", "cohort"})
FLAGS = frozenset({"is_probationary", "is_full", "is_retired", "unit", "leaving", "standing"})
FOOT = re.compile(
    r"^(?:合计|小计|总计|共计|总人数|人数合计|备注|说明|注|填表|制表|审核|填报|报送|负责人|联系人|"
    r"党支部书记|支部书记|经办人|以下空白|以下无|打印|截至|统计时间)|^共\d+|^第?\d+页|盖章|公章"
)
SECTION = re.compile(
    r"^(?:[(（]?[一二三四五六七八九十\d]+[)）、.])?(.+?)(?:[(（]?共?\d+[人名][)）]?)?[::]?$"
)
Raw = tuple[Value, ...]
LEAST_SERIAL = 3  # 1, 2, 3 … are the numbers of rows, not of people
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
    repeated: Mapping[int, str]  # further columns under the same headings
    remarks: int | None = None  # the column 备注, looked through for 已转出 and the like


def read(workbook: Workbook, kind: str) -> Table:
    """The rows of every sheet that has a heading; raises NotImportable when none has."""
    found = Rows(kind, workbook.filename, workbook.notes)
    entries = tuple(found.over((grid, iter(grid.rows)) for grid in workbook.sheets))
    return Table(kind, entries, found.headings, found.titles, distinct(found.warnings))


class Rows:
    """The rows of a workbook as they come, and what is known of its sheets so far."""

    def __init__(self, kind: str, filename: str, notes: Sequence[str]) -> None:
        self.kind = kind
        self.is_text = filename.rpartition(".")[2].lower() in TEXT_EXTENSIONS
        self.headings: dict[str, Mapping[str, str]] = {}
        self.titles: dict[str, Sequence[str]] = {}
        self.warnings: list[str] = list(notes)

    def over(self, sheets: Iterable[tuple[Grid, Iterator[Raw]]]) -> Iterator[Entry]:
        """Walk through the sheets; raises NotImportable where none has a heading, at the end."""
        count, missing = 0, ""
        for grid, rows in sheets:
            head = list(islice(rows, LOOK_FOR_HEADING + 1))
            cells = [[text_of(value) for value in row] for row in head]
            if not any(map(any, cells)) and not any(text_of(v) for row in rows for v in row):
                continue
            if grid.hidden:
                self.warnings.append(f"工作表“{grid.name}”是隐藏的，没有读取。")
                continue
            heading = _heading(cells, self.kind)
            lacking = _lacking(heading, self.kind)
            if heading is None or lacking:
                missing = missing or lacking
                self.warnings.append(f"工作表“{grid.name}”没有认出表头，没有读取。")
                continue
            self.headings[grid.name] = heading.words
            above = [masked(t) for row in cells[: heading.first] for t in row if t]
            self.titles[grid.name] = distinct([*above, *([] if self.is_text else [grid.name])])
            self.warnings += _about_columns(heading)
            self.warnings += _about_hidden(grid)
            for entry in self._below(grid, heading, chain(head, rows)):
                count += 1
                yield entry
        if not self.headings:
            raise NotImportable(_no_heading(missing, self.kind))
        if not count:
            raise NotImportable("表头下面没有内容，没有可以导入的行。")

    def _below(self, grid: Grid, heading: Heading, rows: Iterator[Raw]) -> Iterator[Entry]:
        """The rows under a heading, of all blocks side by side, and what is odd about them."""
        blocks = [
            _Block(grid, half, self.warnings, self.kind, is_text=self.is_text)
            for half in _blocks(heading, self.kind)
        ]
        count, counts_rows = 0, True
        totals: list[int] = []
        for index, raw in enumerate(rows):
            cells = [text_of(value) for value in raw]
            for block in blocks:
                block.passes(index, cells)
                if index <= heading.last:
                    continue
                entry = block.entry(index, raw, cells)
                if entry:
                    count += 1
                    counts_rows = counts_rows and entry.get("number") == str(count)
                    yield entry
            if index > heading.last:
                totals += _total(cells)
        if self.kind == MEMBERS and count >= LEAST_SERIAL and counts_rows:
            _refuse_serial_numbers(heading)
        for said in totals:
            if said != count:
                self.warnings.append(f"表中写着合计 {said}，实际读到 {count} 行，请核对。")


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
        filled = {found[0] for c in below if (found := field_of(words.get(c, ""), kind))}
        heading_only = not filled & set(REQUIRED[kind])
        # A heading in two rows: 联系方式 over 手机 and 邮箱.
        if fitting and (len(fitting) == len(below) or heading_only):
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
    repeated = {
        c: found[0]
        for c, text in words.items()
        if c not in columns and (found := field_of(text, kind)) and found[1] == surest[found[0]][0]
    }
    private = tuple(plain(text) for text in words.values() if is_private(text))
    unread = tuple(
        plain(text)
        for column, text in words.items()
        if plain(text)
        and not (column in columns or column in repeated or is_private(text) or _usual(text))
    )
    named = {name: " ".join(words[column].split()) for column, name in columns.items()}
    remarks = next((c for c, text in words.items() if plain(text) in ("备注", "说明")), None)
    return Heading(first, last, columns, named, private, unread, repeated, remarks)


def _usual(text: str) -> bool:
    return plain(text) in ("序号", "备注", "说明", "性别", "民族", "学历", "籍贯", "职务", "年龄")


def _blocks(heading: Heading, kind: str) -> list[Heading]:
    """A list in two halves side by side, as it is printed to save paper, is two blocks."""
    first = min(heading.columns)
    width = 0
    own = {name: column for column, name in heading.columns.items()}
    for column, found in sorted(heading.repeated.items()):
        if found in REQUIRED[kind] and column > own[found]:
            width = width or column - own[found]
    halves = [heading]
    for column in range(first + width, max(heading.repeated, default=0) + 1, width or 1):
        inside = {c: name for c, name in heading.repeated.items() if column <= c < column + width}
        if width and set(REQUIRED[kind]) <= set(inside.values()):
            halves.append(replace(heading, columns=inside, remarks=None))
    return halves


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


class _Block:
    """One block of a sheet, read row by row: what stands once for several rows is remembered."""

    def __init__(
        self, grid: Grid, heading: Heading, warnings: list[str], kind: str, *, is_text: bool
    ) -> None:
        self.grid, self.heading, self.warnings, self.kind = grid, heading, warnings, kind
        self.is_text = is_text
        self.section: dict[str, str] = {}
        self.before: dict[str, str] = {}
        self.merged: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
        for first, column, last, _ in grid.merged:
            name = heading.columns.get(column, "")
            if name in GROUPING and first > heading.last and last > first:
                self.merged[first].append((column, last, name))
        self.fill: dict[str, tuple[int, str]] = {}  # field → last row, text
        self.required = set(REQUIRED[kind])

    def passes(self, index: int, row: list[str]) -> None:
        """Notice what merged cells that begin here say to the rows that they cover."""
        for column, last, name in self.merged.get(index, ()):
            text = row[column] if column < len(row) else ""
            if text:
                self.fill[name] = last, text

    def entry(self, index: int, raw: Raw, row: list[str]) -> Entry | None:
        """What a row says, if it is one of the list."""
        heading, kind = self.heading, self.kind
        own = {
            name: row[column]
            for column, name in heading.columns.items()
            if column < len(row) and _says(row[column], name, kind)
        }
        written = [text for text in row if text]
        if kind == MEMBERS and (found := _section(written)):
            self.section |= found
            return None
        if not own or _repeats(row, heading, kind):
            return None
        if FOOT.search(tight(written[0])) and (
            written[0] == own.get(REQUIRED[kind][0]) or not self.required <= set(own)
        ):
            return None
        if len(written) == 1 and written[0].isdigit():
            return None  # a number of the row and nothing else
        if _note(written) or (len(written) == 1 and not self.required & set(own)):
            self.warnings.append(f"第 {index + 1} 行只有“{masked(written[0])[:30]}”，没有读取。")
            return None
        for name, text in own.items():
            if name not in self.required and len(text) < 4 and DITTO.fullmatch(tight(text)):
                own[name] = self.before.get(name, "")
        filled = {name: text for name, (last, text) in self.fill.items() if index <= last}
        for name, text in {**self.section, **filled}.items():
            own.setdefault(name, text)
        self.before = own
        if kind == MEMBERS and heading.remarks is not None and heading.remarks < len(row):
            remark = row[heading.remarks]
            if "leaving" not in heading.columns.values() and hints_at_leaving(remark):
                self.warnings.append(
                    f"第 {index + 1} 行备注写着“{masked(remark)[:20]}”，备注不作为去向办理；"
                    "如已离开，请加一列“去向”写明。"
                )
        return _entry(self.grid, index, raw, own, heading, is_text=self.is_text)


def _says(text: str, name: str, kind: str) -> bool:
    """Whether a cell says anything: 无 and / say nothing, except to a question of yes or no."""
    return bool(text) and (name in FLAGS or name in REQUIRED[kind] or not is_blank(text))


def _section(written: list[str]) -> dict[str, str]:
    """A line of its own that names branch or group for the rows below: 一、甲支部（12人）."""
    if len(set(written)) != 1 or len(written[0]) > 60 or FOOT.search(tight(written[0])):
        return {}
    found = SECTION.match(tight(written[0]))
    said = found[1] if found else ""
    if re.search(r"党?支部(?:委员会)?$", said):
        return {"branch": said, "group": ""}
    return {"group": said} if re.search(r"小组$", said) and len(said) <= 20 else {}


def _refuse_serial_numbers(heading: Heading) -> None:
    """A column 编号 that only counts the rows holds no member numbers."""
    column = heading.words.get("number", "编号")
    raise NotImportable(
        f"“{column}”一列写的是 1、2、3……的序号，不是党员编号。请加一列“党员编号”后再导入。"
    )


def _note(written: list[str]) -> bool:
    return len(set(written)) == 1 and len(tight(written[0])) > 12


def _entry(
    grid: Grid, index: int, raw: Raw, own: Mapping[str, str], heading: Heading, *, is_text: bool
) -> Entry:
    numeric = {
        name
        for column, name in heading.columns.items()
        if column < len(raw)
        and isinstance(raw[column], int | float)
        and not isinstance(raw[column], bool)
    }
    if is_text:  # Excel writes numbers into .csv as it shows them: 1987.10 becomes 1987.1
        numeric |= {"joined_on"} & set(own)
    hidden = {name for name, text in own.items() if has_id_card(text)}
    cells = {name: masked(text) if name in hidden else text for name, text in own.items()}
    return Entry(index + 1, grid.name, cells, frozenset(numeric), frozenset(hidden))


def _repeats(row: list[str], heading: Heading, kind: str) -> bool:
    """Whether a row is the heading again, as at the head of a printed page."""
    same = [
        c for c, name in heading.columns.items()
        if c < len(row) and (found := field_of(row[c], kind)) and found[0] == name
    ]  # fmt: skip
    return len(same) >= 2


def _total(row: list[str]) -> list[int]:
    """The total that a line under the list says; another number is said before confirming."""
    first = next((text for text in row if text), "")
    if not first or not FOOT.search(tight(first)):
        return []
    said = TOTAL.search(tight("".join(row)))
    return [int(said[1])] if said else []
