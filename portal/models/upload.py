"""A sheet of people between its preview and its confirmation."""

from django.db import models

from portal.models.member import Member
from portal.querysets import UploadQuerySet


class Upload(models.Model):
    """The rows read from somebody's file, waiting to be confirmed by the same person.

    Of a short list never the file itself is kept: only the columns that are read (`table`), so that
    birthdays and ID-card numbers in it are nowhere kept. The file of a long one waits until a
    worker has read it into `StagedLine`s. Emptied when applied, deleted after a day.

    digest: sha256 of the file, for the receipt. is_long: read, checked and written by a worker.
    checked_at: when its lines were staged. said: what the check found: counts, errors, warnings.
    """

    by = models.ForeignKey(Member, models.CASCADE, related_name="uploads", verbose_name="何人")
    kind = models.CharField("种类", max_length=14)
    filename = models.CharField("文件名", max_length=120)
    digest = models.CharField("文件摘要", max_length=64, blank=True, default="")
    table = models.JSONField("内容", default=dict)
    at = models.DateTimeField("上传时间")
    is_long = models.BooleanField("长表", default=False)
    file = models.BinaryField("文件", default=bytes)
    checked_at = models.DateTimeField("核对时间", null=True, blank=True)
    said = models.JSONField("核对结果", default=dict)
    applied_at = models.DateTimeField("导入时间", null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "待确认的表格"
        indexes = [models.Index(fields=["at"], name="upload_at")]

    def __str__(self) -> str:
        return self.filename

    @property
    def owner_id(self) -> int:
        return self.by_id


class StagedLine(models.Model):
    """What one row of a long list would do to one person, until it is written or given up.

    Plain values without references, so that staging costs no look-ups. known: the person, where
    the register knows the number; branch: where the person would stand; digits: how long the
    number is, if it is all digits. entry, shown: of people in the register whom the row changes,
    what the row says and what was shown of it, as JSON.
    """

    upload = models.ForeignKey(
        Upload, models.CASCADE, db_index=False, related_name="lines", verbose_name="表格"
    )
    row = models.PositiveIntegerField("行")
    sheet = models.CharField("工作表", max_length=60)
    action = models.CharField("办理", max_length=10)
    number = models.CharField("党员编号", max_length=24)
    digits = models.PositiveSmallIntegerField("编号位数")
    name = models.CharField("姓名", max_length=40)
    branch = models.BigIntegerField("党支部", null=True)
    group = models.CharField("党小组", max_length=20)
    status = models.CharField("党员类别", max_length=12)
    category = models.CharField("人员类别", max_length=10)
    phone = models.CharField("手机号码", max_length=20)
    joined_on = models.DateField("入党时间", null=True)
    day = models.DateField("日期")
    how = models.CharField("去向", max_length=12)
    known = models.BigIntegerField("册中人员", null=True)
    key = models.CharField("标识", max_length=24)
    entry = models.TextField("原文")
    shown = models.TextField("预览")

    class Meta:
        verbose_name = verbose_name_plural = "长表的行"
        indexes = [models.Index(fields=["upload", "number"], name="staged_upload_number")]

    def __str__(self) -> str:
        return f"{self.upload_id}:{self.row}"
