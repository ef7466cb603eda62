"""Courses, lessons, places, platforms and materials; and the questions that lessons got later."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from courses.models import Course, Lesson, LessonVersion, Material
from courses.online import (
    lesson_answers,
    lesson_bank,
    lesson_publishing,
    lesson_questions,
    lesson_texts,
)
from courses.online.lesson_answers import Answers
from courses.online.lesson_bank import Wording
from courses.online.lesson_texts import Text
from courses.seeding.files import load
from courses.seeding.world import World
from portal.audit import Actor
from portal.models import Member

BESIDE = ("lessons", "materials", "band", "questions")  # in the file, but no columns of the row
ASKED = date(2021, 4, 19)
COPIED = ("title", "form", "period", "minutes", "body", "band", "asked", "needed")


def lay_out(*, at: datetime) -> None:
    """Write what is studied, in the order of the file; each lesson with its first version."""
    for order, entry in enumerate(load("courses")["courses"]):
        course = Course.objects.create(order=order, **_columns(entry))
        for place, told in enumerate(entry.get("lessons", [])):
            lesson = Lesson.objects.create(course=course, order=place, **_columns(told))
            values = {name: getattr(lesson, name) for name in COPIED}
            LessonVersion.objects.create(lesson=lesson, number=1, published_at=at, **values)
        for place, material in enumerate(entry.get("materials", [])):
            Material.objects.create(course=course, order=place, **material)


def plan(world: World) -> None:
    """Put down that some lessons get questions, and who answered them."""
    told = [lesson for c in load("courses")["courses"] for lesson in c.get("lessons", ())]
    asking = [lesson for lesson in told if "questions" in lesson]
    for lesson in asking:
        world.agenda.add(world.calendar.at(ASKED, 10), _ask, lesson)
    busy = {member.pk for member in world.cast.values()}
    away = [m for m in world.everybody() if m.pk in world.mobile and m.pk not in busy]
    answers = [
        (m, asking[n % len(asking)]["key"], 25 + n % 5, True) for n, m in enumerate(away[:40])
    ]
    answers += [(world.cast["member"], asking[1]["key"], 26, False)]
    for member, key, day, rightly in answers:
        at = world.calendar.at(date(2021, 5, day), 20, 15)
        world.agenda.add(at, _answer, (member, key, rightly))


def _columns(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in BESIDE}


def _ask(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    by = world.official
    for told in items:
        lesson = Lesson.objects.get(key=told["key"])
        text = Text(
            lesson.title, lesson.form, lesson.minutes, lesson.body, lesson.kind, lesson.period,
            band=told["band"],
        )  # fmt: skip
        lesson_texts.save(lesson, text, seen=0, by=by, at=at)
        for question in told["questions"]:
            wording = Wording.starred(
                question["kind"], question["text"], question["choices"], question["explanation"]
            )
            lesson_bank.add(lesson, wording, by=by, at=at)
        seen = lesson_texts.draft_of(lesson).version
        lesson_publishing.publish(lesson, seen=seen, by=by, at=at)


def _answer(world: World, items: list[tuple[Member, str, bool]], at: datetime) -> None:
    for member, key, rightly in items:
        if not member.is_active:
            continue
        lesson = Lesson.objects.get(key=key)
        version = lesson.versions.get(number=lesson.version)
        drawn = lesson_questions.questions_of(lesson_questions.draw(version, member, 0))
        given = {
            question.pk: question.right if rightly else _another(question.right)
            for question in drawn
        }
        token = uuid5(NAMESPACE_URL, f"{key}:{member.key}")
        answers = Answers(token, version.number, 0, given)
        lesson_answers.answer(lesson, answers, by=Actor(member, "member"), at=at)


def _another(right: list[int]) -> list[int]:
    """A wrong answer."""
    return [1 if right == [0] else 0]
