"""Questions at the end of a lesson: drawn anew for each attempt, and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from courses.models import LessonVersion, Question
from portal.models import Member
from portal.refusals import Refusal

Given = Mapping[int, Sequence[int]]  # question → places of the choices that were taken


class Unanswered(Refusal):
    """A question that was drawn has no answer, or one that it does not offer."""


@dataclass(frozen=True)
class Judged:
    """right: how many answers were right; wrong: the questions whose answers were not."""

    right: int
    wrong: tuple[Question, ...]


def draw(version: LessonVersion, member: Member, turn: int) -> list[int]:
    """Ids of the questions of somebody's attempt number `turn` (from 0), in their order.

    The same for the same four things, so that nothing is kept when a page is read, and a page that
    was answered without a network is judged by what it showed.
    """
    about = f"{member.key}:{version.lesson_id}:{version.number}:{turn}"

    def place(question: int) -> bytes:
        return salted_hmac("courses.lesson_questions", f"{about}:{question}").digest()

    return sorted(version.bank, key=place)[: version.asked]


def questions_of(ids: Sequence[int]) -> list[Question]:
    """Questions by id, in this order."""
    found = Question.objects.in_bulk(ids)
    return [found[pk] for pk in ids]


def judge(questions: Sequence[Question], given: Given) -> Judged:
    """Hold answers against the questions. Raises Unanswered, which says which one."""
    wrong = []
    for number, question in enumerate(questions, 1):
        taken = set(given.get(question.pk, ()))
        if not taken:
            raise Unanswered(f"第 {number} 题还没有作答，请选好后再提交。")
        if not taken <= set(range(len(question.choices))):
            raise Unanswered(f"第 {number} 题的答案不在选项里，请重新打开这一课作答。")
        if taken != set(question.right):
            wrong.append(question)
    return Judged(len(questions) - len(wrong), tuple(wrong))
