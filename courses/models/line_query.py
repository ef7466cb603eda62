"""What members say is wrong with a line of their statement (这条不对), and what came of it."""

from django.db import models
from django.db.models import F, Q

from courses.querysets import LineQueryQuerySet
from credits.models import LedgerEntry, Posting, SourceKind
from portal.models import Member, Organization


class LineQuery(models.Model):
    """One line that its member says is wrong, or one that they say is missing.

    entry: the line; nothing for a missing one, of which `day` and `text` tell. kind, key, title,
    hours: the line's source by value, so that lists need not read the ledger. place: whose
    secretary decides. decided_by: nobody where the members corrected it themselves, as recorders
    of their own session. correction: the posting that made it right.
    """

    class Reason(models.TextChoices):
        NOT_THERE = "not_there", "没有参加"
        LENGTH = "length", "时长不对"
        TWICE = "twice", "记重了"
        DAY = "day", "日期不对"
        OTHER = "other", "其他"
        MISSING = "missing", "少记了一条"

    class State(models.TextChoices):
        OPEN = "open", "待核对"
        CORRECTED = "corrected", "已更正"
        DECLINED = "declined", "不予更正"
        WITHDRAWN = "withdrawn", "已撤回"
        EXPIRED = "expired", "封账时未处理"

    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="+", verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="line_queries", verbose_name="党员"
    )
    place = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="处理党组织"
    )
    entry = models.ForeignKey(
        LedgerEntry,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name="学时明细",
    )
    kind = models.CharField("来源", max_length=10, choices=SourceKind, blank=True)
    key = models.CharField("来源标识", max_length=40, blank=True)
    title = models.CharField("标题", max_length=120, blank=True)
    day = models.DateField("学习日期")
    hours = models.PositiveIntegerField("学时", default=0)
    reason = models.CharField("哪里不对", max_length=10, choices=Reason)
    text = models.CharField("补充说明", max_length=200, blank=True)
    asked_at = models.DateTimeField("提出时间")
    state = models.CharField("状态", max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True, blank=True)
    reply = models.CharField("答复", max_length=200, blank=True)
    correction = models.ForeignKey(
        Posting,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name="更正记账",
    )

    objects = LineQueryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "明细疑问"
        ordering = ["asked_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "entry"],
                condition=Q(state="open"),
                name="line_query_open_once",
            ),
            models.UniqueConstraint(
                fields=["programme", "member", "day"],
                condition=Q(state="open", entry=None),
                name="line_query_missing_once",
            ),
            models.CheckConstraint(
                name="line_query_of_a_line",
                condition=(Q(entry__isnull=False) & ~Q(reason="missing") & ~Q(key=""))
                | (Q(entry=None, reason="missing", key="") & ~Q(text="")),
            ),
            models.CheckConstraint(
                name="line_query_not_by_oneself",
                condition=Q(decided_by=None) | ~Q(decided_by=F("member")),
            ),
            models.CheckConstraint(
                name="line_query_decided",
                condition=Q(
                    state="open", decided_by=None, decided_at=None, reply="", correction=None
                )
                | Q(state="withdrawn", decided_by=None, decided_at__isnull=False, correction=None)
                | (
                    Q(state="expired", decided_by=None, decided_at__isnull=False, correction=None)
                    & ~Q(reply="")
                )
                | Q(state="corrected", decided_at__isnull=False, correction__isnull=False)
                | (
                    Q(
                        state="declined",
                        decided_by__isnull=False,
                        decided_at__isnull=False,
                        correction=None,
                    )
                    & ~Q(reply="")
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["place", "state"], name="line_query_place"),
            models.Index(fields=["key", "state"], name="line_query_source"),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.day} {self.get_reason_display()}"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def what(self) -> str:
        """The line in words; of a missing one what the member says of it."""
        return self.title or self.text

    @property
    def said(self) -> str:
        """What is wrong with it, in the member's words."""
        label = str(self.Reason(self.reason).label)
        return f"{label}：{self.text}" if self.text and self.title else label
