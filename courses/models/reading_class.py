"""Reading classes (读书班) and who is enrolled in them."""

from django.db import models
from django.db.models import F, Q

from courses.querysets import ReadingClassQuerySet
from portal.models import Member, Organization


class ReadingClass(models.Model):
    """A class of a branch or general branch that lays its sessions out over the history periods.

    Leaders enrol as ordinary members. It ends as completed only where nobody is short; otherwise
    as ended, with the names and reasons of those who are.
    """

    class State(models.TextChoices):
        RUNNING = "running", "进行中"
        COMPLETED = "completed", "学满结业"
        ENDED = "ended", "结束（未全部学满）"

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="reading_classes", verbose_name="专题教育"
    )
    organiser = models.ForeignKey(
        Organization, models.PROTECT, related_name="reading_classes", verbose_name="主办党组织"
    )
    name = models.CharField("名称", max_length=60)
    leader = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="班长"
    )
    starts = models.DateField("开班日期")
    ends = models.DateField("结班日期")
    state = models.CharField("状态", max_length=10, choices=State, default=State.RUNNING)
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)
    short = models.JSONField("未学满", default=list, blank=True)
    made_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="建班人")
    made_at = models.DateTimeField("建班时间")

    objects = ReadingClassQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "读书班"
        ordering = ["-starts", "id"]
        constraints = [
            models.CheckConstraint(
                name="class_ends_after_start", condition=Q(ends__gte=F("starts"))
            ),
            models.CheckConstraint(
                name="class_completed_nobody_short",
                condition=~Q(state="completed") | Q(short=[]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_path(self) -> str:
        return self.organiser.path


class Enrolment(models.Model):
    """Somebody's place in a class, from `since` (inclusive) until `until` (exclusive)."""

    reading_class = models.ForeignKey(
        ReadingClass, models.PROTECT, related_name="enrolments", verbose_name="读书班"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="enrolments", verbose_name="党员"
    )
    since = models.DateField("自")
    until = models.DateField("至", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "学员"
        constraints = [
            models.UniqueConstraint(
                fields=["reading_class", "member"], condition=Q(until=None), name="enrolment_once"
            ),
            models.CheckConstraint(
                name="enrolment_until_after_since",
                condition=Q(until=None) | Q(until__gte=F("since")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reading_class}：{self.member}"
