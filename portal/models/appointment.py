"""Who may act, in which role, for which organisation."""

from django.db import models
from django.db.models import F, Q

from portal.models.member import Member
from portal.models.organization import Organization
from portal.querysets import AppointmentQuerySet


class Role(models.TextChoices):
    """Roles, lowest first; the start page is the highest one's."""

    MEMBER = "member", "党员"
    HELPER = "helper", "帮学人"
    ORGANISER = "organiser", "组织委员"
    SECRETARY = "secretary", "支部书记"
    GUIDANCE = "guidance", "巡回指导组"
    OFFICIAL = "official", "机关干部"
    ADMINISTRATOR = "administrator", "系统管理员"


class Appointment(models.Model):
    """A person's role in an organisation, from `since` (inclusive) until `until` (exclusive).

    acting: 代管, the parent's person acts for a branch that has no secretary.
    helped: the members whom a helper (帮学人) looks after; other roles have none.
    Guidance groups hold one row for each organisation that they guide.
    """

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="appointments", verbose_name="党员"
    )
    role = models.CharField("职务", max_length=14, choices=Role)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="appointments", verbose_name="党组织"
    )
    since = models.DateField("自")
    until = models.DateField("至", null=True, blank=True)
    acting = models.BooleanField("代管", default=False)
    helped = models.ManyToManyField(
        Member, related_name="helpers", blank=True, verbose_name="帮学对象"
    )

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "任职"
        constraints = [
            models.UniqueConstraint(
                fields=["member", "role", "organization"],
                condition=Q(until=None),
                name="appointment_once",
            ),
            models.CheckConstraint(
                name="appointment_until_after_since",
                condition=Q(until=None) | Q(until__gte=F("since")),
            ),
            models.CheckConstraint(name="appointment_no_plain_member", condition=~Q(role="member")),
            models.CheckConstraint(
                name="appointment_secretaries_act",
                condition=Q(acting=False) | Q(role="secretary"),
            ),
        ]
        indexes = [models.Index(fields=["organization", "role"], name="appointment_org_role")]

    def __str__(self) -> str:
        acting = "（代管）" if self.acting else ""
        return f"{self.organization}{self.get_role_display()}{acting}：{self.member}"

    @property
    def scope_path(self) -> str:
        return self.organization.path
