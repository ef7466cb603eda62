"""Receipts of member lists that were imported: what each wrote, and what was taken back."""

from django.db import models
from django.db.models import Q

from portal.models.member import Member
from portal.models.organization import Organization
from portal.querysets import PeopleImportQuerySet


class PeopleImport(models.Model):
    """One list of members that was confirmed; kept for ever, taken back at most once.

    digest: sha256 of the file, empty where a command gave no file. by: nobody for a command.
    counts: lines by act. organization: where the importer acted; whoever manages people there
    sees it.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="people_imports", verbose_name="党组织"
    )
    filename = models.CharField("文件名", max_length=120, blank=True)
    digest = models.CharField("文件摘要", max_length=64, blank=True)
    by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="导入人"
    )
    at = models.DateTimeField("导入时间")
    rows = models.PositiveIntegerField("行数")
    counts = models.JSONField("办理", default=dict)
    undone_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="撤销人"
    )
    undone_at = models.DateTimeField("撤销时间", null=True, blank=True)

    objects = PeopleImportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "党员导入记录"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="people_import_undone",
                condition=Q(undone_by=None, undone_at=None)
                | Q(undone_by__isnull=False, undone_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.filename or f"导入 {self.pk}"

    @property
    def scope_path(self) -> str:
        return self.organization.path


class PeopleImportLine(models.Model):
    """What one row did to one person, as far as taking it back needs it.

    opened, closed: ids of the memberships that it began and ended. before, after: values of the
    register that it changed, by field (after: of a newcomer, all). ended: ids of the appointments
    that it ended; None where an older receipt does not say. reason: why it was kept.
    """

    class Action(models.TextChoices):
        CREATE = "create", "新增"
        UPDATE = "update", "更正"
        TRANSFER = "transfer", "转接"
        RETURN = "return", "重新入册"
        LEAVE = "leave", "离开"

    class Outcome(models.TextChoices):
        STANDS = "", "有效"
        UNDONE = "undone", "已撤销"
        KEPT = "kept", "保留"

    receipt = models.ForeignKey(
        PeopleImport, models.PROTECT, db_index=False, related_name="lines", verbose_name="导入"
    )
    row = models.PositiveIntegerField("行")
    sheet = models.CharField("工作表", max_length=60, blank=True)
    action = models.CharField("办理", max_length=10, choices=Action)
    member = models.ForeignKey(
        Member, models.PROTECT, db_index=False, related_name="+", verbose_name="党员"
    )
    opened = models.BigIntegerField("新的组织关系", null=True)
    closed = models.BigIntegerField("原来的组织关系", null=True)
    before = models.JSONField("原值", default=dict)
    after = models.JSONField("新值", default=dict)
    ended = models.JSONField("免去的职务", null=True)
    outcome = models.CharField("结果", max_length=6, choices=Outcome, blank=True, default="")
    reason = models.CharField("保留原因", max_length=100, blank=True, default="")

    class Meta:
        verbose_name = verbose_name_plural = "党员导入的行"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["receipt", "member"], name="people_import_line_once"),
            models.CheckConstraint(
                name="people_import_line_kept",
                condition=Q(outcome="kept") & ~Q(reason="") | ~Q(outcome="kept") & Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.receipt_id}:{self.row}"
