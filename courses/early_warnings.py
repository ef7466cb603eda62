"""Warnings that look ahead (预警): who cannot reach the target with what is planned, who missed
three in a row, sheets overdue, branches without a session this month.

Names are for the person, the branch's secretary and organiser, and the helper (invariant 6): who
reads narrows the standings first, by `Standing.objects.within(scope, Capability.SEE_PERSONS)`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from courses.forecasts import Forecast
from courses.models import Attendance, Status, StudySession
from courses.outlooks import Outlook
from courses.querysets import SessionQuerySet
from credits.models import Programme, Standing
from portal.models import Member
from portal.querysets import OrganizationQuerySet

IN_A_ROW = 3
OVERDUE = timedelta(days=3)  # after its end, until its attendance is called overdue


@dataclass(frozen=True)
class Missed:
    """A session in which somebody was due and absent."""

    session: int
    title: str
    starts_at: datetime


@dataclass(frozen=True)
class Warned:
    """One person of whom there is something to say. forecast: where they will be short; missed:
    the last three sessions, the latest first, where all were missed."""

    standing: Standing
    forecast: Forecast | None
    missed: tuple[Missed, ...]


class Watch:
    """The people of some standings under one programme: who is warned of, and of what.

    rows: standings with member and branch; the exempt and those off the roll are never warned of.
    """

    def __init__(self, programme: Programme, rows: Iterable[Standing], *, at: datetime) -> None:
        self.rows = {r.member_id: r for r in rows if r.on_roll and not r.exempt}
        self.outlook = Outlook(programme, self.rows.values(), at=at)
        self.missed = missed_in_a_row(programme, self.rows)

    @cached_property
    def warned(self) -> list[Warned]:
        """Everybody who is warned of, who lacks most first; without proposals."""
        found = [w for pk in self.rows if (w := self.about(pk, proposals=False))]
        return sorted(found, key=_by_need)

    def about(self, member: int, *, proposals: bool = True) -> Warned | None:
        """What there is to say of one of them; None where nothing is."""
        row = self.rows.get(member)
        if row is None:
            return None
        ahead = self.outlook.forecast(member, proposals=proposals)
        if ahead is not None and not ahead.missing:
            ahead = None
        missed = self.missed.get(member, ())
        return Warned(row, ahead, missed) if ahead or missed else None


def of_member(programme: Programme, member: Member, *, at: datetime) -> Warned | None:
    """What a person is told of themselves, with proposals; None where nothing is to be said."""
    rows = Standing.objects.filter(programme=programme, member=member)
    rows = rows.select_related("member", "branch")
    return Watch(programme, rows, at=at).about(member.pk)


def missed_in_a_row(
    programme: Programme, members: Collection[int]
) -> dict[int, tuple[Missed, ...]]:
    """Who was absent at the last three sessions held in which they were due, with those: one query.

    Leave, being late or having been there breaks the row; what was called off is none.
    """
    held = Attendance.objects.filter(
        member__in=members,
        guest=False,
        session__state__in=["closed", "corrected"],
        session__programmes=programme,
    ).exclude(status__in=[Status.OBSERVER, Status.NOT_YET])
    latest = Window(
        RowNumber(),
        partition_by="member",
        order_by=(F("session__starts_at").desc(), F("session").desc()),
    )
    rows = held.order_by().annotate(place=latest).filter(place__lte=IN_A_ROW)
    found: dict[int, list[Any]] = defaultdict(list)
    columns = ("member", "place", "status", "session", "session__title", "session__starts_at")
    for member, place, status, *session in rows.values_list(*columns):
        if status == Status.ABSENT:
            found[member].append((place, Missed(*session)))
    return {
        member: tuple(missed for _, missed in sorted(rows_, key=lambda r: r[0]))
        for member, rows_ in found.items()
        if len(rows_) == IN_A_ROW
    }


def overdue(sessions: SessionQuerySet, *, at: datetime) -> SessionQuerySet:
    """Those of the sessions that ended more than three days ago and were never recorded."""
    return sessions.overdue(at - OVERDUE)


def idle(
    programme: Programme, branches: OrganizationQuerySet, *, today: date
) -> OrganizationQuerySet:
    """Those of the branches that hold no session of the programme this month, planned or held."""
    first = today.replace(day=1)
    next_ = (first + timedelta(days=31)).replace(day=1)
    month = StudySession.objects.of_programme(programme).alive()
    month = month.filter(starts_at__gte=_midnight(first), starts_at__lt=_midnight(next_))
    standing = branches.standing().branches()
    return standing.exclude(pk__in=month.order_by().values("organiser"))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def _by_need(warned: Warned) -> tuple[int, int, bytes, str]:
    missing = warned.forecast.missing if warned.forecast else 0
    return (-missing, -len(warned.missed), *warned.standing.member.sort_key)
