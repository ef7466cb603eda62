"""Each entry's final status: by mark, by legend, by head counts, by sentences, or by an answer."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from . import blanks
from .drafts import Draft
from .judging import Entry
from .lines import Line
from .marks import Legend, Verdict
from .model import ABSENT, LATE, LEAVE, LEFT_EARLY, OBSERVER, PRESENT, UNSTATED, Notice
from .names import key, untitled, written
from .people import Directory
from .questions import Asker
from .questions import key as question_key
from .sentences import Mention


@dataclass
class Settler:
    """Settles the drafts of one sheet, asking in the one list where nothing settles it."""

    asker: Asker
    directory: Directory
    warnings: list[Notice]
    at: date

    def __post_init__(self) -> None:
        self.open: dict[int, str] = {}
        self.kept: list[Draft] = []

    def settle(self, drafts: list[Draft], legend: Legend, told: list[Mention]) -> list[Draft]:
        """The drafts that were held, every entry settled or with its question in `open`."""
        for draft in drafts:
            if not draft.single:
                self._without_strangers(draft)
            self._apply(draft, told, alone=len(drafts) == 1)
        self.kept = kept = self._held(drafts, legend)
        for draft in kept:
            self._marks(draft)
        for draft in kept:
            _zeros(draft)
            self._counts(draft, legend)
        for draft in kept:
            self._blank(draft, legend)
            for entry in draft.entries:
                if entry.verdict.doubt and id(entry) not in self.open:
                    self._doubt(draft, entry)
        return kept

    def _apply(self, draft: Draft, told: list[Mention], *, alone: bool) -> None:
        """What sentences say of single people; they speak for blanks and explain marks."""
        if not alone:
            return
        by_name: dict[str, list[Entry]] = {}
        for entry in draft.entries:
            by_name.setdefault(entry.line.key or key(entry.line.name), []).append(entry)
        for mention in told:
            name = self.directory.resolve(mention.text)[0] or key(
                untitled(written(mention.text).name)[0]
            )
            for entry in by_name.get(name, [])[:1]:
                self._mentioned(draft, entry, mention)

    def _mentioned(self, draft: Draft, entry: Entry, mention: Mention) -> None:
        status, said = entry.verdict.status, mention.verdict
        vague = status == LEAVE and entry.verdict.leave == UNSTATED
        if (
            entry.verdict.silent
            or (status == ABSENT and said.status == LEAVE)
            or (vague and said.status == LEAVE)
        ):
            entry.verdict = said
        elif status == PRESENT and said.status in (LATE, LEFT_EARLY) and mention.listed:
            entry.verdict = said  # ticked, and named under 迟到
        elif status and status != said.status and not (status == LEAVE and said.status == ABSENT):
            if said.status == OBSERVER or not mention.listed or said.status == PRESENT:
                return
            entry.verdict = Verdict(doubt="conflict")
            entry.remark = entry.remark or f"表中另写：{mention.text}"

    def _held(self, drafts: list[Draft], legend: Legend) -> list[Draft]:
        """Without the columns in which nobody has any mark: those meetings were not held (yet)."""
        kept = [draft for draft in drafts if not self._empty(draft, legend)]
        empty = [draft for draft in drafts if draft not in kept]
        if len(drafts) == 1:
            for draft in empty:
                draft.unfilled = True
            return drafts
        if empty and kept and len(empty) < 15:
            days = "、".join(d.day.isoformat() if d.day else "未写日期" for d in empty)
            text = f"有 {len(empty)} 列（{days}）整列空白，视为没有开展，没有读取。"
            early = [f"活动日期 {d.day:%Y-%m-%d} 晚于" for d in empty if d.day]
            self.warnings[:] = [w for w in self.warnings if not w.text.startswith(tuple(early))]
            self.warnings.append(Notice(text, empty[0].cells.name))
        return kept

    def _empty(self, draft: Draft, legend: Legend) -> bool:
        if any(not entry.verdict.silent for entry in draft.entries):
            return False
        future = draft.day is not None and draft.day > self.at
        said = legend.blank and legend.blank.status == PRESENT
        return not (said and not future) and not draft.listed and not legend.everyone

    def _marks(self, draft: Draft) -> None:
        """Answers already given to questions about marks."""
        sheet = draft.cells.name
        for entry in draft.entries:
            if not entry.verdict.doubt:
                continue
            row, column = entry.place or entry.line.place
            names = [question_key(sheet, row, column, "mark")]
            if blanks.is_symbol(entry):
                names.append(question_key(sheet, None, None, f"{entry.symbol}:mark"))
            for name in names:
                given = blanks.answered(self.asker, name)
                if given:
                    entry.verdict = given
                    entry.positive = entry.positive or given.status == PRESENT
                    break

    def _counts(self, draft: Draft, legend: Legend) -> None:
        """Symbols and blanks that only one meaning makes agree with the stated head counts."""
        if not draft.single:
            return
        unknown: Counter[str] = Counter()
        known: Counter[str] = Counter()
        habit = blanks.by_habit(draft.entries, legend, None)
        for entry in draft.entries:
            if blanks.is_symbol(entry):
                unknown[entry.symbol] += 1
            elif entry.verdict.doubt:
                return
            elif entry.verdict.silent and habit is None:
                unknown[blanks.BLANK] += 1
            else:
                known[entry.verdict.status or (habit and habit.status) or ""] += 1
        known["roster"] = len(self.directory.due_on(draft.day))
        ticked = blanks.positive(draft.entries)
        found = blanks.by_counts(unknown, known, draft.register.claims, ticked=ticked)
        for mark, status in (found or {}).items():
            verdict = Verdict(status, UNSTATED if status == LEAVE else None)
            draft.notes.append(blanks.inferred(mark, status))
            for entry in draft.entries:
                silent = mark == blanks.BLANK and entry.verdict.silent
                if silent or (blanks.is_symbol(entry) and entry.symbol == mark):
                    entry.verdict = verdict
                    draft.unfilled = False

    def _blank(self, draft: Draft, legend: Legend) -> None:
        silent = [entry for entry in draft.entries if entry.verdict.silent]
        if not silent or draft.unfilled:
            return
        verdict = blanks.by_habit(draft.entries, legend, None)
        sheet = draft.cells.name
        _row, _column = silent[0].place or silent[0].line.place
        name = question_key(
            sheet,
            None if draft.single else draft.place and draft.place[0],
            None if draft.single else draft.place and draft.place[1],
            "blank",
        )
        verdict = verdict or blanks.answered(self.asker, name)
        if verdict is None:
            blanks.ask_blank(self.asker, sheet, name, silent, listed=draft.listed)
        for entry in silent:
            if verdict:
                entry.verdict = verdict
            else:
                self.open[id(entry)] = name

    def _without_strangers(self, draft: Draft) -> None:
        """In a month's sheet, who was no member on a day is blank (or -) on that day: no row."""
        draft.entries = [
            entry
            for entry in draft.entries
            if not (draft.day and entry.line.key)
            or not (entry.verdict.silent or entry.symbol in ("-", "/", "\\"))
            or any(p.belongs_on(draft.day) for p in self.directory.by_key[entry.line.key])
        ]

    def _doubt(self, draft: Draft, entry: Entry) -> None:
        sheet = draft.cells.name
        if blanks.is_symbol(entry):
            same = [
                other
                for draft in self.kept
                for other in draft.entries
                if blanks.is_symbol(other) and other.symbol == entry.symbol
            ]
            self.open[id(entry)] = blanks.ask_symbol(self.asker, sheet, entry.symbol, same)
        else:
            self.open[id(entry)] = blanks.ask_mark(self.asker, sheet, entry)


def _zeros(draft: Draft) -> None:
    """Where presence is written 1, a 0 beside it is its opposite; elsewhere it may be a circle."""
    marks = {entry.symbol for entry in draft.entries}
    for entry in draft.entries:
        if entry.verdict.doubt and entry.symbol == "0" and "1" in marks and "√" not in marks:
            entry.verdict, entry.negative = Verdict(ABSENT), True


def strangers_among(
    told: Iterable[Mention], lines: Iterable[Line], directory: Directory
) -> list[Mention]:
    """Mentions of people who have no row of their own in the register.

    A sentence about one person beside a table is no row; where there is no table, it is all.
    """
    listed = {line.key or key(line.name) for line in lines}
    return [
        mention
        for mention in told
        if (mention.listed or not listed)
        and (directory.resolve(mention.text)[0] or key(untitled(written(mention.text).name)[0]))
        not in listed
    ]
