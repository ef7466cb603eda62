"""Catch-up windows (补录期): late study entered all the same, and the lasting mark of what was."""

from django.db import models
from django.db.models import F, Q

from credits.models.ledger import LedgerEntry, SourceKind
from credits.models.programme import Programme
from credits.querysets import CatchUpWindowQuerySet
from portal.models import Member, Organization


class CatchUpWindow(models.Model):
    """In a subtree, study of some days may be entered beyond the back-dating limit for a while.

    first_day, last_day: the days of study; opens_on, closes_on: when they may be entered. All
    four are inclusive. Nothing but `ended_by` and `ended_at` ever changes.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="windows", verbose_name="专题教育"
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党组织"
    )
    first_day = models.DateField("学习日期自")
    last_day = models.DateField("学习日期至")
    opens_on = models.DateField("补录自")
    closes_on = models.DateField("补录至")
    reason = models.CharField("理由", max_length=200)
    opened_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="开设人")
    opened_at = models.DateTimeField("开设时间")
    ended_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="终止人"
    )
    ended_at = models.DateTimeField("终止时间", null=True, blank=True)

    objects = CatchUpWindowQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "补录期"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="window_days_in_order", condition=Q(last_day__gte=F("first_day"))
            ),
            models.CheckConstraint(
                name="window_dates_in_order", condition=Q(closes_on__gte=F("opens_on"))
            ),
            models.CheckConstraint(
                name="window_days_before_it_closes", condition=Q(closes_on__gte=F("last_day"))
            ),
            models.CheckConstraint(name="window_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="window_ended_by_somebody",
                condition=Q(ended_by=None, ended_at=None)
                | Q(ended_by__isnull=False, ended_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=[
                    "programme",
                    "organization",
                    "first_day",
                    "last_day",
                    "opens_on",
                    "closes_on",
                ],
                condition=Q(ended_at=None),
                name="window_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization}补录期（{self.opens_on} 至 {self.closes_on}）"


class LateEntry(models.Model):
    """The mark of a line that was entered inside a window. Insert-only.

    It lasts with the source: what a correction writes anew for this member under the same kind
    and key was entered late as well. day, home and hours (hundredths) are those of the line.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    window = models.ForeignKey(
        CatchUpWindow, models.PROTECT, related_name="entries", verbose_name="补录期"
    )
    entry = models.ForeignKey(
        LedgerEntry,
        models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name="学时明细",
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name="党员"
    )
    home = models.ForeignKey(
        Organization,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="当日所在党支部",
    )
    kind = models.CharField("来源", max_length=10, choices=SourceKind)
    key = models.CharField("来源标识", max_length=40)
    day = models.DateField("学习日期")
    hours = models.PositiveIntegerField("学时（百分之一）")

    class Meta:
        verbose_name = verbose_name_plural = "补录标记"
        constraints = [
            models.UniqueConstraint(fields=["programme", "entry"], name="late_entry_once"),
            models.CheckConstraint(name="late_entry_earned", condition=Q(hours__gt=0)),
        ]
        indexes = [models.Index(fields=["programme", "member"], name="late_entry_member")]

    def __str__(self) -> str:
        return f"{self.member} {self.day} 补录"
