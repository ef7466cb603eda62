"""Who was there: marks, what they earned, and scans."""

from django.db import models
from django.db.models import Q

from courses.models.session import StudySession
from courses.querysets import AttendanceQuerySet, ScanQuerySet
from portal.models import Member, Organization


class Status(models.TextChoices):
    """Marks of a roll call, in the order in which a tap cycles through them."""

    NOT_YET = "not_yet", "未签到"
    PRESENT = "present", "出席"
    LATE = "late", "迟到"
    LEFT_EARLY = "left_early", "早退"
    LEAVE = "leave", "请假"
    ABSENT = "absent", "缺席"
    OBSERVER = "observer", "列席"


class Leave(models.TextChoices):
    NONE = "", "—"
    SICK = "sick", "病假"
    PERSONAL = "personal", "事假"
    OFFICIAL = "official", "公出"
    OTHER = "other", "其他"
    UNSTATED = "unstated", "未说明"


THERE = frozenset({Status.PRESENT, Status.LATE, Status.LEFT_EARLY})  # 实到


class Attendance(models.Model):
    """One member's mark in one session; made for everyone due when the session opens.

    home: the member's branch on that day. guest: takes part
    without being due, as a guest or an observer (never in 应到).
    minutes: where somebody's own time differs from the session's. made_up_on: the day of make-up
    study (补学), which adds hours and never presence.
    """

    session = models.ForeignKey(
        StudySession, models.PROTECT, related_name="attendances", verbose_name="学习活动"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="attendances", verbose_name="党员"
    )
    home = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="当日所在党支部"
    )
    guest = models.BooleanField("客人", default=False)
    status = models.CharField("考勤", max_length=10, choices=Status)
    leave = models.CharField("请假类别", max_length=10, choices=Leave, blank=True, default="")
    minutes = models.PositiveSmallIntegerField("本人时长", null=True, blank=True)
    made_up_on = models.DateField("补学日期", null=True, blank=True)
    scanned = models.BooleanField("扫码", default=False)
    remark = models.CharField("备注", max_length=100, blank=True)
    marked_by = models.ForeignKey(
        Member, models.PROTECT, null=True, related_name="+", verbose_name="标记人"
    )
    marked_at = models.DateTimeField("标记时间")

    objects = AttendanceQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "考勤"
        constraints = [
            models.UniqueConstraint(fields=["session", "member"], name="attendance_once"),
            models.CheckConstraint(
                name="attendance_leave_has_kind",
                condition=(Q(status="leave") & ~Q(leave="")) | (~Q(status="leave") & Q(leave="")),
            ),
            models.CheckConstraint(
                name="attendance_made_up_not_there",
                condition=Q(made_up_on=None) | Q(status__in=["leave", "absent"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member}：{self.get_status_display()}"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def is_there(self) -> bool:
        return self.status in THERE

    @property
    def earns(self) -> bool:
        """Whether the mark asks for credit: being there, or having made it up."""
        return self.is_there or self.made_up_on is not None

    @property
    def word(self) -> str:
        """The mark as a sheet says it: the category for leave, else the status."""
        return self.get_leave_display() if self.leave else self.get_status_display()


class AttendanceCredit(models.Model):
    """What one mark earned in one programme: credited, or refused and why.

    settled_at: when the secretary said of a refused one that nothing is to be done; it then
    leaves the to-do list and stays on the session's page.
    """

    class State(models.TextChoices):
        CREDITED = "credited", "已记入"
        REFUSED = "refused", "未能记入"

    attendance = models.ForeignKey(
        Attendance, models.PROTECT, related_name="credits", verbose_name="考勤"
    )
    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="+", verbose_name="专题教育"
    )
    state = models.CharField("状态", max_length=10, choices=State)
    hours = models.PositiveIntegerField("学时", default=0)
    code = models.CharField("原因代码", max_length=10, blank=True)
    reason = models.CharField("原因", max_length=200, blank=True)
    settled_at = models.DateTimeField("核实时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "考勤学时"
        constraints = [
            models.UniqueConstraint(
                fields=["attendance", "programme"], name="attendance_credit_once"
            ),
            models.CheckConstraint(
                name="attendance_credit_or_reason",
                condition=Q(state="credited", hours__gt=0, reason="")
                | (Q(state="refused", hours=0) & ~Q(reason="")),
            ),
            models.CheckConstraint(
                name="attendance_credit_settled",
                condition=Q(settled_at=None) | Q(state="refused"),
            ),
        ]
        indexes = [models.Index(fields=["programme", "state"], name="attendance_credit_state")]

    def __str__(self) -> str:
        return f"{self.attendance}：{self.get_state_display()}"


class Scan(models.Model):
    """One scan of a check-in code: accepted, or refused with the reason. Insert-only.

    nonce: of the proof that was used up; empty for refused scans and digits typed in.
    """

    session = models.ForeignKey(
        StudySession, models.PROTECT, related_name="scans", verbose_name="学习活动"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="党员"
    )
    at = models.DateTimeField("时间")
    accepted = models.BooleanField("通过")
    reason = models.CharField("原因", max_length=120, blank=True)
    nonce = models.CharField("扫码凭证", max_length=16, blank=True)

    objects = ScanQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "扫码记录"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="scan_refused_with_reason",
                condition=Q(accepted=True) | ~Q(reason=""),
            ),
            models.UniqueConstraint(
                fields=["session", "nonce"], condition=~Q(nonce=""), name="scan_nonce_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} {'通过' if self.accepted else self.reason}"
