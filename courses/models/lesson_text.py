"""What a lesson is made of: its draft, its publications, its questions, its files."""

from django.db import models
from django.db.models import F, Q

from courses.models.course import Lesson
from credits.models import Form
from portal.models import Member


class Question(models.Model):
    """One question of a lesson's bank. Insert-only: a mended question is a new one, so that what
    somebody answered stays as it was; a draft or version lists which it uses.

    choices: texts in order; right: their places, from 0. explanation: where in the lesson the
    answer stands, shown to who answered wrongly.
    """

    class Kind(models.TextChoices):
        SINGLE = "single", "单选"
        MULTIPLE = "multiple", "多选"
        JUDGE = "judge", "判断"

    lesson = models.ForeignKey(
        Lesson, models.PROTECT, related_name="questions", verbose_name="微党课"
    )
    kind = models.CharField("题型", max_length=10, choices=Kind)
    text = models.CharField("题目", max_length=200)
    choices = models.JSONField("选项")
    right = models.JSONField("正确选项")
    explanation = models.CharField("提示", max_length=200)
    made_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="出题人")
    made_at = models.DateTimeField("出题时间")

    class Meta:
        verbose_name = verbose_name_plural = "微党课题目"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="question_kind_known", condition=Q(kind__in=["single", "multiple", "judge"])
            ),
            models.CheckConstraint(
                name="question_has_words", condition=~Q(text="") & ~Q(explanation="")
            ),
        ]

    def __str__(self) -> str:
        return self.text


class LessonDraft(models.Model):
    """The working copy of a lesson; readers see it when it is published. It lasts and is published
    again and again. bank: ids of the questions in use. version: counts its changes, so that two
    editors do not overwrite each other.
    """

    lesson = models.OneToOneField(
        Lesson, models.PROTECT, related_name="draft", verbose_name="微党课"
    )
    title = models.CharField("名称", max_length=60)
    kind = models.CharField("形式", max_length=20, blank=True)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    minutes = models.PositiveSmallIntegerField("时长（分钟）")
    body = models.TextField("内容", blank=True)
    band = models.PositiveSmallIntegerField("学时档次", choices=Lesson.Band, default=0)
    asked = models.PositiveSmallIntegerField("每次抽题", default=3)
    needed = models.PositiveSmallIntegerField("答对几题通过", default=2)
    bank = models.JSONField("题目", default=list)
    version = models.PositiveIntegerField("修改次数", default=0)
    changed_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="修改人")
    changed_at = models.DateTimeField("修改时间")

    class Meta:
        verbose_name = verbose_name_plural = "微党课草稿"
        constraints = [
            models.CheckConstraint(
                name="lesson_draft_band_known", condition=Q(band__in=[0, 15, 30, 45])
            ),
            models.CheckConstraint(
                name="lesson_draft_needs_what_it_asks",
                condition=Q(needed__gte=1, needed__lte=F("asked"), asked__lte=10),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class LessonVersion(models.Model):
    """One publication of a lesson, as it went out. Insert-only: answers refer to it.

    published_by: nobody for what stood there before publications were kept.
    """

    lesson = models.ForeignKey(
        Lesson, models.PROTECT, related_name="versions", verbose_name="微党课"
    )
    number = models.PositiveSmallIntegerField("版本")
    title = models.CharField("名称", max_length=60)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    minutes = models.PositiveSmallIntegerField("时长（分钟）")
    body = models.TextField("内容", blank=True)
    band = models.PositiveSmallIntegerField("学时档次", choices=Lesson.Band)
    asked = models.PositiveSmallIntegerField("每次抽题")
    needed = models.PositiveSmallIntegerField("答对几题通过")
    bank = models.JSONField("题目", default=list)
    published_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="发布人"
    )
    published_at = models.DateTimeField("发布时间")

    class Meta:
        verbose_name = verbose_name_plural = "微党课版本"
        ordering = ["lesson_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["lesson", "number"], name="lesson_version_once"),
            models.CheckConstraint(
                name="lesson_version_band_known",
                condition=Q(band__in=[0, 15, 30, 45], band__lte=F("minutes")),
            ),
            models.CheckConstraint(
                name="lesson_version_needs_what_it_asks",
                condition=Q(number__gte=1, needed__gte=1, needed__lte=F("asked"), asked__lte=10),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} 第{self.number}版"

    @property
    def asks(self) -> bool:
        """Whether it ends with questions: its bank holds as many as are drawn."""
        return len(self.bank) >= self.asked


class LessonFile(models.Model):
    """A picture, a sound or a film of a lesson, kept as it is sent to phones.

    caption: what it shows. transcript: what is said in it, word for word, which a sound needs
    before it is published; captions: the same as a WebVTT track, which a film needs. minutes: how
    long it plays.
    """

    class Kind(models.TextChoices):
        PICTURE = "picture", "图片"
        AUDIO = "audio", "音频"
        VIDEO = "video", "视频"

    lesson = models.ForeignKey(Lesson, models.PROTECT, related_name="files", verbose_name="微党课")
    kind = models.CharField("种类", max_length=10, choices=Kind)
    type = models.CharField("格式", max_length=20)
    content = models.BinaryField("内容")
    size = models.PositiveIntegerField("字节数")
    caption = models.CharField("说明", max_length=100)
    transcript = models.TextField("文字稿", blank=True)
    captions = models.TextField("字幕", blank=True)
    minutes = models.PositiveSmallIntegerField("时长（分钟）", default=0)
    added_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="上传人")
    added_at = models.DateTimeField("上传时间")

    class Meta:
        verbose_name = verbose_name_plural = "微党课图片音像"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="lesson_file_kind_known", condition=Q(kind__in=["picture", "audio", "video"])
            ),
            models.CheckConstraint(name="lesson_file_has_caption", condition=~Q(caption="")),
        ]

    def __str__(self) -> str:
        return self.caption

    @property
    def is_heard(self) -> bool:
        """Whether words are spoken in it."""
        return self.kind != self.Kind.PICTURE

    @property
    def has_words(self) -> bool:
        """Whether who hears nothing can follow it: a film by captions, a sound by transcript."""
        needed = {self.Kind.VIDEO: self.captions, self.Kind.AUDIO: self.transcript}
        return not self.is_heard or bool(needed[self.Kind(self.kind)].strip())
