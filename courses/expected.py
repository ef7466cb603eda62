"""Who is expected at a session: what those who are due have said, and who came to be due since its
roll was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from courses.models import Attendance, AttendancePlan, Enrolment
from courses.models import StudySession as Session
from credits.models import Standing
from portal.models import Membership
from portal.prepared import Prepared, given
from portal.querysets import after


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


def new_in_branch() -> QuerySet[Any, Any]:
    """Who is due in a session of a branch and does not stand on its roll: member, branch of the
    day, name; by the places of `places_of`."""
    return _named(_not_on_roll(_of_branch()))


def new_in_class() -> QuerySet[Any, Any]:
    """The same in a session of a class."""
    return _named(_not_on_roll(_of_class()))


_new_in_branch = Prepared(new_in_branch)
_new_in_class = Prepared(new_in_class)
_said_in_branch = Prepared(lambda: _answered(_not_on_roll(_of_branch())))
_said_in_class = Prepared(lambda: _answered(_not_on_roll(_of_class())))


def not_on_roll(session: Session) -> list[Any]:
    """Who is due and does not stand on the roll, enrolled after it was opened: member, branch of
    the day, name."""
    return once(_of_due(session, _new_in_class, _new_in_branch))


def once(rows: Sequence[Any]) -> list[Any]:
    """Each member once, however often somebody belonged there on the day."""
    return list({row.member: row for row in rows}.values())


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


def _of_due(session: Session, of_class: Prepared, of_branch: Prepared) -> list[Any]:
    """The rows of whichever query tells who is due in this session."""
    query = of_class if session.reading_class_id else of_branch
    return query(**places_of(session))


def places_of(session: Session) -> dict[str, Any]:
    """What the queries want to know of a session."""
    if session.reading_class_id:
        of: dict[str, Any] = {"reading_class": session.reading_class_id}
    else:
        of = {"path": session.organiser.path, "after": after(session.organiser.path)}
    return {"session": session.pk, "day": session.day, **of}
