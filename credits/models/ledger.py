"""The ledger: books, postings, entries, and what live entries occupy.

Postings and entries are insert-only by trigger. Every unique key contains the programme, and keys
that point to a posting or an entry have no constraint in the database (`verify_ledger` checks
them), so that PostgreSQL can partition these tables by programme and detach an old one.
"""

from django.db import models
from django.db.models import F, Q

from credits.models.programme import Form, Programme
from credits.querysets import LedgerEntryQuerySet
from portal.models import Member, Organization


class SourceKind(models.TextChoices):
    """What earned an hour."""

    SESSION = "session", "学习活动"
    STUDY_LOG = "log", "个人自学"
    LESSON = "lesson", "微党课"
    HOST_SESSION = "host", "流入地活动"
    DISCUSSION = "discussion", "专题讨论"
    OPENING = "opening", "期初学时"
    OUTSIDE = "outside", "外单位转入"


MARKS = {SourceKind.OPENING.value: "期初", SourceKind.OUTSIDE.value: "转入"}


class LedgerBook(models.Model):
    """The book of one organisation in one programme: a chain of postings.

    The row that a writer locks first; made by insert-or-ignore.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="books", verbose_name="专题教育"
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="党组织"
    )
    last_sequence = models.PositiveIntegerField("末号", default=0)
    last_digest = models.CharField("末号校验值", max_length=80, blank=True, default="")

    class Meta:
        verbose_name = verbose_name_plural = "账簿"
        constraints = [
            models.UniqueConstraint(fields=["programme", "organization"], name="ledger_book_once")
        ]

    def __str__(self) -> str:
        return f"{self.organization} 账簿"


class Posting(models.Model):
    """One act on the ledger: what a source earned, or revision n of it.

    fingerprint: digest of the lines as asked for, so that the same act repeated is recognised.
    previous, digest: the book's hash chain, named by its algorithm (`sha256:…`).
    title: snapshot of the source's title, not part of any digest.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    book = models.ForeignKey(
        LedgerBook, models.PROTECT, related_name="postings", db_index=False, verbose_name="账簿"
    )
    sequence = models.PositiveIntegerField("序号")
    kind = models.CharField("来源", max_length=10, choices=SourceKind)
    key = models.CharField("来源标识", max_length=40)
    revision = models.PositiveSmallIntegerField("修订")
    title = models.CharField("标题", max_length=120)
    reason = models.CharField("理由", max_length=200, blank=True)
    by = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name="何人"
    )
    at = models.DateTimeField("记账时间")
    lines = models.PositiveIntegerField("行数")
    fingerprint = models.CharField("内容指纹", max_length=64)
    previous = models.CharField("上一号校验值", max_length=80, blank=True)
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "记账"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "kind", "key", "revision"], name="posting_source_once"
            ),
            models.UniqueConstraint(
                fields=["programme", "book", "sequence"], name="posting_sequence_once"
            ),
            models.CheckConstraint(name="posting_revision_from_one", condition=Q(revision__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.title}（第{self.revision}次）"

    @property
    def has_page(self) -> bool:
        """Whether the source has a page of its own, at the address `source`."""
        kinds = {
            SourceKind.SESSION,
            SourceKind.STUDY_LOG,
            SourceKind.HOST_SESSION,
            SourceKind.LESSON,
            SourceKind.DISCUSSION,
        }
        return self.kind in kinds or self.is_granted

    @property
    def is_granted(self) -> bool:
        """Whether somebody above approved what a register or another organisation states."""
        return self.kind in MARKS

    @property
    def mark(self) -> str:
        """How the statement marks such a line; empty for all others."""
        return MARKS.get(self.kind, "")


class LedgerEntry(models.Model):
    """One line: one member's hours from one source.

    home: the member's branch on that day. form, period, content: short stable codes by value; no
    period and no content is the empty string. minutes: whole minutes; hours: hundredths of a
    credit hour. rules: number of the rule version by which the minutes were converted.
    reverses: the live entry of the same member whose exact negative this is.
    check_value: digest of the line's own canonical form.
    """

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    posting = models.ForeignKey(
        Posting,
        models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
        verbose_name="记账",
    )
    line = models.PositiveIntegerField("行")
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name="党员"
    )
    home = models.ForeignKey(
        Organization,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name="当日所在党支部",
    )
    form = models.CharField("学习方式", max_length=10, choices=Form)
    period = models.CharField("历史时期", max_length=16, blank=True)
    content = models.CharField("内容", max_length=40, blank=True)
    day = models.DateField("学习日期")
    minutes = models.IntegerField("分钟")
    start = models.DateTimeField("开始", null=True, blank=True, db_column="starts_at")
    end = models.DateTimeField("结束", null=True, blank=True, db_column="ends_at")
    hours = models.IntegerField("学时（百分之一）")
    rules = models.PositiveSmallIntegerField("规则版本")
    reverses = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reversed_by",
        db_constraint=False,
        db_index=False,
        verbose_name="冲销",
    )
    check_value = models.CharField("校验值", max_length=32)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学时明细"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "posting", "line"], name="entry_line_once"
            ),
            models.UniqueConstraint(fields=["programme", "reverses"], name="entry_reversed_once"),
            models.CheckConstraint(
                name="entry_sign",
                condition=Q(reverses=None, hours__gt=0, minutes__gte=0)
                | Q(reverses__isnull=False, hours__lt=0, minutes__lte=0),
            ),
            models.CheckConstraint(
                name="entry_times_both",
                condition=Q(start=None, end=None) | Q(start__isnull=False, end__isnull=False),
            ),
            models.CheckConstraint(
                name="entry_ends_after_start", condition=Q(start=None) | Q(end__gt=F("start"))
            ),
        ]
        indexes = [models.Index(fields=["programme", "member", "day"], name="entry_member_day")]

    def __str__(self) -> str:
        return f"{self.member} {self.day} {self.hours / 100:g} 学时"

    @property
    def scope_path(self) -> str:
        return self.home.path

    @property
    def owner_id(self) -> int:
        return self.member_id


class CreditedTime(models.Model):
    """The time that a live entry occupies. Overlap within one programme is refused by an exclusion
    constraint (PostgreSQL) or triggers (SQLite); touching ends do not overlap."""

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name="党员"
    )
    entry = models.ForeignKey(
        LedgerEntry,
        models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name="学时明细",
    )
    start = models.DateTimeField("开始", db_column="starts_at")
    end = models.DateTimeField("结束", db_column="ends_at")

    class Meta:
        verbose_name = verbose_name_plural = "已占用时间"
        constraints = [
            models.UniqueConstraint(fields=["programme", "entry"], name="credited_time_once"),
            models.CheckConstraint(
                name="credited_time_ends_after_start", condition=Q(end__gt=F("start"))
            ),
        ]
        indexes = [
            models.Index(fields=["programme", "member", "start"], name="credited_time_member")
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.start:%Y-%m-%d %H:%M}"


class CreditedContent(models.Model):
    """A named lesson, course or material that a live entry credits: once a member and programme."""

    programme = models.ForeignKey(
        Programme, models.PROTECT, related_name="+", db_index=False, verbose_name="专题教育"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="+", db_index=False, verbose_name="党员"
    )
    entry = models.ForeignKey(
        LedgerEntry,
        models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name="学时明细",
    )
    content = models.CharField("内容", max_length=40)

    class Meta:
        verbose_name = verbose_name_plural = "已学内容"
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "member", "content"], name="credited_content_once"
            ),
            models.UniqueConstraint(
                fields=["programme", "entry"], name="credited_content_of_entry"
            ),
            models.CheckConstraint(name="credited_content_named", condition=~Q(content="")),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.content}"


class Verification(models.Model):
    """One run of `verify_ledger`: its verdict and the heads of all books and registers it saw.

    Insert-only; the next run checks that every head is still in its chain. since_last: it looked
    at what was new alone. digest: over the rest.
    """

    at = models.DateTimeField("核验时间")
    ok = models.BooleanField("结论")
    problems = models.PositiveIntegerField("问题数")
    since_last = models.BooleanField("只核验新增", default=False)
    heads = models.JSONField("各账簿末号", default=dict)
    digest = models.CharField("校验值", max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = "账目核验"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {'通过' if self.ok else '有问题'}"
