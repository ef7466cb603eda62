"""Who belongs where, and since when."""

import calendar
from datetime import date

from django.db import models
from django.db.models import F, Q

from portal.models.member import Member
from portal.models.organization import Organization
from portal.querysets import HostedStayQuerySet, MembershipQuerySet, MobileStayQuerySet


class Membership(models.Model):
    """Formal membership of one branch, from `since` (inclusive) until `until` (exclusive).

    Both may be the same day: somebody entered by mistake belonged nowhere on that day.
    Who belonged where on a day is read here and nowhere else.
    """

    class Began(models.TextChoices):
        ENROLLED = "enrolled", "入册"
        TRANSFERRED = "transferred", "转入"
        MERGED = "merged", "随支部并入"

    class Ended(models.TextChoices):
        NOT = "", "在册"
        TRANSFERRED = "transferred", "转出"
        MERGED = "merged", "随支部并出"
        LEFT = "left", "离开"
        DIED = "died", "去世"
        MISTAKE = "mistake", "误录"

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="memberships", verbose_name="党员"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="memberships", verbose_name="党支部"
    )
    group = models.CharField("党小组", max_length=20, blank=True)
    since = models.DateField("自")
    until = models.DateField("至", null=True, blank=True)
    began = models.CharField("来源", max_length=12, choices=Began)
    ended = models.CharField("去向", max_length=12, choices=Ended, blank=True, default="")

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "组织关系"
        ordering = ["member", "since", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(until=None), name="membership_one_open"
            ),
            models.CheckConstraint(
                name="membership_until_after_since",
                condition=Q(until=None) | Q(until__gte=F("since")),
            ),
            models.CheckConstraint(
                name="membership_ended_with_until",
                condition=Q(until=None, ended="") | (Q(until__isnull=False) & ~Q(ended="")),
            ),
        ]
        indexes = [models.Index(fields=["branch", "since"], name="membership_branch_since")]

    def __str__(self) -> str:
        return f"{self.member}：{self.branch}（自{self.since}）"


class MobileStay(models.Model):
    """A mobile member's (流动党员) stay away: six months or more, membership not moved.

    region: province, city or county only. host: the receiving organisation, as a link where it is
    in the tree, and always as text. reported_on: when the member reported in there. expected_until:
    when they mean to be back. Counted once, at home, all the while.
    """

    class Reason(models.TextChoices):
        WORK = "work", "外出务工"
        BUSINESS = "business", "外出经商"
        STUDY = "study", "外出学习"
        FAMILY = "family", "随亲居住"
        OTHER = "other", "其他"

    class Ended(models.TextChoices):
        RETURNED = "returned", "返回"
        TRANSFERRED = "transferred", "转出组织关系"
        LEFT = "left", "离册"
        MISTAKE = "mistake", "登记有误"

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="mobile_stays", verbose_name="党员"
    )
    since = models.DateField("外出时间")
    until = models.DateField("返回时间", null=True, blank=True)
    region = models.CharField("流入地", max_length=40)
    reason = models.CharField("外出原因", max_length=10, choices=Reason)
    host = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="流入地党组织",
    )
    host_name = models.CharField("流入地党组织（文字）", max_length=80, blank=True)
    contact = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="联系人"
    )
    last_contact_on = models.DateField("最近联系", null=True, blank=True)
    reported_on = models.DateField("报到日期", null=True, blank=True)
    expected_until = models.DateField("预计返回", null=True, blank=True)
    ended = models.CharField("怎样结束", max_length=12, choices=Ended, blank=True)

    objects = MobileStayQuerySet.as_manager()
    hosted = HostedStayQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "流动情况"
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(until=None), name="mobile_stay_one_open"
            ),
            models.CheckConstraint(
                name="mobile_stay_until_after_since",
                condition=Q(until=None) | Q(until__gte=F("since")),
            ),
            models.CheckConstraint(
                name="mobile_stay_expected_after_since",
                condition=Q(expected_until=None) | Q(expected_until__gte=F("since")),
            ),
            models.CheckConstraint(
                name="mobile_stay_open_has_no_ending",
                condition=Q(ended="") | Q(until__isnull=False),
            ),
            models.CheckConstraint(
                name="mobile_stay_reported_while_away",
                condition=Q(reported_on=None)
                | Q(reported_on__gte=F("since")) & (Q(until=None) | Q(until__gte=F("reported_on"))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member}：{self.region}"

    @property
    def is_short(self) -> bool:
        """Whether it is meant to last less than six months: nobody is a mobile member by that."""
        if self.expected_until is None:
            return False
        years, month = divmod(self.since.month + 5, 12)
        year, month = self.since.year + years, month + 1
        last = calendar.monthrange(year, month)[1]
        return self.expected_until < date(year, month, min(self.since.day, last))

    def is_with(self, organization: Organization) -> bool:
        """Whether an organisation hosts it, or what that or the host was merged into."""
        return self.host is not None and self.host.heir == organization.heir

    def is_quiet(self, since: date) -> bool:
        """Whether nobody has contacted the member since a day, as the queryset's `quiet` has it."""
        return (self.last_contact_on or self.since) < since

    def was_away_on(self, day: date) -> bool:
        """Whether the member was away on a day; one that was a mistake never was."""
        if self.ended == self.Ended.MISTAKE or day < self.since:
            return False
        return self.until is None or day <= self.until
