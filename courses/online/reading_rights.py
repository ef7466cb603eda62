"""What the right to distribute a reading rests on (传播依据): recorded and taken back, by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from courses.models import BookBag, Lesson, LessonVersion, Material, ReadingRight
from courses.online import book_bags, lesson_texts
from courses.querysets import LessonQuerySet
from portal import audit
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Refusal

Kind = ReadingRight.Kind


class NoRight(Refusal):
    """The statement of a right says too little, or contradicts what is recorded."""


def lessons(scope: Scope) -> LessonQuerySet:
    """The lessons of whose rights a viewer decides."""
    return lesson_texts.held(scope, Capability.GOVERN)


def materials(scope: Scope) -> QuerySet[Material]:
    """The same of materials, which are of the syllabus unless they stand beside a lesson of an
    organisation's own."""
    own = scope.condition(Capability.GOVERN, "lesson__organiser__path", None)
    if lesson_texts.edits_syllabus(scope):
        own |= Q(lesson__organiser=None)
    return Material.objects.filter(own)


def rights(scope: Scope) -> QuerySet[ReadingRight]:
    """The rights of which a viewer decides."""
    own = Q(lesson__in=lessons(scope)) | Q(material__in=materials(scope))
    return ReadingRight.objects.filter(own)


def decides(scope: Scope, reading: Lesson | Material) -> bool:
    """Whether a viewer decides of the right to a reading."""
    if isinstance(reading, Lesson):
        return lessons(scope).filter(pk=reading.pk).exists()
    return materials(scope).filter(pk=reading.pk).exists()


def behind(readings: Sequence[Lesson | Material]) -> set[int]:
    """Ids of the lessons among them that say something else by now than what a right was stated to;
    new questions alone are no new words."""
    lessons = [reading.pk for reading in readings if isinstance(reading, Lesson)]
    told = LessonVersion.objects.filter(lesson__in=lessons, number=F("lesson__right__version"))
    told = told.exclude(title=F("lesson__title"), body=F("lesson__body"))
    return set(told.values_list("lesson", flat=True))


@transaction.atomic
def record(
    reading: Lesson | Material,
    kind: str,
    source: str,
    *,
    seen: int | None = None,
    by: Actor,
    at: datetime,
) -> ReadingRight:
    """State what the right to distribute a reading rests on; stated again, the new words stand, and
    of a lesson its present version. seen: the version on the page, where there was one.

    Raises NoRight.
    """
    said = source.strip()
    if kind not in Kind.values:
        raise NoRight("请选择传播依据。", field="kind")
    if not said:
        raise NoRight(f"请写明《{reading}》的出处和依据。", field="source")
    if len(said) > (longest := ReadingRight._meta.get_field("source").max_length or 0):
        text = f"出处说明最多写 {longest} 个字，现在有 {len(said)} 个字。"
        raise NoRight(text, field="source")
    if not reading.body.strip():
        raise NoRight(f"《{reading}》没有正文，不用登记传播依据。")
    version = 0
    if isinstance(reading, Lesson):  # not held: bags keep the version that is named here
        version = Lesson.objects.values_list("version", flat=True).get(pk=reading.pk)
        if seen not in (None, version):
            raise NoRight(f"《{reading}》刚刚发布了新的版本，请看过再登记。")
    values = {"kind": kind, "source": said, "version": version, "by": by.member, "at": at}
    right, _ = ReadingRight.objects.update_or_create(**ReadingRight.of(reading), defaults=values)
    _record("登记传播依据", right, by=by, at=at)
    return right


@transaction.atomic
def revoke(right: ReadingRight, *, reason: str, by: Actor, at: datetime) -> list[BookBag]:
    """Take a right back: the reading leaves every bag at once; returns those bags.

    Raises NoRight where no reason is given or it was taken back already.
    """
    if not (why := reason.strip()[:200]):
        raise NoRight("请写明撤回传播依据的原因。", field="reason")
    row = ReadingRight.objects.select_for_update(of=("self",)).filter(pk=right.pk).first()
    if row is None:
        raise NoRight("这项传播依据已经撤回。")
    bags = book_bags.take_out_of_all(row, by=by, at=at)
    _record("撤回传播依据", row, by=by, at=at, reason=why, bags=[bag.slug for bag in bags])
    row.delete()
    return bags


def _record(what: str, right: ReadingRight, *, by: Actor, at: datetime, **detail: object) -> None:
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        subject=f"{what}：{right.reading.title}",
        detail={"kind": right.kind, "source": right.source, **detail},
    )
