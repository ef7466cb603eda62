"""What is studied: courses, micro-lessons, places, platforms, and the materials to them."""

from django.db import models
from django.db.models import F, Q

from courses.querysets import CourseQuerySet, LessonQuerySet
from credits.models import Form
from portal.models import Organization


class Course(models.Model):
    """Something to study: a Party-school course, a reader, an education base, a platform.

    key: stable; `content` in the ledger. once: whether it is credited only once a programme (a
    named course or reader is; a visit to a base or a day on a platform is not).
    """

    class Kind(models.TextChoices):
        COURSE = "course", "党校必修课"
        READER = "reader", "学习读本"
        SCENE = "scene", "情景党史课"
        BASE = "base", "教育基地"
        PLATFORM = "platform", "网上平台"
        SERIES = "series", "微党课"

    key = models.SlugField("标识", max_length=30, unique=True)
    title = models.CharField("名称", max_length=60)
    kind = models.CharField("类别", max_length=10, choices=Kind)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    summary = models.TextField("简介", blank=True)
    once = models.BooleanField("每人只计一次", default=False)
    order = models.PositiveSmallIntegerField("排序", default=0)

    objects = CourseQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "课程"
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.title

    @property
    def content(self) -> str:
        """The key under which it is credited; empty where it may be credited again."""
        return f"course:{self.key}" if self.once else ""


class Lesson(models.Model):
    """A micro-lesson (微党课) or one part of a course; credited once a programme.

    What readers see: the newest publication of an editor's draft (`LessonDraft`); each publication
    is kept as a `LessonVersion`. organiser: whose lesson it is; none for the city's syllabus. body:
    Markdown. version: number of the newest publication, 0 before the first. band: minutes for
    which passing its questions is credited; 0: it is logged as own study. asked, needed: how many
    questions are drawn, and how many of them have to be answered rightly.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "编写中"
        PUBLISHED = "published", "已发布"
        WITHDRAWN = "withdrawn", "已撤下"

    class Band(models.IntegerChoices):
        NONE = 0, "不凭答题记学时"
        SHORT = 15, "15 分钟"
        MIDDLE = 30, "30 分钟"
        LONG = 45, "45 分钟"

    course = models.ForeignKey(Course, models.PROTECT, related_name="lessons", verbose_name="课程")
    organiser = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="lessons",
        verbose_name="编写单位",
    )
    key = models.SlugField("标识", max_length=30, unique=True)
    title = models.CharField("名称", max_length=60)
    kind = models.CharField("形式", max_length=20, blank=True)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    minutes = models.PositiveSmallIntegerField("时长（分钟）")
    body = models.TextField("内容", blank=True)
    state = models.CharField("状态", max_length=10, choices=State, default=State.PUBLISHED)
    version = models.PositiveSmallIntegerField("版本", default=1)
    band = models.PositiveSmallIntegerField("学时档次", choices=Band, default=Band.NONE)
    asked = models.PositiveSmallIntegerField("每次抽题", default=3)
    needed = models.PositiveSmallIntegerField("答对几题通过", default=2)
    order = models.PositiveSmallIntegerField("排序", default=0)

    objects = LessonQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "微党课"
        ordering = ["order", "id"]
        constraints = [
            models.CheckConstraint(
                name="lesson_band_known",
                condition=Q(band__in=[0, 15, 30, 45], band__lte=F("minutes")),
            ),
            models.CheckConstraint(
                name="lesson_needs_what_it_asks",
                condition=Q(needed__gte=1, needed__lte=F("asked"), asked__lte=10),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def content(self) -> str:
        return f"lesson:{self.key}"

    @property
    def is_published(self) -> bool:
        return self.state == self.State.PUBLISHED

    @property
    def is_credited_by_passing(self) -> bool:
        """Whether its hours come from its questions; else it is logged as own study."""
        return bool(self.band)


class Material(models.Model):
    """A text to read and download beside a course or lesson."""

    course = models.ForeignKey(
        Course, models.PROTECT, related_name="materials", verbose_name="课程"
    )
    lesson = models.ForeignKey(
        Lesson,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="materials",
        verbose_name="微党课",
    )
    key = models.SlugField("标识", max_length=30, unique=True)
    title = models.CharField("名称", max_length=60)
    body = models.TextField("内容")
    order = models.PositiveSmallIntegerField("排序", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "学习材料"
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.title
