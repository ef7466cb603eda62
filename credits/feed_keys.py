"""Addresses at which a reader of feeds finds the bulletins: one a person, revocable, kept hashed.

Who holds the address learns titles, numbers and links, and nothing that needs signing in.
"""

from __future__ import annotations

from datetime import datetime
from secrets import token_urlsafe

from django.db import transaction
from django.utils.crypto import salted_hmac

from credits.models import FeedKey
from portal import access, audit
from portal.access import Capability
from portal.audit import Actor
from portal.models import AuditEvent, Member


@transaction.atomic
def make(*, by: Actor, at: datetime) -> str:
    """A new secret for one's own address; a former one is void. It can never be shown again."""
    secret = token_urlsafe(32)
    values = {"digest": _digest(secret), "made_at": at}
    FeedKey.objects.update_or_create(member=by.member, defaults=values)
    _record("通报订阅：生成地址", by=by, at=at)
    return secret


@transaction.atomic
def revoke(*, by: Actor, at: datetime) -> None:
    """Make one's own address void."""
    count, _ = FeedKey.objects.filter(member=by.member).delete()
    if count:
        _record("通报订阅：停用地址", by=by, at=at)


def reader(secret: str, *, at: datetime) -> Member | None:
    """Whose address it is, as long as the person publishes bulletins somewhere."""
    key = FeedKey.objects.select_related("member").filter(digest=_digest(secret)).first()
    if key is None or not key.member.is_active:
        return None
    return key.member if access.scope_of(key.member, at=at).has(Capability.PUBLISH) else None


def _digest(secret: str) -> str:
    return salted_hmac("credits.feed_keys", secret, algorithm="sha256").hexdigest()


def _record(subject: str, *, by: Actor, at: datetime) -> None:
    audit.record(AuditEvent.Event.BULLETIN, by=by, at=at, on=by.member.branch, subject=subject)
