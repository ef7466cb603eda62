"""Reading a whole workbook of attendance: sheet by sheet, with one list of questions."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from portal.workbooks import Grid, Workbook

from .cells import Cells, tight
from .checks import (
    branch_warning,
    count_warnings,
    day_warnings,
    hidden_warnings,
    left_out_warnings,
    nameless_warnings,
    sequence_warnings,
    sign_out_warnings,
    sum_warnings,
)
from .dates import days_in
from .days import Calendar
from .drafts import Draft, drafts_of, key_of, learn_from, legend_for
from .headings import Kind
from .identify import Identifier, settle_equals
from .judging import Entry
from .legends import legend_of, rest_is_present
from .lines import Line
from .marks import Legend, Verdict
from .model import ABSENT, LEAVE, PRESENT, Notice, Question, Reading, Roster, Session
from .people import Directory
from .questions import Asker
from .questions import key as question_key
from .registers import Register, Text, adjacent_pairs, registers_of
from .sentences import Mention, everybody_came, mentions
from .sessions import Assembler
from .settling import Settler, strangers_among
from .tables import MARKING, Block, Column, Table
from .totals import Claim

NOT_FOUND = (
    "没有在表中找到姓名列，也没有找到本支部党员的姓名。"
    "请检查：表头要有“姓名”一栏，或每人一行写出姓名；并确认选对了文件和党支部。"
)
EMPTY = "表格里没有任何内容。请确认选对了文件。"
UNFILLED = "这张表还没有填写：一个人的签到情况都没有。请填写后再上传。"
MEMBER_LIST = "这张表像是党员名册，不是签到表：没有签到、出勤一类的列。请上传签到（考勤）表。"

ATTENDANCE = re.compile(r"签到|考勤|出勤|点名|参加|到会|参会|出席")


Tell = Callable[[int, int], None]


def read(
    workbook: Workbook,
    *,
    roster: Roster,
    at: date,
    answers: Mapping[str, str] | None = None,
    tell: Tell = lambda done, total: None,
) -> Reading:
    """What the workbook says of who attended; never guesses, never drops a row in silence.

    tell: called after each worksheet with how much is done, for whoever waits; it may raise.
    """
    return _Reader(workbook, Directory(roster), at, Asker(answers or {}), tell).reading()


@dataclass
class _Reader:
    workbook: Workbook
    directory: Directory
    at: date
    asker: Asker
    tell: Tell
    warnings: list[Notice] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def reading(self) -> Reading:
        self.warnings += [Notice(note) for note in self.workbook.notes]
        sheets = [Cells(grid) for grid in self.workbook.sheets if self._is_read(grid)]
        if not any(cells.height for cells in sheets):
            return Reading("refuse", EMPTY, warnings=tuple(self.warnings))
        total, done = 2 * sum(cells.height for cells in sheets), 0  # rows, gone through twice
        registers = []
        for cells in sheets:
            registers.append((cells, registers_of(cells, self.directory)))
            done += cells.height
            self.tell(done, total)
        texts = [text for _, found in registers for r in found for _, _, text in r.texts]
        legend = legend_of([*texts, *_pairs_beside(registers)])
        years = self._years(registers)
        sessions: list[Session] = []
        names = [cells.name for cells in sheets]
        registers.reverse()
        del sheets
        while registers:  # what was made of a worksheet is not kept
            cells, found = registers.pop()
            sessions += self._sheet(cells, found, legend, years)
            done += cells.height
            self.tell(done, total)
        return self._finished(sessions, names)

    def _is_read(self, grid: Grid) -> bool:
        if grid.hidden and any(map(any, grid.rows)):
            self.warnings.append(Notice(f"隐藏的工作表“{grid.name}”没有读取。"))
        return not grid.hidden

    def _years(self, registers: Iterable[tuple[Cells, list[Register]]]) -> list[int]:
        """Years that the workbook states anywhere: they serve sheets that state none."""
        years: list[int] = []
        for cells, found in registers:
            for register in found:
                calendar = Calendar(cells, self.at, self.asker, [])
                learn_from(register, calendar)
                if not register.lines:  # a cover
                    calendar.learn(text for _, _, text in register.texts)
                years += [y for y in (calendar.years or calendar.fallback_years) if y not in years]
        if not years:
            name = self.workbook.filename.rsplit(".", 1)[0]
            years = sorted({day.year for day in days_in(name) if day.year})
        return years

    def _sheet(
        self, cells: Cells, found: list[Register], legend: Legend, years: list[int]
    ) -> list[Session]:
        sessions: list[Session] = []
        for register in found:
            told = mentions(cells, register.facts, register.texts, self.directory)
            rest = any(rest_is_present(text) for _, _, text in register.texts)
            rest = rest or everybody_came(register.facts) is not None
            rest = rest or bool(told and self._all_but(register, len(told)))
            if not register.lines and not (rest or any(mention.listed for mention in told)):
                continue
            if is_member_list(register):
                self._pass_over(cells, MEMBER_LIST)
                continue
            sessions += self._register(register, told, legend, years)
        if sessions:
            self.warnings += left_out_warnings(cells, found, sessions, self.directory)
        return sessions

    def _register(
        self, register: Register, told: list[Mention], legend: Legend, years: list[int]
    ) -> list[Session]:
        cells, asked = register.cells, dict(self.asker.asked)
        calendar = Calendar(cells, self.at, self.asker, self.warnings)
        learn_from(register, calendar)
        calendar.fallback_years += [year for year in years if not calendar.fallback_years]
        named = days_in(self.workbook.filename.rsplit(".", 1)[0])
        calendar.hints += [day.exact for day in named if day.exact]
        own_legend = legend_for(register, legend)
        drafts = drafts_of(register, own_legend, self.directory, calendar)
        self._add_mentioned(register, drafts, told)
        settler = Settler(self.asker, self.directory, self.warnings, self.at)
        kept = settler.settle(drafts, own_legend, told)
        held = [draft for draft in kept if not draft.unfilled and draft.entries]
        if not held:
            self.asker.asked = asked
            self._pass_over(cells, UNFILLED)
            return []
        self._forget_dates(cells, drafts, held)
        if own_legend.coloured:
            text = "表中用颜色表示出勤情况，系统读不到颜色，请对照原表逐行核对。"
            self.warnings.append(Notice(text, cells.name))
        return self._assembled(register, held, settler)

    def _forget_dates(self, cells: Cells, drafts: list[Draft], held: list[Draft]) -> None:
        """No question about the day of a column (31日 of June) in which nothing stands."""
        pointed = {draft.place for draft in held}
        for place in {draft.place for draft in drafts} - pointed - {None}:
            if place:
                self.asker.asked.pop(question_key(cells.name, *place, "date"), None)

    def _assembled(
        self, register: Register, drafts: list[Draft], settler: Settler
    ) -> list[Session]:
        day = next((draft.day for draft in drafts if draft.day), None)
        lines = list({id(e.line): e.line for draft in drafts for e in draft.entries}.values())
        identifier = Identifier(self.directory, self.asker, self.warnings, day)
        identities = identifier.identify(lines)
        dropped = settle_equals(lines, identities, _said(drafts))
        for name in dropped:
            self.asker.asked.pop(name, None)
        assembler = Assembler(self.directory, self.asker, self.warnings, identities, settler.open)
        sessions = []
        for draft in drafts:
            session = assembler.session(draft)
            sessions.append(session)
            self.warnings += [Notice(text, session.sheet) for text in draft.notes]
            if draft.clock.doubtful:
                self.warnings.append(Notice(draft.clock.doubtful, session.sheet))
            self.warnings += count_warnings(draft, session.rows, self.directory)
            self.warnings += day_warnings(draft)
            self.warnings += sign_out_warnings(draft)
        self._check(register, drafts)
        return sessions

    def _check(self, register: Register, drafts: list[Draft]) -> None:
        self.warnings += sum_warnings(register, drafts)
        self.warnings += sequence_warnings(register)
        self.warnings += nameless_warnings(register)
        self.warnings += hidden_warnings(register)
        mistaken = branch_warning(register, self.directory.roster.branch_name)
        if mistaken:
            self.warnings.append(mistaken)

    def _add_mentioned(self, register: Register, drafts: list[Draft], told: list[Mention]) -> None:
        """People who stand in no row of their own but in a list: "列席：…", "请假：…"."""
        if len(drafts) != 1:
            return
        strangers = strangers_among(told, register.lines, self.directory)
        for mention in strangers:
            drafts[0].entries.append(_mentioned(register.cells, mention, self.directory))
        self._add_rest(register, drafts[0])

    def _add_rest(self, register: Register, draft: Draft) -> None:
        """其余同志均到会, where only the exceptions stand in the sheet: the others came."""
        sentence = next((t for t in register.texts if rest_is_present(t[2])), None)
        if sentence is None and not register.lines:
            sentence = everybody_came(register.facts)
        if sentence is None:
            sentence = self._by_counts(register, draft)
        blank = any(entry.verdict.silent for entry in draft.entries)
        if sentence is None or blank:
            return
        listed = {entry.line.key for entry in draft.entries}
        for person in self.directory.due_on(draft.day):
            name = self.directory.resolve(person.name)[0]
            if name not in listed:
                row, column, _ = sentence
                mention = Mention(person.name, Verdict(PRESENT), row, column, True)
                entry = _mentioned(register.cells, mention, self.directory)
                entry.line.number = person.number
                draft.entries.append(entry)

    def _by_counts(self, register: Register, draft: Draft) -> Text | None:
        """Only exceptions stand in the sheet, and its head counts say that all others came."""
        roster, away = len(self.directory.due_on(draft.day)), len(draft.entries)
        exceptions = all(entry.verdict.status in (LEAVE, ABSENT) for entry in draft.entries)
        came = self._all_but(register, away, draft.day) if away and exceptions else None
        if came is None:
            return None
        text = (
            f"表中只列出没有到会的 {away} 人；按应到、实到人数，其余 {roster - away} 人按出席读取。"
        )
        draft.notes.append(text)
        return (came.row or 1) - 1, 0, ""

    def _all_but(self, register: Register, away: int, day: date | None = None) -> Claim | None:
        """The head count that says: all members of the branch came but for so many."""
        counts = {claim.key: claim for claim in register.claims}
        due, came = counts.get("due"), counts.get("came")
        roster = len(self.directory.due_on(day))
        agree = due and came and due.number == roster and came.number == roster - away
        return came if agree else None

    def _pass_over(self, cells: Cells, reason: str) -> None:
        self.refusals.append(reason)
        self.warnings.append(Notice(f"没有读取：{reason}", cells.name))

    def _finished(self, sessions: list[Session], sheets: list[str]) -> Reading:
        warnings = tuple(dict.fromkeys(self.warnings))
        if not sessions:
            passed = {f"没有读取：{reason}" for reason in self.refusals}
            warnings = tuple(w for w in warnings if w.text not in passed)
            message = self.refusals[0] if self.refusals else NOT_FOUND
            return Reading("refuse", message, warnings=warnings)
        foreign = self._foreign(sessions)
        if foreign:
            return Reading("refuse", foreign, warnings=warnings)
        self._check_twice(sessions)
        warnings = tuple(dict.fromkeys(self.warnings))
        order = {name: at for at, name in enumerate(sheets)}
        questions = sorted(
            self.asker.asked.values(), key=lambda q: (order.get(q.sheet, 0), q.row or 0)
        )
        rows = sum(len(session.rows) for session in sessions)
        said = f"读出 {len(sessions)} 次活动，共 {rows} 条考勤"
        if not questions:
            return Reading("read", f"{said}。", tuple(sessions), (), warnings)
        message = f"{said}；有 {len(questions)} 处需要您确认。"
        return Reading("ask", message, tuple(sessions), tuple(questions), warnings)

    def _check_twice(self, sessions: list[Session]) -> None:
        """Two sheets of one day with the same people: perhaps a copy that was left behind."""
        for at, later in enumerate(sessions):
            for before in sessions[:at]:
                same = (later.date, later.start, later.part) == (
                    *(before.date, before.start, before.part),
                )
                people = {row.member for row in later.rows} & {row.member for row in before.rows}
                if later.date and later.sheet != before.sheet and same and people - {None}:
                    text = f"与工作表「{before.sheet}」同是 {later.date} 的签到，请核对是否重复。"
                    self.warnings.append(Notice(text, later.sheet))

    def _foreign(self, sessions: list[Session]) -> str | None:
        """Nobody in the sheet is of this branch, but most are of another one."""
        rows = [row for session in sessions for row in session.rows]
        own = {person.number for person in self.directory.roster.own}
        about = self.asker.asked
        foreign = [q for r in rows for q in map(about.get, r.questions) if _is_foreign(q)]
        if len(foreign) < 3 or any(row.member in own for row in rows):
            return None
        names = sorted({c["branch"] for q in foreign if q for c in q.candidates})
        return (
            f"表中没有一个人是“{self.directory.roster.branch_name}”的党员，"
            f"其中 {len(foreign)} 人与“{'”“'.join(names[:3])}”的党员同名。"
            "请核对是否选错了党支部或文件。"
        )


def _pairs_beside(registers: Iterable[tuple[Cells, list[Register]]]) -> Iterator[str]:
    """Marks and meanings in neighbouring cells of sheets that hold nobody: the legend's own."""
    for cells, found in registers:
        for register in found:
            if not register.lines:
                yield from adjacent_pairs(cells, register.texts)


def _is_foreign(question: Question | None) -> bool:
    return question is not None and question.about == "other_branch"


def _said(drafts: list[Draft]) -> dict[int, object]:
    """What each line says over all sessions, for comparing the rows of namesakes."""
    said: dict[int, list[object]] = {}
    for at, draft in enumerate(drafts):
        for entry in draft.entries:
            said.setdefault(id(entry.line), []).append((at, entry.verdict, entry.remark))
    return dict(said)


def _mentioned(cells: Cells, mention: Mention, directory: Directory) -> Entry:
    """An entry for somebody who is named in a sentence only; its place is the sentence's cell."""
    name = directory.resolve(mention.text)[0]
    block = Block(Column(mention.column, (), None))
    table = Table(cells, mention.row, mention.row, mention.row + 1, [block])
    shown = directory.by_key[name][0].name if name else tight(mention.text.split("(")[0])
    line = Line(
        *(table, block, mention.row, mention.row, mention.column, mention.text, name, shown),
        shared=True,
    )
    return Entry(line, mention.verdict, positive=mention.verdict.status == PRESENT)


def is_member_list(register: Register) -> bool:
    """Columns of phones, dates of joining, fees …, none of attendance: another kind of list."""
    if not register.parts or key_of(register):
        return False
    columns = [c for t, _ in register.parts for b in t.blocks for c in b.columns]
    if any(c.kind in (*MARKING, Kind.REASON, Kind.SIGNED_IN, Kind.MAKE_UP) for c in columns):
        return False
    personal = (Kind.OTHER, Kind.UNIT, Kind.STANDING, Kind.NUMBER)
    named = {c.words[0] for c in columns if c.words and c.kind in personal}
    strange = [c for c in columns if c.words and c.meaning is None]
    listed = any(tight(word).endswith(("人员", "签到")) for word in _name_words(register))
    titled = any(ATTENDANCE.search(tight(title)) for title in register.titles)
    return len(named) >= 3 or (bool(strange) and not listed and not titled)


def _name_words(register: Register) -> list[str]:
    return [w for t, _ in register.parts for block in t.blocks for w in block.name.words]
