"""What is said in a discussion: answers with their earlier texts, replies, and reports (举报)."""

from django.db import models
from django.db.models import F, Q

from courses.models.discussion import Discussion
from courses.online_querysets import AnswerQuerySet, ReplyQuerySet, ReportQuerySet
from portal.models import Member


class Said(models.Model):
    """A text that somebody signed with their name.

    Hidden: taken from the readers' sight by whoever runs the discussion, with a reason that its
    author reads; the text stays.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="作者")
    text = models.TextField("内容", max_length=2000)
    said_at = models.DateTimeField("时间")
    hidden_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="隐藏人"
    )
    hidden_at = models.DateTimeField("隐藏时间", null=True, blank=True)
    hidden_reason = models.CharField("隐藏理由", max_length=200, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(name="%(class)s_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="%(class)s_hidden_by_whom",
                condition=Q(hidden_by=None, hidden_at=None, hidden_reason="")
                | (
                    Q(hidden_by__isnull=False, hidden_at__isnull=False)
                    & ~Q(hidden_reason="")
                    & ~Q(hidden_by=F("member"))
                ),
            ),
        ]

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None

    @property
    def place(self) -> str:
        """How forms and pages name it: answer-3, reply-7."""
        return f"{self._meta.model_name}-{self.pk}"


class Answer(Said):
    """One member's answer; said_at: when it was first given, on whose local day it counts.

    edits: how often it was rewritten. state: what was decided about it once the discussion was
    closed; refused: recognised, and something stood in the way of its credit; expired: nobody had
    decided when the books were closed. hours: what it earned (hundredths). asked, asked_at: what
    the member says to not being recognised, once; replied: the answer to that.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "待认定"
        RECOGNISED = "recognised", "已认定"
        REFUSED = "refused", "未能记入"
        DECLINED = "declined", "未认定"
        REVERSED = "reversed", "已收回"
        EXPIRED = "expired", "封账时未认定"

    discussion = models.ForeignKey(
        Discussion, models.PROTECT, related_name="answers", verbose_name="专题讨论"
    )
    edits = models.PositiveSmallIntegerField("修改次数", default=0)
    edited_at = models.DateTimeField("修改时间", null=True, blank=True)
    state = models.CharField("状态", max_length=10, choices=State, default=State.WAITING)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True, blank=True)
    reason = models.CharField("说明", max_length=200, blank=True)
    hours = models.PositiveIntegerField("学时", default=0)
    asked = models.CharField("请求复核", max_length=200, blank=True)
    asked_at = models.DateTimeField("请求时间", null=True, blank=True)
    replied = models.CharField("复核答复", max_length=200, blank=True)

    objects = AnswerQuerySet.as_manager()

    class Meta(Said.Meta):
        abstract = False
        verbose_name = verbose_name_plural = "讨论回答"
        ordering = ["id"]
        constraints = [
            *Said.Meta.constraints,
            models.UniqueConstraint(fields=["discussion", "member"], name="answer_once"),
            models.CheckConstraint(
                name="answer_edited_when",
                condition=Q(edits=0, edited_at=None) | Q(edits__gt=0, edited_at__isnull=False),
            ),
            models.CheckConstraint(
                name="answer_not_by_oneself",
                condition=Q(decided_by=None) | ~Q(decided_by=F("member")),
            ),
            models.CheckConstraint(
                name="answer_decided_has_who",
                condition=Q(state="waiting", decided_by=None, decided_at=None)
                | Q(state="expired", decided_by=None, decided_at__isnull=False)
                | Q(
                    state__in=["recognised", "refused", "declined", "reversed"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="answer_with_reason",
                condition=Q(state__in=["waiting", "recognised"], reason="")
                | (Q(state__in=["refused", "declined", "reversed", "expired"]) & ~Q(reason="")),
            ),
            models.CheckConstraint(
                name="answer_hours_if_recognised",
                condition=Q(state="recognised", hours__gt=0)
                | (~Q(state="recognised") & Q(hours=0)),
            ),
            models.CheckConstraint(
                name="answer_asked_when",
                condition=Q(asked="", asked_at=None, replied="")
                | (~Q(asked="") & Q(asked_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member}的回答"

    @property
    def may_ask(self) -> bool:
        """Whether its member may still ask for it to be looked at once more."""
        return self.state in {self.State.DECLINED, self.State.REVERSED} and not self.asked

    @property
    def is_asking(self) -> bool:
        """Whether somebody still has to reply to what its member asked."""
        return bool(self.asked and not self.replied and self.state != self.State.RECOGNISED)


class AnswerVersion(models.Model):
    """An earlier text of an answer, from `since` until it was rewritten. Insert-only."""

    answer = models.ForeignKey(
        Answer, models.PROTECT, related_name="versions", verbose_name="讨论回答"
    )
    number = models.PositiveSmallIntegerField("第几稿")
    text = models.TextField("内容", max_length=2000)
    since = models.DateTimeField("自")
    until = models.DateTimeField("至")

    class Meta:
        verbose_name = verbose_name_plural = "回答的修改前内容"
        ordering = ["answer_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["answer", "number"], name="answer_version_once"),
            models.CheckConstraint(name="answer_version_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="answer_version_until_later", condition=Q(until__gte=F("since"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.answer}第 {self.number} 稿"


class Reply(Said):
    """A reply to an answer; there are none to replies."""

    answer = models.ForeignKey(
        Answer, models.PROTECT, related_name="replies", verbose_name="讨论回答"
    )

    objects = ReplyQuerySet.as_manager()

    class Meta(Said.Meta):
        abstract = False
        verbose_name = verbose_name_plural = "讨论回复"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.member}的回复"


class Report(models.Model):
    """That a reader finds an answer or a reply improper, and what came of it."""

    class State(models.TextChoices):
        OPEN = "open", "待处理"
        HIDDEN = "hidden", "已隐藏"
        KEPT = "kept", "予以保留"

    discussion = models.ForeignKey(
        Discussion, models.PROTECT, related_name="reports", verbose_name="专题讨论"
    )
    answer = models.ForeignKey(
        Answer, models.PROTECT, null=True, blank=True, related_name="reports", verbose_name="回答"
    )
    reply = models.ForeignKey(
        Reply, models.PROTECT, null=True, blank=True, related_name="reports", verbose_name="回复"
    )
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="举报人")
    at = models.DateTimeField("举报时间")
    reason = models.CharField("举报理由", max_length=200)
    state = models.CharField("状态", max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True, blank=True)
    note = models.CharField("处理说明", max_length=200, blank=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "讨论举报"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="report_of_one",
                condition=Q(answer=None, reply__isnull=False) | Q(answer__isnull=False, reply=None),
            ),
            models.UniqueConstraint(
                fields=["by", "answer"], condition=Q(state="open"), name="report_of_answer_once"
            ),
            models.UniqueConstraint(
                fields=["by", "reply"], condition=Q(state="open"), name="report_of_reply_once"
            ),
            models.CheckConstraint(name="report_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="report_decided_by_whom",
                condition=Q(state="open", decided_by=None, decided_at=None, note="")
                | (
                    Q(
                        state__in=["hidden", "kept"],
                        decided_by__isnull=False,
                        decided_at__isnull=False,
                    )
                    & ~Q(note="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by}举报{self.said}"

    @property
    def said(self) -> Answer | Reply:
        return self.answer or self.reply  # type: ignore[return-value] # report_of_one
