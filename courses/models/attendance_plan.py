"""What members say before a session (参加, 请假), and what the secretary decides about it."""

from django.db import models
from django.db.models import F, Q

from courses.models.attendance import Leave
from courses.models.session import StudySession
from courses.querysets import AttendancePlanQuerySet
from portal.models import Member, Organization

LEAVES = (Leave.SICK, Leave.PERSONAL, Leave.OFFICIAL, Leave.OTHER)  # what can be asked for


class AttendancePlan(models.Model):
    """One member's answer to one session: coming, or leave of a kind, which somebody decides about.

    It marks nobody by itself; the roll reads it when it is opened. home: the member's branch when
    they said it; its secretary may decide, too. A new answer takes the place of the old one,
    decision and all.
    """

    class State(models.TextChoices):
        COMING = "coming", "已报名"
        PENDING = "pending", "待批准"
        APPROVED = "approved", "已批准"
        DECLINED = "declined", "未批准"
        TAKEN_BACK = "taken_back", "已撤回"
        EXPIRED = "expired", "封账时未批"

    session = models.ForeignKey(
        StudySession, models.PROTECT, related_name="plans", verbose_name="学习活动"
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="plans", verbose_name="党员")
    home = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="所在党支部"
    )
    leave = models.CharField("请假类别", max_length=10, choices=Leave, blank=True, default="")
    reason = models.CharField("事由", max_length=100, blank=True)
    said_at = models.DateTimeField("答复时间")
    state = models.CharField("状态", max_length=10, choices=State)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="批准人"
    )
    decided_at = models.DateTimeField("批准时间", null=True, blank=True)
    reply = models.CharField("批复", max_length=100, blank=True)

    objects = AttendancePlanQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "报名与请假"
        constraints = [
            models.UniqueConstraint(fields=["session", "member"], name="plan_once"),
            models.CheckConstraint(
                name="plan_leave_has_decision",
                condition=Q(leave="", state__in=["coming", "taken_back"])
                | Q(
                    leave__in=["sick", "personal", "official", "other"],
                    state__in=["pending", "approved", "declined", "expired"],
                ),
            ),
            models.CheckConstraint(
                name="plan_decided_has_who",
                condition=Q(
                    state__in=["approved", "declined"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                )
                | Q(
                    state__in=["coming", "pending", "taken_back"],
                    decided_by=None,
                    decided_at=None,
                    reply="",
                )
                | Q(state="expired", decided_by=None, decided_at__isnull=False, reply=""),
            ),
            models.CheckConstraint(
                name="plan_not_by_oneself",
                condition=Q(decided_by=None) | ~Q(decided_by=F("member")),
            ),
        ]
        indexes = [
            models.Index(fields=["session", "state"], name="plan_session_state"),
            models.Index(fields=["home", "state"], name="plan_home_state"),
        ]

    def __str__(self) -> str:
        return f"{self.member}：{self.word}"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def word(self) -> str:
        """What was said and decided: 已报名, 病假待批准."""
        return self.in_words(self.state, self.leave)

    @classmethod
    def in_words(cls, state: str, leave: str) -> str:
        """The same of a state and a kind of leave that a query has named."""
        return f"{Leave(leave).label if leave else ''}{cls.State(state).label}"
