"""What one row says of one person in one session, before blanks are given a meaning."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time

from . import leave
from .cells import tight
from .dates import in_heading
from .headings import Heading, Kind
from .legends import pairs_in, speaks_of_marks
from .lines import Line
from .marks import SILENT, Legend, Verdict, judge, merge, symbol
from .model import ABSENT, LATE, LEAVE, LEFT_EARLY, MADE_UP, OBSERVER, PRESENT, UNSTATED
from .names import key
from .people import Directory
from .slots import Slot
from .tables import MARKING, Column

NO = (
    "0",
    "否",
    "无",
    "-",
    "/",
    "\\",
    "N",
    "NO",
    "FALSE",
    "□",
    "未",
    "不",
    "没有",
    "未补",
    "未补学",
)


@dataclass
class Entry:
    """A person's row in a session: the verdict so far, the texts it rests on, and where they stand.

    `was`: what the row says besides having been made up, and `made_up_on` the day of that.
    `positive` and `negative`: the marks themselves said present, or absent, with certainty.
    """

    line: Line
    verdict: Verdict
    mark: str = ""
    remark: str | None = None
    place: tuple[int, str] | None = None
    was: Verdict = SILENT
    made_up_on: date | None = None
    positive: bool = False
    negative: bool = False

    @property
    def symbol(self) -> str:
        return symbol(self.mark)


def entry_of(line: Line, slot: Slot, legend: Legend, directory: Directory) -> Entry | None:
    """The row's marks, reasons and remarks put together; None if the row is not of this session."""
    if slot.rows is not None and not slot.rows & set(range(line.row, line.last + 1)):
        return None
    columns = slot.columns.get(line.block.name.index, [])
    rows = [r for r in range(line.row, line.last + 1) if slot.rows is None or r in slot.rows]
    marks = _texts(line, rows, [c for c in columns if c.kind in MARKING])
    verdicts = [_mark(line, column, text, legend, directory) for column, text in marks]
    verdicts += _times(line, rows, columns, legend)
    stated = merge(verdicts)
    entry = Entry(
        line,
        stated,
        mark=" ".join(dict.fromkeys(text for _, text in marks)),
        place=_place(line, columns, marks),
        positive=any(v.status == PRESENT for v in verdicts),
        negative=any(v.status == ABSENT for v in verdicts),
    )
    made_up, beside = _made_up(line, rows, columns), _beside_name(line, legend)
    entry.verdict = merge([stated, *made_up, *beside])
    reason = _joined(line, rows, columns, Kind.REASON)
    remark = _joined(line, rows, columns, Kind.REMARK)
    entry.verdict = with_words(entry.verdict, reason, remark)
    if made_up:
        entry.was = with_words(merge([stated, *beside]), reason, remark)
        entry.made_up_on = _day_of_make_up(line, rows, columns)
    said = (remark,) if legend.exact else (reason, remark)
    texts = [text for text in dict.fromkeys(said) if text]
    entry.remark = "；".join(texts) or None
    if line.section and line.section != PRESENT:
        entry.verdict = _in_section(entry.verdict, line.section)
    return entry


def _texts(line: Line, rows: list[int], columns: list[Column]) -> list[tuple[Column, str]]:
    found = []
    for column in columns:
        for row in rows:
            text = line.cells.spread(row, column.index)
            if text and column.index != line.column and not _is_legend(column, text):
                found.append((column, text))
    return found


def _is_legend(column: Column, text: str) -> bool:
    """The key to the marks, written down the remark column beside the rows."""
    return column.kind is Kind.REMARK and bool(pairs_in(text)) and speaks_of_marks(text)


def _place(
    line: Line, columns: list[Column], marks: list[tuple[Column, str]]
) -> tuple[int, str] | None:
    """The cell that a question about the mark points to: the filled one, else the first."""
    marking = [column for column, _ in marks] or [c for c in columns if c.kind in MARKING]
    return line.cells.place(line.row, marking[0].index) if marking else None


def _mark(line: Line, column: Column, text: str, legend: Legend, directory: Directory) -> Verdict:
    if column.kind is Kind.TICK and column.meaning:
        return tick(text, column.meaning, legend)
    signed, beside = directory.resolve(text)
    if key(text) == (line.key or key(line.name)):
        return Verdict(PRESENT)  # signed with their own name
    if signed and signed == line.key:
        told = judge(beside, legend)
        return Verdict(doubt="unclear") if "代" in beside else merge([Verdict(PRESENT), told])
    # Somebody else's name: who signed for whom is not for us to say.
    return Verdict(doubt="signed") if directory.knows(text) else judge(text, legend)


def tick(text: str, head: Heading, legend: Legend) -> Verdict:
    """A cell of a column named by one status: √ under 迟到, 病假 under 请假, × under 出席."""
    word = symbol(text)
    status = head.status
    if word in NO:
        return SILENT
    if word == "×" and status == PRESENT:
        return Verdict(ABSENT)
    if word == "×" and status != ABSENT and "×" not in legend.marks:
        return Verdict(doubt="symbol")
    told = judge(text, legend)
    if status == LEAVE:
        word_for, _ = leave.from_reason(text) if _wordy(text) else (head.leave or UNSTATED, "")
        return Verdict(LEAVE, head.leave if head.leave and word_for == UNSTATED else word_for)
    if told.status in (LEAVE, LATE, LEFT_EARLY, OBSERVER, MADE_UP) and _wordy(text):
        return told
    if status == PRESENT and told.status == ABSENT:
        return told
    return Verdict(status)


def _wordy(text: str) -> bool:
    return (
        any("\u3400" <= character <= "\u9fff" for character in text)
        and judge(text, Legend()).status != PRESENT
    )


def _times(line: Line, rows: list[int], columns: list[Column], legend: Legend) -> list[Verdict]:
    """A time of signing in is presence; whether it was late is not for the sheet to infer."""
    found = []
    for column in columns:
        for row in rows if column.kind is Kind.SIGNED_IN else ():
            anchor = line.cells.anchor(row, column.index)
            value, text = line.cells.value(*anchor), line.cells.text(*anchor)
            if text:
                moment = isinstance(value, datetime | time | float)
                found.append(Verdict(PRESENT) if moment else judge(text, legend))
    return [verdict for verdict in found if verdict.status]


def _made_up(line: Line, rows: list[int], columns: list[Column]) -> list[Verdict]:
    texts = _texts(line, rows, [c for c in columns if c.kind is Kind.MAKE_UP])
    told = [text for _, text in texts if symbol(text) not in (*NO, "×") and judge_make_up(text)]
    return [Verdict(MADE_UP)] if told else []


def _day_of_make_up(line: Line, rows: list[int], columns: list[Column]) -> date | None:
    for column in columns:
        for row in rows if column.kind is Kind.MAKE_UP else ():
            anchor = line.cells.anchor(row, column.index)
            day = in_heading(line.cells.text(*anchor), line.cells.value(*anchor))
            if day and day.exact:
                return day.exact
    return None


def judge_make_up(text: str) -> bool:
    """Whether a make-up column's cell says that it was done: √, 已补学, a date; not 待补学."""
    return not tight(text).startswith(("未", "待", "需", "应", "不"))


def _beside_name(line: Line, legend: Legend) -> list[Verdict]:
    """Words and marks in the name's own cell: 王伟（病假）, 王伟√."""
    verdicts = []
    for note in line.note.split():
        if note.isdigit():
            continue
        if re.search(r"代.*签|代签|^代", note):
            return [Verdict(doubt="unclear")]  # 石满仓（代石满囤签）
        verdict = legend.marks.get(symbol(note)) or judge(note, Legend())
        if verdict.status:
            verdicts.append(verdict)
    return verdicts


def _joined(line: Line, rows: list[int], columns: list[Column], kind: Kind) -> str:
    texts = [text for _, text in _texts(line, rows, [c for c in columns if c.kind is kind])]
    return "；".join(dict.fromkeys(texts))


def with_words(verdict: Verdict, reason: str, remark: str) -> Verdict:
    """The verdict with what reason and remark add: they explain a mark, and speak for a blank."""
    told = merge([_told(reason), _told(remark)])
    if told.doubt:
        told = _told(reason)
    if verdict.doubt == "symbol" and told.status not in (None, PRESENT):
        return told  # ○ or / with 病假 beside it
    if verdict.doubt:
        return verdict
    if verdict.status is None:
        return _speaks(reason, told)
    if verdict.status == LEAVE and verdict.leave == UNSTATED:
        return _explained(reason, told)
    if verdict.status == LEAVE:
        return _kinds_agree(verdict, told)
    if verdict.status == ABSENT and told.status in (LEAVE, MADE_UP):
        return told
    if verdict.status == PRESENT and told.status:
        return _amended(verdict, reason, remark, told)
    return verdict


def _told(text: str) -> Verdict:
    """The status that a reason or remark names; most remarks name none."""
    if not text or tight(text) in ("无", "-", "/"):
        return SILENT
    verdict = judge(text, Legend())
    telling = len(tight(text)) > 1 or tight(text) in leave.SINGLES
    return verdict if verdict.status and telling else SILENT


def _speaks(reason: str, told: Verdict) -> Verdict:
    if told.status and (told.status != PRESENT or not reason):
        return told
    if reason and tight(reason) not in ("无", "-", "/", "√"):
        word, _ = leave.from_reason(reason)
        return Verdict(LEAVE, word)
    return SILENT


def _explained(reason: str, told: Verdict) -> Verdict:
    if told.status == MADE_UP:
        return told
    if told.status == LEAVE and told.leave != UNSTATED:
        return told
    word, _ = leave.from_reason(reason) if reason else (UNSTATED, "")
    return Verdict(LEAVE, word)


def _kinds_agree(verdict: Verdict, told: Verdict) -> Verdict:
    if told.status == MADE_UP:
        return told
    explicit = ("病假", "事假", "公假", "公出", "公差")
    if verdict.leave in explicit and told.leave in explicit:
        groups = {leave.group_of_leave(word or "") for word in (verdict.leave, told.leave)}
        return Verdict(doubt="conflict") if len(groups) > 1 else verdict
    return verdict


def _amended(verdict: Verdict, reason: str, remark: str, told: Verdict) -> Verdict:
    """A tick with 迟到 beside it is late; a tick with 病假 beside it contradicts itself."""
    if told.status in (LATE, LEFT_EARLY, OBSERVER, MADE_UP):
        return told
    words = {tight(text).strip("。.()") for text in (reason, remark) if text}
    plain = {word for word in words if word in leave.GROUPS or word in leave.GENERIC}
    absent = told.status == ABSENT and any(len(word) <= 4 for word in words)
    if (told.status == LEAVE and plain) or absent:
        return Verdict(doubt="conflict")
    return verdict


def _in_section(verdict: Verdict, status: str) -> Verdict:
    """Under 列席人员 presence means observing; under 请假人员 a blank means leave."""
    if verdict.doubt:
        return verdict
    if status == OBSERVER:
        return Verdict(OBSERVER) if verdict.status in (None, PRESENT) else verdict
    if verdict.status is None:
        return Verdict(status, UNSTATED if status == LEAVE else None)
    return Verdict(doubt="conflict") if verdict.status == PRESENT else verdict
