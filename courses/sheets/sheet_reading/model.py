"""What the reading of an attendance sheet yields: sessions, rows, questions, warnings."""

import datetime
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

PRESENT, LATE, LEFT_EARLY, LEAVE = "present", "late", "left_early", "leave"
ABSENT, OBSERVER, MADE_UP, NOT_YET = "absent", "observer", "made_up", "not_yet"
LABELS = {
    PRESENT: "出席",
    LATE: "迟到",
    LEFT_EARLY: "早退",
    LEAVE: "请假",
    ABSENT: "缺席",
    OBSERVER: "列席",
    MADE_UP: "补学",
    NOT_YET: "未签到",
}
CAME = (PRESENT, LATE, LEFT_EARLY)
UNSTATED = "未说明"


@dataclass(frozen=True)
class Person:
    """A member as the reader needs to know them; `until` is exclusive."""

    number: str
    name: str
    branch: str
    branch_name: str
    group: str = ""
    status: str = "full"
    since: datetime.date | None = None
    until: datetime.date | None = None

    def belongs_on(self, day: datetime.date | None) -> bool:
        """Whether the person was a member of their branch on that day (unknown day: today's)."""
        if day is None:
            return self.until is None
        return (self.since is None or self.since <= day) and (
            self.until is None or day < self.until
        )


class Roster(Protocol):
    """Who may stand in the sheet: the branch's own people, and batch look-ups for all others."""

    @property
    def branch(self) -> str: ...
    @property
    def branch_name(self) -> str: ...
    @property
    def own(self) -> Sequence[Person]: ...
    def elsewhere(self, names: Collection[str]) -> Sequence[Person]: ...
    def by_number(self, numbers: Collection[str]) -> Sequence[Person]: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One person in one session. `row` is the spreadsheet's own number, `column` the name's letter.

    `member` is null while it is asked who this is (or when it is nobody of the portal), `status`
    while it is asked what the mark means; `questions` then names the open questions.
    `mark` is the text of the marks as written, `note` what else stood beside the name. For
    `made_up`, `was` is what the row says of the day itself ("absent", "leave:病假") and
    `made_up_on` the day (ISO) of the make-up, as far as they are written.
    """

    row: int
    column: str
    name: str
    member: str | None
    status: str | None
    leave: str | None = None
    leave_group: str | None = None
    remark: str | None = None
    mark: str = ""
    note: str = ""
    was: str | None = None
    made_up_on: str | None = None
    questions: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        said = {name: getattr(self, name) for name in self.__slots__}
        return said | {"questions": list(self.questions)}


@dataclass(frozen=True)
class Session:
    """One meeting as the sheet tells it; what the sheet does not tell is None."""

    sheet: str
    rows: tuple[Row, ...]
    title: str | None = None
    topic: str | None = None
    date: datetime.date | None = None
    start: datetime.time | None = None
    end: datetime.time | None = None
    place: str | None = None
    host: str | None = None
    lecturer: str | None = None
    recorder: str | None = None
    link: str | None = None
    occasion: str | None = None
    form: str | None = None
    period: str | None = None
    hours: str | None = None
    organiser: str | None = None
    key: str | None = None
    part: str | None = None
    not_listed: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each status, in the order of LABELS."""
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in LABELS if found[status]}

    def as_json(self) -> dict[str, Any]:
        facts = {
            name: getattr(self, name)
            for name in (
                *("sheet", "title", "topic", "place", "host", "lecturer", "recorder", "occasion"),
                *("form", "period", "hours", "organiser", "link", "key", "part"),
            )
        }
        return facts | {
            "date": self.date.isoformat() if self.date else None,
            "start": f"{self.start:%H:%M}" if self.start else None,
            "end": f"{self.end:%H:%M}" if self.end else None,
            "counts": self.counts,
            "not_listed": list(self.not_listed),
            "rows": [row.as_json() for row in self.rows],
        }


@dataclass(frozen=True)
class Question:
    """What a careful person would have to ask, at one place of the sheet.

    `about` is a short stable code (see questions.py), `text` the sentence; an answer is the
    `value` of one of the candidates, or "skip" where `skippable`.
    """

    key: str
    about: str
    text: str
    sheet: str
    row: int | None = None
    column: str | None = None
    value: str = ""
    candidates: tuple[Mapping[str, Any], ...] = ()
    rows: tuple[int, ...] = ()
    skippable: bool = False

    def as_json(self) -> dict[str, Any]:
        return self.__dict__ | {"candidates": list(self.candidates), "rows": list(self.rows)}


@dataclass(frozen=True)
class Notice:
    """A contradiction or oddity that is said before the user confirms; it never stops anybody."""

    text: str
    sheet: str = ""
    row: int | None = None

    def __str__(self) -> str:
        place = f"工作表「{self.sheet}」" if self.sheet else ""
        place += f"第 {self.row} 行" if self.row else ""
        return f"{place}：{self.text}" if place else self.text


@dataclass(frozen=True)
class Reading:
    """Everything that was understood, and everything that was not."""

    outcome: str
    message: str
    sessions: tuple[Session, ...] = ()
    questions: tuple[Question, ...] = ()
    warnings: tuple[Notice, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The shape that `manage.py read_sheet --json` prints."""
        return {
            "outcome": self.outcome,
            "message": self.message,
            "sessions": [session.as_json() for session in self.sessions],
            "questions": [question.as_json() for question in self.questions],
            "warnings": [str(warning) for warning in self.warnings],
        }
