"""Reads of what is studied without a meeting: lessons, groups, discussions, reflections, bags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from credits.conflicts import OVER_CAP
from portal.access import Capability, Scope
from portal.querysets import ScopedQuerySet, at_and_above

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from courses.models import (  # noqa: F401 - named as text in the base classes below
        Answer,
        BookBag,
        BookBagItem,
        Delivery,
        Discussion,
        GroupMember,
        GroupRobot,
        LessonCredit,
        Push,
        Recommendation,
        Reflection,
        Reply,
        Report,
        StudyGroup,
    )
    from portal.models import Member


class LessonCreditQuerySet(ScopedQuerySet["LessonCredit"]):
    path_lookup = "branch__path"
    owner_lookup = "member"

    def standing(self) -> Self:
        """Credited or to be credited yet; what was taken back is passed over."""
        return self.exclude(state="reversed")

    def waiting(self) -> Self:
        return self.filter(state="waiting")

    def to_try(self, today: Any) -> Self:
        """Those that an earlier day was too full for: they can be credited on another, until their
        programme's last. What else stands in the way does not go away with the day."""
        return self.waiting().filter(
            reason__contains=OVER_CAP,
            attempt__day__lt=today,
            programme__ends__gte=today,
            programme__state__in=["running", "closing"],
        )


class BookBagQuerySet(ScopedQuerySet["BookBag"]):
    path_lookup = "organiser__path"

    def published(self) -> Self:
        return self.filter(state="published")


class BookBagItemQuerySet(models.QuerySet["BookBagItem"]):
    def told(self) -> Self:
        """In their order, with the texts to which there is a right (`told_title`, `told_body`) and
        what each right rests on."""
        versions = apps.get_model("courses", "LessonVersion")._default_manager.order_by()
        of_right = versions.filter(
            lesson=OuterRef("right__lesson"), number=OuterRef("right__version")
        )
        told = {
            f"told_{name}": Coalesce(
                Subquery(of_right.values(name)[:1]),
                f"right__lesson__{name}",
                f"right__material__{name}",
            )
            for name in ("title", "body")
        }
        related = ("right__lesson__course", "right__material__course")
        rows = self.select_related(*related).defer("right__lesson__body", "right__material__body")
        return rows.annotate(**told).order_by("order", "pk")


class StudyGroupQuerySet(ScopedQuerySet["StudyGroup"]):
    path_lookup = "organiser__path"

    def run_by(self, scope: Scope) -> Self:
        """Those whose discussions somebody runs: as their leader, or as whoever arranges things
        for their organiser."""
        arranged = scope.condition(Capability.RUN_GROUPS, self.path_lookup, None)
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
        if capability is Capability.RUN_GROUPS:
            return self.filter(held | Q(group__leader=scope.member_id))
        if capability is Capability.OWN:
            return self.read_by(scope)
        return self.filter(held)

    def read_by(self, scope: Scope) -> Self:
        """Those whose pages somebody reads: as a member of the group, its leader, or whoever
        arranges things for the organiser."""
        rows = apps.get_model("courses", "GroupMember")._default_manager
        groups = rows.filter(member=scope.member_id, until=None).values("group")
        arranged = scope.condition(Capability.RUN_GROUPS, self.path_lookup, None)
        return self.filter(Q(group__in=groups) | Q(group__leader=scope.member_id) | arranged)

    def seen_by(self, scope: Scope) -> Self:
        """The same, and those in which somebody answered before leaving the group: of these their
        own answer is shown to them."""
        answers = apps.get_model("courses", "Answer")._default_manager
        own = answers.filter(member=scope.member_id).values("discussion")
        return self.read_by(scope) | self.filter(pk__in=own)

    def to_finish(self, member: Any, today: Any) -> Self:
        """Those past their last day that nobody has closed, and closed ones with answers, not by
        `member`, that nobody has decided about; as long as they can be credited."""
        answers = apps.get_model("courses", "Answer")._default_manager.order_by()
        left = answers.filter(discussion=OuterRef("pk"), state="waiting", hidden_at=None)
        late = Q(state="open", last_day__lt=today)
        undecided = Q(Exists(left.exclude(member=member)), state="closed")
        return self.filter(late | undecided, programme__state__in=["running", "closing"])

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

    def in_trouble(self, since: Any) -> Self:
        """What was pushed after a moment and did not arrive, or nobody knows; the robot is still
        there, so that it can be sent once more."""
        return self.filter(
            state__in=["failed", "unknown", "dropped"],
            push__at__gt=since,
            robot__isnull=False,
            robot__removed_at=None,
        )


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
