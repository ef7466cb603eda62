"""Provisional figures that units check before a bulletin is published. All of it insert-only but
the keys of feeds, which their owners may take back."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from credits.models.bulletin import BulletinDraft
from credits.querysets import UnitAnswerQuerySet, UnitFiguresQuerySet
from portal.models import Cohort, Member, Organization


class Measure(models.TextChoices):
    """The lines that a unit confirms or objects to, each a column of `UnitFigures`."""

    DUE = "due", "应学"
    EXEMPT = "exempt", "免学"
    COMPLETED = "completed", "学满"
    HOURS = "hours", "认定学时"
    POINTS = "points", "积分"
    SESSIONS = "sessions", "活动场次"


class UnitsCheck(models.Model):
    """One time that a draft's figures were sent to the units. turn: which time of the draft."""

    draft = models.ForeignKey(
        BulletinDraft, models.PROTECT, related_name="checks", verbose_name="通报草稿"
    )
    turn = models.PositiveSmallIntegerField("次数")
    sent_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="送核人")
    sent_at = models.DateTimeField("送核时间")
    deadline = models.DateTimeField("核对截止")

    class Meta:
        verbose_name = verbose_name_plural = "单位核对"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "turn"], name="units_check_turn_once"),
            models.CheckConstraint(
                name="units_check_deadline_later", condition=Q(deadline__gt=F("sent_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.draft.title}：第 {self.turn} 次核对"


class UnitFigures(models.Model):
    """One unit's line as it was sent: a snapshot, hours and points in hundredths."""

    units_check = models.ForeignKey(
        UnitsCheck, models.PROTECT, related_name="rows", verbose_name="单位核对"
    )
    unit = models.ForeignKey(Organization, models.PROTECT, related_name="+", verbose_name="单位")
    unit_code = models.CharField("编码", max_length=20)
    unit_name = models.CharField("单位", max_length=80)
    cohort = models.CharField("系统", max_length=12, choices=Cohort)
    due = models.PositiveIntegerField("应学")
    exempt = models.PositiveIntegerField("免学")
    completed = models.PositiveIntegerField("学满")
    hours = models.PositiveBigIntegerField("认定学时")
    points = models.PositiveBigIntegerField("积分")
    sessions = models.PositiveIntegerField("活动场次")
    rank = models.PositiveIntegerField("名次", null=True)

    objects = UnitFiguresQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "送核数据"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["units_check", "unit"], name="unit_figures_once"),
            models.CheckConstraint(
                name="unit_figures_within_due", condition=Q(completed__lte=F("due"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit_name}：{self.units_check}"

    @property
    def rate(self) -> float | None:
        return self.completed / self.due if self.due else None


class UnitLook(models.Model):
    """That somebody of the unit opened its figures; the first time of each person."""

    row = models.ForeignKey(
        UnitFigures, models.PROTECT, related_name="looks", verbose_name="送核数据"
    )
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="查看人")
    at = models.DateTimeField("查看时间")

    class Meta:
        verbose_name = verbose_name_plural = "核对查看"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["row", "by"], name="unit_look_once")]

    def __str__(self) -> str:
        return f"{self.by} 查看{self.row}"


class UnitAnswer(models.Model):
    """What a unit says of one line of its figures; of several the newest counts."""

    class Says(models.TextChoices):
        CONFIRMED = "confirmed", "无误"
        OBJECTED = "objected", "有异议"

    row = models.ForeignKey(
        UnitFigures, models.PROTECT, related_name="answers", verbose_name="送核数据"
    )
    measure = models.CharField("项目", max_length=10, choices=Measure)
    says = models.CharField("答复", max_length=10, choices=Says)
    reason = models.CharField("理由", max_length=200, blank=True)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="何人")
    at = models.DateTimeField("时间")

    objects = UnitAnswerQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "单位答复"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="unit_answer_objects_for_reason",
                condition=Q(says="confirmed", reason="") | Q(says="objected") & ~Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_measure_display()}{self.get_says_display()}"


class ObjectionReply(models.Model):
    """How an objection ended: the figure was corrected, or stays for a reason.

    was, now: the figure as sent and as it is counted after the correction; they differ.
    objected_by: copied from the objection, so that the database holds that another replied.
    """

    class Kind(models.TextChoices):
        CORRECTED = "corrected", "已更正"
        EXPLAINED = "explained", "维持原数"

    objection = models.OneToOneField(
        UnitAnswer, models.PROTECT, related_name="reply", verbose_name="异议"
    )
    kind = models.CharField("结果", max_length=10, choices=Kind)
    text = models.CharField("说明", max_length=200)
    was = models.PositiveBigIntegerField("原数", null=True)
    now = models.PositiveBigIntegerField("现数", null=True)
    objected_by = models.ForeignKey(
        Member, models.PROTECT, related_name="+", verbose_name="提出异议人"
    )
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="答复人")
    at = models.DateTimeField("答复时间")

    class Meta:
        verbose_name = verbose_name_plural = "异议答复"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="objection_reply_says_why", condition=~Q(text="")),
            models.CheckConstraint(
                name="objection_reply_by_another", condition=~Q(by=F("objected_by"))
            ),
            models.CheckConstraint(
                name="objection_corrected_differs",
                condition=Q(kind="explained", was=None, now=None)
                | Q(kind="corrected", was__isnull=False, now__isnull=False) & ~Q(was=F("now")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.objection}：{self.get_kind_display()}"


class FeedKey(models.Model):
    """Somebody's own address of the feed of bulletins: readers of feeds cannot sign in.

    digest: keyed hash of the secret in the address, which is shown once and kept nowhere.
    """

    member = models.OneToOneField(
        Member, models.CASCADE, related_name="feed_key", verbose_name="订阅人"
    )
    digest = models.CharField("校验值", max_length=64, unique=True)
    made_at = models.DateTimeField("生成时间")

    class Meta:
        verbose_name = verbose_name_plural = "通报订阅"

    def __str__(self) -> str:
        return f"{self.member}：通报订阅"
