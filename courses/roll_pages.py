"""What the page of a roll reads: each list by one query that is written once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from courses.models import (
    THERE,
    Attendance,
    AttendanceCredit,
    AttendancePlan,
    Enrolment,
    ReadingClass,
    Scan,
    SessionChange,
)
from courses.models import StudySession as Session
from credits.models import Posting, Standing
from portal.models import Membership, Organization
from portal.prepared import Prepared, columns, given
from portal.querysets import after

MOST_ASKED = 300  # requests for leave that a page shows
MOST_WALK_INS = 20  # of those who wait, the first to ask

_sessions = Prepared(
    lambda: (
        Session.objects.filter(pk=given("session", int))
        .order_by()
        .values_list(
            *columns(Session),
            *columns(Organization, of="organiser"),
            *columns(ReadingClass, of="reading_class"),
        )
    )
)
_marks = Prepared(
    lambda: (
        Attendance.objects.filter(session=given("session", int))
        .order_by()
        .annotate(name=F("member__name"), number=F("member__number"))
        .values_list(*columns(Attendance, "name", "number"))
    )
)
_refused = Prepared(
    lambda: (
        AttendanceCredit.objects.filter(
            attendance__session=given("session", int), state=AttendanceCredit.State.REFUSED
        )
        .order_by()
        .annotate(name=F("attendance__member__name"))
        .values_list("pk", "attendance", "name", "reason", "settled_at")
    )
)
_postings = Prepared(
    lambda: (
        Posting.objects.filter(
            kind="session",
            key=given("key", str),
            programme__in=Session.programmes.through.objects.filter(
                studysession=given("session", int)
            ).values("programme"),
        )
        .order_by("pk")
        .annotate(who=F("by__name"), where=F("programme__name"))
        .values_list("at", "who", "where", "sequence", "revision", "reason")
    )
)
_changes = Prepared(
    lambda: (
        SessionChange.objects.filter(session=given("session", int))
        .order_by("-pk")
        .annotate(who=F("by__name"), whom=F("member__name"))
        .values_list("at", "who", "whom", "what", "reason")[:30]
    )
)
_elsewhere = Prepared(
    lambda: (
        Attendance.objects.filter(
            member__in=Attendance.objects.filter(session=given("session", int)).values("member"),
            guest=True,
            status__in=THERE,
            session__starts_at__lt=given("ends_at", datetime),
            session__ends_at__gt=given("starts_at", datetime),
        )
        .exclude(session=given("session", int))
        .exclude(session__state__in=["cancelled", "not_held"])
        .order_by("pk")
        .annotate(organiser=F("session__organiser__name"))
        .values_list("member", "organiser")
    )
)
_asked = Prepared(
    lambda: (
        AttendancePlan.objects.filter(
            session=given("session", int), state__in=["pending", "approved", "declined"]
        )
        .order_by("said_at", "pk")
        .annotate(name=F("member__name"))
        .values_list("pk", "member", "name", "leave", "reason", "state", "reply")[:MOST_ASKED]
    )
)
_scans = Prepared(
    lambda: (
        Scan.objects.filter(session=given("session", int), accepted=False)
        .order_by()
        .values("member", "reason")
        .annotate(name=F("member__name"), last=Max("at"), newest=Max("pk"), times=Count("pk"))
        .order_by("-newest")
        .values_list("name", "last", "reason", "times")
    )
)


def _not_on_roll(whose: Q) -> QuerySet[Any, Any]:
    """Who belonged there on the day, is not exempt, and does not stand on the roll."""
    programmes = Session.programmes.through.objects.filter(studysession=given("session", int))
    on_roll = Attendance.objects.filter(session=given("session", int), member=OuterRef("member"))
    exempt = Standing.objects.filter(
        programme__in=programmes.values("programme"),
        member=OuterRef("member"),
        exempt=True,
        on_roll=True,
    )
    return Membership.objects.filter(whose, ~Exists(on_roll), ~Exists(exempt)).filter(
        Q(until=None) | Q(until__gt=given("day", date)), since__lte=given("day", date)
    )


def _named(rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    rows = rows.order_by("pk").annotate(name=F("member__name"))
    return rows.values_list("member", "branch", "name")


def _answered(rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """How many of them said what; those who said nothing under the empty text."""
    plans = AttendancePlan.objects.filter(
        session=given("session", int), member=OuterRef("member")
    ).values("state")
    said = rows.order_by().annotate(said=Coalesce(Subquery(plans), Value(""))).values("said")
    counted: QuerySet[Any, Any] = said.annotate(n=Count("member", distinct=True))
    return counted.values_list("said", "n")


def _of_branch() -> Q:
    return Q(branch__path__gte=given("path", str), branch__path__lt=given("after", str))


def _of_class() -> Q:
    enrolled = Enrolment.objects.filter(
        Q(until=None) | Q(until__gt=given("day", date)),
        reading_class=given("reading_class", int),
        since__lte=given("day", date),
    )
    return Q(member__in=enrolled.values("member"))


_new_in_branch = Prepared(lambda: _named(_not_on_roll(_of_branch())))
_new_in_class = Prepared(lambda: _named(_not_on_roll(_of_class())))
_said_in_branch = Prepared(lambda: _answered(_not_on_roll(_of_branch())))
_said_in_class = Prepared(lambda: _answered(_not_on_roll(_of_class())))


def session_of(pk: int) -> Session | None:
    """A session with its organiser and class, whoever asks: who may see it is for the caller."""
    found = _sessions.objects(session=pk)
    return found[0] if found else None


def marks_of(session: Session) -> list[Attendance]:
    """The marks of a roll with `name` and `number` of whose they are: those due first, by name."""
    rows: list[Any] = _marks.objects(session=session.pk)
    return sorted(rows, key=lambda a: (a.guest, a.name.encode("gb18030"), a.number))


def refused(session: Session, rows: list[Attendance]) -> list[Any]:
    """Credits that were refused, in the order of the roll: pk, name, reason, settled_at. There are
    none before a roll is closed, nor once it is open again."""
    if not session.is_closed:
        return []
    place = {row.pk: number for number, row in enumerate(rows)}
    return sorted(_refused(session=session.pk), key=lambda c: (place[c.attendance], c.pk))


def elsewhere(session: Session, rows: list[Attendance]) -> dict[int, str]:
    """Who of those not there was a guest somewhere else at that time: member id → where."""
    if all(row.is_there for row in rows):
        return {}
    found = _elsewhere(session=session.pk, starts_at=session.starts_at, ends_at=session.ends_at)
    return {row.member: row.organiser for row in found}


def postings(session: Session) -> list[Any]:
    """Its postings, the oldest first: at, who, where, sequence, revision, reason. There are none
    before a roll is closed for the first time."""
    if session.closed_at is None:
        return []
    return _postings(session=session.pk, key=session.key)


def changes(session: Session) -> list[Any]:
    """What happened to it, the newest first: at, who, whom, what, reason."""
    return _changes(session=session.pk)


def refused_scans(session: Session) -> list[Any]:
    """Refused scans by member and reason, the latest first: name, last, reason, times. Who calls
    the roll is scanned by nobody; once by code, a roll stays by code."""
    if session.method == Session.Method.ROLL_CALL:
        return []
    return _scans(session=session.pk)


def walk_ins(session: Session) -> list[Any]:
    """Who scanned without standing on the open roll and asks to be added."""
    if session.method == Session.Method.ROLL_CALL or session.state != Session.State.OPEN:
        return []
    return list(session.walk_ins.waiting()[:MOST_WALK_INS])


def not_on_roll(session: Session) -> list[Any]:
    """Who is due and does not stand on the roll, enrolled after it was opened: member, branch of
    the day, name."""
    found = _of_due(session, _new_in_class, _new_in_branch)
    return list({row.member: row for row in found}.values())


@dataclass(frozen=True)
class Expected:
    """Who is expected at a session to come: 应到 = 已报名 + 请假 + 未答复.

    Leave counts from when it is asked for; once declined or taken back, nothing has been answered.
    """

    due: int
    coming: int
    leave: int
    silent: int


def expected(session: Session) -> Expected:
    """What those who are due have said to a session whose roll is not open yet."""
    rows = _of_due(session, _said_in_class, _said_in_branch)
    said = {row.said: row.n for row in rows}
    due, coming = sum(said.values()), said.get("coming", 0)
    leave = said.get("pending", 0) + said.get("approved", 0)
    return Expected(due, coming, leave, due - coming - leave)


def asked(session: Session) -> list[Any]:
    """Leave that was asked for, the first asked first: pk, member, name, leave, reason, state,
    reply."""
    return _asked(session=session.pk)


def _of_due(session: Session, of_class: Prepared, of_branch: Prepared) -> list[Any]:
    """The rows of whichever query tells who is due in this session."""
    day, path = session.day, session.organiser.path
    if session.reading_class_id:
        return of_class(session=session.pk, day=day, reading_class=session.reading_class_id)
    return of_branch(session=session.pk, day=day, path=path, after=after(path))
