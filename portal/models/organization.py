"""The tree of Party organisations."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from portal.querysets import PATH_STEP, OrganizationQuerySet


class Cohort(models.TextChoices):
    """Systems whose units are compared with one another: like with like (同类比较)."""

    COUNTY = "county", "县（区）"
    MUNICIPAL = "municipal", "市直单位"
    WORK = "work", "党工委"
    UNIVERSITY = "university", "高校"
    EDUCATION = "education", "教育"
    ENTERPRISE = "enterprise", "企业"
    HEALTH = "health", "卫健"


class Organization(models.Model):
    """A Party organisation.

    code: stable for ever, also through renaming and moving; the key in digests and sheets.
    unit: the ranked ancestor (or itself): one of the programme's units; empty above the units.
    cohort: the unit's cohort, copied to everything below it.
    path: materialised position in the tree, `PATH_STEP` characters a level, searched as a
    half-open range. Only `portal.organizations` writes it.
    """

    class Kind(models.TextChoices):
        CITY = "city", "市委"
        COUNTY = "county", "县（区）委"
        WORK = "work", "党工委"
        COMMITTEE = "committee", "基层党委"
        GENERAL = "general", "党总支"
        BRANCH = "branch", "党支部"

    code = models.CharField("编码", max_length=20, unique=True)
    name = models.CharField("全称", max_length=80)
    short_name = models.CharField("简称", max_length=40)
    kind = models.CharField("类别", max_length=10, choices=Kind.choices)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级"
    )
    unit = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="所属单位"
    )
    cohort = models.CharField("系统", max_length=12, choices=Cohort.choices, blank=True)
    path = models.CharField("位置", max_length=40, unique=True)
    founded_on = models.DateField("成立日期")
    dissolved_on = models.DateField("撤销日期", null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged", verbose_name="并入"
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "党组织"
        ordering = ["path"]
        constraints = [
            models.CheckConstraint(
                name="organization_dissolved_later",
                condition=Q(dissolved_on=None) | Q(dissolved_on__gte=F("founded_on")),
            ),
            models.CheckConstraint(
                name="organization_merged_dissolved",
                condition=Q(merged_into=None) | Q(dissolved_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_path(self) -> str:
        return self.path

    @property
    def is_branch(self) -> bool:
        return self.kind == self.Kind.BRANCH

    @property
    def is_unit(self) -> bool:
        """Whether this organisation is itself ranked among its cohort."""
        return self.unit_id == self.pk

    @property
    def heir(self) -> Organization:
        """The organisation itself, or what it was merged into, one after the other."""
        found = self
        while found.merged_into:
            found = found.merged_into
        return found

    @property
    def depth(self) -> int:
        return len(self.path) // PATH_STEP


class OrganizationName(models.Model):
    """A name that an organisation bears from a day on: old sheets keep the name of their day."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="names", verbose_name="党组织"
    )
    name = models.CharField("全称", max_length=80)
    since = models.DateField("自")

    class Meta:
        verbose_name = verbose_name_plural = "曾用名"
        ordering = ["since"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "since"], name="organization_name_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}（自{self.since}）"


class OrganizationMove(models.Model):
    """That an organisation moved with all that stood below it: from one place of the tree to
    another, by paths as they were on that day. With these the tree of any earlier day can be told
    from today's. Insert-only."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="moves", verbose_name="党组织"
    )
    on = models.DateField("日期")
    from_path = models.CharField("原位置", max_length=40)
    to_path = models.CharField("新位置", max_length=40)

    class Meta:
        verbose_name = verbose_name_plural = "隶属变动"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="organization_move_elsewhere", condition=~Q(from_path=F("to_path"))
            )
        ]
        indexes = [models.Index(fields=["on"], name="organization_move_on")]

    def __str__(self) -> str:
        return f"{self.organization}（{self.on}）"

    def before(self, path: str) -> str:
        """Where stood, before this move, what stood at `path` right after it."""
        if not path.startswith(self.to_path):
            return path
        return self.from_path + path[len(self.to_path) :]
