"""From a register to drafts of sessions: who stands in each, and what their rows say so far."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from . import own_matrix
from .cells import Cells, tight
from .clocks import Clock, part_in
from .dates import Day, days_in, in_heading, of_date
from .days import Calendar, When, standing_alone
from .facts import labelled
from .headings import Kind
from .judging import Entry, entry_of, with_words
from .legends import legend_of, pairs_in, speaks_of_marks
from .lines import Line
from .marks import Legend, Verdict, judge, merge
from .model import ABSENT, LEAVE, MADE_UP, NOT_YET, PRESENT
from .people import Directory
from .registers import Register, Text, adjacent_pairs, fact_place, when_of
from .slots import Slot, SlotKey, common_columns, slots_of
from .tables import MARKING

TAKEN_PART = re.compile(r"(?:参加|参会|到会|出席|与会|参学|实到|签到)(?:人员|党员|同志)")


@dataclass
class Draft:
    """A session in the making: its day and time, and its entries in the order of the sheet."""

    register: Register
    entries: list[Entry]
    key: SlotKey
    day: date | None = None
    clock: Clock = field(default_factory=Clock)
    part: str | None = None
    topic: str | None = None
    code: str | None = None  # the session's key, where our own export has one for each column
    single: bool = True
    unfilled: bool = False
    listed: bool = False
    place: tuple[int, str] | None = None
    venue: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def cells(self) -> Cells:
        return self.register.cells


def legend_for(register: Register, fallback: Legend) -> Legend:
    """The register's own legend; a sheet without one follows the workbook's."""
    words = (
        word
        for table, _ in register.parts
        for block in table.blocks
        for column in (block.name, *block.columns)
        for word in column.words
    )
    texts = [text for _, _, text in register.texts]
    texts += [text for _, _, text in remarks_with_legend(register)]
    found = legend_of([*texts, *words, *adjacent_pairs(register.cells, register.texts)])
    if key_of(register):
        # Our own export writes 未签到 for whoever has not checked in yet.
        return Legend({**found.marks, "未签到": Verdict(NOT_YET)}, found.blank, exact=True)
    if found.marks or found.blank or found.everyone or found.coloured:
        return found
    return fallback


def remarks_with_legend(register: Register) -> Iterator[Text]:
    """Remarks that explain marks: a legend written down the last column."""
    for table, _ in register.parts:
        columns = [c.index for block in table.blocks for c in block.of(Kind.REMARK)]
        for row in table.body:
            for column in columns:
                text = table.cells.text(row, column)
                if text and pairs_in(text) and speaks_of_marks(text):
                    yield row, column, text


def learn_from(register: Register, calendar: Calendar) -> None:
    """Years and months that the register's lines, labels and headings state."""
    when = when_of(register)
    facts = register.facts
    calendar.learn(register.titles)
    calendar.learn([f"{fact.text}年" for fact in facts.all("year") if fact.text.isdigit()])
    calendar.learn([fact.text for fact in (*facts.all("year"), *facts.all("month"))])
    calendar.learn([calendar.cells.name])
    if not calendar.years:
        calendar.years += [day.year for day in when.days[:1] if day.year]
    slot_days = [c.day for t, _ in register.parts for b in t.blocks for c in b.columns if c.day]
    for day in slot_days:
        if day.year and day.year not in calendar.fallback_years:
            calendar.fallback_years.append(day.year)
        if day.month and not day.day and day.month not in calendar.months:
            calendar.months.append(day.month)
    stated = {day.month for day in slot_days if day.month}
    if not calendar.months and len(stated) == 1:  # 2021年6月 over the first of the days only
        calendar.months += [month for month in stated if month]
    alone = [standing_alone(text) for _, _, text in register.foot]
    calendar.hints += [day.exact for day in alone if day and day.exact]
    for fact in facts.all("filled"):
        found = in_heading(fact.text, fact.value)
        if found and found.exact:
            calendar.hints.append(found.exact)
        if found and found.year and found.year not in calendar.fallback_years:
            calendar.fallback_years.append(found.year)


def drafts_of(
    register: Register, legend: Legend, directory: Directory, calendar: Calendar
) -> list[Draft]:
    """One draft for each session that the register's tables hold."""
    found: dict[SlotKey, list[tuple[Slot, list[Line]]]] = {}
    for table, body in register.parts:
        lines = sorted(body.lines, key=lambda line: (line.block.name.index, line.row))
        for slot in slots_of(table, lines):
            found.setdefault(slot.key, []).append((slot, lines))
    when = when_of(register)
    if not register.parts:  # only lists of names in sentences
        found[("",)] = [(Slot(("",)), [])]
    drafts = []
    for key, parts in found.items():
        entries = [
            entry
            for slot, lines in parts
            for line in lines
            if (entry := entry_of(line, slot, legend, directory))
        ]
        first = parts[0][0]
        code = own_matrix.key_under(register, first) if legend.exact and first.day else None
        if code:
            entries = own_matrix.told(entries, legend)
        draft = Draft(register, entries, key, topic=first.topic, place=first.place, code=code)
        draft.venue = first.venue
        draft.single = len(found) == 1
        _when(draft, first, when, calendar)
        draft.listed = not any(slot.of(line) for slot, lines in parts for line in lines)
        drafts.append(draft)
        _ask_cut(drafts, first, calendar)
    for draft in drafts:
        _by_lists(draft)
    if len(drafts) > 1:
        _share_remarks(drafts)
    return drafts


def _when(draft: Draft, slot: Slot, when: When, calendar: Calendar) -> None:
    """The day of a session: its column's or row's own, else the register's."""
    draft.part = slot.part
    draft.clock = when.clock if not slot.day or len(when.days) < 2 else Clock()
    if slot.part and not draft.single:
        draft.clock = Clock()
    if slot.clock.start:
        draft.clock = slot.clock
    if slot.day:
        context = [day for day in when.days if day.month]
        months = {day.month for day in context}
        own = slot.day
        if own.month is None and len(months) == 1:
            own = own.within(None, months.pop())
        draft.day = calendar.resolve(own, slot.place)
        return
    draft.part = draft.part or part_in(when.text)
    draft.day = _day_of_register(draft, slot, when, calendar)


def _ask_cut(drafts: list[Draft], slot: Slot, calendar: Calendar) -> None:
    """6.16, 6.23, 6.3: a number that breaks the order of the days may have been 6.30."""
    day, before = drafts[-1].day, drafts[-2].day if len(drafts) > 1 else None
    if not (slot.day and slot.day.cut and day and before and day <= before and slot.place):
        return
    later = replace(slot.day, year=day.year, day=day.day * 10)
    both = [found for found in (slot.day, later) if not found.impossible]
    drafts[-1].day = calendar.one_of_typed(both, slot.day.text, slot.place)


def _day_of_register(draft: Draft, slot: Slot, when: When, calendar: Calendar) -> date | None:
    place = fact_place(draft.cells, when.fact)
    numbered = not draft.single and slot.key[0] and not slot.part
    if numbered:  # 第一次, 第二次 without dates: the sheet's one date is not that of each
        return calendar.resolve(None, slot.place)
    if len(when.days) > 1 and place:
        return calendar.one_of(list(when.days), when.text, place)
    if when.days:
        return calendar.resolve(when.days[0], place)
    for text in (draft.cells.name, *_signed_in(draft)):
        day = in_heading(text) if text == draft.cells.name else days_in(text)[0]
        if day and day.day:
            return calendar.resolve(day, None)
    partial = [day for text in draft.register.titles for day in days_in(text)]
    return calendar.resolve(partial[0] if partial and partial[0].month else None, None)


def _signed_in(draft: Draft) -> list[str]:
    """The one day on which all times of signing in lie."""
    days = set()
    for entry in draft.entries:
        for column in entry.line.block.of(Kind.SIGNED_IN):
            value = draft.cells.value(entry.line.row, column.index)
            if isinstance(value, datetime) and of_date(value.date()):
                days.add(value.date().isoformat())
    return list(days) if len(days) == 1 else []


def _by_lists(draft: Draft) -> None:
    """Names without marks: a list of who came (or who did not) says so in its heading or title."""
    came = any(TAKEN_PART.search(tight(title)) for title in draft.register.titles)
    due = [e for e in draft.entries if tight(" ".join(e.line.block.name.words)).startswith("应")]
    for entry in draft.entries:
        block, verdict = entry.line.block, entry.verdict
        if not verdict.silent or any(c.kind in MARKING for c in block.columns):
            continue
        status = block.name.meaning.status if block.name.meaning else None
        if block.name.kind in MARKING or entry.line.section == PRESENT or (came and draft.listed):
            status = status or PRESENT
        if status:
            entry.verdict = with_words(
                Verdict(status, "未说明" if status == LEAVE else None), "", entry.remark or ""
            )
            entry.positive = entry.positive or status == PRESENT
    _absorb_due(draft, due)


def _absorb_due(draft: Draft, due: list[Entry]) -> None:
    """应到人员 beside 实到人员: who stands in both came, who stands only in the first did not."""
    others = {entry.line.key for entry in draft.entries if entry not in due}
    if not due or not others:
        return
    draft.entries = [e for e in draft.entries if e not in due or e.line.key not in others]
    for entry in due:
        if entry.verdict.silent:
            entry.verdict = Verdict(ABSENT)


def _share_remarks(drafts: list[Draft]) -> None:
    """A remark beside several sessions belongs to the one that it names, or that it explains."""
    by_line: dict[int, list[tuple[Draft, Entry]]] = {}
    for draft in drafts:
        for entry in draft.entries:
            by_line.setdefault(id(entry.line), []).append((draft, entry))
    for pairs in by_line.values():
        line = pairs[0][1].line
        for column in common_columns(line.block):
            text = line.cells.spread(line.row, column.index)
            if text and column.kind in (Kind.REASON, Kind.REMARK, Kind.MAKE_UP):
                _give(pairs, text, made_up=column.kind is Kind.MAKE_UP)


def _give(pairs: list[tuple[Draft, Entry]], text: str, *, made_up: bool) -> None:
    told = judge(text, Legend())
    if made_up:
        told = Verdict(MADE_UP)
    named = [pair for pair in pairs if _names_day(text, pair[0])]
    away = [pair for pair in pairs if pair[1].verdict.status in (None, ABSENT)]
    if told.status == MADE_UP:
        away += [pair for pair in pairs if pair[1].verdict.status == LEAVE]
    meant = named or (away if told.status in (LEAVE, MADE_UP) and len(away) == 1 else [])
    for draft, entry in meant or pairs:
        entry.remark = text if not made_up else entry.remark
        if (draft, entry) in meant and told.status:
            entry.verdict = merge([entry.verdict, told])
    if not meant and told.status in (LEAVE, MADE_UP):
        pairs[0][0].notes.append(
            f"“{pairs[0][1].line.name}”的备注“{text}”没有写明是哪一次，没有据此改动，请核对。"
        )


def _names_day(text: str, draft: Draft) -> bool:
    days: Iterable[Day] = days_in(text, loose=True)
    day = draft.day
    return any(day and (d.month, d.day) == (day.month, day.day) for d in days)


def key_of(register: Register) -> str | None:
    """The key of the session that our own export carries."""
    stated = register.facts.first("key")
    if stated:
        return stated
    for table, _ in register.parts:
        for row in range(table.first, table.last + 1):
            for _, text in table.cells.filled(row):
                for kind, _, value in labelled(text):
                    if kind == "key" and value:
                        return value
        for block in table.blocks:
            for column in block.of(Kind.KEY):
                values = {table.cells.text(row, column.index) for row in table.body} - {""}
                if len(values) == 1:
                    return values.pop()
    return None
