"""Party members: person and user in one table."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils.crypto import get_random_string, salted_hmac

from portal.models.organization import Organization
from portal.querysets import MemberQuerySet

KEY_LENGTH = 16


def new_key() -> str:
    """A key for a new member: random, never shown, never changed."""
    return get_random_string(KEY_LENGTH)


class Member(AbstractBaseUser):
    """A Party member, who signs in with the member number.

    key: identifies the person in digests; neither number nor name appears there.
    branch: copy of the branch of the open membership (kept by `portal.members`);
    empty once the person has left.
    sessions_epoch: raised by one to sign the person out everywhere.
    No ID-card number, no birthday, no location is kept.
    """

    class Status(models.TextChoices):
        FULL = "full", "正式党员"
        PROBATIONARY = "probationary", "预备党员"

    class Category(models.TextChoices):
        EMPLOYED = "employed", "在职"
        RETIRED = "retired", "离退休"
        STUDENT = "student", "学生"
        OTHER = "other", "其他"

    key = models.CharField("标识", max_length=24, unique=True, default=new_key, editable=False)
    number = models.CharField("党员编号", max_length=24, unique=True)
    name = models.CharField("姓名", max_length=40)
    branch = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
        verbose_name="所在党支部",
    )
    status = models.CharField("党员类别", max_length=12, choices=Status, default=Status.FULL)
    category = models.CharField(
        "人员类别", max_length=10, choices=Category, default=Category.EMPLOYED
    )
    phone = models.CharField("手机号码", max_length=20, blank=True)
    email = models.EmailField("电子邮箱", blank=True)
    joined_on = models.DateField("入党时间", null=True, blank=True)
    is_active = models.BooleanField("在册", default=True)
    sessions_epoch = models.PositiveIntegerField("登录轮次", default=0, editable=False)

    objects = MemberQuerySet.as_manager()

    USERNAME_FIELD = "number"

    class Meta:
        verbose_name = verbose_name_plural = "党员"
        ordering = ["number"]
        indexes = [models.Index(fields=["branch", "name"], name="member_branch_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_path(self) -> str:
        return self.branch.path if self.branch else ""

    @property
    def owner_id(self) -> int:
        return self.pk

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Never by Django's own permission tables: portal.access decides."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False

    @property
    def tail(self) -> str:
        """Last digits of the number, to tell people of one name apart."""
        return self.number[-4:]

    @property
    def sort_key(self) -> tuple[bytes, str]:
        """Alphabetical order as people expect it: GB 2312 lays common characters out by pinyin."""
        return self.name.encode("gb18030"), self.number

    def get_session_auth_hash(self) -> str:
        return self._session_hash()

    def get_session_auth_fallback_hash(self) -> Any:
        from django.conf import settings

        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._session_hash(secret=secret)

    def _session_hash(self, secret: str | bytes | None = None) -> str:
        """Hash of password and epoch: a change of either ends every session of the person."""
        text = f"{self.password}:{self.sessions_epoch}"
        return salted_hmac(
            "portal.member.session", text, secret=secret, algorithm="sha256"
        ).hexdigest()


class SearchTerm(models.Model):
    """A beginning by which a member is found: number, name, or the initials of one reading of it.

    Heteronyms (单 shàn/dān) have one row for each reading, so both `sw` and `dw` find 单伟.
    """

    member = models.ForeignKey(
        Member, models.CASCADE, related_name="search_terms", verbose_name="党员"
    )
    text = models.CharField("检索词", max_length=40)

    class Meta:
        verbose_name = verbose_name_plural = "检索词"
        constraints = [
            models.UniqueConstraint(fields=["member", "text"], name="search_term_once"),
        ]
        indexes = [
            # PostgreSQL serves beginnings by this class alone; SQLite knows no classes.
            models.Index(
                fields=["text", "member"],
                name="search_term_text",
                opclasses=["varchar_pattern_ops", "int8_ops"],
            ),
        ]

    def __str__(self) -> str:
        return self.text


class SignInSlip(models.Model):
    """A printed slip with a one-time code; the code itself is kept only as a keyed hash."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="slips", verbose_name="党员")
    code_hash = models.CharField("登录码校验值", max_length=64)
    issued_by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="印发人")
    issued_at = models.DateTimeField("印发时间")
    expires_at = models.DateTimeField("有效期至")
    used_at = models.DateTimeField("使用时间", null=True, blank=True)
    voided_at = models.DateTimeField("作废时间", null=True, blank=True)
    failures = models.PositiveSmallIntegerField("输错次数", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "登录条"
        indexes = [models.Index(fields=["member", "expires_at"], name="slip_member_expires")]

    def __str__(self) -> str:
        return f"{self.member} 的登录条（{self.issued_at:%Y-%m-%d}）"
