"""What columns hold where their headings do not say it; tables without headings; turned tables."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from .cells import Cells
from .dates import Day
from .headings import Heading, Kind, group_of
from .names import key
from .tables import MARKING, Block, Column, Table, mark_like, table

Knows = Callable[[str], bool]
SAMPLE = 400


def refined(found: Table, knows: Knows) -> Table:
    """The table with a meaning for every column that its content makes certain."""
    _headed_once(found, knows)
    for block in found.blocks:
        block.columns = tuple(_by_content(found, block, c, knows) for c in block.columns)
    if not any(block.of(*MARKING) for block in found.blocks):
        _numbered_days(found)
    if not any(block.of(*MARKING) for block in found.blocks):
        for block in found.blocks:
            _marks_by_content(found, block, knows)
    for block in found.blocks:
        _twins(found, block)
    return found


def _twins(found: Table, block: Block) -> None:
    """签到 | 签到 with nothing to tell them apart, both filled in: two meetings, days unknown."""
    plain = [c for c in block.of(Kind.MARK) if not c.slot and c.words]
    for column in plain:
        same = [c for c in plain if c.words == column.words]
        filled = [c for c in same if sample(found, c.index, block.name.index)]
        if len(filled) > 1:
            at = block.columns.index(column)
            block.put(at, replace(column, slot=f"#{column.index}"))


def _headed_once(found: Table, knows: Knows) -> None:
    """Only the first of the blocks side by side has headings: they serve the others as well."""
    first = found.blocks[0]
    free = [c for c in found.blocks[-1].columns if not c.words and c.index > first.name.index]
    names = [c.index for c in free if _holds_names(found, c.index, knows)]
    if found.headless or not names or not any(c.words for c in first.columns):
        return
    by_offset = {c.index - first.name.index: c for c in first.columns if c.words}
    lead = -min(by_offset, default=0) if min(by_offset, default=0) < 0 else 0
    ends = [*(name - lead for name in names[1:]), found.cells.width]
    last = found.blocks[-1]
    last.columns = tuple(c for c in last.columns if c.words or c.index < names[0] - lead)
    for name, end in zip(names, ends, strict=True):
        inside = tuple(
            replace(by_offset[index - name], index=index)
            for index in range(name - lead, end)
            if index != name and index - name in by_offset
        )
        found.blocks.append(Block(replace(first.name, index=name), inside))


def _holds_names(found: Table, column: int, knows: Knows) -> bool:
    texts = [text for row in found.body if (text := found.cells.text(row, column))]
    known = sum(map(knows, texts))
    if known == len(texts) == 1:  # the last block may hold one person, with a mark beside them
        [row] = [row for row in found.body if found.cells.text(row, column)]
        return mark_like(found.cells.text(row, column + 1))
    return known >= 2 and known * 2 > len(texts)


def sample(found: Table, column: int, name: int) -> list[str]:
    """The column's filled cells in rows that have something in the name column."""
    rows = list(found.body)[:SAMPLE]
    texts = (found.cells.spread(row, column) for row in rows if found.cells.spread(row, name))
    return [text for text in texts if text]


def _by_content(found: Table, block: Block, column: Column, knows: Knows) -> Column:
    if (column.meaning or column.words) and column.kind is not Kind.SEQUENCE:
        return column
    texts = sample(found, column.index, block.name.index)
    if column.kind is Kind.SEQUENCE:  # 编号 over 00120005 is no running number
        long = sum(text.isdigit() and len(text) > 4 for text in texts)
        return replace(column, meaning=Heading(Kind.NUMBER)) if long * 2 > len(texts) else column
    if texts and sum(group_of(text) is not None for text in texts) * 2 > len(texts):
        return replace(column, meaning=Heading(Kind.GROUP))
    if texts and all(text.isdigit() for text in texts) and column.index < block.name.index:
        return replace(column, meaning=Heading(Kind.SEQUENCE))
    return column


def _numbered_days(found: Table) -> None:
    """Headings 2, 9, 16 or 1 … 31 are days of a month; 1, 2, 3, 4 are the first to fourth time."""
    for block in found.blocks:
        numbered = [
            column
            for column in block.columns
            if not column.meaning
            and len(column.words) in (1, 2)
            and column.words[0].isdigit()
            and 1 <= int(column.words[0]) <= 31
            and column.index > block.name.index
        ]
        numbers = [int(column.words[0]) for column in numbered]
        if len(numbers) < 2 or numbers != sorted(set(numbers)):
            continue
        counted = numbers == list(range(1, len(numbers) + 1)) and len(numbers) < 15
        for at, column in enumerate(block.columns):
            if column in numbered:
                day = None if counted else Day(day=int(column.words[0]), text=column.words[0])
                slot = f"#{column.index}"
                marks = replace(column, meaning=Heading(Kind.MARK), slot=slot, day=day)
                block.put(at, marks)


def _marks_by_content(found: Table, block: Block, knows: Knows) -> None:
    """No heading names marks: the columns whose cells look like marks hold them."""
    candidates = []
    for column in block.columns:
        if column.meaning or column.index < block.name.index:
            continue
        texts = sample(found, column.index, block.name.index)
        like = sum(mark_like(text) or knows(text) for text in texts)
        if texts and like * 2 >= len(texts):
            candidates.append(column)
    for column in candidates:
        # Several columns with headings of their own are several meetings.
        own = len(candidates) > 1 and bool(column.words)
        marks = replace(
            column,
            meaning=Heading(Kind.MARK),
            slot=f"#{column.index}" if own else "",
            topic=column.words[-1] if own else None,
        )
        block.put(block.columns.index(column), marks)
    if candidates:
        _rest_is_remark(block)


def _rest_is_remark(block: Block) -> None:
    """Text after the marks of a table without headings is the remark."""
    last = max(column.index for column in block.of(Kind.MARK))
    for at, column in enumerate(block.columns):
        if column.index > last and not column.meaning and not column.words:
            block.put(at, replace(column, meaning=Heading(Kind.REMARK)))


def headless(cells: Cells, knows: Knows, covered: set[int]) -> list[Table]:
    """Columns of own names with no heading over them, in rows that no table covers."""
    columns: dict[int, list[int]] = {}
    for row in range(cells.height):
        if row in covered:
            continue
        for column, text in cells.filled(row):
            if knows(text):
                columns.setdefault(column, []).append(row)
    names = sorted(column for column, rows in columns.items() if len(rows) >= 2)
    if not names:
        # A single row of names, side by side, is a list as well.
        rows = [row for rows in columns.values() for row in rows]
        if len(columns) < 2 or len(set(rows)) > 1:
            return []
        names = sorted(columns)
    first = min(columns[name][0] for name in names)
    return [refined(table(cells, first, first - 1, cells.height, names, headless=True), knows)]


def turned(cells: Cells, knows: Knows) -> list[tuple[Table, int]]:
    """People across and days down: the same tables after rows and columns are exchanged.

    People who do not fit into one row go on in a second band below the first one's marks.
    """
    starts: list[int] = []
    for row in range(cells.height):
        names = [key(text) for _, text in cells.filled(row) if knows(text)]
        above = {key(cells.text(r, c)) for r in starts[-1:] for c, _ in cells.filled(r)}
        if len(names) > 1 and not above & set(names):
            starts.append(row)
    bands = [_band(cells, a, b, knows) for a, b in pairwise([*starts, cells.height])]
    if not bands or not any(bands):
        return []
    return [(table, row) for table, row in zip(bands, starts, strict=True) if table]


def _band(cells: Cells, row: int, stop: int, knows: Knows) -> Table | None:
    names = [column for column, text in cells.filled(row) if knows(text)]
    below = [(cells.text(r, c), c) for r in range(row + 1, stop) for c in names]
    filled = [(text, column) for text, column in below if text]
    own = [key(text) == key(cells.text(row, column)) for text, column in filled]
    marks = [mark_like(text) for text, _ in filled]
    like = [a or b for a, b in zip(own, marks, strict=True)]
    strange = any(knows(text) and not o for (text, _), o in zip(filled, own, strict=True))
    if strange or sum(like) * 2 < len(filled) or not any(like):
        return None
    around = cells.turned(row, stop)
    return refined(table(around, 0, min(names) - 1, around.height, [0]), knows)
