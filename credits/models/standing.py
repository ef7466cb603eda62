"""What the ledger sums to: totals, standings, branch rows, months, weeks, exemptions."""

from django.db import models
from django.db.models import F, FloatField, Q, Value
from django.db.models.functions import Cast, NullIf

from credits.models.programme import Form, Programme
from credits.querysets import BranchStandingQuerySet, ExemptionQuerySet, StandingQuerySet
from portal.models import Cohort, Member, Organization


class CreditTotal(models.Model):
    """Earned hours (hundredths) of one member in one period and form."""

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name="党员"
    )
    period = models.CharField("历史时期", max_length=16, blank=True)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    earned = models.IntegerField("所得学时")

    class Meta:
        verbose_name = verbose_name_plural = "学时合计"
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "member", "period", "form"], name="credit_total_once"
            ),
            models.CheckConstraint(name="credit_total_not_negative", condition=Q(earned__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.period} {self.form}"


class Standing(models.Model):
    """One person's place on the roll of a programme: who is or was due.

    on_roll: due today or exempt today. target: hours due (hundredths), full_target: what it would
    be without exemption or late joining. completed_at: the moment of the act after which the
    shortfall has stayed 0; completed_on and completed_home say which month of which branch counts
    the completion. points: hundredths of a point.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="standings", db_index=False, verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="standings", verbose_name="党员"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False, verbose_name="党支部"
    )
    on_roll = models.BooleanField("在应学名单", default=True)
    exempt = models.BooleanField("免学", default=False)
    target = models.PositiveIntegerField("应学学时")
    full_target = models.PositiveIntegerField("全额学时")
    recognised = models.PositiveIntegerField("认定学时", default=0)
    shortfall = models.PositiveIntegerField("还差学时")
    points = models.PositiveIntegerField("积分", default=0)
    rules = models.PositiveSmallIntegerField("规则版本")
    completed_at = models.DateTimeField("学满时间", null=True, blank=True)
    completed_on = models.DateField("学满日期", null=True, blank=True)
    completed_home = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name="学满时所在党支部",
    )

    objects = StandingQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学习进度"
        constraints = [
            models.UniqueConstraint(fields=["programme", "member"], name="standing_once"),
            models.CheckConstraint(name="standing_target_positive", condition=Q(target__gt=0)),
            models.CheckConstraint(
                name="standing_target_at_most_full", condition=Q(full_target__gte=F("target"))
            ),
            models.CheckConstraint(
                name="standing_complete_no_shortfall",
                condition=Q(
                    completed_at=None, completed_on=None, completed_home=None, shortfall__gt=0
                )
                | Q(
                    completed_at__isnull=False,
                    completed_on__isnull=False,
                    completed_home__isnull=False,
                    shortfall=0,
                ),
            ),
            models.CheckConstraint(
                name="standing_complete_at_target",
                condition=Q(shortfall__gt=0) | Q(recognised__gte=F("target")),
            ),
        ]
        indexes = [
            models.Index(fields=["programme", "branch", "shortfall"], name="standing_branch"),
        ]

    def __str__(self) -> str:
        return f"{self.member}：{self.recognised / 100:g}/{self.target / 100:g}"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def is_complete(self) -> bool:
        return self.shortfall == 0

    @property
    def progress(self) -> float:
        """Share of the target, for meters: never above 1, and 1 only when complete."""
        if self.shortfall == 0:
            return 1.0
        return max(0.0, (self.target - self.shortfall) / self.target)


class TargetChange(models.Model):
    """A change of somebody's target, for replay: it stands right behind entry `seen_entry`.

    rules: number of the rule version that applied, or that made the change. Insert-only.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name="党员"
    )
    at = models.DateTimeField("时间")
    before = models.PositiveIntegerField("原应学学时")
    before_full = models.PositiveIntegerField("原全额学时")
    after = models.PositiveIntegerField("现应学学时")
    after_full = models.PositiveIntegerField("现全额学时")
    rules = models.PositiveSmallIntegerField("规则版本")
    seen_entry = models.BigIntegerField("当时最后一条明细")
    reason = models.CharField("原因", max_length=60)
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "应学学时变动"
        indexes = [models.Index(fields=["programme", "member"], name="target_change_member")]

    def __str__(self) -> str:
        return f"{self.member}：{self.before / 100:g} → {self.after / 100:g}"


class BranchStanding(models.Model):
    """A branch's sums over the members who are on its roll today and not exempt.

    rate: completed ÷ due, null where nobody is due: no rank, listed apart. unit and cohort are
    copies kept by `credits.roll.follow`.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False, verbose_name="党支部"
    )
    unit = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name="单位",
    )
    cohort = models.CharField("系统", max_length=12, choices=Cohort, blank=True)
    due = models.PositiveIntegerField("应学", default=0)
    exempt = models.PositiveIntegerField("免学", default=0)
    completed = models.PositiveIntegerField("学满", default=0)
    hours = models.PositiveBigIntegerField("认定学时", default=0)
    points = models.PositiveBigIntegerField("积分", default=0)
    rate = models.GeneratedField(
        expression=Cast(F("completed"), FloatField()) / NullIf(F("due"), Value(0)),
        output_field=FloatField(null=True),
        db_persist=True,
        verbose_name="学满率",
    )

    objects = BranchStandingQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "支部进度"
        constraints = [
            models.UniqueConstraint(fields=["programme", "branch"], name="branch_standing_once"),
            models.CheckConstraint(
                name="branch_standing_within_due", condition=Q(completed__lte=F("due"))
            ),
        ]
        indexes = [
            models.Index(
                fields=["programme", "cohort", "rate", "hours", "branch"],
                name="branch_standing_rank",
            ),
            models.Index(fields=["programme", "unit"], name="branch_standing_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.branch}：{self.completed}/{self.due}"


class BranchMonth(models.Model):
    """What was earned on the days of one month by those whose branch it was on the day.

    hours: earned (hundredths); completed: newly completed, net of those that ended again.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False, verbose_name="党支部"
    )
    month = models.DateField("月份")
    hours = models.BigIntegerField("所得学时", default=0)
    completed = models.IntegerField("新增学满", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "支部月度"
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "month", "branch"], name="branch_month_once"
            ),
            models.CheckConstraint(
                name="branch_month_not_negative", condition=Q(hours__gte=0, completed__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.branch} {self.month:%Y-%m}"


class UnitWeek(models.Model):
    """A unit's figures at the end of a week, written once. Insert-only."""

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    unit = models.ForeignKey(Organization, models.PROTECT, related_name="+", verbose_name="单位")
    week = models.DateField("周一")
    due = models.PositiveIntegerField("应学")
    exempt = models.PositiveIntegerField("免学")
    completed = models.PositiveIntegerField("学满")
    hours = models.PositiveBigIntegerField("认定学时")
    points = models.PositiveBigIntegerField("积分")
    at = models.DateTimeField("统计时间")
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "单位周报"
        constraints = [
            models.UniqueConstraint(fields=["programme", "week", "unit"], name="unit_week_once"),
            models.CheckConstraint(
                name="unit_week_within_due", condition=Q(completed__lte=F("due"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.week}"


class Exemption(models.Model):
    """Somebody's dispensation from the target or a part of it, asked by one, approved by another.

    target: the lowered target in hundredths; empty for a full exemption.
    began_at, ended_at: when it took effect and when it ended; seen_entry, ended_entry: the last
    ledger entries at those moments. Older rows have the entries alone.
    batch: what was asked for in one act has the same; empty for a request of its own.
    """

    class State(models.TextChoices):
        ASKED = "asked", "待审批"
        APPROVED = "approved", "已批准"
        REFUSED = "refused", "未批准"
        ENDED = "ended", "已终止"

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="exemptions", verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="exemptions", verbose_name="党员"
    )
    target = models.PositiveIntegerField("减至学时", null=True, blank=True)
    since = models.DateField("自")
    until = models.DateField("至", null=True, blank=True)
    reason = models.CharField("理由", max_length=200)
    batch = models.CharField("批次", max_length=20, blank=True, default="", db_index=True)
    state = models.CharField("状态", max_length=10, choices=State, default=State.ASKED)
    asked_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="申报人")
    asked_at = models.DateTimeField("申报时间")
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="审批人"
    )
    decided_at = models.DateTimeField("审批时间", null=True, blank=True)
    answer = models.CharField("审批意见", max_length=200, blank=True)
    in_force = models.BooleanField("已生效", default=False)
    seen_entry = models.BigIntegerField("生效时最后一条明细", null=True, blank=True)
    ended_entry = models.BigIntegerField("终止时最后一条明细", null=True, blank=True)
    began_at = models.DateTimeField("生效时间", null=True, blank=True)
    ended_at = models.DateTimeField("终止时间", null=True, blank=True)

    objects = ExemptionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "减免"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="exemption_decided_by_another",
                condition=Q(decided_by=None)
                | (~Q(decided_by=F("member")) & ~Q(decided_by=F("asked_by"))),
            ),
            models.CheckConstraint(
                name="exemption_decided_has_who",
                condition=Q(state="asked", decided_by=None)
                | (~Q(state="asked") & Q(decided_by__isnull=False, decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="exemption_until_after_since",
                condition=Q(until=None) | Q(until__gt=F("since")),
            ),
            models.CheckConstraint(
                name="exemption_target_positive", condition=Q(target=None) | Q(target__gt=0)
            ),
            models.CheckConstraint(
                name="exemption_in_force_approved",
                condition=Q(in_force=False) | Q(state="approved"),
            ),
            models.UniqueConstraint(
                fields=["programme", "member"],
                condition=Q(in_force=True),
                name="exemption_one_in_force",
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.member}：{'免学' if self.target is None else f'减至{self.target / 100:g}学时'}"
        )

    @property
    def owner_id(self) -> int:
        return self.member_id
