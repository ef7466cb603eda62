"""Own study (个人自学 and its like) as members log it."""

from django.db import models
from django.db.models import F, Q

from courses.querysets import StudyLogQuerySet
from credits.models import Form
from portal.models import Member, Organization


class StudyLog(models.Model):
    """One piece of own study: handed in, then confirmed or returned by somebody else.

    key: stable, names the log in the ledger. content: key of a named course or lesson, else empty.
    entered_by: the member, or the secretary for somebody without a phone. hours: what it earned
    (hundredths), known once it is credited. Expired: the books were closed over it, by nobody's
    decision.
    """

    class State(models.TextChoices):
        PENDING = "pending", "待支部确认"
        CONFIRMED = "confirmed", "已记入"
        RETURNED = "returned", "已退回"
        WITHDRAWN = "withdrawn", "已撤回"
        REVERSED = "reversed", "已冲销"
        EXPIRED = "expired", "封账时未确认"

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="study_logs", verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="study_logs", verbose_name="党员"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="study_logs", verbose_name="党支部"
    )
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    content = models.CharField("内容", max_length=40, blank=True)
    topic = models.CharField("学习内容", max_length=80)
    day = models.DateField("学习日期")
    minutes = models.PositiveSmallIntegerField("时长（分钟）")
    start = models.DateTimeField("开始时间", null=True, blank=True)
    state = models.CharField("状态", max_length=10, choices=State, default=State.PENDING)
    entered_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="提交人")
    entered_at = models.DateTimeField("提交时间")
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True, blank=True)
    reason = models.CharField("说明", max_length=200, blank=True)
    hours = models.PositiveIntegerField("学时", default=0)

    objects = StudyLogQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学习记录"
        ordering = ["-day", "-id"]
        constraints = [
            models.CheckConstraint(
                name="study_log_not_by_oneself",
                condition=Q(decided_by=None) | ~Q(decided_by=F("member")),
            ),
            models.CheckConstraint(
                name="study_log_decided_has_who",
                condition=Q(state__in=["pending", "withdrawn"], decided_by=None)
                | Q(state="expired", decided_by=None, decided_at__isnull=False)
                | Q(state__in=["confirmed", "returned", "reversed"], decided_by__isnull=False),
            ),
            models.CheckConstraint(
                name="study_log_returned_with_reason",
                condition=~Q(state__in=["returned", "reversed", "expired"]) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="study_log_minutes_positive", condition=Q(minutes__gt=0, minutes__lte=1440)
            ),
        ]
        indexes = [
            models.Index(fields=["branch", "state", "day"], name="study_log_branch_state"),
            models.Index(fields=["member", "programme", "day"], name="study_log_member"),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.day} {self.topic}"

    @property
    def owner_id(self) -> int:
        return self.member_id
