"""What a branch had reached when a programme's books were closed (结业情况证明)."""

from django.db import models
from django.db.models import F, Q

from credits.models.programme import Programme
from credits.querysets import BranchClosingQuerySet
from portal.models import Member, Organization


class BranchClosing(models.Model):
    """One branch's certificate of a closing: who completed, who did not and why. Insert-only.

    turn: how many times the books had been closed by then; a later one supersedes it. lines: those
    on the roll, by value: key, number, name, target, hours, shortfall (hundredths), exempt,
    completed_on, why. rules: the version by which they were recognised. Hours in hundredths.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="closings", db_index=False, verbose_name="专题教育"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党支部"
    )
    turn = models.PositiveSmallIntegerField("第几次封账")
    number = models.CharField("编号", max_length=80, unique=True)
    branch_name = models.CharField("党支部", max_length=80)
    unit_name = models.CharField("单位", max_length=80, blank=True)
    rules = models.PositiveSmallIntegerField("规则版本")
    due = models.PositiveIntegerField("应学")
    exempt = models.PositiveIntegerField("免学")
    completed = models.PositiveIntegerField("学满")
    hours = models.PositiveBigIntegerField("认定学时")
    lines = models.JSONField("名单", default=list)
    closed_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="封账人")
    closed_at = models.DateTimeField("封账时间")
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="取代"
    )
    digest = models.CharField("校验值", max_length=80)

    objects = BranchClosingQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "结业情况证明"
        ordering = ["-turn", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "turn", "branch"], name="branch_closing_once"
            ),
            models.CheckConstraint(
                name="branch_closing_within_due", condition=Q(completed__lte=F("due"))
            ),
            models.CheckConstraint(name="branch_closing_turn", condition=Q(turn__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.branch_name}"

    @property
    def scope_path(self) -> str:
        return self.branch.path

    @property
    def code(self) -> str:
        """The code under a printed page: the digest's first twelve digits in groups of four."""
        digits = self.digest.partition(":")[2][:12]
        return "-".join(digits[i : i + 4] for i in range(0, 12, 4))

    @property
    def short(self) -> int:
        return self.due - self.completed
