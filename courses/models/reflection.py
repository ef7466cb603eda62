"""Reflections (心得体会) of members, what makes near-copies known, and exemplars (典型)."""

from django.db import models
from django.db.models import F, Q

from courses.models.course import Course, Lesson, Material
from courses.models.session import StudySession
from courses.online_querysets import RecommendationQuerySet, ReflectionQuerySet
from portal.models import Member, Organization

ABOUT = ("lesson", "material", "course", "session")  # of these a reflection names one at most


def _about_one() -> Q:
    """That at most one of `ABOUT` is set."""
    found = Q(**dict.fromkeys(ABOUT))
    for name in ABOUT:
        found |= Q(**{other: None for other in ABOUT if other != name})
    return found


class Reflection(models.Model):
    """What somebody wrote about what they studied. It earns no hours.

    key: stable, names it in its author's addresses and on their devices. branch: the author's when
    it was handed in; a draft has none, and nobody but its author reaches it. version: raised by
    every saving. consent: whether the author agreed to its being shown as an exemplar. read_by,
    read_at: who read or returned it. lifted_lesson, lifted_material: the text from
    which most of it was taken, if much was, as of handing in.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "草稿"
        HANDED_IN = "handed_in", "已提交"
        RETURNED = "returned", "已退回"
        READ = "read", "已阅"

    MOST = 10_000  # characters of the text

    key = models.CharField("标识", max_length=24, unique=True, editable=False)
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="reflections", verbose_name="作者"
    )
    branch = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="党支部",
    )  # fmt: skip
    title = models.CharField("题目", max_length=60, blank=True)
    text = models.TextField("正文", max_length=MOST, blank=True)
    lesson = models.ForeignKey(
        Lesson, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="微党课"
    )
    material = models.ForeignKey(
        Material, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="学习材料"
    )
    course = models.ForeignKey(
        Course, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="课程"
    )
    session = models.ForeignKey(
        StudySession, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="学习活动",
    )  # fmt: skip
    consent = models.BooleanField("同意作为典型展示", default=False)
    state = models.CharField("状态", max_length=10, choices=State, default=State.DRAFT)
    version = models.PositiveIntegerField("版本", default=1)
    saved_at = models.DateTimeField("保存时间")
    handed_in_at = models.DateTimeField("提交时间", null=True, blank=True)
    read_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="阅读人"
    )
    read_at = models.DateTimeField("阅读时间", null=True, blank=True)
    remark = models.CharField("批注", max_length=200, blank=True)
    lifted_lesson = models.ForeignKey(
        Lesson, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="雷同微党课"
    )
    lifted_material = models.ForeignKey(
        Material, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="雷同材料"
    )

    objects = ReflectionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "心得体会"
        ordering = ["-saved_at", "-id"]
        constraints = [
            models.CheckConstraint(name="reflection_about_one", condition=_about_one()),
            models.CheckConstraint(
                name="reflection_draft_is_private",
                condition=Q(state="draft", branch=None, handed_in_at=None)
                | (~Q(state="draft") & Q(branch__isnull=False, handed_in_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="reflection_handed_in_is_whole",
                condition=~Q(state__in=["handed_in", "read"]) | (~Q(title="") & ~Q(text="")),
            ),
            models.CheckConstraint(
                name="reflection_not_read_by_author",
                condition=Q(read_by=None) | ~Q(read_by=F("member")),
            ),
            models.CheckConstraint(
                name="reflection_read_by_whom",
                condition=Q(state__in=["draft", "handed_in"], read_by=None, read_at=None)
                | Q(state__in=["returned", "read"], read_by__isnull=False, read_at__isnull=False),
            ),
            models.CheckConstraint(
                name="reflection_returned_with_remark",
                condition=~Q(state="returned") | ~Q(remark=""),
            ),
        ]
        indexes = [models.Index(fields=["branch", "state"], name="reflection_branch")]

    def __str__(self) -> str:
        return self.title or "无题"

    @property
    def owner_id(self) -> int:
        return self.member_id

    @property
    def scope_path(self) -> str:
        return self.branch.path if self.branch else ""

    @property
    def is_open(self) -> bool:
        """Whether its author may change it."""
        return self.state in {self.State.DRAFT, self.State.RETURNED}

    @property
    def about(self) -> Lesson | Material | Course | StudySession | None:
        return self.lesson or self.material or self.course or self.session

    @property
    def about_name(self) -> str:
        """What it is about, as a form names it: `lesson-3`; empty where it says nothing."""
        ids = ((name, getattr(self, f"{name}_id")) for name in ABOUT)
        return next((f"{name}-{pk}" for name, pk in ids if pk), "")


class TextPrint(models.Model):
    """One of the fingerprints of a reflection that is handed in: a sample of its five-character
    pieces, by which texts that share much are found (courses/online/near_copies.py)."""

    reflection = models.ForeignKey(
        Reflection, models.CASCADE, related_name="prints", verbose_name="心得体会"
    )
    value = models.BigIntegerField("指纹")

    class Meta:
        verbose_name = verbose_name_plural = "心得指纹"
        constraints = [
            models.UniqueConstraint(fields=["value", "reflection"], name="text_print_once"),
        ]

    def __str__(self) -> str:
        return f"{self.value:x}"


class Recommendation(models.Model):
    """A reflection recommended to an organisation above its branch as an exemplar, with the reason.

    author: of the reflection, who neither recommends nor accepts it. Accepted, it is shown to
    everybody below `organization`. ended_by: the author or an official who withdrew it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "已推荐"
        ACCEPTED = "accepted", "典型"
        DECLINED = "declined", "未采用"
        WITHDRAWN = "withdrawn", "已撤下"

    reflection = models.ForeignKey(
        Reflection, models.PROTECT, related_name="recommendations", verbose_name="心得体会"
    )
    author = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="作者")
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="推荐给"
    )
    reason = models.CharField("推荐理由", max_length=200)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="推荐人")
    at = models.DateTimeField("推荐时间")
    state = models.CharField("状态", max_length=10, choices=State, default=State.WAITING)
    decided_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True, blank=True)
    reply = models.CharField("答复", max_length=200, blank=True)
    ended_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="撤下人"
    )
    ended_at = models.DateTimeField("撤下时间", null=True, blank=True)

    objects = RecommendationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "典型推荐"
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["reflection"],
                condition=Q(state__in=["waiting", "accepted"]),
                name="recommendation_once",
            ),
            models.CheckConstraint(
                name="recommendation_not_by_author",
                condition=~Q(by=F("author")) & (Q(decided_by=None) | ~Q(decided_by=F("author"))),
            ),
            models.CheckConstraint(
                name="recommendation_by_two_people",
                condition=Q(decided_by=None) | ~Q(decided_by=F("by")),
            ),
            models.CheckConstraint(
                name="recommendation_decided_by_whom",
                condition=Q(
                    state__in=["accepted", "declined"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                )
                | Q(state="waiting", decided_by=None, decided_at=None)
                | Q(state="withdrawn"),
            ),
            models.CheckConstraint(
                name="recommendation_ended_by_whom",
                condition=Q(state="withdrawn", ended_by__isnull=False, ended_at__isnull=False)
                | (~Q(state="withdrawn") & Q(ended_by=None, ended_at=None)),
            ),
            models.CheckConstraint(
                name="recommendation_with_reasons",
                condition=~Q(reason="") & (~Q(state="declined") | ~Q(reply="")),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "organization"], name="recommendation_state"),
        ]

    def __str__(self) -> str:
        return f"{self.reflection}（{self.get_state_display()}）"

    @property
    def scope_path(self) -> str:
        return self.organization.path
