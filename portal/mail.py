"""E-mail to those who chose it: what a message says, sent at most once, by the background worker.

A message is marked as being sent before it is, and the mark is committed: a worker that dies in
between leaves 结果不明, and nobody gets it twice. No address is ever written to a log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q

from portal.models import Message

SUBJECT = "党史学习教育平台：您有一条新消息"
BATCH = 20  # messages looked at once more together before they are sent
AT_ONCE = 200  # messages a run; the next run is a minute later
DEAD = timedelta(hours=1)  # being sent this long: its worker died
STALE = timedelta(days=4)  # what waited this long is no news
log = logging.getLogger(__name__)
State = Message.Mail
Recheck = Callable[[Sequence[Message]], dict[int, str]]


def send_waiting(kind: str, recheck: Recheck, *, at: datetime) -> int:
    """Send what waits of one kind; returns how many went out. Must not run in a transaction.

    recheck: what each message, by id, has to say now; one that it leaves out is not sent.
    """
    rows = Message.objects.filter(kind=kind)
    rows.filter(mail=State.SENDING, mail_at__lt=at - DEAD).update(mail=State.UNKNOWN)
    waiting = rows.filter(mail=State.WAITING)
    if not settings.MAIL_ON or not waiting.exists():
        return 0
    unwanted = Q(made_at__lt=at - STALE) | Q(member__mail_choice=None) | Q(member__email="")
    unwanted |= Q(member__is_active=False)
    _drop(list(waiting.filter(unwanted).values_list("pk", flat=True)), at=at)
    connection: Any = get_connection()
    sent = 0
    for _ in range(AT_ONCE // BATCH):
        batch = list(waiting.select_related("member").order_by("pk")[:BATCH])
        if not batch:
            break
        try:
            connection.open()
        except OSError as error:
            log.warning("the mail server does not answer: %s", type(error).__name__)
            break
        words = recheck(batch)
        _drop([m.pk for m in batch if not words.get(m.pk)], at=at)
        for message in batch:
            if not words.get(message.pk):
                continue
            went = _send(message, words[message.pk], connection, at=at)
            if went is None:
                return sent  # the server went away; the rest waits
            sent += went
    with suppress(OSError):
        connection.close()
    return sent


def _send(message: Message, text: str, connection: Any, *, at: datetime) -> bool | None:
    """Whether it went out; None where the connection failed."""
    own = Message.objects.filter(pk=message.pk)
    if not own.filter(mail=State.WAITING).update(mail=State.SENDING, mail_at=at):
        return False  # another worker has it
    address = message.member.email
    letter = EmailMessage(SUBJECT, _body(text), to=[address], connection=connection)
    try:
        letter.send()
    except SMTPRecipientsRefused:
        own.update(mail=State.UNKNOWN)
        log.warning("message %s: the mail server refused the address", message.pk)
        return False
    except Exception as error:  # whatever it was, it is never sent again
        own.update(mail=State.UNKNOWN)
        log.warning("message %s: %s", message.pk, type(error).__name__)
        return None
    own.update(mail=State.SENT)
    return True


def _drop(messages: Collection[int], *, at: datetime) -> None:
    if messages:
        own = Message.objects.filter(pk__in=messages, mail=State.WAITING)
        own.update(mail=State.DROPPED, mail_at=at)


def _body(text: str) -> str:
    where = f"登录查看：{settings.SITE_ADDRESS}/messages/\n" if settings.SITE_ADDRESS else ""
    return f"{text}\n\n{where}不想再收邮件：登录后在“账号”里关闭。\n"
