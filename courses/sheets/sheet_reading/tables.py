"""Where the rows of people stand: heading rows, blocks side by side, columns and what they hold."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from .cells import Cells, fold, tight
from .clocks import Clock, clock_in, part_in
from .dates import Day, arabic, days_in, in_heading, weekday_in
from .facts import labelled, only_label
from .headings import Heading, Kind, heading, is_ordinal, is_weekday
from .marks import Legend, judge

MARKING = (Kind.MARK, Kind.TICK)
# Kinds that make a row with a name heading certain to be a heading row.
SUPPORTING = frozenset(Kind) - {Kind.NAME}


@dataclass(frozen=True)
class Column:
    """One column of a block: its heading's words from top to bottom, and what they mean.

    `slot` tells columns of different sessions apart: the place of the date heading that they
    share, with the part of the day; "" where the heading names no session of its own.
    """

    index: int
    words: tuple[str, ...]
    meaning: Heading | None
    slot: str = ""
    day: Day | None = None
    part: str | None = None
    topic: str | None = None
    venue: str | None = None
    clock: Clock = field(default_factory=Clock)
    kind: Kind | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.meaning.kind if self.meaning else None)


@dataclass
class Block:
    """Columns that belong to one name column; several blocks may stand side by side."""

    name: Column
    columns: tuple[Column, ...] = ()
    given: int | None = None  # the column beside it that holds the rest of a name cut in two
    _sorted: dict[tuple[Kind, ...], list[Column]] = field(default_factory=dict, repr=False)
    _held: frozenset[int] = field(default=frozenset(), repr=False)
    _of: tuple[Column, ...] | None = field(default=None, repr=False)

    def of(self, *kinds: Kind) -> list[Column]:
        """Its columns of these kinds."""
        self._look()
        if kinds not in self._sorted:
            self._sorted[kinds] = [column for column in self.columns if column.kind in kinds]
        return self._sorted[kinds]

    def holds(self, column: int) -> bool:
        """Whether a column has a meaning or a heading here."""
        self._look()
        return column == self.given or column in self._held

    def _look(self) -> None:
        """Both are asked for each of its rows: what is found is kept until the columns change."""
        if self._of is not self.columns:
            self._sorted, self._of = {}, self.columns
            told = (c for c in (self.name, *self.columns) if c.meaning or c.words)
            self._held = frozenset(column.index for column in told)

    def put(self, at: int, column: Column) -> None:
        """Give it another column in a column's place."""
        self.columns = (*self.columns[:at], column, *self.columns[at + 1 :])


@dataclass
class Table:
    """A heading zone (first to last row) and the rows below it up to `end` (exclusive)."""

    cells: Cells
    first: int
    last: int
    end: int
    blocks: list[Block]
    headless: bool = False

    @property
    def body(self) -> range:
        return range(self.last + 1, self.end)

    @property
    def columns(self) -> range:
        used = [c.index for b in self.blocks for c in (b.name, *b.columns)]
        return range(min(used), max(used) + 1)


Knows = Callable[[str], bool]


def find(cells: Cells, knows: Knows) -> list[Table]:
    """All tables of a sheet from top to bottom; a repeated heading row begins a new one."""
    zones: list[tuple[int, int, list[int]]] = []
    row = 0
    while row < cells.height:
        names = name_columns(cells, row, knows)
        if names:
            first, last = heading_zone(cells, row, names)
            zones.append((first, last, names))
            row = last + 1
        else:
            row += 1
    ends = [zone[0] for zone in zones[1:]] + [cells.height] * bool(zones)
    return [
        table(cells, first, last, end, names)
        for (first, last, names), end in zip(zones, ends, strict=True)
    ]


def name_columns(cells: Cells, row: int, knows: Knows) -> list[int]:
    """The columns whose cell in this row heads names; empty if this is no heading row."""
    found = [(column, heading(text), text) for column, text in cells.filled(row)]
    names = [column for column, head, _ in found if head and head.kind is Kind.NAME]
    if not names:
        surname = _surnames(cells, row)
        if surname is not None:
            return [surname]
        return _signatures(cells, row, [(c, h) for c, h, _ in found if h], knows)
    supported = any(
        (head and head.kind in SUPPORTING) or in_heading(text, cells.value(row, column))
        for column, head, text in found
        if column not in names
    )
    below = cells.span(row, names[0])[2] + 1
    if supported or (len(names) > 1 and not knows(cells.text(row, names[-1]))):
        if _reads_across(cells, row, names[0], knows):
            return []
        return [c for name in names for c in _spanned(cells, row, name, knows)]
    if sum(knows(cells.text(r, names[0])) for r in range(below, below + 6)) >= 2:
        return [c for name in names for c in _spanned(cells, row, name, knows)]
    return []


def _surnames(cells: Cells, row: int) -> int | None:
    """The column 姓 with a column 名 beside it."""
    for column, text in cells.filled(row):
        right = cells.span(row, column)[3] + 1
        if tight(text) == "姓" and tight(cells.text(row, right)) == "名":
            return column
    return None


def _signatures(
    cells: Cells, row: int, heads: list[tuple[int, Heading]], knows: Knows
) -> list[int]:
    """签到 or 出席 over names, with no 姓名 beside it: the names themselves are the signatures."""
    columns = [
        column
        for name, head in heads
        if head.kind in MARKING
        for column in _spanned(cells, row, name, knows)
    ]
    below = cells.span(row, heads[0][0])[2] + 1 if heads else 0
    if any(_head_below(cells, below, column) for column in columns):
        return []  # 签到 is the title here: dates or other headings stand between it and the names
    cells_below = [cells.text(r, c) for c in columns for r in range(below, below + 8)]
    filled = [text for text in cells_below if text]
    known = sum(map(knows, filled))
    return columns if known >= 2 and known * 2 > len(filled) else []


def _head_below(cells: Cells, below: int, column: int) -> bool:
    texts = (cells.text(row, column) for row in range(below, below + 8))
    text = next((text for text in texts if text), "")
    head = heading(text)
    return bool(in_heading(text)) or (head is not None and head.kind is not Kind.TICK)


def _reads_across(cells: Cells, row: int, name: int, knows: Knows) -> bool:
    """Names stand to the right of 姓名 instead of below it: people across, days down."""
    across = sum(knows(cells.text(row, column)) for column in range(name + 1, cells.width))
    down = sum(knows(cells.text(r, name)) for r in range(row + 1, min(row + 30, cells.height)))
    return across >= 2 and across > down


def _spanned(cells: Cells, row: int, column: int, knows: Knows) -> Iterator[int]:
    """A heading merged over several columns heads each of them that holds names."""
    _, first, last, right = cells.span(row, column)
    if right == first:
        yield column
        return
    holding = [
        c
        for c in range(first, right + 1)
        if sum(knows(cells.text(r, c)) for r in range(last + 1, last + 40))
    ]
    yield from holding or [column]


def heading_zone(cells: Cells, row: int, names: list[int]) -> tuple[int, int]:
    """First and last row of the heading: 姓名 may be merged, dates may stand above or below it."""
    first, _, last, _ = cells.span(row, names[0])
    for _ in range(3):
        if not _is_lower_heading(cells, last + 1, names):
            break
        last += 1
    while first and _is_upper_heading(cells, first - 1, names):
        first -= 1
    return _with_label_rows(cells, first, names), last


TOLD = ("when", "topic", "content", "place", "host", "lecturer")
TOLD_BELOW = ("topic", "content", "place")


def _label_at(cells: Cells, row: int, name: int) -> str | None:
    """The kind of label that opens a row of headings: 日期 | | 6月2日 | 6月9日."""
    column, text = next(cells.filled(row), (name + 1, ""))
    return only_label(text) if column <= name else None


def _with_label_rows(cells: Cells, first: int, names: list[int]) -> int:
    """Rows 日期, 主题, 地点 with one cell for each column below belong to the heading."""
    dated, top = False, first
    while top and _label_at(cells, top - 1, names[0]) in TOLD:
        values = [(c, text) for c, text in cells.filled(top - 1) if c > names[0]]
        if len(values) < 2 or any(only_label(text) or labelled(text) for _, text in values):
            break
        top -= 1
        dated = dated or all(in_heading(text, cells.value(top, c)) for c, text in values)
    return top if dated else first


def _like_heading(cells: Cells, row: int, column: int, text: str) -> bool:
    head = heading(text)
    if head and head.kind is not Kind.NAME:
        return True
    if in_heading(text, cells.value(row, column)):
        return len(text) < 24
    return is_ordinal(text) or is_weekday(text) or (part_in(text) is not None and len(text) < 8)


def _is_lower_heading(cells: Cells, row: int, names: list[int]) -> bool:
    """A second heading row: nothing under 姓名, and dates, parts of the day or kinds elsewhere."""
    if _label_at(cells, row, names[0]) in TOLD_BELOW and len(list(cells.filled(row))) > 2:
        return True
    if any(cells.text(row, name) for name in names):
        return False
    filled = list(cells.filled(row))
    if not filled or (filled[0][0] < min(names) and tight(filled[0][1]).isdigit()):
        return False
    if len(filled) > 1 and all(_under_date(cells, row, column, text) for column, text in filled):
        return True
    like = [
        text
        for column, text in filled
        if _like_heading(cells, row, column, text) or _under_month(cells, row, column, text)
    ]
    # One lonely word such as 出席 is a mark of a row without a name, not a heading.
    merged = cells.span(row, names[0])[0] < row
    return (len(like) == len(filled) and (len(set(like)) > 1 or merged)) or (
        len(like) > 1 and len(like) * 2 > len(filled)
    )


def _under_month(cells: Cells, row: int, column: int, text: str) -> bool:
    """A bare 2, 9, 16 under 6月."""
    above = in_heading(cells.spread(row - 1, column), cells.value(*cells.anchor(row - 1, column)))
    return bool(above and above.month and not above.day and _bare_day(text))


def _bare_day(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 3 and 1 <= int(text) <= 31 else None


def _under_date(cells: Cells, row: int, column: int, text: str) -> bool:
    """Topics under a row of dates: words that are no marks."""
    above = cells.spread(row - 1, column)
    dated = in_heading(above, cells.value(*cells.anchor(row - 1, column))) or is_ordinal(above)
    return bool(dated) and len(tight(text)) > 1 and not mark_like(text) and not heading(above)


def _is_upper_heading(cells: Cells, row: int, names: list[int]) -> bool:
    """A row over the names' heading that groups columns: months, dates, 出勤情况."""
    filled = list(cells.filled(row))
    if not filled or cells.spread(row, names[0]):
        return False
    return all(
        column > names[0] and _like_heading(cells, row, column, text) for column, text in filled
    ) and any(
        in_heading(text, cells.value(row, column))
        or cells.span(row, column)[3] > column
        or is_ordinal(text)
        for column, text in filled
    )


def table(
    cells: Cells, first: int, last: int, end: int, names: list[int], *, headless: bool = False
) -> Table:
    """The table under a heading zone, its columns shared out to its name columns."""
    columns = {c: column(cells, first, last, c, names[0]) for c in range(cells.width)}
    prefix = _prefix(columns, names[0])
    starts = [names[0] - len(prefix)]
    for name in names[1:]:
        starts.append(name - _matching(columns, name, prefix))
    starts[0] = 0 if len(names) == 1 else min(starts[0], names[0])
    blocks = []
    for start, stop, name in zip(starts, [*starts[1:], cells.width], names, strict=True):
        given = _given(cells, last, columns, name)
        inside = tuple(columns[c] for c in range(start, stop) if c not in (name, given))
        blocks.append(Block(columns[name], inside, given))
    return Table(cells, first, last, end, blocks, headless)


def _given(cells: Cells, last: int, columns: dict[int, Column], name: int) -> int | None:
    """The column of given names: 名 beside 姓, or the second one under a merged 姓名."""
    beside = columns.get(name + 1)
    if beside is None:
        return None
    apart = [tight(columns[c].words[-1]) for c in (name, name + 1) if columns[c].words]
    if apart == ["姓", "名"]:
        return name + 1
    return name + 1 if cells.span(last, name)[3] == name + 1 else None


def _prefix(columns: dict[int, Column], name: int) -> list[Kind | None]:
    """Kinds of the columns directly before the first name column: they repeat in each block."""
    kinds: list[Kind | None] = []
    for column in range(name - 1, -1, -1):
        if not columns[column].words:
            break
        kinds.insert(0, columns[column].kind)
    return kinds


def _matching(columns: dict[int, Column], name: int, prefix: list[Kind | None]) -> int:
    count = 0
    for kind in reversed(prefix):
        if kind in MARKING or columns[name - count - 1].kind is not kind:
            break
        count += 1
    return count


def column(cells: Cells, first: int, last: int, index: int, name: int) -> Column:
    """What the column is, by all heading cells above it."""
    words: list[str] = []
    day: Day | None = None
    meaning: Heading | None = None
    part = topic = venue = None
    slot, clock = "", Clock()
    for row in range(first, last + 1):
        at = _heads(cells, row, index, last, name)
        text = cells.spread(row, at)
        label = _label_at(cells, row, name)
        if label in TOLD and label != "when":
            topic = text if text and index > name and label in ("topic", "content") else topic
            venue = text if text and index > name and label == "place" else venue
            continue
        if not text or (words and words[-1] == text and cells.anchor(row, index)[0] < row):
            continue
        words.append(text)
        head = heading(text)
        stated = None if head else in_heading(text, cells.value(*cells.anchor(row, at)))
        if not stated and day and day.month and not day.day and _bare_day(text):
            stated = Day(day=_bare_day(text), text=f"{day.text}{text}日")
        if stated:
            day = stated.within(day.year, day.month) if day else stated
            slot = f"{'' if stated.day is None else cells.anchor(row, at)}" or slot
            topic = _beside_date(text) or topic
            clock = clock_in(text)
        elif head:
            meaning = head if head.kind is not Kind.OTHER or not meaning else meaning
        elif is_weekday(text) and day:
            day = replace(day, weekday=weekday_in(text))
        elif is_ordinal(text):
            slot = slot or f"{cells.anchor(row, index)}"
        elif (day or slot) and clock_in(text).start:
            clock = clock_in(text)
        elif not is_weekday(text) and not part_in(text) and (day or slot):
            topic = text
        part = part_in(text) if len(text) < 24 else part
    if meaning is None and (slot or part) and words:
        meaning = Heading(Kind.MARK)
    if part and meaning and meaning.kind in (*MARKING, Kind.SIGNED_IN):
        slot = f"{slot}{part}"
    return Column(index, tuple(words), meaning, slot, day, part, topic, venue, clock)


def _heads(cells: Cells, row: int, index: int, last: int, name: int) -> int:
    """The column whose cell heads this one: a date reaches over the blank cells to its right.

    Only where the row below has marks or parts of the day, or repeats 备注 for each of the dates.
    """
    if cells.spread(row, index) or row == last or index <= name:
        return index
    text = cells.spread(last, index)
    head = heading(text)
    alike = sum(tight(word) == tight(text) for _, word in cells.filled(last))
    beside = head and head.kind in (Kind.REASON, Kind.REMARK) and alike > 1
    if not (beside or (head and head.kind in MARKING) or part_in(text)):
        return index
    for left in range(index - 1, name, -1):
        if cells.spread(row, left):
            stated = in_heading(cells.spread(row, left), cells.value(*cells.anchor(row, left)))
            return left if stated and cells.span(row, left)[3] == left else index
    return index


CLOCKS = re.compile(r"(?:上午|下午|晚上)?\d{1,2}[:点时]\d{0,2}分?(?:\s*(?:-+|~|至|到)\s*)?")


def _beside_date(text: str) -> str | None:
    """What a date heading says besides the date: "6月2日党课"."""
    for day in days_in(text, loose=True):
        rest = arabic(text).replace(day.text, "")
        rest = tight(CLOCKS.sub("", fold(rest))).strip("()-:、,上下午晚")
        if len(rest) > 1 and not is_weekday(rest) and not heading(rest):
            return rest
    return None


def mark_like(text: str) -> bool:
    """Whether a cell's text could be a mark at all."""
    if not text or len(text) > 12 or (text.isdigit() and text not in ("0", "1")):
        return False
    verdict = judge(text, Legend())
    return bool(verdict.status) or verdict.doubt == "symbol"
