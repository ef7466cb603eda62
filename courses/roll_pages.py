"""What the page of a roll reads: by queries that are written once, what every roll has together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, QuerySet

from courses import entered_late, expected, todos
from courses.models import (
    THERE,
    Attendance,
    AttendanceCredit,
    AttendancePlan,
    ReadingClass,
    Scan,
    SessionChange,
    WalkIn,
)
from courses.models import StudySession as Session
from credits.models import Posting
from portal.access import Capability, Scope
from portal.models import Organization
from portal.prepared import ByPaths, Prepared, columns, given
from portal.together import Found, Together

MOST_ASKED = 300  # requests for leave that a page shows
MOST_WALK_INS = 20  # of those who wait, the first to ask

# What most sessions have none of: the session itself says whether there is any to be read.
_BESIDE: dict[str, tuple[Any, dict[str, Any]]] = {
    "has_plans": (AttendancePlan, {}),
    "has_refused_scans": (Scan, {"accepted": False}),
    "has_walk_ins": (WalkIn, {}),
}

_sessions = Prepared(
    lambda: (
        Session.objects.filter(pk=given("session", int))
        .order_by()
        .annotate(
            **{
                name: Exists(model.objects.filter(session=OuterRef("pk"), **those))
                for name, (model, those) in _BESIDE.items()
            },
            entered_late=entered_late.any_of(),
        )
        .values_list(
            *columns(Session, *_BESIDE, "entered_late"),
            *columns(Organization, of="organiser"),
            *columns(ReadingClass, of="reading_class"),
        )
    )
)


def _marks() -> QuerySet[Any, Any]:
    return (
        Attendance.objects.filter(session=given("session", int))
        .order_by()
        .annotate(name=F("member__name"), number=F("member__number"))
        .values_list(*columns(Attendance, "name", "number"))
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


def _changes() -> QuerySet[Any, Any]:
    return (
        SessionChange.objects.filter(session=given("session", int))
        .order_by("-pk")
        .annotate(who=F("by__name"), whom=F("member__name"))
        .values_list("at", "who", "whom", "what", "reason")[:30]
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


def session_of(pk: int) -> Session | None:
    """A session with its organiser and class, whoever asks: who may see it is for the caller. It
    knows which of the lists beside its roll are empty."""
    found = _sessions.objects(session=pk)
    return found[0] if found else None


@dataclass(frozen=True)
class Roll:
    """A roll as it stands.

    marks: with `name` and `number` of whose they are, those due first, by name. missing: who is due
    and does not stand on an open roll (member, branch of the day, name). changes: what happened to
    it, the newest first (at, who, whom, what, reason).
    """

    marks: list[Attendance]
    missing: list[Any]
    changes: list[Any]


def _roll(new: Callable[[], QuerySet[Any, Any]] | None) -> ByPaths:
    """What every roll shows, and the number in its reader's menu."""
    more = {"new": new} if new else {}
    return ByPaths(
        lambda paths: {
            "marks": _marks(),
            "changes": _changes(),
            "logs": todos.counted(todos.OF_SECRETARY[0], paths),
            **{name: make() for name, make in more.items()},
        },
        into=Together,
    )


_of_branch, _of_class, _not_open = map(_roll, (expected.new_in_branch, expected.new_in_class, None))


def roll(session: Session, scope: Scope) -> Roll:
    """A session's roll as it stands, for who keeps it: three or four queries, one round trip."""
    places = scope.places(Capability.CONFIRM_STUDY)
    is_open = session.state == Session.State.OPEN
    ask = (_of_class if session.reading_class_id else _of_branch) if is_open else _not_open
    found: Found = ask(places, member=scope.member_id, **expected.places_of(session))
    todos.keep_badge(scope, found.rows("logs"))
    marks = found.objects("marks")
    marks.sort(key=lambda a: (a.guest, a.name.encode("gb18030"), a.number))
    return Roll(
        marks,
        expected.once(found.rows("new")) if is_open else [],
        found.rows("changes"),
    )


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


def refused_scans(session: Session) -> list[Any]:
    """Refused scans by member and reason, the latest first: name, last, reason, times. Who calls
    the roll is scanned by nobody; once by code, a roll stays by code."""
    if session.method == Session.Method.ROLL_CALL or not _may_have("has_refused_scans", session):
        return []
    return _scans(session=session.pk)


def walk_ins(session: Session) -> list[Any]:
    """Who scanned without standing on the open roll and asks to be added."""
    if session.method == Session.Method.ROLL_CALL or session.state != Session.State.OPEN:
        return []
    if not _may_have("has_walk_ins", session):
        return []
    return list(session.walk_ins.waiting()[:MOST_WALK_INS])


def asked(session: Session) -> list[Any]:
    """Leave that was asked for, the first asked first: pk, member, name, leave, reason, state,
    reply."""
    return _asked(session=session.pk) if _may_have("has_plans", session) else []


def _may_have(what: str, session: Session) -> bool:
    """Whether there is any of what `_BESIDE` names; a session read otherwise does not know."""
    return bool(vars(session).get(what, True))
