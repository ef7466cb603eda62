"""Discussions (专题讨论) of a study group: a question, and until when it is answered."""

from datetime import date, datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from courses.models.study_group import StudyGroup
from courses.online_querysets import DiscussionQuerySet
from credits.models import Form
from portal.models import Member, Organization


class Discussion(models.Model):
    """A question to the members of one group, which counts for one programme.

    key: stable, names it in the ledger. organiser: the organisation of the group when it was
    asked, or what that had been merged into; in its book it is credited. minutes: what one answer
    that is recognised counts as. first_day, last_day: answers are taken on these days, both
    included. Closed: no more answers, and now they are recognised. ended_by, ended_at, reason: of
    the closing or cancelling.
    """

    class State(models.TextChoices):
        OPEN = "open", "进行中"
        CLOSED = "closed", "已结束"
        CANCELLED = "cancelled", "已取消"

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    group = models.ForeignKey(
        StudyGroup, models.PROTECT, related_name="discussions", verbose_name="学习群"
    )
    organiser = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="建群党组织"
    )
    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="+", verbose_name="专题教育"
    )
    title = models.CharField("题目", max_length=80)
    text = models.TextField("说明", max_length=2000, blank=True)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    minutes = models.PositiveSmallIntegerField("计时（分钟）")
    first_day = models.DateField("开始日期")
    last_day = models.DateField("截止日期")
    asked_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="发起人")
    asked_at = models.DateTimeField("发起时间")
    state = models.CharField("状态", max_length=10, choices=State, default=State.OPEN)
    replies_open = models.BooleanField("可以回复", default=True)
    ended_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="结束人"
    )
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)
    reason = models.CharField("取消原因", max_length=200, blank=True)

    objects = DiscussionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "专题讨论"
        ordering = ["-last_day", "-id"]
        constraints = [
            models.CheckConstraint(
                name="discussion_has_names", condition=~Q(key="") & ~Q(title="")
            ),
            models.CheckConstraint(
                name="discussion_days", condition=Q(last_day__gte=F("first_day"))
            ),
            models.CheckConstraint(
                name="discussion_minutes", condition=Q(minutes__gt=0, minutes__lte=1440)
            ),
            models.CheckConstraint(
                name="discussion_ended_by_whom",
                condition=Q(state="open", ended_by=None, ended_at=None, reason="")
                | Q(state="closed", ended_by__isnull=False, ended_at__isnull=False, reason="")
                | (
                    Q(state="cancelled", ended_by__isnull=False, ended_at__isnull=False)
                    & ~Q(reason="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def scope_path(self) -> str:
        return self.organiser.path

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def is_closed(self) -> bool:
        return self.state == self.State.CLOSED

    def takes_answers(self, at: datetime) -> bool:
        """Whether it may be answered at a moment, by the local day."""
        return self.is_open and self.first_day <= timezone.localdate(at) <= self.last_day

    @property
    def last_taken(self) -> date:
        """The last day on which an answer could be handed in: earlier where it was closed
        early."""
        if self.ended_at is None:
            return self.last_day
        return min(self.last_day, timezone.localdate(self.ended_at))
