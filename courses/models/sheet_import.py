"""Attendance spreadsheets on their way in, and the receipts of what they wrote."""

from django.db import models
from django.db.models import Count, Sum

from courses.models.session import StudySession
from courses.querysets import SheetImportQuerySet
from portal.models import Member, Organization


class SheetImport(models.Model):
    """An uploaded sheet on its way, and the receipt of what it wrote.

    state: read (previewed, nothing written) → written → undone. answers: what the person decided;
    told, said: of a long sheet, what a worker read in it (but for its rows, which are staged), and
    what the preview shows, as it found it at `checked_at`.
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

    def wrote(self) -> tuple[int, int]:
        """Of how many sessions it changed the marks, and how many marks."""
        found = self.records.aggregate(sessions=Count("pk"), people=Sum("people"))
        return found["sessions"], found["people"] or 0


class SheetRecord(models.Model):
    """What a sheet wrote of one session, by which it is undone.

    place: its order in the sheet; title, day, state: of the session when it was written, and was:
    its state before, "none" where the sheet made it; people: how many marks were changed; rows:
    whose, with what they said before and after.
    """

    sheet = models.ForeignKey(
        SheetImport, models.CASCADE, related_name="records", verbose_name="表格"
    )
    place = models.PositiveSmallIntegerField("次序")
    session = models.ForeignKey(StudySession, models.PROTECT, related_name="+", verbose_name="活动")
    title = models.CharField("活动名称", max_length=80)
    day = models.DateField("日期")
    was = models.CharField("导入前状态", max_length=10)
    state = models.CharField("导入后状态", max_length=10)
    people = models.PositiveIntegerField("改动人次")
    rows = models.JSONField("导入前后的考勤")

    class Meta:
        verbose_name = verbose_name_plural = "考勤表的导入记录"
        ordering = ["sheet", "place"]
        constraints = [models.UniqueConstraint(fields=["sheet", "place"], name="sheet_record_once")]

    def __str__(self) -> str:
        return f"{self.sheet_id}:{self.title}"


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
