"""How lessons are studied: what members answered, and what passing earned them."""

from django.db import models
from django.db.models import F, Q

from courses.models.course import Lesson
from courses.models.lesson_text import LessonVersion
from courses.online_querysets import LessonCreditQuerySet
from portal.models import Member, Organization


class LessonAttempt(models.Model):
    """One set of answers as it reached the server, and what was said to it. Insert-only.

    token: made by the page, so that the same answers sent again are told the same. turn: how many
    attempts at this version came before; with it the server draws the same questions again. drawn:
    their ids; given: id → places of the choices taken. day: the local day of `at`.
    """

    class State(models.TextChoices):
        FAILED = "failed", "未通过"
        PASSED = "passed", "已通过"
        CREDITED = "credited", "已记学时"
        WAITING = "waiting", "暂未记学时"

    token = models.UUIDField("答题标识", unique=True, editable=False)
    lesson = models.ForeignKey(
        Lesson, models.PROTECT, related_name="attempts", verbose_name="微党课"
    )
    version = models.ForeignKey(
        LessonVersion, models.PROTECT, related_name="attempts", verbose_name="版本"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="lesson_attempts", verbose_name="党员"
    )
    turn = models.PositiveSmallIntegerField("第几次")
    drawn = models.JSONField("抽到的题")
    given = models.JSONField("所选答案")
    right = models.PositiveSmallIntegerField("答对题数")
    asked = models.PositiveSmallIntegerField("题数")
    state = models.CharField("结果", max_length=10, choices=State)
    message = models.CharField("答复", max_length=300)
    day = models.DateField("日期")
    at = models.DateTimeField("收到时间")

    class Meta:
        verbose_name = verbose_name_plural = "微党课答题"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "member", "turn"], name="lesson_attempt_turn_once"
            ),
            models.CheckConstraint(
                name="lesson_attempt_right_of_asked", condition=Q(right__lte=F("asked"))
            ),
            models.CheckConstraint(
                name="lesson_attempt_state",
                condition=Q(state__in=["failed", "passed", "credited", "waiting"]),
            ),
        ]
        indexes = [models.Index(fields=["member", "lesson", "day"], name="lesson_attempt_member")]

    def __str__(self) -> str:
        return f"{self.member} {self.lesson} {self.day}"

    @property
    def is_passed(self) -> bool:
        return self.state != self.State.FAILED


class LessonCredit(models.Model):
    """What passing a lesson earned one member in one programme: credited, waiting for something to
    get out of the way, ended with the books while it waited, or taken back.

    key: of member and lesson, names it in the ledger. attempt: with which it was passed. branch:
    the member's branch then, in whose book it is posted. day: on which it is credited. hours:
    hundredths, known once it is credited. reason: why it waits, ended or was taken back.
    """

    class State(models.TextChoices):
        CREDITED = "credited", "已记入"
        WAITING = "waiting", "暂未记入"
        EXPIRED = "expired", "封账时未记入"
        REVERSED = "reversed", "已冲销"

    key = models.CharField("标识", max_length=24, editable=False)
    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="+", verbose_name="专题教育"
    )
    lesson = models.ForeignKey(
        Lesson, models.PROTECT, related_name="credits", verbose_name="微党课"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="lesson_credits", verbose_name="党员"
    )
    attempt = models.ForeignKey(
        LessonAttempt, models.PROTECT, related_name="credits", verbose_name="答题"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党支部"
    )
    state = models.CharField("状态", max_length=10, choices=State)
    day = models.DateField("记入日期", null=True, blank=True)
    hours = models.PositiveIntegerField("学时", default=0)
    reason = models.CharField("说明", max_length=200, blank=True)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="冲销人"
    )
    decided_at = models.DateTimeField("冲销时间", null=True, blank=True)

    objects = LessonCreditQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "微党课学时"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "member", "lesson"],
                condition=Q(state__in=["credited", "waiting", "expired"]),
                name="lesson_credit_once",
            ),
            models.CheckConstraint(
                name="lesson_credit_has_hours",
                condition=Q(state="credited", hours__gt=0, day__isnull=False)
                | Q(state__in=["waiting", "expired"], hours=0, day=None)
                | Q(state="reversed", hours=0),
            ),
            models.CheckConstraint(
                name="lesson_credit_says_why", condition=Q(state="credited") | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="lesson_credit_taken_back_by_whom",
                condition=Q(state="reversed", decided_by__isnull=False, decided_at__isnull=False)
                | Q(state="expired", decided_by=None, decided_at__isnull=False)
                | Q(state__in=["credited", "waiting"], decided_by=None, decided_at=None),
            ),
            models.CheckConstraint(
                name="lesson_credit_not_by_oneself",
                condition=Q(decided_by=None) | ~Q(decided_by=F("member")),
            ),
        ]
        indexes = [models.Index(fields=["branch", "state"], name="lesson_credit_branch")]

    def __str__(self) -> str:
        return f"{self.member} {self.lesson}"

    @property
    def owner_id(self) -> int:
        return self.member_id
