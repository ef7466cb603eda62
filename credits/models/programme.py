"""A campaign of study: its dates, its scope, its rules, its permit to rank."""

from django.db import models
from django.db.models import F, Q

from credits.querysets import ProgrammeQuerySet
from portal.models import Member, Organization


class Form(models.TextChoices):
    """Forms of study (学习方式), by short stable codes that stand in the ledger."""

    SEMINAR = "seminar", "集体研讨"
    LECTURE = "lecture", "专家讲课"
    SELF_STUDY = "self", "个人自学"
    ON_SITE = "site", "现场教育"
    IMMERSIVE = "immersive", "体验教育"
    ONLINE = "online", "网上教育"


class Programme(models.Model):
    """One campaign (专题教育): 党史学习教育 2021, or a year's 32 hours.

    code: stable, stands in digests. organiser: at whose level rules, permit and bulletins are made.
    books_close_on: last day of the books' grace period once the study has ended.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "筹备"
        RUNNING = "running", "进行中"
        CLOSING = "closing", "收尾（补录）"
        CLOSED = "closed", "已封账"
        ARCHIVED = "archived", "已归档"

    code = models.SlugField("代码", max_length=30, unique=True)
    name = models.CharField("名称", max_length=60)
    organiser = models.ForeignKey(
        Organization, models.PROTECT, related_name="programmes", verbose_name="主办"
    )
    starts = models.DateField("开始")
    ends = models.DateField("结束")
    state = models.CharField("状态", max_length=10, choices=State, default=State.DRAFT)
    books_close_on = models.DateField("封账日", null=True, blank=True)
    state_since = models.DateTimeField("状态自")

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "专题教育"
        ordering = ["-starts", "id"]
        constraints = [
            models.CheckConstraint(
                name="programme_ends_after_start", condition=Q(ends__gte=F("starts"))
            ),
            models.CheckConstraint(
                name="programme_closing_has_last_day",
                condition=~Q(state__in=["closing", "closed", "archived"])
                | Q(books_close_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_path(self) -> str:
        return self.organiser.path

    @property
    def takes_postings(self) -> bool:
        return self.state in {self.State.RUNNING, self.State.CLOSING}

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be planned; before the opening it can."""
        return self.state in {self.State.CLOSED, self.State.ARCHIVED}


class ProgrammeScope(models.Model):
    """A subtree that takes part; only its members are on the roll."""

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="scopes", verbose_name="专题教育"
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党组织"
    )

    class Meta:
        verbose_name = verbose_name_plural = "参加范围"
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "organization"], name="programme_scope_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.programme}：{self.organization}"


class RuleVersion(models.Model):
    """One version of a programme's rules, parsed by `credits.rule_sets.parse`.

    Conversion of minutes follows the version of the studied day (highest number whose `since` has
    come by that day); caps, minimums and target follow the newest activated version.
    seen_entry: the last ledger entry when it was activated; replay puts it right behind that entry.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="rule_versions", verbose_name="专题教育"
    )
    number = models.PositiveSmallIntegerField("版本")
    since = models.DateField("自")
    authority = models.CharField("依据", max_length=120)
    reason = models.CharField("理由", max_length=200, blank=True)
    rules = models.JSONField("规则")
    made_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="制定人")
    made_at = models.DateTimeField("制定时间")
    activated_at = models.DateTimeField("生效时间", null=True, blank=True)
    seen_entry = models.BigIntegerField("当时最后一条明细", null=True, blank=True)
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "规则版本"
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "number"], name="rule_version_number"),
            models.CheckConstraint(
                name="rule_version_knows_entry",
                condition=Q(activated_at=None, seen_entry=None)
                | Q(activated_at__isnull=False, seen_entry__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme} 规则第{self.number}版"


class ProgrammeArchive(models.Model):
    """What a programme was when it went into the archive. Insert-only; verification holds the
    programme against it from then on.

    moved: its lines were taken out of the ledger's tables (PostgreSQL detaches its partitions);
    else they stay where they are. heads: where every book and register ended. figures: digest over
    the totals, standings, branch rows and months, which stay. digest: over the rest.
    """

    programme = models.OneToOneField(
        Programme, models.PROTECT, related_name="archive", verbose_name="专题教育"
    )
    at = models.DateTimeField("归档时间")
    by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="何人"
    )
    reason = models.CharField("理由", max_length=200)
    moved = models.BooleanField("明细已移出")
    postings = models.PositiveBigIntegerField("笔数")
    entries = models.PositiveBigIntegerField("行数")
    heads = models.JSONField("各账簿末号", default=dict)
    figures = models.CharField("数据校验值", max_length=80)
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "归档记录"
        constraints = [
            models.CheckConstraint(name="programme_archive_has_reason", condition=~Q(reason=""))
        ]

    def __str__(self) -> str:
        return f"{self.programme} 归档"


class RankingPermit(models.Model):
    """Whether the programme may rank, by whose decision, resting on which document. Insert-only:
    the newest row counts."""

    class Level(models.TextChoices):
        OFF = "off", "不排行"
        ORGANISATIONS = "organisations", "党组织排行"
        MEMBERS = "members", "党组织排行与支部内党员排行"

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="permits", verbose_name="专题教育"
    )
    level = models.CharField("范围", max_length=14, choices=Level)
    document = models.CharField("依据文件", max_length=120)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="何人")
    at = models.DateTimeField("何时")
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "排行许可"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.programme}：{self.get_level_display()}"
