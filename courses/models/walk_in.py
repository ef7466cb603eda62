"""Who came to a session without standing on its roll, scanned, and asked to be added."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from courses.models.session import StudySession
from courses.querysets import WalkInQuerySet
from portal.models import Member


class WalkIn(models.Model):
    """One person's request to be added to a roll, proved by a scan; decided once, by another."""

    class State(models.TextChoices):
        ASKED = "asked", "待确认"
        ADMITTED = "admitted", "已确认"
        DECLINED = "declined", "未同意"
        EXPIRED = "expired", "封账时未确认"

    session = models.ForeignKey(
        StudySession, models.PROTECT, related_name="walk_ins", verbose_name="学习活动"
    )
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="党员")
    scanned_at = models.DateTimeField("扫码时间")
    state = models.CharField("状态", max_length=8, choices=State, default=State.ASKED)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="确认人"
    )
    decided_at = models.DateTimeField("确认时间", null=True, blank=True)

    objects = WalkInQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "请求加入名单"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "member"], name="walk_in_once"),
            models.CheckConstraint(
                name="walk_in_decided",
                condition=Q(state="asked", decided_by=None, decided_at=None)
                | Q(state="expired", decided_by=None, decided_at__isnull=False)
                | Q(
                    state__in=["admitted", "declined"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="walk_in_not_oneself",
                condition=Q(decided_by=None) | ~Q(decided_by=F("member")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member}：{self.get_state_display()}"

    @property
    def owner_id(self) -> int:
        return self.member_id
