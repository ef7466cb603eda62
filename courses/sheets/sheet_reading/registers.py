"""A sheet cut into registers: the tables of one meeting (or month) with the lines around them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .cells import Cells, tight
from .clocks import clock_in
from .dates import days_in, in_heading
from .days import When, standing_alone, stated
from .facts import Fact, Facts, facts_in, labelled, only_label
from .headings import group_of, heading, section
from .legends import speaks_of_marks
from .lines import Body, Line, body_of, repeats
from .marks import Legend, judge, symbol
from .names import looks_like_name
from .people import Directory
from .refine import headless, refined, turned
from .tables import Table, find
from .totals import Claim, claims_in, claims_of, key_of

Text = tuple[int, int, str]
STRONG = re.compile(
    r"签到|考勤|出勤|点名|登记|名单|记录|统计|签名|名册|花名册|情况表|汇总|到会|表$|册$|单$"
)
WEAK = re.compile(
    r"党课|党日|学习|会议|大会|研讨|读书班|活动|专题|培训|党支部|会$|三会一课|组织生活|民主"
)
CAME = re.compile(r"签名|签到|签字|到会|出席|参加|参会|实到")
PAGE = re.compile(r"第\s*\d+\s*页|共\s*\d+\s*页|page|页码", re.I)


@dataclass
class Register:
    """Tables that belong together, and what the lines before, between and after them state."""

    cells: Cells
    parts: list[tuple[Table, Body]]
    head: list[Text] = field(default_factory=list)
    foot: list[Text] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    claims: list[Claim] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        return [line for _, body in self.parts for line in body.lines]

    @property
    def texts(self) -> list[Text]:
        return [*self.head, *self.foot]

    @property
    def titles(self) -> list[str]:
        """Lines before the rows that could be a title, in order."""
        return [
            text
            for row, column, text in self.head
            if (row, column) not in self.facts.used and title_like(text)
        ]

    @property
    def title(self) -> str | None:
        """The line that names the sheet: one that speaks of signing in before an organisation's."""
        for form in (STRONG, WEAK):
            for text in self.titles:
                bare = re.sub(r"[\d年月日\s./()（）-]+$", "", tight(text))
                if form.search(bare) and not re.search(r"(?:党支部|委员会|党总支|党委)$", bare):
                    return text
        return self.titles[0] if self.titles else None


def title_like(text: str) -> bool:
    """No label, legend, count, group or lonely date: what is left may name the sheet."""
    word = tight(text)
    if len(word) < 3 or not re.search(r"[\u4e00-\u9fff]{2}", word):
        return False
    bare = re.sub(r"[(（][^()（）]*[)）]", "", text)
    if speaks_of_marks(text) and bare != text and not speaks_of_marks(bare):
        return title_like(bare)  # 考勤表（空白为到会）
    if labelled(text) or only_label(text) is not None or claims_in(text) or key_of(text):
        return False
    if speaks_of_marks(text) or heading(text) or group_of(text) or section(text):
        return False
    return not (
        standing_alone(text) or PAGE.search(word) or word.startswith(("注:", "说明", "备注"))
    )


def registers_of(cells: Cells, directory: Directory) -> list[Register]:
    """All registers of a sheet from top to bottom; without any table one that has texts only."""
    tables = [refined(table, directory.knows) for table in find(cells, directory.knows)]
    parts = [(table, body_of(table, directory)) for table in tables]
    parts = [(table, body) for table, body in parts if body.lines]
    if not parts:
        return [_without_headings(cells, directory)]
    edges = _meetings_side_by_side(parts)
    if edges:
        windows = (cells.window(first, stop) for first, stop in edges)
        return [found for window in windows for found in registers_of(window, directory)]
    headed = {b.name.words for table, _ in parts for b in table.blocks}
    worded = any(c.words for table, _ in parts for b in table.blocks for c in b.columns)
    if not worded and len(headed) < 2:
        grid = _names_side_by_side(cells, directory)  # 到会人员签名 over names side by side
        if grid:
            return [grid]
    found: list[Register] = []
    used = 0
    for at, (table, body) in enumerate(parts):
        stop = parts[at + 1][0].first if at + 1 < len(parts) else cells.height
        last = max(line.last for line in body.lines)
        begin = next_head(cells, last + 1, stop) if at + 1 < len(parts) else stop
        register = _register(cells, table, body, range(used, table.first), range(last + 1, begin))
        used = begin
        if found and _continues(found[-1], register):
            _join(found[-1], register)
        else:
            found.append(register)
    return found


def _meetings_side_by_side(parts: list[tuple[Table, Body]]) -> list[tuple[int, int]]:
    """The same people in each block are the meetings of several days, each with its own columns."""
    table, body = parts[0]
    people = [
        [line for line in body.lines if line.block.name.index == block.name.index]
        for block in table.blocks
    ]
    if len(people) < 2 or not all(repeats(lines, people[0]) for lines in people[1:]):
        return []
    if any(len(lines) < 3 for lines in people):
        return []
    starts = [min(c.index for c in (b.name, *b.columns)) for b in table.blocks[1:]]
    return list(zip([0, *starts], [*starts, table.cells.width], strict=True))


def _register(cells: Cells, table: Table, body: Body, head: range, foot: range) -> Register:
    taken = set(body.used) | {
        (row, column)
        for row in range(table.first, table.last + 1)
        for column, _ in cells.filled(row)
    }
    register = Register(cells, [(table, body)])
    register.head = list(_free(cells, head, taken))
    inner = [row for row in table.body if row < foot.start]
    register.foot = list(_free(cells, [*inner, *foot], taken))
    register.facts = _merged(facts_in(cells, head, taken), facts_in(cells, [*inner, *foot], taken))
    # Sums between the rows count a part of them; those below all rows count everybody.
    totals = [row for row in body.totals if row < foot.start]
    if any(claims_of(cells, totals, taken)):
        totals = body.totals
    skip = taken | {(row, c) for row in totals for c, _ in cells.filled(row)}
    register.claims = list(claims_of(cells, [*head, *inner, *foot], skip))
    return register


def _without_headings(cells: Cells, directory: Directory) -> Register:
    across = turned(cells, directory.knows)
    if across:
        register = _turned_register(cells, across, directory)
        if register.lines:
            return register
    grid = _names_side_by_side(cells, directory)
    if grid:
        return grid
    for table in headless(cells, directory.knows, set()):
        body = body_of(table, directory)
        if body.lines:
            last = max(line.last for line in body.lines)
            return _register(cells, table, body, range(table.first), range(last + 1, cells.height))
    register = Register(cells, [], head=list(_free(cells, range(cells.height), set())))
    register.facts = facts_in(cells, range(cells.height), set())
    register.claims = list(claims_of(cells, range(cells.height), set()))
    return register


def _names_side_by_side(cells: Cells, directory: Directory) -> Register | None:
    """Rows that hold nothing but names, under a title that speaks of who came: a list of them."""
    rows: dict[int, list[tuple[int, str]]] = {}
    for row in range(cells.height):
        filled = list(cells.filled(row))
        named = [directory.resolve(text)[0] for _, text in filled if directory.knows(text)]
        notes = [note for _, text in filled for note in directory.resolve(text)[1].split()]
        if any(judge(note, Legend()).status for note in notes):
            return None  # marks stand beside the names: whoever has none may not have come
        alike = all(directory.knows(text) or looks_like_name(text) for _, text in filled)
        if len(set(named)) > 1 and len(set(named)) == len(named) and alike:
            rows[row] = filled
    first = min(rows, default=0)
    above = [text for row in range(first) for _, text in cells.filled(row)]
    if not rows or not any(CAME.search(tight(text)) for text in above):
        return None
    others = [row for row in range(cells.height) if row not in rows]
    register = Register(cells, [], head=list(_free(cells, others, set())))
    register.facts = facts_in(cells, others, set())
    register.claims = list(claims_of(cells, others, set()))
    for row, filled in rows.items():
        text = "、".join(text for _, text in filled)
        register.facts.add(Fact("listing", "出席人员", text, row, filled[0][0]))
    return register


def _turned_register(
    cells: Cells, bands: list[tuple[Table, int]], directory: Directory
) -> Register:
    register = Register(cells, [(table, body_of(table, directory)) for table, _ in bands])
    table, row = bands[-1]
    first = bands[0][1]
    register.head = list(_free(cells, range(first), set()))
    # Rows under a turned table (legend, counts) stand where its headings would be.
    words = {c.index: c.words for b in table.blocks for c in b.columns if not c.meaning and c.words}
    below = [row + index for index in words]
    register.foot = list(_free(cells, below, set()))
    register.facts = _merged(facts_in(cells, range(first), set()), facts_in(cells, below, set()))
    register.claims = list(claims_of(cells, [*range(first), *below], set()))
    return register


def _free(cells: Cells, rows: Iterable[int], taken: set[tuple[int, int]]) -> Iterator[Text]:
    for row in rows:
        for column, text in cells.filled(row):
            if (row, column) not in taken:
                yield row, column, text


def _merged(first: Facts, second: Facts) -> Facts:
    for facts in second.found.values():
        for fact in facts:
            first.add(fact)
    first.used |= second.used
    return first


def next_head(cells: Cells, start: int, stop: int) -> int:
    """Where, between two tables, the lines of the second begin; `stop` if it has none."""
    dated = stop
    for row in range(start, stop):
        texts = [text for _, text in cells.filled(row)]
        if any(title_like(text) and (STRONG.search(text) or WEAK.search(text)) for text in texts):
            return min(row, dated)
        facts = facts_in(cells, [row], set())
        if stated(facts).days or (len(texts) == 1 and standing_alone(texts[0])):
            dated = min(dated, row)
    return dated


def _continues(before: Register, after: Register) -> bool:
    """A repeated heading goes on with the same meeting, unless date, time or people say not."""
    new, old = when_of(after), when_of(before)
    if new.days and old.days:
        same = [(d.year, d.month, d.day) for d in new.days] == [
            (d.year, d.month, d.day) for d in old.days
        ]
        return same and (new.clock.start is None or new.clock.start == old.clock.start)
    if new.days:
        return False
    dated = any(c.slot for b in after.parts[0][0].blocks for c in b.columns)
    return dated or not (after.titles and repeats(after.lines, before.lines))


def _join(before: Register, after: Register) -> None:
    for text in after.titles:
        status = section(text) or ("observer" if "列席" in text else None)
        for line in after.lines if status == "observer" else ():
            line.section = line.section or status
    before.parts += after.parts
    before.foot += [*after.head, *after.foot]
    before.claims += after.claims
    before.facts = _merged(before.facts, after.facts)


def when_of(register: Register) -> When:
    """Day and clock that the register's lines state: by labels, else by a date on its own."""
    when = stated(register.facts)
    if when.days:
        return when
    for row, column, text in register.head:
        if (row, column) in register.facts.used:
            continue
        value = register.cells.value(row, column)
        day = in_heading(text, value) if not isinstance(value, str) else standing_alone(text)
        if day and day.day:
            clock = when.clock if when.clock.start else clock_in(text)
            return When((day,), clock, Fact("when", "", text, row, column, value), text)
    for row, column, text in register.head:
        days = [day for day in days_in(text) if day.day]
        free = (row, column) not in register.facts.used and title_like(text)
        counted = len(days) == 1 and days[0].start == 0 and claims_in(text)
        if days and (free or counted):
            clock = when.clock if when.clock.start else clock_in(text)
            return When(tuple(days), clock, Fact("when", "", text, row, column), text)
    return when


def adjacent_pairs(cells: Cells, texts: Iterable[Text]) -> Iterator[str]:
    """A legend whose marks and meanings stand in neighbouring cells."""
    for row, column, text in texts:
        right = cells.text(row, cells.span(row, column)[3] + 1)
        if right and (len(tight(text)) == 1 or symbol(text) != tight(text)) and len(right) <= 10:
            yield f"{tight(text)}:{tight(right)}"


def fact_place(cells: Cells, fact: Fact | None) -> tuple[int, str] | None:
    return cells.place(fact.row, fact.column) if fact else None
