"""Pushes to study groups (推送): what was sent, through which channel, and what became of it."""

from django.db import models
from django.db.models import F, Q

from courses.models.study_group import StudyGroup
from courses.online_querysets import DeliveryQuerySet, GroupRobotQuerySet, PushQuerySet
from portal.models import Member


class GroupRobot(models.Model):
    """A robot of a chat group of WeChat Work, DingTalk or Feishu, to which pushes go.

    address, secret: sealed (portal/sealed.py); both are forgotten when the robot is removed.
    tail: the last four characters of the address, the only ones ever shown. mark: by what the same
    address is found again; the same robot never stands twice, or a chat would get things twice.
    """

    class Service(models.TextChoices):
        WECHAT_WORK = "wechat_work", "企业微信"
        DINGTALK = "dingtalk", "钉钉"
        FEISHU = "feishu", "飞书"

    group = models.ForeignKey(
        StudyGroup, models.PROTECT, related_name="robots", verbose_name="学习群"
    )
    service = models.CharField("平台", max_length=12, choices=Service)
    address = models.TextField("地址（加密）", blank=True)
    secret = models.TextField("加签密钥（加密）", blank=True)
    tail = models.CharField("地址末四位", max_length=4)
    mark = models.CharField("查重标记", max_length=64)
    added_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="添加人")
    added_at = models.DateTimeField("添加时间")
    removed_at = models.DateTimeField("移除时间", null=True, blank=True)

    objects = GroupRobotQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "群机器人"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mark"], condition=Q(removed_at=None), name="group_robot_once"
            ),
            models.CheckConstraint(
                name="group_robot_forgotten_when_removed",
                condition=(Q(removed_at=None) & ~Q(address=""))
                | Q(removed_at__isnull=False, address="", secret=""),
            ),
            models.CheckConstraint(
                name="group_robot_service",
                condition=Q(service__in=["wechat_work", "dingtalk", "feishu"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_service_display()}机器人（…{self.tail}）"

    @property
    def scope_path(self) -> str:
        return self.group.scope_path


class Push(models.Model):
    """One thing sent to one or several groups, with a sentence of one's own.

    code: stands in the short link. kind, target: what it is (courses/online/push_kinds.py); title:
    as it was called then; link: an address of ours.
    """

    code = models.CharField("短码", max_length=12, unique=True)
    kind = models.CharField("种类", max_length=12)
    target = models.BigIntegerField("对象编号")
    title = models.CharField("标题", max_length=120)
    link = models.CharField("链接", max_length=200)
    sentence = models.CharField("附言", max_length=200, blank=True)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="推送人")
    at = models.DateTimeField("推送时间")

    objects = PushQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "推送"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="push_says_what", condition=~Q(code="") & ~Q(title="") & ~Q(link="")
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """What became of one push in one channel of one group: the portal's messages (no robot), or one
    robot.

    state: a robot's delivery waits, is marked as being sent before it is, and ends as sent, failed
    (the service refused it, or could not be reached for hours), dropped (it waited for days, or for
    a robot or group that is no more) or unknown: the answer was lost. Nobody sends it again but a
    person (asked_by). due_at: when it is tried next. tries: since it
    was last asked for. turn: number of the last attempt. people: how many messages were written.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "待发"
        SENDING = "sending", "正在发"
        SENT = "sent", "已发出"
        FAILED = "failed", "没有发出"
        UNKNOWN = "unknown", "结果不明"
        DROPPED = "dropped", "不再发送"

    push = models.ForeignKey(Push, models.PROTECT, related_name="deliveries", verbose_name="推送")
    group = models.ForeignKey(
        StudyGroup, models.PROTECT, related_name="deliveries", verbose_name="学习群"
    )
    robot = models.ForeignKey(
        GroupRobot,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="deliveries",
        verbose_name="群机器人",
    )
    state = models.CharField("状态", max_length=8, choices=State)
    due_at = models.DateTimeField("下次发送", null=True, blank=True)
    changed_at = models.DateTimeField("状态时间")
    tries = models.PositiveSmallIntegerField("已试次数", default=0)
    turn = models.PositiveSmallIntegerField("第几次发送", default=0)
    answer = models.CharField("结果说明", max_length=120, blank=True)
    asked_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="重发人"
    )
    people = models.PositiveIntegerField("消息人数", default=0)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "推送结果"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["push", "robot"],
                condition=Q(robot__isnull=False),
                name="delivery_once_a_robot",
            ),
            models.UniqueConstraint(
                fields=["push", "group"], condition=Q(robot=None), name="delivery_once_a_group"
            ),
            models.CheckConstraint(
                name="delivery_messages_are_sent",
                condition=Q(robot__isnull=False) | Q(state="sent"),
            ),
            models.CheckConstraint(
                name="delivery_waits_for_a_moment",
                condition=Q(state="waiting", due_at__isnull=False)
                | (~Q(state="waiting") & Q(due_at=None)),
            ),
            models.CheckConstraint(
                name="delivery_state",
                condition=Q(
                    state__in=["waiting", "sending", "sent", "failed", "unknown", "dropped"]
                ),
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["waiting", "sending"]),
                name="delivery_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.push} → {self.robot or '平台消息'}"

    @property
    def scope_path(self) -> str:
        return self.group.scope_path

    @property
    def may_be_asked_again(self) -> bool:
        return self.state in (self.State.UNKNOWN, self.State.FAILED, self.State.DROPPED)


class Attempt(models.Model):
    """One attempt to hand a delivery to its robot: the log from which rates are counted.

    asked_by: who asked for it after the answer to an earlier one was lost or bad. An attempt that
    has no ending was being made when its worker died, or is being made now.
    """

    class Outcome(models.TextChoices):
        SENDING = "sending", "正在发"
        SENT = "sent", "已发出"
        AGAIN = "again", "稍后再试"
        FAILED = "failed", "没有发出"
        UNKNOWN = "unknown", "结果不明"

    delivery = models.ForeignKey(
        Delivery, models.PROTECT, related_name="attempts", verbose_name="推送结果"
    )
    robot = models.ForeignKey(
        GroupRobot,
        models.PROTECT,
        related_name="attempts",
        db_index=False,
        verbose_name="群机器人",
    )
    turn = models.PositiveSmallIntegerField("第几次发送")
    began_at = models.DateTimeField("开始时间")
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)
    outcome = models.CharField("结果", max_length=8, choices=Outcome)
    answer = models.CharField("结果说明", max_length=120, blank=True)
    asked_by = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="重发人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "发送记录"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "turn"], name="attempt_once_a_turn"),
            models.UniqueConstraint(
                fields=["delivery"], condition=Q(outcome="sending"), name="attempt_one_at_a_time"
            ),
            models.CheckConstraint(
                name="attempt_ends_with_its_outcome",
                condition=Q(outcome="sending", ended_at=None)
                | (~Q(outcome="sending") & Q(ended_at__isnull=False, ended_at__gte=F("began_at"))),
            ),
        ]
        indexes = [models.Index(fields=["robot", "began_at"], name="attempt_rate")]

    def __str__(self) -> str:
        return f"{self.delivery} 第 {self.turn} 次"
