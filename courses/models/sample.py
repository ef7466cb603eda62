"""Random samples of own study (抽查): only who is drawn is asked for a note or a photo."""

from datetime import date

from django.db import models
from django.db.models import F, Q

from courses.models.study_log import StudyLog
from courses.querysets import SampleItemQuerySet, SampleQuerySet
from portal.models import Member, Organization


class Sample(models.Model):
    """One drawing among the confirmed logs of a subtree, with all that is needed to draw it again.

    seed: made at the drawing. population: how many logs there were; listed: their ids in order,
    compressed; digest: SHA-256 of their keys. rate: asked for, in thousandths. key: of the form
    that was sent, so that sent twice draws once.
    """

    HIGHEST_RATE = 200  # thousandths; more would be evidence from all again

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="+", verbose_name="专题教育"
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="samples", verbose_name="抽查范围"
    )
    first = models.DateField("学习日期自")
    last = models.DateField("学习日期至")
    rate = models.PositiveSmallIntegerField("抽查比例（千分之）")
    reason = models.CharField("抽查事由", max_length=200)
    due_on = models.DateField("答复期限")
    seed = models.CharField("随机种子", max_length=64, editable=False)
    population = models.PositiveIntegerField("总体条数")
    listed = models.BinaryField("总体名单", editable=False)
    digest = models.CharField("总体摘要", max_length=64, editable=False)
    size = models.PositiveIntegerField("抽取条数")
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="抽查人")
    at = models.DateTimeField("抽取时间")
    closed_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="办结人"
    )
    closed_at = models.DateTimeField("办结时间", null=True, blank=True)

    objects = SampleQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "抽查"
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(name="sample_days", condition=Q(last__gte=F("first"))),
            models.CheckConstraint(name="sample_rate", condition=Q(rate__gte=1, rate__lte=200)),
            models.CheckConstraint(
                name="sample_size", condition=Q(size__gte=1, size__lte=F("population"))
            ),
            models.CheckConstraint(name="sample_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="sample_closed_by_whom",
                condition=Q(closed_by=None, closed_at=None)
                | Q(closed_by__isnull=False, closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"第{self.pk}号抽查"

    @property
    def scope_path(self) -> str:
        return self.organization.path

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def is_overdue(self, today: date) -> bool:
        return self.is_open and self.due_on < today


class SampleItem(models.Model):
    """One log that was drawn: what its member says of it, and what was found.

    confirmed_by: who had confirmed the log when it was drawn; neither they nor the member judge.
    """

    LONGEST = 500  # characters of a note

    class State(models.TextChoices):
        ASKED = "asked", "待说明"
        ANSWERED = "answered", "待核查"
        IN_ORDER = "in_order", "属实"
        NOT_IN_ORDER = "not_in_order", "不属实"

    sample = models.ForeignKey(Sample, models.PROTECT, related_name="items", verbose_name="抽查")
    log = models.ForeignKey(
        StudyLog, models.PROTECT, related_name="sample_items", verbose_name="学习记录"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="sample_items", verbose_name="党员"
    )
    confirmed_by = models.ForeignKey(
        Member, models.PROTECT, related_name="+", verbose_name="原确认人"
    )
    state = models.CharField("状态", max_length=12, choices=State, default=State.ASKED)
    note = models.CharField("情况说明", max_length=LONGEST, blank=True)
    answered_at = models.DateTimeField("说明时间", null=True, blank=True)
    feedback = models.CharField("核查意见", max_length=200, blank=True)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="核查人"
    )
    decided_at = models.DateTimeField("核查时间", null=True, blank=True)

    objects = SampleItemQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "抽查记录"
        ordering = ["sample_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "log"], name="sample_item_once"),
            models.CheckConstraint(
                name="sample_item_not_by_oneself",
                condition=Q(decided_by=None)
                | (~Q(decided_by=F("member")) & ~Q(decided_by=F("confirmed_by"))),
            ),
            models.CheckConstraint(
                name="sample_item_answered",
                condition=Q(state="asked", answered_at=None, note="")
                | (~Q(state="asked") & Q(answered_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="sample_item_decided",
                condition=Q(
                    state__in=["asked", "answered"], decided_by=None, decided_at=None, feedback=""
                )
                | Q(state="in_order", decided_by__isnull=False, decided_at__isnull=False)
                | (
                    Q(state="not_in_order", decided_by__isnull=False, decided_at__isnull=False)
                    & ~Q(feedback="")
                ),
            ),
        ]
        indexes = [models.Index(fields=["member", "state"], name="sample_item_member")]

    def __str__(self) -> str:
        return f"{self.member} {self.log.topic}"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def is_judged(self) -> bool:
        return self.state in {self.State.IN_ORDER, self.State.NOT_IN_ORDER}


class SamplePhoto(models.Model):
    """The photo of one answer: a JPEG made anew, without what a camera writes into its file.

    Kept apart, so that no list reads it; removed when its time is over (samples.expire).
    """

    item = models.OneToOneField(
        SampleItem, models.CASCADE, primary_key=True, related_name="photo", verbose_name="抽查记录"
    )
    content = models.BinaryField("照片", editable=False)
    at = models.DateTimeField("上传时间")

    class Meta:
        verbose_name = verbose_name_plural = "抽查照片"

    def __str__(self) -> str:
        return f"{self.item_id}"
