"""What is not done yet in a programme that comes to its end: missing sheets, refused credits, and
whatever waits for a decision; by organisation for officials, one by one for secretaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet

from courses.models import (
    Answer,
    AttendanceCredit,
    AttendancePlan,
    HostAttendance,
    LineQuery,
    StudyLog,
    StudySession,
    WalkIn,
)
from credits.models import Programme
from portal.models import PATH_STEP, Organization
from portal.querysets import below


class Ends(NamedTuple):
    """How many of each kind. sheets: sessions that are over and were never called; rolls: rolls
    that were opened and not closed; refused: credits that nobody has settled."""

    sheets: int = 0
    rolls: int = 0
    refused: int = 0
    logs: int = 0
    queries: int = 0
    leave: int = 0
    walk_ins: int = 0
    hosts: int = 0
    answers: int = 0

    @property
    def total(self) -> int:
        return sum(self)


LABELS = (
    "没有交表的活动", "点名没有结束", "未能记入的学时", "待确认的学习记录", "待核对的疑问",
    "待批的请假", "待确认的加入请求", "待认定的流入地活动", "待认定的讨论回答",
)  # fmt: skip # in the order of Ends


@dataclass(frozen=True)
class Place:
    """An organisation with everything that is not done at or below it."""

    organization: Organization
    ends: Ends


@dataclass(frozen=True)
class Meeting:
    """A session of one organisation with what it lacks, in words."""

    pk: int
    title: str
    starts_at: datetime
    lacks: str


def of(programme: Programme, where: Organization, *, at: datetime) -> Ends:
    """Everything at or below an organisation: nine counts."""
    return Ends(*(_under(rows, path, where).count() for rows, path in _kinds(programme, at)))


def below_of(programme: Programme, where: Organization, *, at: datetime) -> list[Place]:
    """The organisations directly below that have something left, those with most first; what is
    the organisation's own comes as itself. Ten queries, however many branches there are."""
    length = len(where.path) + PATH_STEP
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(Ends._fields))
    for index, (rows, path) in enumerate(_kinds(programme, at)):
        grouped = _under(rows, path, where).order_by().values_list(path).annotate(n=Count("pk"))
        for place, count in grouped:
            sums[place[:length]][index] += count
    found = Organization.objects.filter(below(where.path)).filter(path__in=sums)
    places = [Place(row, Ends(*sums[row.path])) for row in found]
    return sorted(places, key=lambda place: (-place.ends.total, place.organization.path))


def meetings(programme: Programme, where: Organization, *, at: datetime) -> list[Meeting]:
    """The sessions of one organisation that lack something, by time: six queries."""
    lacks: dict[int, list[str]] = defaultdict(list)
    own = StudySession.objects.filter(programmes=programme, organiser=where)
    for pk, state in own.overdue(at).values_list("pk", "state"):
        lacks[pk].append("没有交考勤表" if state == "planned" else "点名没有结束")
    for rows, words in (
        (_refused(programme).values_list("attendance__session"), "{} 人未能记入"),
        (_leave(programme).values_list("session"), "{} 人请假待批"),
        (_walk_ins(programme).values_list("session"), "{} 人请求加入名单"),
    ):
        counted: Iterable[Any] = rows.order_by().annotate(n=Count("pk"))
        for pk, count in counted:
            lacks[pk].append(words.format(count))
    rows_ = own.filter(pk__in=lacks).order_by("starts_at", "pk")
    return [
        Meeting(pk, title, starts_at, "；".join(lacks[pk]))
        for pk, title, starts_at in rows_.values_list("pk", "title", "starts_at")
    ]


def _kinds(programme: Programme, at: datetime) -> list[tuple[QuerySet[Any, Any], str]]:
    """The rows of each kind, in the order of `Ends`, and where they belong."""
    late = StudySession.objects.filter(programmes=programme).overdue(at)
    return [
        (late.filter(state="planned"), "organiser__path"),
        (late.filter(state="open"), "organiser__path"),
        (_refused(programme), "attendance__session__organiser__path"),
        (StudyLog.objects.pending().filter(programme=programme), "branch__path"),
        (LineQuery.objects.open().filter(programme=programme), "place__path"),
        (_leave(programme), "session__organiser__path"),
        (_walk_ins(programme), "session__organiser__path"),
        (HostAttendance.objects.waiting().filter(programme=programme), "branch__path"),
        (Answer.objects.waiting().filter(discussion__programme=programme), _ANSWERED),
    ]


_ANSWERED = "discussion__organiser__path"


def _under(rows: QuerySet[Any, Any], path: str, where: Organization) -> QuerySet[Any, Any]:
    return rows.filter(below(where.path, lookup=path))


def _refused(programme: Programme) -> QuerySet[AttendanceCredit, Any]:
    refused = AttendanceCredit.State.REFUSED
    return AttendanceCredit.objects.filter(programme=programme, state=refused, settled_at=None)


def _leave(programme: Programme) -> QuerySet[AttendancePlan, Any]:
    asked = AttendancePlan.objects.filter(state=AttendancePlan.State.PENDING)
    return asked.filter(session__programmes=programme)


def _walk_ins(programme: Programme) -> QuerySet[WalkIn, Any]:
    return WalkIn.objects.filter(state=WalkIn.State.ASKED, session__programmes=programme)
