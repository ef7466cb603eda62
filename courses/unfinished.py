"""What a branch has open: work hangs on the organisation, never on the person who left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from courses.models import (
    AttendancePlan,
    HostAttendance,
    LineQuery,
    ReadingClass,
    SheetImport,
    StudyGroup,
    StudyLog,
    StudySession,
    WalkIn,
)
from portal.audit import Actor
from portal.followers import BranchEnding, Change
from portal.refusals import Refusal

# What is counted: name, words, measure word.
WORDS = {
    "open": ("正在点名的活动", "场"),
    "planned": ("已安排、还没有记学时的活动", "场"),
    "classes": ("正在进行的读书班", "个"),
    "logs": ("待确认的学习记录", "条"),
    "queries": ("待答复的学时疑问", "条"),
    "plans": ("待答复的请假", "条"),
    "walk_ins": ("待确认的到场登记", "条"),
    "hosts": ("待认定的流入地活动", "条"),
    "groups": ("流动党员学习群", "个"),
}


class LeftOpen(Refusal):
    """A branch that nobody takes over still has something open."""


@dataclass(frozen=True)
class Unfinished:
    """How much of each is open at some branches; kept: sessions and sheets of the past."""

    counts: dict[str, int]
    held: int
    sheets: int

    @property
    def open(self) -> list[tuple[str, str]]:
        """What is open, in words: (what, how many)."""
        return [(WORDS[name][0], f"{n} {WORDS[name][1]}") for name, n in self.counts.items() if n]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


NOTHING = Unfinished({}, 0, 0)  # of what is no branch


def at(paths: Sequence[str]) -> Unfinished:
    """What is open at the branches at `paths`, and what they keep of the past."""
    sessions = StudySession.objects.filter(organiser__path__in=paths)
    counts = {
        "open": sessions.filter(state=StudySession.State.OPEN).count(),
        "planned": sessions.filter(state=StudySession.State.PLANNED).count(),
        "classes": ReadingClass.objects.running().filter(organiser__path__in=paths).count(),
        "logs": StudyLog.objects.pending().filter(branch__path__in=paths).count(),
        "queries": LineQuery.objects.open().filter(place__path__in=paths).count(),
        "plans": AttendancePlan.objects.filter(
            session__organiser__path__in=paths, state=AttendancePlan.State.PENDING
        ).count(),
        "walk_ins": WalkIn.objects.filter(
            session__organiser__path__in=paths, state=WalkIn.State.ASKED
        ).count(),
        "hosts": HostAttendance.objects.waiting().filter(branch__path__in=paths).count(),
        "groups": StudyGroup.objects.alive().filter(organiser__path__in=paths).count(),
    }
    sheets = SheetImport.objects.filter(organization__path__in=paths).count()
    return Unfinished(counts, sessions.held().count(), sheets)


def follow(changes: Sequence[Change], *, by: Actor, at: datetime) -> None:
    """Refuse to end a branch that has something open when nobody takes it over."""
    for change in changes:
        if isinstance(change, BranchEnding) and change.into is None:
            found = of(change.branch.path)
            if found.total:
                said = "、".join(f"{what} {many}" for what, many in found.open)
                raise LeftOpen(f"{change.branch}还有{said}，请先办完，或改为并入别的党支部。")


def of(path: str) -> Unfinished:
    """What one branch has open."""
    return at([path])
