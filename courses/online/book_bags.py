"""Book bags (红色电子书包): made, filled, put in order, published and withdrawn."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from courses.models import BookBag, BookBagItem, Lesson, Material, ReadingRight
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Organization
from portal.refusals import Refusal

State = BookBag.State
MOST = 100  # readings of a bag


class CannotPack(Refusal):
    """The bag cannot be made, changed or published like that."""


class NoRightRecorded(Refusal):
    """Nothing says why this reading may be given out."""


@transaction.atomic
def make(
    organiser: Organization, *, slug: str, title: str, summary: str = "", by: Actor, at: datetime
) -> BookBag:
    """Make an empty bag. Raises CannotPack."""
    slug, (title, summary) = slug.strip(), _named(title, summary)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,29}", slug):
        text = "标识用 2 到 30 个小写字母、数字和短横，以字母或数字开头，例如 mobile-2021。"
        raise CannotPack(text, field="slug")
    if BookBag.objects.filter(slug=slug).exists():
        raise CannotPack(f"标识“{slug}”已经有书包用了，请换一个。", field="slug")
    bag = BookBag.objects.create(
        slug=slug, title=title, summary=summary, organiser=organiser, made_by=by.member,
        changed_at=at,
    )  # fmt: skip
    _record("建立", bag, by=by, at=at, slug=slug)
    return bag


@transaction.atomic
def describe(bag: BookBag, *, title: str, summary: str, by: Actor, at: datetime) -> BookBag:
    """Give a bag another title or summary; its address stays. Raises CannotPack."""
    row, before = _locked(bag), bag.title
    row.title, row.summary = _named(title, summary)
    row.changed_at = at
    row.save(update_fields=["title", "summary", "changed_at"])
    _record("修改名称和简介", row, by=by, at=at, before=before)
    return row


@transaction.atomic
def put_in(bag: BookBag, reading: Lesson | Material, *, by: Actor, at: datetime) -> BookBagItem:
    """Put a reading at the end of a bag; one that is in stays where it is.

    Raises NoRightRecorded, or CannotPack where the bag is full or the reading has no text.
    """
    # The right first, then the bag, as where a right is taken back: lest it go meanwhile.
    rights = ReadingRight.objects.select_for_update(of=("self",))
    right = rights.filter(**ReadingRight.of(reading)).first()
    if right is None:
        text = (
            f"《{reading}》还没有登记传播依据，不能放进书包。请先登记它来自哪里、凭什么可以分发。"
        )
        raise NoRightRecorded(text)
    row = _locked(bag)
    if isinstance(reading, Lesson) and not reading.is_published:
        raise CannotPack(f"《{reading}》{reading.get_state_display()}，发布以后才能放进书包。")
    if not reading.body.strip():
        raise CannotPack(f"《{reading}》没有正文，不能放进书包。")
    there = row.items.filter(right=right).first()
    if there is not None:
        return there
    if row.items.count() >= MOST:
        raise CannotPack(f"一个书包最多放 {MOST} 篇，请另建一个书包。")
    last = row.items.aggregate(last=Max("order"))["last"]
    item = row.items.create(right=right, order=0 if last is None else last + 1)
    _changed("放入", row, by=by, at=at, reading=reading.title)
    return item


@transaction.atomic
def take_out(item: BookBagItem, *, by: Actor, at: datetime) -> BookBag:
    """Take a reading out. A published bag keeps at least one: raises CannotPack."""
    row = _locked(item.bag)
    if row.is_published and row.items.count() == 1 and row.items.filter(pk=item.pk).exists():
        raise CannotPack("这是已发布书包里的最后一篇。要清空书包，请先停止发布。")
    if row.items.filter(pk=item.pk).delete()[0]:
        _changed("取出", row, by=by, at=at, reading=item.right.reading.title)
    return row


@transaction.atomic
def take_out_of_all(right: ReadingRight, *, by: Actor, at: datetime) -> list[BookBag]:
    """Take a reading out of every bag; one that is then empty is published no longer."""
    bags = list(
        BookBag.objects.select_for_update(of=("self",))
        .filter(pk__in=right.items.values("bag"))
        .order_by("pk")
    )
    right.items.all().delete()
    for bag in bags:
        _changed("取出", bag, by=by, at=at, reading=right.reading.title)
        if bag.is_published and not bag.items.exists():
            withdraw(bag, by=by, at=at)
    return bags


@transaction.atomic
def move(item: BookBagItem, *, up: bool, by: Actor, at: datetime) -> BookBag:
    """Let a reading change places with the one before or behind it; at the end nothing happens."""
    row = _locked(item.bag)
    items = list(row.items.order_by("order", "pk"))
    place = next((n for n, one in enumerate(items) if one.pk == item.pk), None)
    if place is None:
        raise CannotPack("这一篇已经不在书包里。")
    other = place - 1 if up else place + 1
    if not 0 <= other < len(items):
        return row
    items[place], items[other] = items[other], items[place]
    for number, one in enumerate(items):
        one.order = number
    BookBagItem.objects.bulk_update(items, ["order"])
    _changed("调整顺序", row, by=by, at=at, reading=item.right.reading.title)
    return row


@transaction.atomic
def publish(bag: BookBag, *, by: Actor, at: datetime) -> BookBag:
    """Show a bag to every member. Publishing again changes nothing. Raises CannotPack if empty."""
    row = _locked(bag)
    if row.is_published:
        return row
    if not row.items.exists():
        raise CannotPack("书包里还没有读物，放进至少一篇再发布。")
    row.state, row.published_by, row.published_at, row.changed_at = (
        State.PUBLISHED, by.member, at, at,
    )  # fmt: skip
    row.save(update_fields=["state", "published_by", "published_at", "changed_at"])
    _record("发布", row, by=by, at=at)
    return row


@transaction.atomic
def withdraw(bag: BookBag, *, by: Actor, at: datetime) -> BookBag:
    """Show a bag to its organiser only. What was downloaded or kept stays where it is."""
    row = _locked(bag)
    if not row.is_published:
        return row
    row.state, row.published_by, row.published_at, row.changed_at = State.DRAFT, None, None, at
    row.save(update_fields=["state", "published_by", "published_at", "changed_at"])
    _record("停止发布", row, by=by, at=at)
    return row


def _named(title: str, summary: str) -> tuple[str, str]:
    title, summary = title.strip(), summary.strip()
    if not title:
        raise CannotPack("请写书包的名称。", field="title")
    if len(title) > 60:
        raise CannotPack(f"名称最多 60 个字，现在有 {len(title)} 个字。", field="title")
    if len(summary) > 300:
        raise CannotPack(f"简介最多 300 个字，现在有 {len(summary)} 个字。", field="summary")
    return title, summary


def _locked(bag: BookBag) -> BookBag:
    rows = BookBag.objects.select_for_update(of=("self",)).select_related("organiser")
    return rows.get(pk=bag.pk)


def _changed(what: str, row: BookBag, *, by: Actor, at: datetime, reading: str) -> None:
    row.changed_at = at
    row.save(update_fields=["changed_at"])
    _record(what, row, by=by, at=at, reading=reading)


def _record(what: str, row: BookBag, *, by: Actor, at: datetime, **detail: object) -> None:
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=row.organiser,
        subject=f"书包《{row.title}》：{what}",
        detail={"bag": row.slug, **detail},
    )
