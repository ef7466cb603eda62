"""Reads of classes, sessions, attendance and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Count, F, Max, Q

from portal.access import Capability, Scope
from portal.querysets import ScopedQuerySet, at_and_above, below

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from courses.models import (  # noqa: F401 - named as text in the base classes below
        Answer,
        Attendance,
        AttendancePlan,
        BookBag,
        BookBagItem,
        Course,
        Delivery,
        Discussion,
        GroupMember,
        GroupRobot,
        HostAttendance,
        Lesson,
        LessonCredit,
        LineQuery,
        Push,
        ReadingClass,
        Recommendation,
        Reflection,
        Reply,
        Report,
        Sample,
        SampleItem,
        Scan,
        SheetImport,
        StudyGroup,
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


class LessonCreditQuerySet(ScopedQuerySet["LessonCredit"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def standing(self) -> Self:
        """Credited or to be credited yet; what was taken back is passed over."""
        return self.exclude(state="reversed")

    def waiting(self) -> Self:
        return self.filter(state="waiting")


class BookBagQuerySet(ScopedQuerySet["BookBag"]):
    path_lookup = "organiser__path"

    def published(self) -> Self:
        return self.filter(state="published")


class BookBagItemQuerySet(models.QuerySet["BookBagItem"]):
    def told(self) -> Self:
        """In their order, with the texts and what the right to each rests on."""
        return self.select_related("right__lesson__course", "right__material__course").order_by(
            "order", "pk"
        )


class StudyGroupQuerySet(ScopedQuerySet["StudyGroup"]):
    path_lookup = "organiser__path"

    def run_by(self, scope: Scope) -> Self:
        """Those whose discussions somebody runs: as their leader, or as whoever arranges things
        for their organiser."""
        arranged = scope.condition(Capability.MANAGE_CLASSES, self.path_lookup, None)
        return self.filter(Q(leader=scope.member_id) | arranged)

    def alive(self) -> Self:
        return self.filter(ended_at=None)

    def with_member(self, member: Member) -> Self:
        """Those in which somebody is now."""
        return self.filter(people__member=member, people__until=None)


class GroupMemberQuerySet(ScopedQuerySet["GroupMember"]):
    path_lookup = "group__organiser__path"

    def now(self) -> Self:
        return self.filter(until=None)


class DiscussionQuerySet(ScopedQuerySet["Discussion"]):
    """Its group's leader holds over it what the organiser's secretary does; whoever is in the
    group now reads it and takes part."""

    path_lookup = "organiser__path"

    def within(self, scope: Scope, capability: Capability) -> Self:
        held = scope.condition(capability, self.path_lookup, None)
        if capability is Capability.MANAGE_CLASSES:
            return self.filter(held | Q(group__leader=scope.member_id))
        if capability is Capability.OWN:
            return self.read_by(scope)
        return self.filter(held)

    def read_by(self, scope: Scope) -> Self:
        """Those whose pages somebody reads: as a member of the group, its leader, or whoever
        arranges things for the organiser."""
        rows = apps.get_model("courses", "GroupMember")._default_manager
        groups = rows.filter(member=scope.member_id, until=None).values("group")
        arranged = scope.condition(Capability.MANAGE_CLASSES, self.path_lookup, None)
        return self.filter(Q(group__in=groups) | Q(group__leader=scope.member_id) | arranged)

    def seen_by(self, scope: Scope) -> Self:
        """The same, and those in which somebody answered before leaving the group: of these their
        own answer is shown to them."""
        answers = apps.get_model("courses", "Answer")._default_manager
        own = answers.filter(member=scope.member_id).values("discussion")
        return self.read_by(scope) | self.filter(pk__in=own)

    def shown(self) -> Self:
        """With all that a page says of them."""
        return self.select_related("group__leader", "organiser", "programme", "asked_by")


class AnswerQuerySet(ScopedQuerySet["Answer"]):
    path_lookup = "discussion__organiser__path"
    owner_lookup = "member"

    def waiting(self) -> Self:
        """Nobody has decided about them, and their discussion was not called off."""
        return self.filter(state="waiting").exclude(discussion__state="cancelled")

    def to_recognise(self) -> Self:
        """Nobody has decided about them, or something stood in the way of their credit."""
        return self.filter(state__in=["waiting", "refused"], hidden_at=None)


class ReplyQuerySet(ScopedQuerySet["Reply"]):
    path_lookup = "answer__discussion__organiser__path"
    owner_lookup = "member"


class ReportQuerySet(ScopedQuerySet["Report"]):
    path_lookup = "discussion__organiser__path"
    owner_lookup = "by"

    def open(self) -> Self:
        return self.filter(state="open")


class GroupRobotQuerySet(ScopedQuerySet["GroupRobot"]):
    path_lookup = "group__organiser__path"

    def alive(self) -> Self:
        return self.filter(removed_at=None)


class PushQuerySet(models.QuerySet["Push"]):
    def to_groups(self, groups: Collection[int]) -> Self:
        """What was pushed to any of these groups, the newest first."""
        deliveries = apps.get_model("courses", "Delivery")._default_manager
        pushed = deliveries.filter(group__in=groups).values("push")
        return self.filter(pk__in=pushed).order_by("-pk")


class DeliveryQuerySet(ScopedQuerySet["Delivery"]):
    path_lookup = "group__organiser__path"

    def due(self, at: datetime) -> Self:
        """What waits for its robot, in the order in which it is its turn."""
        return self.filter(state="waiting", due_at__lte=at).order_by("due_at", "pk")


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


class ReflectionQuerySet(ScopedQuerySet["Reflection"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def handed_in(self) -> Self:
        """What readers may see: not drafts, nor what its author is changing once more."""
        return self.filter(state__in=["handed_in", "read"])

    def to_read(self) -> Self:
        return self.filter(state="handed_in")

    def told(self) -> Self:
        """With author, branch and what each is about."""
        return self.select_related(
            "member", "branch", "read_by", "lesson", "material", "course", "session"
        )


class RecommendationQuerySet(ScopedQuerySet["Recommendation"]):
    path_lookup = "organization__path"

    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def shown_to(self, member: Member) -> Self:
        """Exemplars of the organisations at and above a member's branch."""
        above = at_and_above(member.scope_path)
        return self.filter(state="accepted", organization__path__in=above)

    def told(self) -> Self:
        """With the reflection, its author and branch, and to whom it was recommended."""
        return self.select_related(
            "reflection__member", "reflection__branch", "organization", "by", "decided_by"
        )


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
        """Found not in order, and the log counts all the same."""
        return self.filter(state="not_in_order", log__state="confirmed")


def _hosts(member: Member) -> models.QuerySet[Any, Any]:
    """Ids of the organisations in the tree that host a mobile member now."""
    return member.mobile_stays.open().exclude(host=None).values("host")


def of_member(member: Any, above: Sequence[Any]) -> models.QuerySet[Any, Any]:
    """Ids of the sessions of a member whose branch and what stands above it are at `above`: three
    short lists by their own indexes (a condition with OR would scan every session)."""
    sessions = apps.get_model("courses", "StudySession")._default_manager.order_by()
    rolls = apps.get_model("courses", "Attendance")._default_manager.order_by()
    classes = apps.get_model("courses", "Enrolment")._default_manager.order_by()
    places = classes.filter(member=member, until=None).values("reading_class")
    return (
        sessions.filter(reading_class__in=places)
        .values("pk")
        .union(
            sessions.filter(reading_class=None, organiser__path__in=above).values("pk"),
            rolls.filter(member=member).values("session"),
        )
    )
