"""Lessons are published, each time as a version that is kept, and withdrawn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from courses.models import Lesson, LessonDraft, LessonFile, LessonVersion, Question, ReadingRight
from courses.online import book_bags, lesson_markdown, lesson_weight
from courses.online.lesson_texts import (
    PROPOSED,
    CannotWrite,
    locked_draft,
    proposed,
    record,
)
from courses.online.lesson_weight import Weight
from portal.audit import Actor

COPIED = ("title", "form", "period", "minutes", "body", "band", "asked", "needed")


@transaction.atomic
def publish(lesson: Lesson, *, seen: int, by: Actor, at: datetime) -> LessonVersion:
    """Let readers see the draft from now on, as a new version. seen: the draft's version on the
    page that was looked at.

    Raises CannotWrite where the draft was changed since, has no text, shows a sound or film without
    its words, is too heavy for a weak connection, or is to be credited and takes less time than its
    band, or has no more questions than it asks.
    """
    draft = locked_draft(lesson, by=by, at=at)
    row = draft.lesson
    if draft.version != seen:
        raise CannotWrite("这一课在您打开以后又有修改，请看过最新的草稿再发布。")
    files = _check(draft)
    version = LessonVersion.objects.create(
        lesson=row, number=row.version + 1, bank=draft.bank, published_by=by.member,
        published_at=at, **{name: getattr(draft, name) for name in COPIED},
    )  # fmt: skip
    for name in (*COPIED, "kind"):
        setattr(row, name, getattr(draft, name))
    row.version, row.state = version.number, Lesson.State.PUBLISHED
    row.save()
    minutes, _ = proposed(draft.body, files)
    record("发布", row, by=by, at=at, version=version.number, band=draft.band, length=minutes)
    return version


@transaction.atomic
def withdraw(lesson: Lesson, *, by: Actor, at: datetime) -> Lesson:
    """Let nobody read or answer a lesson any more; what it earned stays. It leaves every book bag.
    Publishing brings it back. Raises CannotWrite where it is not published."""
    right = ReadingRight.objects.filter(lesson=lesson).first()
    if right is not None:  # the right first, then the bags, as where it is taken back
        book_bags.take_out_of_all(right, by=by, at=at)
    row = Lesson.objects.select_for_update(of=("self",)).get(pk=lesson.pk)
    if not row.is_published:
        raise CannotWrite(f"《{row}》{row.get_state_display()}，不用撤下。")
    row.state = Lesson.State.WITHDRAWN
    row.save(update_fields=["state"])
    record("撤下", row, by=by, at=at)
    return row


def unpublished_changes(draft: LessonDraft) -> bool:
    """Whether a draft says something else than what readers see."""
    lesson = draft.lesson
    if not lesson.is_published:
        return True
    if any(getattr(draft, name) != getattr(lesson, name) for name in (*COPIED, "kind")):
        return True
    version = lesson.versions.filter(number=lesson.version).only("bank").first()
    return bool(draft.bank != (version.bank if version else []))


def weight_of(draft: LessonDraft, files: Iterable[LessonFile]) -> Weight:
    """What a draft would weigh as it stands: its text, these files of it, its questions."""
    bank = Question.objects.filter(pk__in=draft.bank)
    return lesson_weight.weigh(draft.body, files, bank, draft.asked)


def _check(draft: LessonDraft) -> list[LessonFile]:
    """Raise CannotWrite for a draft that may not go out; returns the files that it shows."""
    if not draft.body.strip():
        raise CannotWrite("正文还是空的，写好再发布。", field="body")
    named = lesson_markdown.named_in(draft.body)
    files = list(draft.lesson.files.filter(pk__in=named).defer("content"))
    if len(files) < len(named):
        raise CannotWrite("正文里有一张图片或音像不是这一课的，请检查 file: 后面的编号。")
    for file in files:
        if not file.has_words:
            needed = "字幕" if file.kind == LessonFile.Kind.VIDEO else "文字稿"
            raise CannotWrite(f"“{file}”还没有{needed}，补上再发布，听不清的同志才看得懂。")
    if draft.band:
        _check_credited(draft, files)
    weight = weight_of(draft, files)
    if weight.is_too_heavy:
        raise CannotWrite(weight.said, field="body")
    return files


def _check_credited(draft: LessonDraft, files: list[LessonFile]) -> None:
    """Raise CannotWrite for a draft that is shorter than its band says, or whose bank leaves
    nothing to draw anew for who has failed."""
    if len(draft.bank) <= draft.asked:
        raise CannotWrite(
            f"每次抽 {draft.asked} 题，题库里只有 {len(draft.bank)} 题，没通过的同志再答还是原题。"
            f"题库至少要 {draft.asked + 1} 题：请补题、少抽几题，或选择不凭答题记学时。"
        )
    minutes, fits = proposed(draft.body, files)
    if draft.band > fits:
        least = next(least for least, band in PROPOSED if band == draft.band)
        raise CannotWrite(
            f"正文和音像一共约 {minutes} 分钟，不到 {least} 分钟，不能按 {draft.band} 分钟记学时。"
            f"合适的档次是“{Lesson.Band(fits).label}”。",
            field="band",
        )
