"""Who did what, when, in which role."""

from django.db import models

from portal.models.appointment import Role
from portal.models.member import Member
from portal.models.organization import Organization
from portal.querysets import AuditQuerySet


class AuditEvent(models.Model):
    """One act worth proving later. Insert-only by trigger; kept at least six months.

    The period follows 网络安全法 (Cybersecurity Law) article 21: logs are kept for no less than
    six months.
    """

    class Event(models.TextChoices):
        SIGN_IN = "sign_in", "登录"
        SIGN_IN_FAILED = "sign_in_failed", "登录失败"
        SIGN_OUT = "sign_out", "退出"
        SIGN_OUT_EVERYWHERE = "sign_out_everywhere", "退出所有设备"
        SLIP = "slip", "印发登录条"
        SLIP_USED = "slip_used", "使用登录条"
        EXPORT = "export", "导出"
        IMPORT = "import", "导入"
        APPOINT = "appoint", "任命"
        APPOINTMENT_ENDED = "appointment_ended", "免去任命"
        ORGANIZATION = "organization", "组织变动"
        MEMBERSHIP = "membership", "党员变动"
        CLASS = "class", "读书班与活动"
        ATTENDANCE = "attendance", "考勤"
        STUDY = "study", "学习记录"
        CORRECTION = "correction", "更正"
        EXEMPTION = "exemption", "减免"
        RULES = "rules", "规则"
        PROGRAMME = "programme", "专题教育"
        PERMIT = "permit", "排行许可"
        BULLETIN = "bulletin", "积分通报"
        CERTIFICATE = "certificate", "结业证明"
        VERIFICATION = "verification", "核验"
        SUGGESTION = "suggestion", "意见建议"

    event = models.CharField("事项", max_length=20, choices=Event)
    by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="何人"
    )
    role = models.CharField("身份", max_length=14)
    at = models.DateTimeField("何时")
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="党组织"
    )
    subject = models.CharField("对象", max_length=120, blank=True)
    detail = models.JSONField("详情", default=dict, blank=True)
    address = models.CharField("来源地址", max_length=45, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "操作留痕"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "-id"], name="audit_organization"),
            models.Index(fields=["by", "-id"], name="audit_by"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.get_event_display()} {self.subject}"

    @property
    def role_label(self) -> str:
        """The role in words; commands and scheduled work act as the system."""
        return dict(Role.choices).get(self.role, "系统")
