"""What mobile members took part in where they live (流入地活动): attested, then recognised."""

from django.db import models
from django.db.models import F, Q

from courses.models.session import StudySession
from courses.querysets import AttestedQuerySet, HostAttendanceQuerySet
from portal.models import Member, MobileStay, Organization


class HostAttendance(models.Model):
    """One member's presence in one session of the host organisation, for one programme.

    The host's secretary attests it; the secretary of `branch`, the home branch at that moment,
    recognises it, and only then is it credited, in that branch's book. key: stable, names it in
    the ledger. hours: what it earned (hundredths), known once it is credited. Withdrawn: by the
    host, or with the session that was called off. Expired: the books were closed over it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "待流出地认定"
        RECOGNISED = "recognised", "已认定"
        DECLINED = "declined", "未认定"
        WITHDRAWN = "withdrawn", "已撤回"
        REVERSED = "reversed", "已冲销"
        EXPIRED = "expired", "封账时未认定"

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    programme = models.ForeignKey(
        "credits.Programme", models.PROTECT, related_name="+", verbose_name="专题教育"
    )
    stay = models.ForeignKey(MobileStay, models.PROTECT, related_name="+", verbose_name="流动情况")
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="host_attendances", verbose_name="党员"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="流出地党支部"
    )
    session = models.ForeignKey(
        StudySession, models.PROTECT, related_name="host_attendances", verbose_name="学习活动"
    )
    attested_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="证明人")
    attested_at = models.DateTimeField("证明时间")
    state = models.CharField("状态", max_length=10, choices=State, default=State.WAITING)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True, blank=True)
    reason = models.CharField("说明", max_length=200, blank=True)
    hours = models.PositiveIntegerField("学时", default=0)

    objects = HostAttendanceQuerySet.as_manager()
    attested = AttestedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "流入地活动"
        ordering = ["-attested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "member", "programme"],
                condition=Q(state__in=["waiting", "recognised"]),
                name="host_attendance_once",
            ),
            models.CheckConstraint(
                name="host_attendance_not_by_oneself",
                condition=~Q(attested_by=F("member"))
                & (Q(decided_by=None) | ~Q(decided_by=F("member"))),
            ),
            models.CheckConstraint(
                name="host_attendance_by_two_people",
                condition=Q(decided_by=None) | ~Q(decided_by=F("attested_by")),
            ),
            models.CheckConstraint(
                name="host_attendance_decided_has_who",
                condition=Q(state="waiting", decided_by=None, decided_at=None)
                | Q(state__in=["withdrawn", "expired"], decided_by=None, decided_at__isnull=False)
                | Q(
                    state__in=["recognised", "declined", "reversed"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="host_attendance_with_reason",
                condition=~Q(state__in=["declined", "reversed", "expired"]) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="host_attendance_hours_if_recognised",
                condition=Q(state="recognised", hours__gt=0)
                | (~Q(state="recognised") & Q(hours=0)),
            ),
        ]
        indexes = [models.Index(fields=["branch", "state"], name="host_attendance_branch")]

    def __str__(self) -> str:
        return f"{self.member} {self.session}"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def note(self) -> str:
        """What the home branch has to know of the session while this waits or counts: whether the
        host has reopened it or called it off since; empty where there is nothing to know."""
        session, recognised = self.session, self.state == self.State.RECOGNISED
        if self.state != self.State.WAITING and not recognised:
            return ""
        if session.is_called_off:
            return f"流入地的活动{session.get_state_display()}，请核实后冲销。"
        if session.closed_at is None or not session.is_closed:
            return (
                "流入地正在更正这次活动，记了学时再认定。"
                if not recognised
                else ("流入地正在更正这次活动，请留意结果。")
            )
        if recognised and self.decided_at and session.closed_at > self.decided_at:
            return "认定后流入地重新记过这次活动，请核对是否冲销。"
        return ""
