"""Answers to a lesson's questions: judged once for each token, and credited where they pass.

Locks: the member first, then as credits/ledger.py, programme by programme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from courses.models import Lesson, LessonAttempt, LessonVersion, Question
from courses.online import lesson_credits, lesson_questions
from courses.online.lesson_questions import Given, Judged
from portal.audit import Actor
from portal.models import Member
from portal.refusals import Refusal

State = LessonAttempt.State
MOST = 5  # attempts at a lesson on one day
GRACE = timedelta(days=30)  # for pages of an older version, kept on a phone


class CannotAnswer(Refusal):
    """These answers are not taken, now or ever; the message says why and what to do."""


@dataclass(frozen=True)
class Answers:
    """What a page sends. version: number of the publication it showed; turn: how many attempts it
    knew of."""

    token: UUID
    version: int
    turn: int
    given: Given


@transaction.atomic
def answer(lesson: Lesson, answers: Answers, *, by: Actor, at: datetime) -> LessonAttempt:
    """Judge somebody's answers and credit what they earn; the same token again returns the attempt
    that is there.

    Raises Unanswered, and CannotAnswer for a token of somebody else, a page that is out of date,
    the day's limit, a lesson that is withdrawn, done or one's own.
    """
    # The member's row first: two phones of one member wait for each other here.
    member = Member.objects.select_for_update(no_key=True, of=("self",)).get(pk=by.member.pk)
    known = LessonAttempt.objects.filter(token=answers.token).first()
    if known is not None:
        if (known.member_id, known.lesson_id) != (member.pk, lesson.pk):
            raise CannotAnswer("这份答案不是这一课的，请重新打开这一课作答。")
        return known
    row = Lesson.objects.select_for_update(of=("self",)).get(pk=lesson.pk)
    version = _version(row, answers.version, at=at)
    day = timezone.localdate(at)
    _check(row, version, member, answers, day=day)
    drawn = lesson_questions.draw(version, member, answers.turn)
    questions = lesson_questions.questions_of(drawn)
    judged = lesson_questions.judge(questions, answers.given)
    attempt = LessonAttempt(
        token=answers.token,
        lesson=row,
        version=version,
        member=member,
        turn=answers.turn,
        drawn=drawn,
        given={str(q.pk): sorted(set(answers.given[q.pk])) for q in questions},
        right=judged.right,
        asked=len(drawn),
        day=day,
        at=at,
    )
    if judged.right < version.needed:
        attempt.state = State.FAILED
        attempt.message = _failed(row, version, member, judged, day=day)
        attempt.save(force_insert=True)
        return attempt
    return lesson_credits.pass_(attempt, by=by, at=at)


def turn_of(version: LessonVersion, member: Member) -> int:
    """How many attempts somebody has made at a version: the turn of the next one."""
    return LessonAttempt.objects.filter(version=version, member=member).count()


def wrong_of(attempt: LessonAttempt) -> Sequence[Question]:
    """The questions that somebody answered wrongly in an attempt."""
    given = {int(pk): taken for pk, taken in attempt.given.items()}
    return lesson_questions.judge(lesson_questions.questions_of(attempt.drawn), given).wrong


def may_answer(version: LessonVersion, member: Member) -> bool:
    """Whether a version's questions are somebody's to answer: it has some, and they are not their
    own."""
    return version.asks and not _wrote(version, member)


def _version(lesson: Lesson, number: int, *, at: datetime) -> LessonVersion:
    """The publication that a page showed, unless it is too old to count."""
    if not lesson.is_published:
        raise CannotAnswer(f"《{lesson}》{lesson.get_state_display()}，不能答题。")
    versions = {v.number: v for v in lesson.versions.filter(number__in=[number, number + 1])}
    found, newer = versions.get(number), versions.get(number + 1)
    if found is None or not found.asks or (newer and newer.published_at < at - GRACE):
        raise CannotAnswer("这一课的内容已经更新，请重新打开，读完再答题。")
    return found


def _check(
    lesson: Lesson, version: LessonVersion, member: Member, answers: Answers, *, day: date
) -> None:
    if _wrote(version, member):
        raise CannotAnswer("这一课由您编写或发布，不能自己答题记学时。")
    if lesson_credits.is_done(lesson, member):
        raise CannotAnswer("这一课您已经通过，学时不重复计。")
    if _left(lesson, member, day=day) <= 0:
        raise CannotAnswer(f"今天这一课已经答了 {MOST} 次，请再读一读，明天再答。")
    if answers.turn != turn_of(version, member):
        raise CannotAnswer("这一页的题目已经答过一次，请重新打开这一课，按新抽的题作答。")


def _wrote(version: LessonVersion, member: Member) -> bool:
    """Nobody passes questions that they wrote or published."""
    written = Question.objects.filter(pk__in=version.bank, made_by=member)
    return version.published_by_id == member.pk or written.exists()


def _left(lesson: Lesson, member: Member, *, day: date) -> int:
    """How many attempts are left to somebody on a day."""
    return MOST - LessonAttempt.objects.filter(member=member, lesson=lesson, day=day).count()


def _failed(
    lesson: Lesson, version: LessonVersion, member: Member, judged: Judged, *, day: date
) -> str:
    left = _left(lesson, member, day=day) - 1
    more = f"今天还可以答 {left} 次" if left else "今天的次数已用完，明天可以再答"
    return (
        f"答对 {judged.right} 题（共 {version.asked} 题，答对 {version.needed} 题通过），"
        f"还没有通过。请按提示再读一读，{more}，题目会重新抽取。"
    )
