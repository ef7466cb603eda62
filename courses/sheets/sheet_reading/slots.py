"""The sessions that a table's columns hold: one for all marks, or one a day, or part of a day."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .clocks import Clock, part_in
from .dates import Day, in_heading
from .headings import Kind
from .lines import Line
from .tables import MARKING, Block, Column, Table

# What a session's own columns may hold besides its marks.
ATTACHED = (Kind.REASON, Kind.REMARK, Kind.MAKE_UP, Kind.SIGNED_IN, Kind.SIGNED_OUT)
SlotKey = tuple[object, ...]


@dataclass
class Slot:
    """One session in a table: its day as far as the heading tells, and its columns by block.

    `rows` restricts it to certain rows, where the day stands in each row instead of a heading.
    """

    key: SlotKey
    day: Day | None = None
    part: str | None = None
    topic: str | None = None
    place: tuple[int, str] | None = None
    venue: str | None = None
    clock: Clock = field(default_factory=Clock)
    columns: dict[int, list[Column]] = field(default_factory=dict)
    rows: set[int] | None = None

    def of(self, line: Line) -> list[Column]:
        """The session's columns in the line's own block."""
        if self.rows is not None and line.row not in self.rows:
            return []
        return self.columns.get(line.block.name.index, [])


def slots_of(table: Table, lines: list[Line]) -> list[Slot]:
    """The table's sessions in the order of their columns (or days, where rows name them)."""
    dated = any(c.slot for block in table.blocks for c in block.of(*MARKING))
    if not dated:
        whole = Slot(("",), columns={b.name.index: _shared(b) for b in table.blocks})
        return _by_rows(table, lines, whole)
    found: dict[SlotKey, Slot] = {}
    for block in table.blocks:
        for key, columns in _groups(block):
            first = next(column for column in columns if column.kind in MARKING)
            place = table.cells.place(table.first, first.index)
            told = (first.day, first.part, first.topic, place, first.venue, first.clock)
            slot = found.setdefault(key, Slot(key, *told))
            slot.columns[block.name.index] = columns
    return list(found.values())


def _shared(block: Block) -> list[Column]:
    return [column for column in block.columns if column.kind in (*MARKING, *ATTACHED)]


def common_columns(block: Block) -> list[Column]:
    """Reasons and remarks beside several sessions: which of them they speak of is not written."""
    return [column for column in block.columns if not column.slot and column.kind in ATTACHED]


def _groups(block: Block) -> Iterable[tuple[SlotKey, list[Column]]]:
    """Columns of one session together; equal days in separate columns are separate sessions."""
    groups: dict[str, list[Column]] = {}
    for column in block.columns:
        if column.slot and column.kind in (*MARKING, *ATTACHED):
            groups.setdefault(column.slot, []).append(column)
    seen: dict[SlotKey, int] = {}
    for columns in groups.values():
        if not any(column.kind in MARKING for column in columns):
            continue
        first = next(column for column in columns if column.kind in MARKING)
        day = first.day
        label = (day.year, day.month, day.day) if day else first.words
        key: SlotKey = (label, first.part)
        seen[key] = seen.get(key, 0) + 1
        yield (*key, seen[key]), columns


def _by_rows(table: Table, lines: list[Line], whole: Slot) -> list[Slot]:
    """A register with a date (or part of the day) in each row: one session for each of them."""
    told = any(block.of(Kind.DATE, Kind.PART, Kind.TOPIC) for block in table.blocks)
    if lines and not told:
        return [whole]
    days: dict[SlotKey, set[int]] = {}
    facts: dict[SlotKey, tuple[Day | None, str | None, str | None, tuple[int, str]]] = {}
    for line in lines:
        for row in range(line.row, line.last + 1):
            day, part, topic, place = _stated_in_row(line, row)
            key: SlotKey = ((day.year, day.month, day.day) if day else None, part)
            days.setdefault(key, set()).add(row)
            facts.setdefault(key, (day, part, topic, place))
    if len(days) == 1 and not any(next(iter(days))):
        return [whole]
    stated = [key for key in days if any(key)]
    blank: SlotKey = (None, None)
    if blank in days and len(stated) == 1:
        # The one date is written only where it was not felt to be obvious.
        days[stated[0]] |= days.pop(blank)
    slots = []
    for found, rows in days.items():
        day, part, topic, place = facts[found]
        slots.append(
            replace(whole, key=found, day=day, part=part, topic=topic, place=place, rows=rows)
        )
    return slots


def _stated_in_row(
    line: Line, row: int
) -> tuple[Day | None, str | None, str | None, tuple[int, str]]:
    cells = line.cells
    day = part = topic = None
    place = cells.place(row, line.column)
    for block in dict.fromkeys((line.table.blocks[0].name.index, line.block.name.index)):
        for column in next(b for b in line.table.blocks if b.name.index == block).columns:
            text = cells.spread(row, column.index)
            if not text:
                continue
            if column.kind is Kind.DATE and day is None:
                day = in_heading(text, cells.value(*cells.anchor(row, column.index)))
                day = day if day and day.day else None
                place = cells.place(row, column.index) if day else place
                part = part or part_in(text)
            elif column.kind is Kind.PART:
                part = part_in(text) or text
            elif column.kind is Kind.TOPIC:
                topic = topic or text
    return day, part, topic, place
