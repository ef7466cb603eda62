"""Signing in: passwords, one-time slips, lockout, sessions.

Lockout: django-axes counts failures by (number, address), so that a hall full of people behind
one address is never locked out by one of them; `check_number` is the slower count by number alone,
against guessing from many addresses. It reads axes' log of failures, because axes forgets its
attempts after the cool-off; tries that the lockout refused tested no password and do not count.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from axes.models import AccessFailureLog
from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password
from django.contrib.auth.password_validation import MinimumLengthValidator, validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.crypto import constant_time_compare, salted_hmac

from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, SignInSlip
from portal.refusals import Refusal

SLIP_LIFE = timedelta(days=14)
SLIP_TRIES = 8
CODE_LENGTH = 8
NUMBER_LIMIT = 30  # failures of one number from all addresses together …
NUMBER_WINDOW = timedelta(hours=1)  # … within this time


class BadSlip(Refusal):
    """The slip's code does not open the account."""

    message = "编号或登录码不正确，或登录条已经用过、过期。请向支部书记重新领取登录条。"


class WeakPassword(Refusal):
    """The new password is too easy to guess."""


class TooManyTries(Refusal):
    """Too many failures for this number, whatever the address."""

    message = "这个编号一小时内输错次数过多，请稍后再试，或向支部书记领取登录条。"


class MemberBackend(BaseBackend):
    """Signs in by member number and password; whoever has left signs in no more."""

    def authenticate(
        self, request: Any, number: str | None = None, password: str | None = None, **_: Any
    ) -> Member | None:
        if number is None or password is None:
            return None
        member = Member.objects.filter(number=number.strip(), is_active=True).first()
        if member is None:
            check_password(password, demo_hash())  # takes as long as for a number that exists
            return None
        if member.password == demo_hash() and not settings.DEMO:
            return None
        return member if check_password(password, member.password) else None

    def get_user(self, user_id: int) -> Member | None:
        return Member.objects.select_related("branch").filter(pk=user_id, is_active=True).first()


class LengthValidator(MinimumLengthValidator):
    """Django's own check in Chinese: its catalogue lacks this one sentence."""

    def get_error_message(self) -> str:
        return f"密码长度太短，至少要有 {self.min_length} 位。"


def check_number(number: str, *, at: datetime) -> None:
    """Raise TooManyTries when one number was tried too often, from whatever addresses."""
    failures = AccessFailureLog.objects.filter(username=number, locked_out=False)
    if failures.filter(attempt_time__gt=at - NUMBER_WINDOW).count() >= NUMBER_LIMIT:
        raise TooManyTries


def note_failure(number: str, *, at: datetime, address: str) -> None:
    """Write a failed try to the audit trail, where the number is somebody's."""
    member = Member.objects.active().filter(number=number).select_related("branch").first()
    if member:
        audit.record(
            AuditEvent.Event.SIGN_IN_FAILED,
            by=None,
            at=at,
            on=member.branch,
            subject=member.name,
            address=address,
        )


def forget_failures(*, at: datetime) -> int:
    """Delete failures that no longer count against a number; returns how many."""
    return int(AccessFailureLog.objects.filter(attempt_time__lte=at - NUMBER_WINDOW).delete()[0])


@dataclass(frozen=True)
class PrintedSlip:
    """What stands on the paper; the code is nowhere else."""

    member: Member
    code: str
    expires_at: datetime

    @property
    def fragment(self) -> str:
        """What the QR code adds to the page's address; a fragment is in no server's log."""
        return f"{self.member.number}.{self.code}"


@transaction.atomic
def print_slips(members: Sequence[Member], *, by: Actor, at: datetime) -> list[PrintedSlip]:
    """Make one-time slips for people; older unused slips of theirs become void."""
    people = [m for m in members if m.is_active]
    SignInSlip.objects.filter(member__in=people, used_at=None, voided_at=None).update(voided_at=at)
    slips = [
        PrintedSlip(
            m, "".join(secrets.choice("0123456789") for _ in range(CODE_LENGTH)), at + SLIP_LIFE
        )
        for m in people
    ]
    SignInSlip.objects.bulk_create(
        SignInSlip(
            member=s.member,
            code_hash=_hash(s.code, s.member),
            issued_by=by.member,
            issued_at=at,
            expires_at=s.expires_at,
        )
        for s in slips
    )
    audit.record_many(
        audit.event(AuditEvent.Event.SLIP, by=by, at=at, on=m.branch, subject=f"{m.name}的登录条")
        for m in people
    )
    return slips


def use_slip(number: str, code: str, password: str, *, at: datetime, address: str = "") -> Member:
    """Set a password with a slip's code; the slip is used up and other sessions end.

    Raises BadSlip for a wrong, used, void or expired code (after `SLIP_TRIES` wrong ones the slip
    is void), WeakPassword with the reasons.
    """
    with transaction.atomic():
        member = (
            Member.objects.select_for_update(no_key=True)
            .filter(number=number.strip(), is_active=True)
            .first()
        )
        slip = _open_slip(member, at) if member else None
        if member and slip and constant_time_compare(slip.code_hash, _hash(code.strip(), member)):
            _check_password(password, member)
            SignInSlip.objects.filter(pk=slip.pk).update(used_at=at)
            _set_password(member, password)
            actor = Actor(member, "member", address)
            audit.record(
                AuditEvent.Event.SLIP_USED, by=actor, at=at, on=member.branch, subject=member.name
            )
            return member
        if slip:
            SignInSlip.objects.filter(pk=slip.pk).update(failures=F("failures") + 1)
    raise BadSlip(field="code")


@transaction.atomic
def change_password(member: Member, password: str, *, by: Actor, at: datetime) -> None:
    """Set a new password; sessions on other devices end. Raises WeakPassword."""
    _check_password(password, member)
    _set_password(member, password)
    audit.record(
        AuditEvent.Event.SIGN_OUT_EVERYWHERE, by=by, at=at, on=member.branch, subject="更改密码"
    )


@transaction.atomic
def sign_out_everywhere(member: Member, *, by: Actor, at: datetime) -> None:
    """End every session of a person, this one included."""
    member.sessions_epoch += 1
    member.save(update_fields=["sessions_epoch"])
    audit.record(
        AuditEvent.Event.SIGN_OUT_EVERYWHERE, by=by, at=at, on=member.branch, subject=member.name
    )


@cache
def demo_hash() -> str:
    """The one hash that all demonstration accounts share (Argon2 takes 0.1 s a password)."""
    return Argon2PasswordHasher().encode(settings.DEMO_PASSWORD, "demonstration-accounts-only")


def refuse_demo_passwords() -> None:
    """Stop a production start while demonstration accounts are in its database."""
    if not settings.DEMO and Member.objects.filter(password=demo_hash()).exists():
        raise ImproperlyConfigured(
            "The database holds demonstration accounts; start with DEMO=on or with a database of "
            "your own."
        )


def _open_slip(member: Member, at: datetime) -> SignInSlip | None:
    open_ = SignInSlip.objects.filter(member=member, used_at=None, voided_at=None)
    return open_.filter(expires_at__gt=at, failures__lt=SLIP_TRIES).first()


def _hash(code: str, member: Member) -> str:
    return salted_hmac(
        "portal.sign_in.slip", f"{member.key}:{code}", algorithm="sha256"
    ).hexdigest()


def _check_password(password: str, member: Member) -> None:
    try:
        validate_password(password, member)
    except ValidationError as error:
        raise WeakPassword("".join(error.messages), field="password") from error


def _set_password(member: Member, password: str) -> None:
    member.set_password(password)
    member.sessions_epoch += 1
    member.save(update_fields=["password", "sessions_epoch"])
