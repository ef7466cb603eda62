"""The rows of people in a table, told apart from groups, sections, totals and notes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .cells import Cells, fold, tight
from .facts import only_label
from .headings import Kind, group_of, heading, non_member, section
from .marks import Legend, judge
from .model import OBSERVER
from .names import CJK, NOT_NAMES, TITLE, key, looks_like_name, split_names, untitled, written
from .people import Directory
from .tables import MARKING, Block, Table, mark_like
from .totals import claims_in

TOTAL = re.compile(
    r"合计|小计|总计|共计|累计|统计|汇总|人数|应到|实到|出勤|出席|到会|请假|缺席|缺勤|迟到|早退|未到|列席|.*率|.*人数"
    r"|.*合计|.*小计|实到人次|总人数|本页小计"
)


BRANCH = re.compile(r"[\u4e00-\u9fff\d]{2,24}支部:?")
TITLED = re.compile(rf"[小老]?[{CJK}]{{1,2}}(?:{TITLE})")


@dataclass
class Line:
    """One person's row as written: everything beside the marks that tells who it is."""

    table: Table
    block: Block
    row: int
    last: int
    column: int
    text: str
    key: str
    name: str
    note: str = ""
    number: str = ""
    group: str = ""
    standing: str = ""
    unit: str = ""
    sequence: str = ""
    section: str | None = None
    outsider: str | None = None
    shared: bool = False  # several people stand in the one cell

    @property
    def cells(self) -> Cells:
        return self.table.cells

    @property
    def place(self) -> tuple[int, str]:
        """Spreadsheet row and column of the name."""
        return self.cells.place(self.row, self.column)


@dataclass
class Body:
    """What a table's rows hold: people, numbers in total rows, and other texts."""

    lines: list[Line] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    nameless: list[int] = field(default_factory=list)
    used: set[tuple[int, int]] = field(default_factory=set)


@dataclass
class _State:
    group: str = ""
    section: str | None = None
    outsider: str | None = None
    unit: str = ""


def body_of(table: Table, directory: Directory) -> Body:
    """The table's rows, sorted into what they are."""
    body, state = Body(), _State()
    for row in table.body:
        filled = list(table.cells.filled(row))
        if not filled:
            continue
        if any(cells_above(table, row, block) for block in table.blocks):
            body.used.update((row, column) for column, _ in filled)
            continue
        if _between(table, row, filled, state, directory):
            # "实到9人" may head the rows below or count those above: the number is a claim anyway.
            body.used.update((row, column) for column, text in filled if not claims_in(text))
            continue
        lines = [
            line for block in table.blocks for line in _lines(table, block, row, state, directory)
        ]
        if lines:
            body.lines += lines
            body.used.update(_used(table, row, lines))
        elif any(TOTAL.fullmatch(tight(text).strip(":")) for _, text in filled[:2]):
            body.totals.append(row)
        elif _has_marks(table, row) and not _is_note(filled):
            body.nameless.append(row)
        else:
            body.notes.append(row)
    return body


def cells_above(table: Table, row: int, block: Block) -> bool:
    """The name's cell reaches down from a row above: this row is that person's, too."""
    above, _ = table.cells.anchor(row, block.name.index)
    return table.last < above < row


def _between(
    table: Table, row: int, filled: list[tuple[int, str]], state: _State, directory: Directory
) -> bool:
    """Group and section headings between the rows change what the rows below are."""
    _column, text = filled[0]
    alone = len({t for _, t in filled}) == 1
    if not alone or directory.knows(text):
        return False
    status = section(text)
    outsider = non_member(text) if not looks_like_name(text) and len(tight(text)) < 16 else None
    if status or outsider:
        state.section, state.outsider = status, outsider
        return True
    if BRANCH.fullmatch(tight(text)):
        state.unit, state.group, state.section, state.outsider = text, "", None, None
        return True
    group = group_of(text)
    if group:
        state.group, state.section, state.outsider = group, None, None
        return True
    return False


def _lines(
    table: Table, block: Block, row: int, state: _State, directory: Directory
) -> Iterator[Line]:
    cells, column = table.cells, block.name.index
    if cells.anchor(row, column) != (row, column):
        return
    text = _name_at(table, block, row)
    if not text or not _names_somebody(table, block, row, text, directory):
        return
    parts = _persons(text, directory)
    for part in parts:
        found, note = directory.resolve(part)
        bare = written(part)
        name, title = (directory.by_key[found][0].name, "") if found else untitled(bare.name)
        around = {
            kind: _beside(table, block, row, kind)
            for kind in (Kind.GROUP, Kind.STANDING, Kind.UNIT, Kind.NUMBER, Kind.SEQUENCE)
        }
        said = " ".join((note, title, around[Kind.STANDING]))
        yield Line(
            *(table, block, row, cells.span(row, column)[2], column, part, found),
            name=name or bare.name or part,
            note=f"{note} {title}".strip(),
            number=tight(fold(around[Kind.NUMBER])) or bare.number,
            group=around[Kind.GROUP] or _group_in(note) or state.group,
            standing=said,
            unit=around[Kind.UNIT] or state.unit,
            sequence=around[Kind.SEQUENCE],
            section=_section_of(around, note) or _label_before(table, row) or state.section,
            outsider=non_member(said) or state.outsider,
            shared=len(parts) > 1,
        )


def _name_at(table: Table, block: Block, row: int) -> str:
    """The name cell's text; 方 | 砚雪 in two cells is one name."""
    text = table.cells.text(row, block.name.index)
    given = table.cells.text(row, block.given) if block.given is not None else ""
    return f"{text}{given}" if 0 < len(tight(text)) <= 2 and given else text


def _names_somebody(table: Table, block: Block, row: int, text: str, directory: Directory) -> bool:
    """Whether the cell in the name column is a person, and not a note or a signature's label."""
    cells, column = table.cells, block.name.index
    wide = cells.span(row, column)[3] - column
    if wide > cells.span(table.last, column)[3] - column + 1 and not directory.knows(text):
        return False
    beside = next((c for c in range(column - 1, -1, -1) if cells.spread(row, c)), -1)
    left = cells.spread(row, beside)
    if beside in {c.index for c in block.of(Kind.OTHER, Kind.STANDING)}:
        left = ""  # 书记 under 党内职务 is no label of a signature
    if left and only_label(left) not in (None, "listing") and not group_of(left):
        return False
    if directory.knows(text):
        return True
    if TITLED.fullmatch(tight(text)) and _has_marks(table, row, block):
        return bool(directory.near(tight(text), ()))  # 佟书记: who that is will be asked
    if heading(text) or ":" in tight(text) or NOT_NAMES.search(tight(text)):
        return all(map(directory.knows, split_names(text)))
    if looks_like_name(text) or any(map(directory.knows, split_names(text))):
        return True
    return len(tight(text)) <= 12 and not mark_like(text) and _has_marks(table, row, block)


def _persons(text: str, directory: Directory) -> list[str]:
    """Two people in one cell (石满仓、石满囤) share what stands in their row."""
    if directory.knows(text):
        return [text]
    parts = split_names(text)
    if len(parts) > 1 and all(directory.knows(part) or looks_like_name(part) for part in parts):
        return parts
    return [text]


def _beside(table: Table, block: Block, row: int, kind: Kind) -> str:
    """The row's text in the block's own column of that kind, else in the first block's."""
    for candidate in (block, *table.blocks[:1]):
        if candidate is not block and kind is not Kind.GROUP:
            continue
        for column in candidate.of(kind):
            text = table.cells.spread(row, column.index)
            if text:
                return text
    return ""


def _section_of(around: dict[Kind, str], note: str) -> str | None:
    for text in (around[Kind.STANDING], around[Kind.GROUP], around[Kind.SEQUENCE]):
        if section(text) == OBSERVER or judge(text, Legend()).status == OBSERVER:
            return OBSERVER
    return OBSERVER if "列席" in note else None


def _label_before(table: Table, row: int) -> str | None:
    """A label at the left edge of rows of names: 出席 | 甲 | 乙, then 请假 | 丙."""
    first = table.blocks[0].name.index
    texts = (table.cells.spread(row, column) for column in range(first))
    label = next((text for text in texts if text), "")
    return section(tight(label).strip(":") + ":") if only_label(label) == "listing" else None


def _group_in(note: str) -> str:
    return next((word for word in note.split() if group_of(word)), "")


def _has_marks(table: Table, row: int, block: Block | None = None) -> bool:
    columns = [
        column.index for b in ([block] if block else table.blocks) for column in b.of(*MARKING)
    ]
    texts = [table.cells.text(row, column) for column in columns]
    return any(mark_like(text) and not text.isdigit() for text in texts)


def _is_note(filled: list[tuple[int, str]]) -> bool:
    return len(filled) == 1 or ":" in tight(filled[0][1]) or only_label(filled[0][1]) is not None


def _used(table: Table, row: int, lines: list[Line]) -> Iterator[tuple[int, int]]:
    """The row's cells that belong to the people in it; texts beside the table stay free."""
    people = {line.column for line in lines}
    for column, _text in table.cells.filled(row):
        if column in people or any(block.holds(column) for block in table.blocks):
            yield row, column


def repeats(one: list[Line], other: list[Line]) -> bool:
    """Whether most people of the one list stand in the other as well: another meeting."""
    names = {line.key or key(line.name) for line in other}
    again = sum((line.key or key(line.name)) in names for line in one)
    return bool(one) and again * 2 > len(one)
