"""Reads of classes, sessions, attendance and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Count, F, Max, Q, Subquery

from portal.access import Capability, Scope
from portal.querysets import ScopedQuerySet, at_and_above, below

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from courses.models import (  # noqa: F401 - named as text in the base classes below
        Attendance,
        AttendancePlan,
        Course,
        HostAttendance,
        Lesson,
        LineQuery,
        ReadingClass,
        Sample,
        SampleItem,
        Scan,
        SheetImport,
        StudyLog,
        StudySession,
        WalkIn,
    )
    from credits.models import Programme
    from portal.models import Member, Organization


class CourseQuerySet(models.QuerySet["Course"]):
    def of_period(self, period: str) -> Self:
        return self.filter(period=period)


class LessonQuerySet(models.QuerySet["Lesson"]):
    def published(self) -> Self:
        return self.filter(state="published")

    def logged(self) -> Self:
        """Those that readers log themselves, for their questions earn nothing."""
        return self.published().filter(band=0)


class ReadingClassQuerySet(ScopedQuerySet["ReadingClass"]):
    path_lookup = "organiser__path"

    def running(self) -> Self:
        return self.filter(state="running")


class SessionQuerySet(ScopedQuerySet["StudySession"]):
    path_lookup = "organiser__path"

    def of_programme(self, programme: Programme) -> Self:
        return self.filter(programmes=programme)

    def alive(self) -> Self:
        """Neither cancelled nor not held."""
        return self.exclude(state__in=["cancelled", "not_held"])

    def held(self) -> Self:
        """Credited ones: what counts as a session held."""
        return self.filter(state__in=["closed", "corrected"])

    def to_come(self, at: datetime) -> Self:
        return self.filter(state__in=["planned", "open"], ends_at__gt=at)

    def overdue(self, at: datetime) -> Self:
        """Over, and nobody has recorded the attendance."""
        return self.filter(state__in=["planned", "open"], ends_at__lte=at)

    def for_member(self, member: Member) -> Self:
        """Those in which a member is due or takes part: of their classes, of their branch and of
        what stands above it, and those on whose roll they are."""
        return self.filter(pk__in=of_member(member.pk, at_and_above(member.scope_path)))

    def open_to(self, member: Member, at: datetime) -> Self:
        """Those to come in a member's unit, and of the organisation that hosts a mobile member: to
        these they may go as a guest. Nobody's marks are shown by that."""
        branch = member.branch
        if branch is None:
            return self.none()
        own = below((branch.unit or branch).path, lookup=self.path_lookup)
        return self.to_come(at).filter(own | Q(organiser__in=_hosts(member)))

    def hosted_for(self, member: Member, at: datetime) -> Self:
        """Those to come of the organisation that hosts a mobile member."""
        return self.to_come(at).filter(organiser__in=_hosts(member))

    def with_counts(self) -> Self:
        """With 应到, 实到, 请假, 缺席, 未签到, 列席 and 客人 of each session."""
        own = Q(attendances__guest=False)
        there = Q(attendances__status__in=["present", "late", "left_early"])
        return self.annotate(
            due_count=Count(
                "attendances", filter=own & ~Q(attendances__status="observer"), distinct=True
            ),
            there_count=Count("attendances", filter=own & there, distinct=True),
            leave_count=Count(
                "attendances", filter=own & Q(attendances__status="leave"), distinct=True
            ),
            absent_count=Count(
                "attendances", filter=own & Q(attendances__status="absent"), distinct=True
            ),
            not_yet_count=Count(
                "attendances", filter=own & Q(attendances__status="not_yet"), distinct=True
            ),
        )


class AttendanceQuerySet(ScopedQuerySet["Attendance"]):
    path_lookup = "session__organiser__path"
    owner_lookup = "member"

    def by_name(self) -> Self:
        return self.select_related("member", "home").order_by(
            "guest", "member__name", "member__number"
        )


class AttendancePlanQuerySet(ScopedQuerySet["AttendancePlan"]):
    path_lookup = "session__organiser__path"
    owner_lookup = "member"

    def within(self, scope: Scope, capability: Capability) -> Self:
        """Those of sessions over which `scope` holds `capability`, and of members over whose home
        branch it does."""
        at_home = scope.condition(capability, "home__path", self.owner_lookup)
        of_session = scope.condition(capability, self.path_lookup, self.owner_lookup)
        return self.filter(of_session | at_home)

    def granted(self, sessions: Collection[int]) -> dict[tuple[int, int], str]:
        """Leave that was approved: (session, member) → kind."""
        rows = self.filter(session__in=sessions, state="approved")
        return {(s, m): kind for s, m, kind in rows.values_list("session", "member", "leave")}


class ScanQuerySet(models.QuerySet["Scan"]):
    def refusals(self) -> models.QuerySet[Scan, Any]:
        """Refused scans by member and reason, the latest first: name, reason, last, times."""
        rows = self.filter(accepted=False).order_by().values("member", "reason")
        return rows.annotate(
            name=F("member__name"), last=Max("at"), times=Count("pk"), newest=Max("pk")
        ).order_by("-newest")


class WalkInQuerySet(ScopedQuerySet["WalkIn"]):
    path_lookup = "session__organiser__path"
    owner_lookup = "member"

    def waiting(self) -> Self:
        """Not decided yet, in the order of asking, with whose they are."""
        return self.filter(state="asked").select_related("member__branch").order_by("pk")


class SheetImportQuerySet(ScopedQuerySet["SheetImport"]):
    path_lookup = "organization__path"


class StudyLogQuerySet(ScopedQuerySet["StudyLog"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def pending(self) -> Self:
        return self.filter(state="pending")

    def of_branch(self, branch: Organization) -> Self:
        return self.filter(branch=branch)


class HostAttendanceQuerySet(ScopedQuerySet["HostAttendance"]):
    """As the home branch sees them, which decides."""

    path_lookup = "branch__path"
    owner_lookup: str | None = "member"

    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def standing(self) -> Self:
        """Those that wait or count: of these there is one a member, session and programme."""
        return self.filter(state__in=["waiting", "recognised"])

    def to_reverse(self) -> Self:
        """Recognised, and the host has called the session off since."""
        return self.filter(state="recognised", session__state__in=["cancelled", "not_held"])


class AttestedQuerySet(HostAttendanceQuerySet):
    """The same rows as the host sees them, which attested them."""

    path_lookup = "session__organiser__path"
    owner_lookup = None


class LineQueryQuerySet(ScopedQuerySet["LineQuery"]):
    path_lookup = "place__path"
    owner_lookup = "member"

    def open(self) -> Self:
        return self.filter(state="open")

    def of_source(self, kind: str, key: str) -> Self:
        return self.filter(kind=kind, key=key)


class SampleQuerySet(ScopedQuerySet["Sample"]):
    path_lookup = "organization__path"

    def open(self) -> Self:
        return self.filter(closed_at=None)


class SampleItemQuerySet(ScopedQuerySet["SampleItem"]):
    path_lookup = "sample__organization__path"
    owner_lookup = "member"

    def asked(self) -> Self:
        """What members still have to answer."""
        return self.filter(state="asked", sample__closed_at=None)

    def to_judge(self) -> Self:
        return self.filter(state="answered", sample__closed_at=None)

    def to_reverse(self) -> Self:
        """Found not in order, and the log counts all the same, where it can still be reversed.
        By the day an index finds the logs of the present programmes among all of a branch's."""
        open_ = apps.get_model("credits", "Programme")._default_manager.order_by("starts").open()
        return self.filter(
            state="not_in_order",
            log__state="confirmed",
            log__programme__in=open_.order_by(),
            log__day__gte=Subquery(open_.values("starts")[:1]),
        )


def _hosts(member: Member) -> models.QuerySet[Any, Any]:
    """Ids of the organisations in the tree that host a mobile member now."""
    return member.mobile_stays.open().exclude(host=None).values("host")


def of_member(member: Any, above: Sequence[Any], *, since: Any = None) -> models.QuerySet[Any, Any]:
    """Ids of the sessions of a member whose branch and what stands above it are at `above`: three
    short lists by their own indexes (a condition with OR would scan every session). since: where
    what an organisation held before is not wanted, when that began."""
    sessions = apps.get_model("courses", "StudySession")._default_manager.order_by()
    rolls = apps.get_model("courses", "Attendance")._default_manager.order_by()
    classes = apps.get_model("courses", "Enrolment")._default_manager.order_by()
    places = classes.filter(member=member, until=None).values("reading_class")
    theirs = sessions.filter(reading_class=None, organiser__path__in=above)
    return (
        sessions.filter(reading_class__in=places)
        .values("pk")
        .union(
            (theirs.filter(starts_at__gt=since) if since else theirs).values("pk"),
            rolls.filter(member=member).values("session"),
        )
    )
