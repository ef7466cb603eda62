"""Finished sessions: rows with member and status, duplicates asked about, counts compared."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from . import leave
from .drafts import Draft, key_of
from .identify import Identity
from .judging import Entry
from .model import (
    ABSENT,
    LABELS,
    LEAVE,
    MADE_UP,
    OBSERVER,
    PRESENT,
    UNSTATED,
    Notice,
    Question,
    Row,
    Session,
)
from .people import Directory
from .questions import Asker
from .questions import key as question_key


@dataclass
class Assembler:
    """Turns the settled drafts of one sheet into sessions."""

    directory: Directory
    asker: Asker
    warnings: list[Notice]
    identities: dict[int, Identity]
    open: dict[int, str]
    dropped: set[int] = field(default_factory=set)

    def session(self, draft: Draft) -> Session:
        self._duplicates(draft)
        entries = [
            entry
            for entry in draft.entries
            if id(entry) not in self.dropped and not self._identity(entry).skipped
        ]
        rows = tuple(self._row(entry) for entry in entries)
        self._strangers(draft, entries)
        facts = draft.register.facts
        return Session(
            sheet=draft.cells.name,
            rows=rows,
            title=_one_line(draft.register.title),
            topic=_one_line(draft.topic) or facts.first("topic", "content"),
            date=draft.day,
            start=draft.clock.start,
            end=draft.clock.end,
            part=draft.part,
            place=draft.venue or facts.first("place"),
            key=draft.code or key_of(draft.register),
            not_listed=self._not_listed(draft, rows),
            **{
                name: facts.first(name)
                for name in (
                    *("host", "lecturer", "recorder", "occasion", "form", "period"),
                    *("hours", "organiser", "link"),
                )
            },
        )

    def _identity(self, entry: Entry) -> Identity:
        return self.identities[id(entry.line)]

    def _row(self, entry: Entry) -> Row:
        identity, line = self._identity(entry), entry.line
        status, word = entry.verdict.status, None
        if status == PRESENT and identity.outsider and line.section == OBSERVER:
            status = OBSERVER
        if id(entry) in self.open:
            status = None
        if status == LEAVE:
            word = entry.verdict.leave or "未说明"
        row, column = line.place
        if line.cells.is_turned and entry.place:
            row = entry.place[0]  # people stand across: the row is the session's, not the names'
        questions = (identity.question, self.open.get(id(entry)))
        return Row(
            *(row, column, identity.person.name if identity.person else line.name),
            identity.person.number if identity.person else None,
            status,
            leave=word,
            leave_group=leave.group_of_leave(word) if word else None,
            remark=entry.remark,
            mark=entry.mark,
            note=line.note,
            was=_was(entry) if status == MADE_UP else None,
            made_up_on=_iso(entry.made_up_on) if status == MADE_UP else None,
            questions=tuple(name for name in questions if name),
        )

    def _not_listed(self, draft: Draft, rows: Iterable[Row]) -> tuple[str, ...]:
        listed = {row.member for row in rows}
        # While it is asked which of two namesakes a row is, neither is missing.
        for entry in draft.entries:
            listed |= {person.number for person in self._identity(entry).candidates}
        due = self.directory.due_on(draft.day)
        return tuple(person.number for person in due if person.number not in listed)

    def _duplicates(self, draft: Draft) -> None:
        """One member in several rows of a session: which row counts is asked."""

        def number(entry: Entry) -> str:
            person = self._identity(entry).person
            return person.number if person else ""

        entries = sorted((e for e in draft.entries if number(e)), key=number)
        for _, group in groupby(entries, key=number):
            same = list(group)
            if len(same) > 1:
                self._duplicate(draft, same)

    def _duplicate(self, draft: Draft, same: list[Entry]) -> None:
        first, sheet = same[0], draft.cells.name
        tables = {id(entry.line.table) for entry in same}
        verdicts = {(entry.verdict, entry.remark) for entry in same}
        if len(tables) == len(same) and len(verdicts) == 1 and _list_twice(draft, same):
            self.dropped |= {id(entry) for entry in same[1:]}
            return
        places = {id(entry): f"{entry.line.place[1]}{entry.line.place[0]}" for entry in same}
        row, column = same[1].line.place
        name = question_key(sheet, row, column, "row")
        if not draft.single:
            name = question_key(sheet, row, column, f"{draft.day or draft.key}:row")
        given = self.asker.answer(name, places.values())
        if given:
            self.dropped |= {id(entry) for entry in same if places[id(entry)] != given}
            return
        rows = tuple(entry.line.place[0] for entry in same)
        shown = "、".join(str(number) for number in rows)
        text = f"“{first.line.name}”在第 {shown} 行重复出现，以哪一行为准？是否其中一行应是别人？"
        candidates = tuple(
            {
                "value": places[id(entry)],
                "label": f"第 {entry.line.place[0]} 行：{_spoken(entry)}",
                "row": str(entry.line.place[0]),
                "status": entry.verdict.status or "",
            }
            for entry in same
        )
        self.asker.ask(
            Question(
                *(name, "duplicate", text, sheet, row, column, same[1].line.text),
                *(candidates, rows),
            )
        )
        for entry in same:
            identity = self._identity(entry)
            identity.question = identity.question or name

    def _strangers(self, draft: Draft, entries: list[Entry]) -> None:
        """Non-members and people who did not belong to the branch on that day are named."""
        for entry in entries:
            identity, line = self._identity(entry), entry.line
            row, _ = line.place
            person = identity.person
            text = ""
            if identity.outsider:
                text = f"“{line.name}”注明是{identity.outsider}，不是党员，不记考勤和学时。"
            elif person and person.branch != self.directory.roster.branch:
                text = f"“{person.name}”是{person.branch_name}的党员，按外来人员记录。"
            elif person and draft.day and not person.belongs_on(draft.day):
                text = (
                    f"“{person.name}”在 {draft.day:%Y-%m-%d} 不是本支部党员，不计入应到，请核对。"
                )
            warning = Notice(text, draft.cells.name, row)
            if text and warning not in self.warnings:
                self.warnings.append(warning)


def _was(entry: Entry) -> str | None:
    """What a row says of somebody who made it up: absent, or on leave and why."""
    if entry.was.status == LEAVE:
        return f"{LEAVE}:{entry.was.leave or UNSTATED}"
    return ABSENT if entry.was.status == ABSENT else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _spoken(entry: Entry) -> str:
    label = LABELS.get(entry.verdict.status or "", "未定")
    return f"{label}（{entry.verdict.leave}）" if entry.verdict.leave else label


def _list_twice(draft: Draft, same: list[Entry]) -> bool:
    """The whole list is printed twice, row for row: nothing to ask."""
    first, second = (entry.line.table for entry in same[:2])
    one = {e.line.key for e in draft.entries if e.line.table is first}
    two = {e.line.key for e in draft.entries if e.line.table is second}
    return len(two) > 2 and one == two


def _one_line(text: str | None) -> str | None:
    return re.sub(r"\s*\n\s*", " ", text) if text else None
