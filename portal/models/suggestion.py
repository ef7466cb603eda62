"""What members suggest or complain of, and what an official answers."""

from django.db import models
from django.db.models import F, Q

from portal.models.member import Member
from portal.models.organization import Organization
from portal.querysets import SuggestionQuerySet


class Suggestion(models.Model):
    """A suggestion, a complaint or a fault reported, in the author's real name.

    branch: the author's branch at that moment; an official above it answers. An answer closes it;
    until then its author may withdraw it. Whoever is neither the author nor such an official
    learns nothing of it, the branch's secretary least of all.
    first: the answered one with which its author is not content; `text` then says why. One stands
    at a time, and none follows upon it.
    """

    LONGEST, LONGEST_ANSWER = 500, 1000  # characters; more would not fit the unique index

    class Kind(models.TextChoices):
        ADVICE = "advice", "意见建议"
        COMPLAINT = "complaint", "投诉"
        FAULT = "fault", "系统问题"

    class State(models.TextChoices):
        OPEN = "open", "待答复"
        ANSWERED = "answered", "已答复"
        WITHDRAWN = "withdrawn", "已撤回"

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="suggestions", verbose_name="何人"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, related_name="suggestions", verbose_name="党支部"
    )
    kind = models.CharField("种类", max_length=10, choices=Kind)
    text = models.CharField("内容", max_length=LONGEST)
    at = models.DateTimeField("提出时间")
    state = models.CharField("状态", max_length=10, choices=State, default=State.OPEN)
    first = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="second",
        db_index=False,
        verbose_name="再次提出",
    )
    answer = models.CharField("答复", max_length=LONGEST_ANSWER, blank=True)
    answered_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="答复人"
    )
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)

    objects = SuggestionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "意见建议"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "text"],
                condition=Q(state="open", first=None),
                name="suggestion_open_once",
            ),
            models.CheckConstraint(name="suggestion_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="suggestion_answered_whole",
                condition=Q(
                    ~Q(answer=""),
                    state="answered",
                    answered_by__isnull=False,
                    answered_at__isnull=False,
                )
                | Q(state__in=["open", "withdrawn"], answer="", answered_by=None, answered_at=None),
            ),
            models.CheckConstraint(
                name="suggestion_by_another",
                condition=Q(answered_by=None) | ~Q(answered_by=F("member")),
            ),
            models.CheckConstraint(
                name="suggestion_answered_later",
                condition=Q(answered_at=None) | Q(answered_at__gte=F("at")),
            ),
            models.UniqueConstraint(
                fields=["first"],
                condition=Q(state__in=["open", "answered"]),
                name="suggestion_asked_again_once",
            ),
        ]
        indexes = [models.Index(fields=["state", "at"], name="suggestion_state_at")]

    def __str__(self) -> str:
        return f"第{self.pk}号{self.get_kind_display()}"

    @property
    def scope_path(self) -> str:
        return self.branch.path

    @property
    def owner_id(self) -> int:
        return self.member_id
