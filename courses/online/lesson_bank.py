"""The questions of a lesson: added, taken out of use and put back; none is changed or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from courses.models import Lesson, LessonDraft, Question
from courses.online.lesson_texts import CannotWrite, locked_draft, use
from portal.audit import Actor

MOST = 60  # questions of one bank
JUDGEMENTS = ("正确", "错误")
MOST_CHOICES, LONGEST = 6, 100


@dataclass(frozen=True)
class Wording:
    """What is asked. choices: in order, of judgements none; right: their places, from 0."""

    kind: str
    text: str
    choices: Sequence[str]
    right: Sequence[int]
    explanation: str

    @classmethod
    def starred(cls, kind: str, text: str, lines: Sequence[str], explanation: str) -> Wording:
        """As an editor writes it: a choice a line, the right ones with a star before them; of a
        judgement the right word alone."""
        words = [line.strip().lstrip("*＊").strip() for line in lines]
        stars = [line.strip()[:1] in ("*", "＊") for line in lines]
        right = [place for place, star in enumerate(stars) if star]
        if kind == Question.Kind.JUDGE:
            chosen = {words[place] for place in right}
            right = [place for place, word in enumerate(JUDGEMENTS) if word in chosen]
        return cls(kind, text, words, right, explanation)


@transaction.atomic
def add(lesson: Lesson, wording: Wording, *, by: Actor, at: datetime) -> Question:
    """Put a question into the draft's bank. Raises CannotWrite, which says what is wrong."""
    draft = locked_draft(lesson, by=by, at=at)
    choices = _checked(wording)
    if len(draft.bank) >= MOST:
        raise CannotWrite(f"一课最多用 {MOST} 道题，请先停用几道。")
    made = Question.objects.create(
        lesson=lesson,
        kind=wording.kind,
        text=wording.text.strip(),
        choices=choices,
        right=sorted(set(wording.right)),
        explanation=wording.explanation.strip(),
        made_by=by.member,
        made_at=at,
    )
    use(lesson, [*draft.bank, made.pk], by=by, at=at)
    return made


@transaction.atomic
def retire(question: Question, *, by: Actor, at: datetime) -> LessonDraft:
    """Take a question out of use; whoever drew it from what is published is judged by it still."""
    draft = locked_draft(question.lesson, by=by, at=at)
    if question.pk not in draft.bank:
        return draft
    return use(question.lesson, [pk for pk in draft.bank if pk != question.pk], by=by, at=at)


@transaction.atomic
def restore(question: Question, *, by: Actor, at: datetime) -> LessonDraft:
    """Put a retired question back into use. Raises CannotWrite where the bank is full."""
    draft = locked_draft(question.lesson, by=by, at=at)
    if question.pk in draft.bank:
        return draft
    if len(draft.bank) >= MOST:
        raise CannotWrite(f"一课最多用 {MOST} 道题，请先停用几道。")
    return use(question.lesson, [*draft.bank, question.pk], by=by, at=at)


def _checked(wording: Wording) -> list[str]:
    """The choices as they are kept. Raises CannotWrite."""
    if wording.kind not in Question.Kind.values:
        raise CannotWrite("请选择题型。", field="kind")
    if not wording.text.strip() or len(wording.text) > 200:
        raise CannotWrite("题目请写 1 到 200 字。", field="text")
    if not wording.explanation.strip() or len(wording.explanation) > 200:
        raise CannotWrite("提示请写 1 到 200 字，说明答案在正文的哪里。", field="explanation")
    if wording.kind == Question.Kind.JUDGE:
        choices = list(JUDGEMENTS)
    else:
        choices = [choice.strip() for choice in wording.choices]
        if not 2 <= len(choices) <= MOST_CHOICES or any(
            not choice or len(choice) > LONGEST for choice in choices
        ):
            said = f"选项请写 2 到 {MOST_CHOICES} 个，一行一个，每个不超过 {LONGEST} 字。"
            raise CannotWrite(said, field="choices")
        if len(set(choices)) < len(choices):
            raise CannotWrite("有两个选项一样，请改一个。", field="choices")
    right = set(wording.right)
    if not right or not right <= set(range(len(choices))):
        raise CannotWrite("请标出正确的选项。", field="choices")
    if wording.kind != Question.Kind.MULTIPLE and len(right) != 1:
        raise CannotWrite(
            "单选题和判断题只能有一个正确选项；有几个正确时请改为多选。", field="kind"
        )
    if wording.kind == Question.Kind.MULTIPLE and len(right) < 2:
        raise CannotWrite("多选题至少有两个正确选项；只有一个时请改为单选。", field="kind")
    return choices
