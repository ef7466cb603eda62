"""Red e-book bags (红色电子书包): readings in order, and why each may be given out."""

from typing import Any

from django.db import models
from django.db.models import Q

from courses.models.course import Lesson, Material
from courses.online_querysets import BookBagItemQuerySet, BookBagQuerySet
from portal.models import Member, Organization


class ReadingRight(models.Model):
    """What the right to distribute one lesson or material rests on, and by whom that was recorded.

    version: of the lesson, as it was when this was recorded: bags hold that text until the right
    to a later one is stated (0 for materials, which have none).
    source: where the text comes from and why it may be given out, in words. A row is there exactly
    while the right is: taking it back removes the row (and the reading from all bags), and the
    audit trail keeps both acts.
    """

    class Kind(models.TextChoices):
        PUBLIC_DOMAIN = "public", "公有领域"
        OFFICIAL = "official", "官方文件"
        LICENSED = "licensed", "授权"
        OWN = "own", "自行编写"

    lesson = models.OneToOneField(
        Lesson, models.PROTECT, null=True, blank=True, related_name="right", verbose_name="微党课"
    )
    material = models.OneToOneField(
        Material,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="right",
        verbose_name="学习材料",
    )
    version = models.PositiveSmallIntegerField("版本", default=0)
    kind = models.CharField("依据", max_length=10, choices=Kind)
    source = models.CharField("出处说明", max_length=200)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="登记人")
    at = models.DateTimeField("登记时间")

    class Meta:
        verbose_name = verbose_name_plural = "传播依据"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="reading_right_of_one",
                condition=Q(lesson=None, material__isnull=False)
                | Q(lesson__isnull=False, material=None),
            ),
            models.CheckConstraint(
                name="reading_right_kind",
                condition=Q(kind__in=["public", "official", "licensed", "own"]),
            ),
            models.CheckConstraint(name="reading_right_says_why", condition=~Q(source="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}：{self.source}"

    @staticmethod
    def of(reading: Lesson | Material) -> dict[str, Any]:
        """The field in which a right names its reading, with it."""
        return {"lesson" if isinstance(reading, Lesson) else "material": reading}

    @property
    def reading(self) -> Lesson | Material:
        return self.lesson or self.material  # type: ignore[return-value] # reading_right_of_one


class BookBag(models.Model):
    """A set of readings that an organisation has chosen, as one download and to keep offline.

    slug: stands in addresses and is never changed. changed_at: the last act on the bag.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "编辑中"
        PUBLISHED = "published", "已发布"

    slug = models.SlugField("标识", max_length=30, unique=True)
    title = models.CharField("名称", max_length=60)
    summary = models.CharField("简介", max_length=300, blank=True)
    organiser = models.ForeignKey(
        Organization, models.PROTECT, related_name="book_bags", verbose_name="编选单位"
    )
    state = models.CharField("状态", max_length=10, choices=State, default=State.DRAFT)
    made_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="建立人")
    changed_at = models.DateTimeField("修改时间")
    published_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="发布人"
    )
    published_at = models.DateTimeField("发布时间", null=True, blank=True)

    objects = BookBagQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "红色电子书包"
        ordering = ["-published_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="book_bag_published_by_whom",
                condition=Q(state="draft", published_by=None, published_at=None)
                | Q(state="published", published_by__isnull=False, published_at__isnull=False),
            ),
            models.CheckConstraint(name="book_bag_has_names", condition=~Q(slug="") & ~Q(title="")),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def scope_path(self) -> str:
        return self.organiser.path

    @property
    def is_published(self) -> bool:
        return self.state == self.State.PUBLISHED


class BookBagItem(models.Model):
    """One reading of a bag. It is reached by its recorded right alone: what has none cannot be in a
    bag, whoever writes the row."""

    bag = models.ForeignKey(BookBag, models.PROTECT, related_name="items", verbose_name="书包")
    right = models.ForeignKey(
        ReadingRight, models.PROTECT, related_name="items", verbose_name="传播依据"
    )
    order = models.PositiveSmallIntegerField("排序")

    objects = BookBagItemQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "书包读物"
        ordering = ["bag_id", "order", "id"]
        constraints = [
            models.UniqueConstraint(fields=["bag", "right"], name="book_bag_item_once"),
        ]

    def __str__(self) -> str:
        return self.right.reading.title
