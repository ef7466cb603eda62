"""Score bulletins (积分通报): drafts that change, published numbers that never do."""

from django.db import models
from django.db.models import F, Q

from credits.models.programme import Programme, RankingPermit
from credits.querysets import BulletinDraftQuerySet, BulletinQuerySet
from portal.models import Cohort, Member, Organization


class View(models.TextChoices):
    """The four views of 比学赶超, and the opening paragraph."""

    OPENING = "opening", "总体情况"
    COMPARE = "compare", "比"
    LEARN = "learn", "学"
    CHASE = "chase", "赶"
    SURPASS = "surpass", "超"


class BulletinMeasure(models.TextChoices):
    """Columns that a bulletin may show besides rank, unit, rate, completed and due."""

    EXEMPT = "exempt", "免学"
    HOURS = "hours", "人均学时"
    POINTS = "points", "人均积分"
    SESSIONS = "sessions", "活动"
    MOBILE = "mobile", "流动参学"
    IN = "in", "转入"
    OUT = "out", "转出"
    LATE = "late", "迟录"


USUAL = [
    BulletinMeasure.EXEMPT.value,
    BulletinMeasure.HOURS.value,
    BulletinMeasure.SESSIONS.value,
]  # of old numbers, too


class Changed(models.TextChoices):
    """Why a unit is not compared with the number before."""

    NEW = "new", "新列入"
    RENAMED = "renamed", "已更名"
    MERGED = "merged", "有合并"


class BulletinDraft(models.Model):
    """A bulletin being drawn up: title, chosen cohorts, texts by view.

    cutoff: empty for figures as they stand; a past one is computed in the background: `partial`
    holds how far that is, `rows` the outcome; nobody edits either. minimum: units with fewer due
    stand apart. replaces: the withdrawn number in whose place it is published. left_out: ids of
    units to learn from whose own text the official does not take.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="drafts", verbose_name="专题教育"
    )
    title = models.CharField("标题", max_length=80)
    cohorts = models.JSONField("系统", default=list)
    cutoff = models.DateTimeField("截止时间", null=True, blank=True)
    measures = models.JSONField("栏目", default=list, blank=True)
    minimum = models.PositiveIntegerField("排名的最少应学人数", default=0)
    replaces = models.ForeignKey(
        "Bulletin",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="替代的通报",
    )
    partial = models.JSONField("统计进度", default=dict, blank=True)
    rows = models.JSONField("统计结果", null=True, blank=True)
    texts = models.JSONField("文字", default=dict)
    left_out = models.JSONField("不采用文字的单位", default=list, blank=True)
    version = models.PositiveIntegerField("版本", default=1)
    made_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="起草人")
    made_at = models.DateTimeField("起草时间")
    changed_at = models.DateTimeField("修改时间")
    bulletin = models.OneToOneField(
        "Bulletin",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="draft",
        verbose_name="积分通报",
    )

    objects = BulletinDraftQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "通报草稿"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.title}（草稿）"

    @property
    def is_waiting(self) -> bool:
        """Whether its figures of a past cut-off are still to be computed."""
        return self.cutoff is not None and self.rows is None


class Bulletin(models.Model):
    """A published bulletin. Insert-only by trigger, like its rows and texts.

    cutoff: it counts what was posted by that moment. heads: last sequence and digest of every
    book at that moment. digest: over all columns, figures and texts. previous: the number it
    compares itself with. form: 1 has the columns of the first year, 2 those of
    `BulletinMeasure` and `Changed` as well, 3 also what units wrote. replaces: the withdrawn
    number in whose place this one stands.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="bulletins", verbose_name="专题教育"
    )
    year = models.PositiveSmallIntegerField("年度")
    number = models.PositiveSmallIntegerField("期号")
    title = models.CharField("标题", max_length=80)
    cutoff = models.DateTimeField("截止时间")
    published_at = models.DateTimeField("发布时间")
    published_by = models.ForeignKey(
        Member, models.PROTECT, related_name="+", verbose_name="发布人"
    )
    permit = models.ForeignKey(
        RankingPermit, models.PROTECT, related_name="+", verbose_name="排行许可"
    )
    document = models.CharField("依据文件", max_length=120)
    previous = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="上一期"
    )
    form = models.PositiveSmallIntegerField("格式", default=1)
    measures = models.JSONField("栏目", default=list, blank=True)
    minimum = models.PositiveIntegerField("排名的最少应学人数", default=0)
    replaces = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="replaced_by",
        verbose_name="替代的通报",
    )
    heads = models.JSONField("各账簿末号", default=dict)
    digest = models.CharField("校验值", max_length=80)

    objects = BulletinQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "积分通报"
        ordering = ["-published_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "year", "number"], name="bulletin_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.programme}积分通报 {self.year} 年第 {self.number} 期"

    @property
    def code(self) -> str:
        """The code under a printed page: the digest's first twelve digits in groups of four."""
        digits = self.digest.partition(":")[2][:12]
        return "-".join(digits[i : i + 4] for i in range(0, 12, 4))


class BulletinRow(models.Model):
    """One unit's figures in one bulletin: a snapshot that needs no other table to be read."""

    bulletin = models.ForeignKey(
        Bulletin, models.PROTECT, related_name="rows", verbose_name="积分通报"
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
    previous_rank = models.PositiveIntegerField("上期名次", null=True)
    previous_due = models.PositiveIntegerField("上期应学", null=True)
    previous_completed = models.PositiveIntegerField("上期学满", null=True)
    mobile = models.PositiveIntegerField("流动参学", default=0)
    transferred_in = models.PositiveIntegerField("转入", default=0)
    transferred_out = models.PositiveIntegerField("转出", default=0)
    late = models.PositiveIntegerField("迟录", default=0)
    changed = models.CharField("变动", max_length=10, choices=Changed, blank=True, default="")

    class Meta:
        verbose_name = verbose_name_plural = "通报数据"
        ordering = ["cohort", "rank", "unit_code"]
        constraints = [
            models.UniqueConstraint(fields=["bulletin", "unit"], name="bulletin_row_once"),
            models.CheckConstraint(
                name="bulletin_row_within_due", condition=Q(completed__lte=F("due"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit_name} 第{self.rank}名"

    @property
    def rate(self) -> float | None:
        return self.completed / self.due if self.due else None

    @property
    def previous_rate(self) -> float | None:
        if not self.previous_due or self.previous_completed is None:
            return None
        return self.previous_completed / self.previous_due

    @property
    def gain(self) -> float | None:
        """Percentage points gained since the previous number, where the unit is still the same."""
        if self.changed or self.rate is None or self.previous_rate is None:
            return None
        return (self.rate - self.previous_rate) * 100

    @property
    def movement(self) -> int | None:
        """Places gained since the previous number; None where there is nothing to compare."""
        if self.changed or self.rank is None or self.previous_rank is None:
            return None
        return self.previous_rank - self.rank

    @property
    def mean_hours(self) -> float | None:
        """Hundredths of an hour per member due."""
        return self.hours / self.due if self.due else None

    @property
    def mean_points(self) -> float | None:
        return self.points / self.due if self.due else None


class BulletinText(models.Model):
    """One view's text as edited by the official; figures stand in the rows."""

    bulletin = models.ForeignKey(
        Bulletin, models.PROTECT, related_name="texts", verbose_name="积分通报"
    )
    view = models.CharField("部分", max_length=10, choices=View)
    text = models.TextField("文字")

    class Meta:
        verbose_name = verbose_name_plural = "通报文字"
        constraints = [
            models.UniqueConstraint(fields=["bulletin", "view"], name="bulletin_text_once")
        ]

    def __str__(self) -> str:
        return f"{self.bulletin}：{self.get_view_display()}"


class BulletinWithdrawal(models.Model):
    """A published number taken back, with the reason. Insert-only."""

    bulletin = models.OneToOneField(
        Bulletin, models.PROTECT, related_name="withdrawal", verbose_name="积分通报"
    )
    reason = models.CharField("理由", max_length=200)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="何人")
    at = models.DateTimeField("撤回时间")
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "通报撤回"

    def __str__(self) -> str:
        return f"撤回{self.bulletin}"
