"""Certificates of completion: a snapshot, and the insert-only events of its life."""

from django.db import models
from django.db.models import F, Q

from credits.models.programme import Programme
from credits.models.standing import Standing
from credits.querysets import CertificateQuerySet
from portal.models import Member, Organization


class Certificate(models.Model):
    """What was certified, under which rule version. Its `state` follows from its last event.

    Hours in hundredths; never issued below the target (CHECK).
    """

    class State(models.TextChoices):
        VALID = "valid", "有效"
        SUSPENDED = "suspended", "暂停"
        REVOKED = "revoked", "撤销"
        REPLACED = "replaced", "已换发"

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="certificates", verbose_name="专题教育"
    )
    standing = models.ForeignKey(
        Standing, models.PROTECT, related_name="certificates", verbose_name="学习进度"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="certificates", verbose_name="党员"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党支部"
    )
    number = models.CharField("编号", max_length=80, unique=True)
    code = models.CharField("核验码", max_length=20)
    name = models.CharField("姓名", max_length=40)
    branch_name = models.CharField("党支部", max_length=80)
    target = models.PositiveIntegerField("应学学时")
    hours = models.PositiveIntegerField("认定学时")
    completed_on = models.DateField("学满日期")
    rules = models.PositiveSmallIntegerField("规则版本")
    state = models.CharField("状态", max_length=10, choices=State, default=State.VALID)
    issued_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="签发人")
    issued_at = models.DateTimeField("签发时间")
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="换发自"
    )
    digest = models.CharField("校验值", max_length=80)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "结业证明"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="certificate_reached_target", condition=Q(hours__gte=F("target"), target__gt=0)
            ),
            models.UniqueConstraint(
                fields=["programme", "member"],
                condition=Q(state__in=["valid", "suspended"]),
                name="certificate_one_living",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def owner_id(self) -> int:
        return self.member_id


class CertificateEvent(models.Model):
    """What happened to a certificate. Insert-only."""

    class Event(models.TextChoices):
        ISSUED = "issued", "签发"
        SUSPENDED = "suspended", "暂停"
        RESUMED = "resumed", "恢复"
        REVOKED = "revoked", "撤销"
        REPLACED = "replaced", "换发"

    certificate = models.ForeignKey(
        Certificate, models.PROTECT, related_name="events", verbose_name="结业证明"
    )
    event = models.CharField("事项", max_length=10, choices=Event)
    reason = models.CharField("理由", max_length=200, blank=True)
    by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="何人"
    )
    at = models.DateTimeField("时间")
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "证明变动"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.certificate}：{self.get_event_display()}"
