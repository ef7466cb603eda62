"""Attendance spreadsheets on their way in, and the receipts of what they wrote."""

from django.db import models

from courses.querysets import SheetImportQuerySet
from portal.models import Member, Organization


class SheetImport(models.Model):
    """An uploaded sheet on its way, and the receipt of what it wrote.

    state: read (previewed, nothing written) → written → undone. answers: what the person decided;
    told, said: of a long sheet, what a worker read in it (but for its rows, which are staged), and
    what the preview shows, as it found it at `checked_at`; wrote: the marks before and after, for
    the undo.
    """

    class State(models.TextChoices):
        READ = "read", "待确认"
        WRITTEN = "written", "已导入"
        UNDONE = "undone", "已撤销"

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党组织"
    )
    file_name = models.CharField("文件", max_length=120)
    digest = models.CharField("文件校验值", max_length=64)
    content = models.BinaryField("文件内容")
    answers = models.JSONField("核对答复", default=dict)
    is_long = models.BooleanField("由后台核对", default=False)
    told = models.JSONField("读出内容", default=dict)
    said = models.JSONField("核对结果", default=dict)
    checked_at = models.DateTimeField("核对时间", null=True, blank=True)
    state = models.CharField("状态", max_length=10, choices=State, default=State.READ)
    wrote = models.JSONField("写入内容", default=list)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="何人")
    at = models.DateTimeField("上传时间")
    written_at = models.DateTimeField("导入时间", null=True, blank=True)
    undone_at = models.DateTimeField("撤销时间", null=True, blank=True)

    objects = SheetImportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "表格导入"
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "digest"], name="sheet_import_digest")]

    def __str__(self) -> str:
        return self.file_name

    @property
    def scope_path(self) -> str:
        return self.organization.path


class StagedMark(models.Model):
    """What one row of a long sheet says of one person in one of its sessions, until it is written
    or given up.

    Plain values without references, so that staging costs no look-ups; "" is what the row leaves
    open. place: which of the sheet's sessions; turn: its order in there; column: the letter of the
    name's; number: whom the reader took it for; questions: keys of what is asked about it.
    """

    sheet = models.ForeignKey(
        SheetImport, models.CASCADE, db_index=False, related_name="staged", verbose_name="表格"
    )
    place = models.PositiveSmallIntegerField("第几次活动")
    turn = models.PositiveIntegerField("次序")
    row = models.PositiveIntegerField("行")
    column = models.CharField("列", max_length=4)
    name = models.TextField("姓名")
    number = models.CharField("党员编号", max_length=24)
    status = models.CharField("出勤", max_length=12)
    leave = models.TextField("请假类别")
    remark = models.TextField("备注")
    was = models.TextField("当天出勤")
    made_up_on = models.CharField("补学日期", max_length=10)
    questions = models.TextField("待确认")

    class Meta:
        verbose_name = verbose_name_plural = "考勤长表的行"
        indexes = [models.Index(fields=["sheet", "place"], name="staged_mark_place")]

    def __str__(self) -> str:
        return f"{self.sheet_id}:{self.row}"
