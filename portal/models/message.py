"""Messages in the portal: what it tells one person, once, and how far its e-mail is."""

from django.db import models
from django.db.models import F, Q

from portal.models.member import Member
from portal.querysets import MessageQuerySet


class Message(models.Model):
    """One message to one person.

    kind, key: what it is about, once a person (a week, a source), whoever sends it again. text:
    nothing about others by name, for it outlasts the role in which it was received. link: an
    address of ours. mail: how far the e-mail is that says the same; it is marked before it is
    sent, so that a worker who dies sends nothing twice; mail_at: since when.
    """

    class Kind(models.TextChoices):
        WEEKLY = "weekly", "每周提醒"
        NOTICE = "notice", "通知"

    class Mail(models.TextChoices):
        NONE = "", "不发邮件"
        WAITING = "waiting", "待发"
        SENDING = "sending", "正在发"
        SENT = "sent", "已发"
        UNKNOWN = "unknown", "结果不明"
        DROPPED = "dropped", "不再需要"

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="messages", db_index=False, verbose_name="收件人"
    )
    kind = models.CharField("种类", max_length=12, choices=Kind)
    key = models.CharField("事由标识", max_length=60)
    title = models.CharField("标题", max_length=80)
    text = models.TextField("内容")
    link = models.CharField("链接", max_length=200, blank=True)
    made_at = models.DateTimeField("发出时间")
    read_at = models.DateTimeField("已读时间", null=True, blank=True)
    mail = models.CharField("邮件", max_length=10, choices=Mail, blank=True, default="")
    mail_at = models.DateTimeField("邮件时间", null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "消息"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["member", "kind", "key"], name="message_once"),
            models.CheckConstraint(name="message_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="message_read_later", condition=Q(read_at=None) | Q(read_at__gte=F("made_at"))
            ),
            models.CheckConstraint(
                name="message_mail_has_moment",
                condition=Q(mail__in=["", "waiting"], mail_at=None)
                | Q(
                    mail__in=["sending", "sent", "unknown", "dropped"],
                    mail_at__isnull=False,
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["member"], condition=Q(read_at=None), name="message_unread"),
            models.Index(
                fields=["kind", "mail"],
                condition=Q(mail__in=["waiting", "sending"]),
                name="message_mail_due",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def owner_id(self) -> int:
        return self.member_id


class MailChoice(models.Model):
    """That somebody wants messages by e-mail, too; without a row nobody gets any."""

    member = models.OneToOneField(
        Member, models.PROTECT, related_name="mail_choice", verbose_name="党员"
    )
    since = models.DateTimeField("选择时间")

    class Meta:
        verbose_name = verbose_name_plural = "邮件提醒"

    def __str__(self) -> str:
        return f"{self.member}：邮件提醒"


class MessageRound(models.Model):
    """One round of messages to everybody, and how far it is; the row is its lock between workers.

    upto: id of the last organisation whose members were told.
    """

    kind = models.CharField("种类", max_length=12, choices=Message.Kind)
    key = models.CharField("事由标识", max_length=60)
    upto = models.BigIntegerField("已办到", default=0)
    finished_at = models.DateTimeField("办完时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "消息批次"
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="message_round_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key}"
