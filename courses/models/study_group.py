"""Study groups of mobile members (流动党员学习群): who studies together from afar."""

from django.db import models
from django.db.models import F, Q

from courses.online_querysets import GroupMemberQuerySet, StudyGroupQuerySet
from portal.models import Member, Organization


class StudyGroup(models.Model):
    """A group that an organisation has set up for its mobile members.

    leader: the contact person (联系人), who answers for what is said in it. plan: what is studied
    from week to week, in words. A group that has ended keeps its rows and takes nothing new.
    """

    organiser = models.ForeignKey(
        Organization, models.PROTECT, related_name="study_groups", verbose_name="建群党组织"
    )
    name = models.CharField("名称", max_length=40)
    leader = models.ForeignKey(
        Member, models.PROTECT, related_name="led_groups", verbose_name="联系人"
    )
    plan = models.TextField("每周计划", max_length=2000, blank=True)
    made_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="建群人")
    made_at = models.DateTimeField("建群时间")
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)

    objects = StudyGroupQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "流动党员学习群"
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(name="study_group_has_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="study_group_ended_later",
                condition=Q(ended_at=None) | Q(ended_at__gte=F("made_at")),
            ),
            models.UniqueConstraint(
                fields=["organiser", "name"],
                condition=Q(ended_at=None),
                name="study_group_name_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_path(self) -> str:
        return self.organiser.path

    @property
    def is_alive(self) -> bool:
        return self.ended_at is None


class GroupMember(models.Model):
    """That somebody is, or was, in a group; one open row a member and group."""

    group = models.ForeignKey(
        StudyGroup, models.PROTECT, related_name="people", verbose_name="学习群"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="group_rows", verbose_name="党员"
    )
    since = models.DateTimeField("入群时间")
    until = models.DateTimeField("退群时间", null=True, blank=True)

    objects = GroupMemberQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学习群成员"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "member"], condition=Q(until=None), name="group_member_once"
            ),
            models.CheckConstraint(
                name="group_member_until_later",
                condition=Q(until=None) | Q(until__gte=F("since")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} · {self.group}"

    @property
    def owner_id(self) -> int:
        return self.member_id
