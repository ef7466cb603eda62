"""What confirming a sheet would change, as its preview shows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from courses.marks import Mark
from courses.models import Attendance, StudySession
from courses.sheets.sheet_asks import Ask
from courses.sheets.sheet_reading import Reading
from courses.sheets.sheet_reading import Session as Told
from credits.models import Programme
from portal.models import Member
from portal.refusals import Conflict


class Moved(Conflict):
    """What the preview shows is no longer so."""

    message = "预览之后，名单、活动或考勤有了改动。请看过新的预览再确认。"


@dataclass(frozen=True, slots=True)
class State:
    """What one mark says, as far as a sheet can say it; made_up_on as ISO text."""

    status: str
    leave: str = ""
    remark: str = ""
    made_up_on: str = ""

    @classmethod
    def of(cls, row: Attendance) -> State:
        day = row.made_up_on.isoformat() if row.made_up_on else ""
        return cls(row.status, row.leave, row.remark, day)

    @property
    def says(self) -> list[str]:
        return [self.status, self.leave, self.remark, self.made_up_on]

    @property
    def told(self) -> dict[str, str]:
        """As the record of an import keeps it: `State(**told)` is the same again."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def mark(self) -> Mark:
        return Mark(self.status, self.leave)

    @property
    def word(self) -> str:
        made_up = f"（{self.made_up_on} 补学）" if self.made_up_on else ""
        return f"{self.mark.word}{made_up}{'，' if self.remark else ''}{self.remark}"


@dataclass(frozen=True, slots=True)
class Change:
    """One person's mark before and after; before is None for whoever is not on the roll yet."""

    member: Member
    row: int
    before: State | None
    after: State
    guest: bool = False


@dataclass
class SessionPlan:
    """What confirming would do with one session of the sheet.

    due: who is due, by id, while nobody has a mark yet; afterwards stood: each one's mark.
    hosted: mobile members of the organiser by id, who are no guests of it.
    """

    index: int
    told: Told
    session: StudySession | None = None
    programmes: Sequence[Programme] = ()
    asks: list[Ask] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    due: set[int] = field(default_factory=set)
    stood: dict[int, State] = field(default_factory=dict)
    hosted: set[int] = field(default_factory=set)
    listed: set[int] = field(default_factory=set)  # members with a mark in the sheet
    unlisted: list[Member] = field(default_factory=list)  # due, and yet not in the sheet
    warnings: list[str] = field(default_factory=list)
    answers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, name: str) -> str:
        return self.answers.get(f"{self.index}:{name}", "")

    @property
    def is_new(self) -> bool:
        return self.session is None

    @property
    def is_fresh(self) -> bool:
        """Whether nobody has any mark in it yet."""
        return self.session is None or self.session.state == StudySession.State.PLANNED

    @property
    def is_unmatched(self) -> bool:
        """Whether it is still asked which of the branch's sessions it is."""
        return any(ask.is_open and ask.key == f"{self.index}:session" for ask in self.asks)

    @property
    def does_nothing(self) -> bool:
        return not self.changes and not self.is_fresh

    @property
    def seen(self) -> list[Any]:
        """What the person who confirms has seen of it."""
        session = [self.session.pk, self.session.version] if self.session else [None]
        changes = [[c.member.pk, c.before and c.before.says, c.after.says] for c in self.changes]
        return [self.index, session, changes, [m.pk for m in self.unlisted], self.warnings]


@dataclass(frozen=True)
class Preview:
    """The reading of a sheet with everything that confirming it would do; digest: of a reading
    that was staged."""

    reading: Reading
    plans: Sequence[SessionPlan]
    questions: Sequence[Ask]
    digest: str = ""

    @property
    def open_asks(self) -> list[Ask]:
        asks = [*self.questions, *(ask for plan in self.plans for ask in plan.asks)]
        return [ask for ask in asks if ask.is_open]

    @property
    def changes_nothing(self) -> bool:
        return not self.open_asks and all(plan.does_nothing for plan in self.plans)

    @property
    def fingerprint(self) -> str:
        """Changes with anything that the page shows: confirming an older page is refused."""
        told = self.digest or self.reading.as_json()
        seen = json.dumps([told, [plan.seen for plan in self.plans]], default=str)
        return hashlib.sha256(seen.encode()).hexdigest()[:32]
