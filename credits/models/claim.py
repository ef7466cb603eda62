"""Hours stated, not studied under the portal's eyes: opening balances (期初学时) from paper
registers, and hours earned elsewhere (外单位学时)."""

from django.db import models
from django.db.models import F, Q

from credits.models.ledger import SourceKind
from credits.models.programme import Form, Programme
from credits.querysets import ClaimBatchQuerySet, HoursClaimQuerySet
from portal.models import Member, Organization


class ClaimBatch(models.Model):
    """What was handed in at once, by the form or a sheet: the receipt of what it wrote.

    key: made with the form or the upload, so that sending it twice writes it once. digest: of the
    file, empty where there was none. kept: what the undo left alone, by name, and why.
    """

    key = models.CharField("标识", max_length=40, unique=True, editable=False)
    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", verbose_name="专题教育"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党支部"
    )
    file_name = models.CharField("文件", max_length=120, blank=True)
    digest = models.CharField("文件校验值", max_length=64, blank=True)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="申报人")
    at = models.DateTimeField("申报时间")
    undone_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="撤销人"
    )
    undone_at = models.DateTimeField("撤销时间", null=True, blank=True)
    kept = models.JSONField("撤销时保留", default=list)

    objects = ClaimBatchQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学时申报"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "branch", "digest"],
                condition=Q(undone_at=None) & ~Q(digest=""),
                name="claim_batch_file_once",
            ),
            models.CheckConstraint(
                name="claim_batch_undone_has_who",
                condition=Q(undone_by=None, undone_at=None)
                | Q(undone_by__isnull=False, undone_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name or f"{self.branch} 学时申报"

    @property
    def scope_path(self) -> str:
        return self.branch.path


class HoursClaim(models.Model):
    """One line: hours of one member in one form and period, approved one level up.

    key: names the line in the ledger. branch: where the member belonged when it was handed in; its
    book takes the posting. day: until which the register counts, or when it was earned. hours:
    hundredths, as the register or the certificate states them. proof: which one that is. version:
    how often it was mended, so that nobody approves what they did not see.
    """

    class Kind(models.TextChoices):
        OPENING = SourceKind.OPENING.value, "期初学时"
        OUTSIDE = SourceKind.OUTSIDE.value, "外单位学时"

    class State(models.TextChoices):
        PENDING = "pending", "待上级审批"
        APPROVED = "approved", "已批准"
        RETURNED = "returned", "已退回"
        WITHDRAWN = "withdrawn", "已撤回"
        REVERSED = "reversed", "已冲销"

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    batch = models.ForeignKey(
        ClaimBatch, models.PROTECT, related_name="claims", verbose_name="所属申报"
    )
    row = models.PositiveIntegerField("行")
    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="hours_claims", verbose_name="党员"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", db_index=False, verbose_name="党支部"
    )
    kind = models.CharField("来源", max_length=10, choices=Kind)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    day = models.DateField("截至日期")
    hours = models.PositiveIntegerField("学时（百分之一）")
    proof = models.CharField("依据", max_length=80)
    version = models.PositiveSmallIntegerField("修改次数", default=0)
    state = models.CharField("状态", max_length=10, choices=State, default=State.PENDING)
    entered_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="申报人")
    entered_at = models.DateTimeField("申报时间")
    mended_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="修改人"
    )
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="审批人"
    )
    decided_at = models.DateTimeField("审批时间", null=True, blank=True)
    ended_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="撤销人"
    )
    ended_at = models.DateTimeField("撤销时间", null=True, blank=True)
    reason = models.CharField("理由", max_length=200, blank=True)

    objects = HoursClaimQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学时申报明细"
        ordering = ["batch", "row", "id"]
        constraints = [
            models.CheckConstraint(
                name="claim_decided_by_another",
                condition=Q(decided_by=None)
                | (
                    ~Q(decided_by=F("member"))
                    & ~Q(decided_by=F("entered_by"))
                    & (Q(mended_by=None) | ~Q(decided_by=F("mended_by")))
                ),
            ),
            models.CheckConstraint(
                name="claim_decided_has_who",
                condition=Q(state__in=["pending", "withdrawn"], decided_by=None, decided_at=None)
                | Q(
                    state__in=["approved", "returned", "reversed"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="claim_ended_has_who",
                condition=Q(state__in=["withdrawn", "reversed"], ended_by__isnull=False)
                & Q(ended_at__isnull=False)
                | Q(state__in=["pending", "approved", "returned"], ended_by=None, ended_at=None),
            ),
            models.CheckConstraint(
                name="claim_returned_with_reason",
                condition=~Q(state__in=["returned", "reversed"]) | ~Q(reason=""),
            ),
            models.CheckConstraint(name="claim_hours_positive", condition=Q(hours__gt=0)),
            models.CheckConstraint(name="claim_has_proof", condition=~Q(proof="")),
            models.CheckConstraint(
                name="claim_kind_granted", condition=Q(kind__in=["opening", "outside"])
            ),
            models.UniqueConstraint(
                fields=["programme", "member", "kind", "form", "period", "day", "proof"],
                condition=Q(state__in=["pending", "approved"]),
                name="claim_live_once",
            ),
        ]
        indexes = [
            models.Index(fields=["branch", "state"], name="claim_branch_state"),
            models.Index(fields=["programme", "state"], name="claim_programme_state"),
        ]

    def __str__(self) -> str:
        return f"{self.member.name} {self.get_form_display()} {self.hours / 100:g} 学时"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def scope_path(self) -> str:
        return self.branch.path

    @property
    def title(self) -> str:
        """How the ledger and the statement call it."""
        return f"{self.get_kind_display()}：{self.proof}"
