"""Lessons with questions for tests: written and published by the real verbs."""

from __future__ import annotations

from bisect import bisect_left
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from PIL import Image

from courses.models import Course, Lesson, LessonAttempt, LessonFile, LessonVersion
from courses.online import (
    lesson_answers,
    lesson_bank,
    lesson_media,
    lesson_publishing,
    lesson_questions,
    lesson_texts,
)
from courses.online.lesson_answers import Answers
from courses.online.lesson_bank import Wording
from courses.online.lesson_texts import Text
from portal.audit import Actor
from tests.cast import BEFORE, NOW

SOUND = b"ID3" + b"\0" * 64
BODY = "# 夜校\n\n矿区的夜校点起一盏油灯。\n\n## 工会\n\n一年以后有了工会。"
LONG = "\n\n" + "夜校的灯每晚都亮着。" * 1_200  # read in 40 minutes, and weighs next to nothing


def published(by: Actor, *, organiser=None, questions: int = 4, at=BEFORE, **said) -> Lesson:
    """A lesson of the city's syllabus (or an organisation's) with so many questions; the first
    choice is right in each."""
    course, _ = Course.objects.get_or_create(
        key="micro", defaults={"title": "微党课", "kind": "series", "form": "online"}
    )
    wanted: dict[str, Any] = {
        "title": "火种", "form": "online", "minutes": 45, "body": BODY + LONG, "period": "reform",
        "band": 45, **said,
    }  # fmt: skip
    lesson = lesson_texts.begin(course, organiser, Text(**wanted), by=by, at=at)
    for number in range(questions):
        ask(lesson, by, number, at=at)
    seen = lesson_texts.draft_of(lesson).version
    lesson_publishing.publish(lesson, seen=seen, by=by, at=at)
    lesson.refresh_from_db()
    return lesson


def heaviest(by: Actor, words: str, *, title: str = "火种", at=BEFORE) -> Lesson:
    """A lesson with ten questions and a sound with the longest transcript, and as many of these
    words as publishing lets through."""
    lesson = published(by, title=title, questions=12, asked=10, needed=6, at=at)
    transcript = (words[::-1] * 4)[: lesson_texts.LONGEST]  # other than the text
    sound = lesson_media.add(
        lesson, SOUND, "夜校的录音", minutes=40, transcript=transcript, by=by, at=at
    )
    draft = lesson_texts.draft_of(lesson)

    def is_too_heavy(length: int) -> bool:
        draft.body = f"{words[:length]}\n\n![夜校的录音](file:{sound.pk})"
        return lesson_publishing.weight_of(draft, [sound]).is_too_heavy

    is_too_heavy(bisect_left(range(len(words)), True, key=is_too_heavy) - 1)
    values = {name: getattr(draft, name) for name in Text.__dataclass_fields__}
    draft = lesson_texts.save(lesson, Text(**values), seen=draft.version, by=by, at=at)
    lesson_publishing.publish(lesson, seen=draft.version, by=by, at=at)
    lesson.refresh_from_db()
    return lesson


def illustrate(lesson: Lesson, by: Actor, *, at=BEFORE) -> list[LessonFile]:
    """Publish a lesson anew with a picture and a sound, whose transcript takes two pages; a second
    picture, the last of those returned, stands nowhere in its text."""
    made = BytesIO()
    Image.new("RGB", (40, 30), "red").save(made, "PNG")
    spoken = "油灯下，矿工们认识了第一个字。" * 400
    files = [
        lesson_media.add(lesson, made.getvalue(), "展馆", by=by, at=at),
        lesson_media.add(lesson, SOUND, "录音", minutes=3, transcript=spoken, by=by, at=at),
        lesson_media.add(lesson, made.getvalue(), "没有用上", by=by, at=at),
    ]
    draft = lesson_texts.draft_of(lesson)
    draft.body += "".join(f"\n\n![{file}](file:{file.pk})" for file in files[:2])
    values = {name: getattr(draft, name) for name in Text.__dataclass_fields__}
    draft = lesson_texts.save(lesson, Text(**values), seen=draft.version, by=by, at=at)
    lesson_publishing.publish(lesson, seen=draft.version, by=by, at=at)
    lesson.refresh_from_db()
    return files


def ask(lesson: Lesson, by: Actor, number: int = 0, *, at=BEFORE):
    """One more question whose first choice is right."""
    wording = Wording(
        "single", f"第{number}问？", ["对的", "错的", "也错"], [0], f"见第{number}节。"
    )
    return lesson_bank.add(lesson, wording, by=by, at=at)


def version_of(lesson: Lesson) -> LessonVersion:
    return lesson.versions.get(number=lesson.version)


def given(lesson: Lesson, member, turn: int, *, wrong: int = 0) -> dict[int, list[int]]:
    """The right answers to somebody's questions, but for so many."""
    drawn = lesson_questions.questions_of(lesson_questions.draw(version_of(lesson), member, turn))
    wrongly = {q.pk: [1] if q.right == [0] else [0] for q in drawn[:wrong]}
    return {q.pk: q.right for q in drawn} | wrongly


def answer(
    lesson: Lesson, member, *, wrong: int = 0, at=NOW, token: UUID | None = None,
    turn: int | None = None,
) -> LessonAttempt:  # fmt: skip
    """Somebody answers, by default rightly and as the page would send it."""
    version = version_of(lesson)
    turn = lesson_answers.turn_of(version, member) if turn is None else turn
    sent = Answers(token or uuid4(), version.number, turn, given(lesson, member, turn, wrong=wrong))
    return lesson_answers.answer(lesson, sent, by=Actor(member, "member"), at=at)
