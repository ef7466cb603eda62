"""Messages in the portal: sent once a person and matter, read by that person alone.

What a message says of others is counts, sessions and dates: it lies in somebody's list after they
have left the role in which they were told. Reading leaves no trail: nobody watches who reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from portal import audit, set_wise
from portal.audit import Actor
from portal.models import AuditEvent, MailChoice, Member, Message
from portal.refusals import Refusal

KEPT = timedelta(days=400)
COLUMNS = ["member", "kind", "key", "title", "text", "link", "made_at", "mail"]


@dataclass(frozen=True)
class Letter:
    """One message to be sent; member by id. link: an address of ours, or none. mail: whether it
    also goes by e-mail, where the member chose so."""

    member: int
    kind: str
    key: str
    title: str
    text: str
    link: str = ""
    mail: bool = True


@transaction.atomic
def send_many(letters: Sequence[Letter], *, at: datetime) -> None:
    """Send messages; whoever has one of the same kind and key keeps that one. An e-mail goes with
    it to those who chose so. Raises ValueError for a link that leads elsewhere."""
    if strays := [x.link for x in letters if x.link and not _is_ours(x.link)]:
        raise ValueError(f"A message leads into the portal only, not to {strays[0]}.")
    chosen: set[int] = set()
    if settings.MAIL_ON and letters:
        people = MailChoice.objects.filter(member__in=[x.member for x in letters])
        chosen = set(people.exclude(member__email="").values_list("member_id", flat=True))
    rows = [
        (
            x.member, x.kind, x.key, x.title[:80], x.text, x.link, at,
            Message.Mail.WAITING if x.mail and x.member in chosen else Message.Mail.NONE,
        )
        for x in letters
    ]  # fmt: skip
    set_wise.insert(Message, COLUMNS, rows, ignore=True)


@transaction.atomic
def read(message: Message, *, by: Actor, at: datetime) -> None:
    """Mark one's own message as read; the first time counts. Raises Refusal for another's."""
    if message.member_id != by.member.pk:
        raise Refusal("只能查看自己的消息。")
    Message.objects.unread().filter(pk=message.pk, member=by.member).update(read_at=at)


@transaction.atomic
def read_all(*, by: Actor, at: datetime) -> int:
    """Mark all of one's own messages as read; returns how many were not."""
    return Message.objects.unread().filter(member=by.member, made_at__lte=at).update(read_at=at)


@transaction.atomic
def choose_mail(email: str, *, wanted: bool, by: Actor, at: datetime) -> None:
    """Keep one's own address and whether messages come by e-mail, too.

    Raises Refusal for an address that is none, or for wanting e-mail without one.
    """
    email = email.strip()
    if wanted and not email:
        raise Refusal("要收邮件，请先填写电子邮箱。", field="email")
    if email:
        try:
            validate_email(email)
        except ValidationError as error:
            raise Refusal("这不像一个电子邮箱，请核对。", field="email") from error
    if len(email) > 254:
        raise Refusal("电子邮箱太长，请核对。", field="email")
    Member.objects.filter(pk=by.member.pk).update(email=email)
    choice = MailChoice.objects.filter(member=by.member)
    if wanted:
        MailChoice.objects.bulk_create(
            [MailChoice(member=by.member, since=at)], ignore_conflicts=True
        )
    else:
        choice.delete()
    audit.record(
        AuditEvent.Event.MEMBERSHIP,
        by=by,
        at=at,
        on=by.member.branch,
        subject="邮件提醒：开" if wanted else "邮件提醒：关",
    )


def expire(*, at: datetime) -> int:
    """Periodic: forget messages a year old, some at a time; returns how many."""
    first = Message.objects.order_by("pk").values_list("pk", "made_at")[:2000]
    old = [pk for pk, made_at in first if made_at < at - KEPT]
    if not old:
        return 0
    count, _ = Message.objects.filter(pk__in=old).delete()
    return count


def _is_ours(link: str) -> bool:
    return link.startswith("/") and not link.startswith("//")
