"""Study sessions: one meeting each."""

from datetime import date, timedelta
from urllib.parse import urlsplit

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.utils import timezone

from courses.models.reading_class import ReadingClass
from courses.querysets import SessionQuerySet
from credits.models import Form
from credits.rule_sets import Rules
from credits.rules import worth
from portal.models import Member, Organization


class Occasion(models.TextChoices):
    """What kind of meeting it is (类别)."""

    READING_CLASS = "class", "读书班"
    THREE_MEETINGS = "three", "三会一课"
    THEME_DAY = "theme", "主题党日"
    CENTRAL_GROUP = "central", "理论学习中心组专题研讨"
    REPORT = "report", "宣讲报告会"
    TRAINING = "training", "专题培训班"


class StudySession(models.Model):
    """One meeting, posted once in each of its programmes when it is closed.

    key: stable, names the session in the ledger and in sheets. content: key of a named course or
    lesson that it repeats. band: half a day or a day stands for the minutes. ceiling: hours
    (hundredths) to which a secretary lowered the credit, with the reason; never raised.
    link: where it meets at a distance (https), empty where it meets in a room; nobody is present in
    such a one by default, and compared says how many whoever closed it counted in the meeting.
    version: raised by every change that a page shows.
    """

    MOST_OF_LINK = 300

    class State(models.TextChoices):
        PLANNED = "planned", "未开始"
        OPEN = "open", "点名中"
        CLOSED = "closed", "已记学时"
        CORRECTED = "corrected", "已更正"
        CANCELLED = "cancelled", "已取消"
        NOT_HELD = "not_held", "未举行"

    class Method(models.TextChoices):
        ROLL_CALL = "roll_call", "点名"
        CHECK_IN = "check_in", "扫码签到"
        PAPER = "paper", "纸质签到"

    class Band(models.TextChoices):
        MINUTES = "", "按时长"
        HALF_DAY = "half_day", "半天"
        DAY = "day", "全天"

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    programmes = models.ManyToManyField(
        "credits.Programme", related_name="sessions", verbose_name="专题教育"
    )
    organiser = models.ForeignKey(
        Organization, models.PROTECT, related_name="sessions", verbose_name="主办党组织"
    )
    reading_class = models.ForeignKey(
        ReadingClass,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="sessions",
        verbose_name="读书班",
    )
    occasion = models.CharField("类别", max_length=10, choices=Occasion)
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    content = models.CharField("内容", max_length=40, blank=True)
    title = models.CharField("主题", max_length=80)
    lecturer = models.CharField("主讲人", max_length=40, blank=True)
    host = models.CharField("主持人", max_length=40, blank=True)
    recorder = models.CharField("记录人", max_length=40, blank=True)
    place = models.CharField("地点", max_length=60, blank=True)
    link = models.CharField("会议链接", max_length=MOST_OF_LINK, blank=True, default="")
    starts_at = models.DateTimeField("开始时间")
    ends_at = models.DateTimeField("结束时间")
    band = models.CharField("计时方式", max_length=10, choices=Band, blank=True, default="")
    ceiling = models.PositiveIntegerField("学时上限", null=True, blank=True)
    ceiling_reason = models.CharField("减计理由", max_length=100, blank=True)
    method = models.CharField("考勤方式", max_length=10, choices=Method, default=Method.ROLL_CALL)
    state = models.CharField("状态", max_length=10, choices=State, default=State.PLANNED)
    reason = models.CharField("说明", max_length=200, blank=True)
    version = models.PositiveIntegerField("版本", default=1)
    made_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="安排人")
    made_at = models.DateTimeField("安排时间")
    opened_at = models.DateTimeField("开始点名", null=True, blank=True)
    closed_at = models.DateTimeField("记学时时间", null=True, blank=True)
    compared = models.PositiveIntegerField("会议中人数", null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学习活动"
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="session_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(
                name="session_lowered_with_reason",
                condition=Q(ceiling=None) | ~Q(ceiling_reason=""),
            ),
            models.CheckConstraint(
                name="session_closed_has_moment",
                condition=~Q(state__in=["closed", "corrected"]) | Q(closed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="session_called_off_with_reason",
                condition=~Q(state__in=["cancelled", "not_held"]) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="session_link_is_https",
                condition=Q(link="") | Q(Exact(Left("link", 8), Value("https://"))),
            ),
            models.CheckConstraint(
                name="session_link_without_paper", condition=Q(link="") | ~Q(method="paper")
            ),
            models.CheckConstraint(
                name="session_live_closed_compared",
                condition=Q(link="")
                | ~Q(state__in=["closed", "corrected"])
                | Q(compared__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["organiser", "starts_at"], name="session_organiser_start"),
            models.Index(fields=["state", "starts_at"], name="session_state_start"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def scope_path(self) -> str:
        return self.organiser.path

    @property
    def day(self) -> date:
        """The local day on which it starts: the one to which its hours belong."""
        return timezone.localdate(self.starts_at)

    @property
    def minutes(self) -> int:
        return int((self.ends_at - self.starts_at) / timedelta(minutes=1))

    def worth(self, of_day: Rules) -> int:
        """What being there from beginning to end earns, in hundredths of an hour, by the rules of
        its day."""
        share = of_day.share("present")
        return worth(self.minutes, of_day, band=self.band, share=share, ceiling=self.ceiling)  # type: ignore[arg-type] # its choices are the bands

    @property
    def link_host(self) -> str:
        """The host to which the link leads, as it is shown beside it."""
        return urlsplit(self.link).hostname or ""

    @property
    def is_closed(self) -> bool:
        return self.state in {self.State.CLOSED, self.State.CORRECTED}

    @property
    def is_called_off(self) -> bool:
        return self.state in {self.State.CANCELLED, self.State.NOT_HELD}

    @property
    def is_over(self) -> bool:
        return self.is_closed or self.is_called_off


class SessionChange(models.Model):
    """What happened to a session or to somebody's mark in it after it was made. Insert-only."""

    session = models.ForeignKey(
        StudySession, models.PROTECT, related_name="changes", verbose_name="学习活动"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="党员"
    )
    what = models.CharField("事项", max_length=120)
    reason = models.CharField("理由", max_length=200, blank=True)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="何人")
    at = models.DateTimeField("时间")

    class Meta:
        verbose_name = verbose_name_plural = "活动变动"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.what
