"""News of a published bulletin: to officials, by e-mail too where they chose so; to each branch's
secretary their own unit's line, as a message only.

Told branch by branch in the background; how far it is stands in a `MessageRound`, so a worker that
dies is caught up with, and nobody is told twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from credits.models import Bulletin, BulletinRow
from portal import jobs, messages
from portal import mail as post
from portal.messages import Letter
from portal.models import Appointment, Message, MessageRound, Organization, Role
from portal.templatetags.portal import percent

KIND = Message.Kind.NOTICE
NEWS = timedelta(days=7)  # what was published longer ago is no news
BRANCHES = 500  # whose secretaries are told in one transaction


def tell(*, at: datetime) -> int:
    """Periodic: tell of what was published and stands; returns how many letters were written."""
    count = 0
    fresh = Bulletin.objects.standing().filter(published_at__gt=at - NEWS, published_at__lte=at)
    for bulletin in fresh.select_related("programme").order_by("pk"):
        while (told := _chunk(bulletin, at=at)) is not None:
            count += told
            jobs.give_way()
    return count


def mail(*, at: datetime) -> int:
    """Periodic: send by e-mail what waits; returns how many went out."""
    return post.send_waiting(KIND, _still, at=at)


@transaction.atomic
def _chunk(bulletin: Bulletin, *, at: datetime) -> int | None:
    """Tell the officials, then the secretaries of the next branches; None once all are told."""
    key = _key(bulletin.pk)
    MessageRound.objects.bulk_create([MessageRound(kind=KIND, key=key)], ignore_conflicts=True)
    round_ = MessageRound.objects.select_for_update().get(kind=KIND, key=key)
    if round_.finished_at is not None:
        return None
    held = Appointment.objects.on(timezone.localdate(at)).filter(member__is_active=True)
    letters: list[Letter] = []
    if not round_.upto:
        officials = held.filter(role=Role.OFFICIAL).values_list("member", flat=True)
        letters += _to_officials(bulletin, sorted(set(officials)))
    ahead = Organization.objects.filter(pk__gt=round_.upto, kind="branch").order_by("pk")
    branches = dict(ahead.values_list("pk", "unit")[:BRANCHES])
    if branches:
        rows = {row.unit_id: row for row in bulletin.rows.filter(unit__in=set(branches.values()))}
        seats = held.filter(role=Role.SECRETARY, organization__in=branches).order_by("pk")
        for member, branch in seats.values_list("member_id", "organization_id"):
            row = rows.get(branches[branch] or 0)
            if row is not None:
                letters.append(_to_secretary(bulletin, row, member))
        round_.upto = max(branches)
    else:
        round_.finished_at = at
    round_.save(update_fields=["upto", "finished_at"])
    messages.send_many(letters, at=at)
    return len(letters)


def _to_officials(bulletin: Bulletin, members: Sequence[int]) -> list[Letter]:
    text = f"{bulletin}已发布：{bulletin.title}。"
    return [
        Letter(member, KIND, _key(bulletin.pk), "新发布的积分通报", text, _link(bulletin))
        for member in members
    ]


def _to_secretary(bulletin: Bulletin, row: BulletinRow, member: int) -> Letter:
    place = f"，同类第 {row.rank} 名" if row.rank else ""
    before = f"（上期第 {row.previous_rank} 名）" if row.rank and row.previous_rank else ""
    text = (
        f"{bulletin}已发布。{row.unit_name}：学满 {row.completed}/{row.due} 人，"
        f"学满率 {percent(row.rate)}{place}{before}。"
    )
    key, title = _key(bulletin.pk), "本单位在积分通报中的情况"
    return Letter(member, KIND, key, title, text, _link(bulletin), mail=False)


def _still(batch: Sequence[Message]) -> dict[int, str]:
    """What messages have to say now: news of a number that was withdrawn is left out."""
    gone = Bulletin.objects.filter(withdrawal__isnull=False)
    withdrawn = {_key(pk) for pk in gone.values_list("pk", flat=True)}
    return {m.pk: m.text for m in batch if m.key not in withdrawn}


def _key(bulletin: int) -> str:
    return f"bulletin:{bulletin}"


def _link(bulletin: Bulletin) -> str:
    return f"/bulletins/{bulletin.pk}/"
