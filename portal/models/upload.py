"""A sheet of people between its preview and its confirmation."""

from django.db import models

from portal.models.member import Member
from portal.querysets import UploadQuerySet


class Upload(models.Model):
    """The rows read from somebody's file, waiting to be confirmed by the same person.

    Never the file itself: only the columns that are read, so that birthdays and ID-card numbers
    in it are nowhere kept. Emptied when applied, deleted after a day.
    """

    by = models.ForeignKey(Member, models.CASCADE, related_name="uploads", verbose_name="何人")
    kind = models.CharField("种类", max_length=14)
    filename = models.CharField("文件名", max_length=120)
    table = models.JSONField("内容", default=dict)
    at = models.DateTimeField("上传时间")
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
