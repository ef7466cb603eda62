"""Lessons are written: begun by an organisation, and changed as a draft that readers do not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import get_random_string

from courses.log_checks import OWN_FORMS
from courses.models import Course, Lesson, LessonDraft, LessonFile
from courses.online import lesson_markdown
from courses.querysets import LessonQuerySet
from portal import audit
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.models import AuditEvent, Organization
from portal.refusals import Conflict, Refusal

LONGEST = 20_000  # characters of a text
MOST_ASKED = 10
# From how many minutes of reading and playing a band is proposed, and may be chosen.
PROPOSED = [(38, Lesson.Band.LONG), (23, Lesson.Band.MIDDLE), (8, Lesson.Band.SHORT)]


class CannotWrite(Refusal):
    """The lesson cannot be written like that."""


@dataclass(frozen=True)
class Text:
    """What an editor says of a lesson; see LessonDraft."""

    title: str
    form: str
    minutes: int
    body: str = ""
    kind: str = ""
    period: str = ""
    band: int = 0
    asked: int = 3
    needed: int = 2


def editable(scope: Scope) -> LessonQuerySet:
    """The lessons that a viewer may edit."""
    return held(scope, Capability.MANAGE_CLASSES)


def held(scope: Scope, capability: Capability) -> LessonQuerySet:
    """The lessons over which a viewer holds a capability: of the organisations that it reaches, and
    the city's syllabus for who governs the whole city."""
    own = scope.condition(capability, "organiser__path", None)
    if edits_syllabus(scope):
        own |= Q(organiser=None)
    return Lesson.objects.filter(own)


def is_editor(scope: Scope) -> bool:
    """Whether a viewer writes lessons at all."""
    return scope.has(Capability.MANAGE_CLASSES) or edits_syllabus(scope)


def edits_syllabus(scope: Scope) -> bool:
    """Whether a viewer governs the whole city."""
    return any(place.parent_id is None for place in scope.organizations(Capability.GOVERN))


@transaction.atomic
def begin(
    course: Course, organiser: Organization | None, text: Text, *, by: Actor, at: datetime,
    key: str = "",
) -> Lesson:  # fmt: skip
    """Begin a lesson of an organisation, or of the city's syllabus; nobody reads it before it is
    published. key: for the syllabus of the seed. Raises CannotWrite."""
    _check(text)
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
    shown = {"title": text.title, "form": text.form, "minutes": text.minutes}
    lesson = Lesson.objects.create(
        course=course, organiser=organiser, key=key or get_random_string(16, alphabet),
        state=Lesson.State.DRAFT, version=0, order=course.lessons.count(), **shown,
    )  # fmt: skip
    save(lesson, text, seen=0, by=by, at=at)
    record("开始编写", lesson, by=by, at=at)
    return lesson


@transaction.atomic
def save(lesson: Lesson, text: Text, *, seen: int, by: Actor, at: datetime) -> LessonDraft:
    """Save a draft; the questions stay. seen: its version on the page. Raises CannotWrite, or
    Conflict where somebody else has saved meanwhile."""
    draft = locked_draft(lesson, by=by, at=at)
    if draft.version != seen:
        raise Conflict("别人刚刚保存了这一课，您的修改没有保存。请先复制出来，再刷新页面。")
    _check(text)
    for name, value in vars(text).items():
        setattr(draft, name, value)
    return _changed(draft, by=by, at=at)


@transaction.atomic
def use(lesson: Lesson, bank: Sequence[int], *, by: Actor, at: datetime) -> LessonDraft:
    """Let a draft use these questions, by id. The caller holds the draft."""
    draft = locked_draft(lesson, by=by, at=at)
    draft.bank = list(bank)
    return _changed(draft, by=by, at=at)


def draft_of(lesson: Lesson) -> LessonDraft:
    """The draft of a lesson; one like what readers see, not saved, where nobody has changed it."""
    found = LessonDraft.objects.filter(lesson=lesson).first()
    return found or LessonDraft(lesson=lesson, **_as_published(lesson))


def locked_draft(lesson: Lesson, *, by: Actor, at: datetime) -> LessonDraft:
    """The draft, locked with its lesson; made where there is none yet."""
    row = Lesson.objects.select_for_update(of=("self",)).get(pk=lesson.pk)
    draft, _ = LessonDraft.objects.get_or_create(
        lesson=row,
        defaults={**_as_published(row), "changed_by": by.member, "changed_at": at},
    )
    return draft


def proposed(body: str, files: Sequence[LessonFile]) -> tuple[int, int]:
    """How many minutes a lesson takes, and the highest band that it may be credited in."""
    minutes = lesson_markdown.minutes_of(body, files)
    return minutes, next((band for least, band in PROPOSED if minutes >= least), Lesson.Band.NONE)


def record(what: str, lesson: Lesson, *, by: Actor, at: datetime, **detail: Any) -> None:
    """Note an act on a lesson."""
    audit.record(
        AuditEvent.Event.CLASS,
        by=by,
        at=at,
        on=lesson.organiser,
        subject=f"微党课{what}：{lesson}",
        detail=detail,
    )


def _changed(draft: LessonDraft, *, by: Actor, at: datetime) -> LessonDraft:
    draft.version += 1
    draft.changed_by, draft.changed_at = by.member, at
    draft.save()
    return draft


def _as_published(lesson: Lesson) -> dict[str, Any]:
    names = ("title", "kind", "form", "period", "minutes", "body", "band", "asked", "needed")
    version = lesson.versions.filter(number=lesson.version).only("bank").first()
    bank = {"bank": version.bank if version else []}
    return {name: getattr(lesson, name) for name in names} | bank


def _check(text: Text) -> None:
    if not text.title.strip():
        raise CannotWrite("请写明这一课的名称。", field="title")
    if text.form not in OWN_FORMS:
        raise CannotWrite("这种学习方式要由支部组织活动、点名记学时。", field="form")
    if len(text.body) > LONGEST:
        raise CannotWrite(f"正文超过 {LONGEST} 字，请分成几课。", field="body")
    if not 1 <= text.minutes <= 240:
        raise CannotWrite("时长请填 1 到 240 分钟。", field="minutes")
    if text.band not in Lesson.Band.values:
        raise CannotWrite("学时档次请从 15、30、45 分钟中选择。", field="band")
    if text.band > text.minutes:
        raise CannotWrite("学时档次不能超过这一课的时长。", field="band")
    if not 1 <= text.needed <= text.asked <= MOST_ASKED:
        said = f"每次抽 1 到 {MOST_ASKED} 题，答对几题通过不能多于抽题数。"
        raise CannotWrite(said, field="needed")
