"""Answers to a lesson's questions: judged, credited once, and nothing written by looking."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from courses.models import LessonAttempt, LessonCredit
from courses.online import lesson_answers, lesson_publishing, lesson_questions, lesson_texts
from courses.online.lesson_answers import Answers, CannotAnswer
from courses.online.lesson_questions import Unanswered
from credits.models import LedgerEntry, Standing
from portal.audit import Actor
from tests.cast import NOW
from tests.courses import lesson_hands as hands

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def lesson(city, programme):
    return hands.published(city.actor("shi", "official"))


@pytest.fixture
def lin(city):
    return city.people["lin"]


def lines(member):
    rows = LedgerEntry.objects.filter(member=member, posting__kind="lesson").order_by("pk")
    return list(rows.values_list("hours", "content", "form", "period", "home__code", "day"))


def test_passing_is_credited_in_the_home_branchs_book(lesson, lin, city, programme):
    made = hands.answer(lesson, lin)

    assert (made.state, made.right, made.asked) == ("credited", 3, 3)
    assert "已通过" in made.message
    assert "1 学时" in made.message
    [line] = lines(lin)
    assert line == (100, lesson.content, "online", "reform", city.jia.code, made.day)
    credit = LessonCredit.objects.get()
    assert (credit.state, credit.hours, credit.branch, credit.day) == (
        "credited", 100, city.jia, made.day,
    )  # fmt: skip
    assert Standing.objects.get(member=lin, programme=programme).recognised == 100


def test_two_of_three_pass_and_one_does_not(lesson, lin, city):
    wu = city.people["wu"]

    assert hands.answer(lesson, lin, wrong=1).state == "credited"
    failed = hands.answer(lesson, wu, wrong=2)

    assert failed.state == "failed"
    assert "答对 1 题（共 3 题" in failed.message
    assert "今天还可以答 4 次" in failed.message
    assert lines(wu) == []


def test_the_draw_is_the_same_for_the_same_turn_and_another_for_the_next(lesson, lin, city):
    version = hands.version_of(lesson)
    first = lesson_questions.draw(version, lin, 0)

    assert first == lesson_questions.draw(version, lin, 0)
    assert len(set(first)) == 3
    assert set(first) <= set(version.bank)
    others = [lesson_questions.draw(version, lin, turn) for turn in range(1, 12)]
    others += [lesson_questions.draw(version, city.people["wu"], 0)]
    assert any(other != first for other in others)


def test_mistake_27_the_same_token_again_is_told_the_same_and_earns_nothing(lesson, lin):
    token = uuid4()
    first = hands.answer(lesson, lin, token=token)

    again = hands.answer(lesson, lin, token=token, turn=0, at=NOW + timedelta(days=3))

    assert (again.pk, again.message) == (first.pk, first.message)
    assert len(lines(lin)) == LessonAttempt.objects.count() == 1


def test_a_failed_token_stays_failed_though_another_attempt_passed(lesson, lin):
    token = uuid4()
    hands.answer(lesson, lin, token=token, wrong=3)
    hands.answer(lesson, lin)

    assert hands.answer(lesson, lin, token=token, turn=0).state == "failed"


def test_mistake_27_answering_once_more_after_passing_earns_nothing(lesson, lin):
    hands.answer(lesson, lin)

    with pytest.raises(CannotAnswer, match="已经通过"):
        hands.answer(lesson, lin)

    assert len(lines(lin)) == 1


def test_a_token_of_somebody_else_or_another_lesson_is_refused(lesson, lin, city):
    token = uuid4()
    hands.answer(lesson, lin, token=token)
    other = hands.published(city.actor("shi", "official"), title="燎原")

    with pytest.raises(CannotAnswer, match="不是这一课"):
        hands.answer(lesson, city.people["wu"], token=token)
    with pytest.raises(CannotAnswer, match="不是这一课"):
        hands.answer(other, lin, token=token)


def test_a_page_that_was_answered_before_is_refused(lesson, lin):
    hands.answer(lesson, lin, wrong=3)

    for turn in (0, 2):
        with pytest.raises(CannotAnswer, match="已经答过一次"):
            hands.answer(lesson, lin, turn=turn)


def test_five_attempts_a_day(lesson, lin):
    for _ in range(5):
        last = hands.answer(lesson, lin, wrong=3)
    assert "今天的次数已用完" in last.message

    with pytest.raises(CannotAnswer, match="答了 5 次"):
        hands.answer(lesson, lin)

    assert hands.answer(lesson, lin, at=NOW + timedelta(days=1)).state == "credited"


def test_an_unanswered_question_costs_no_attempt(lesson, lin):
    version = hands.version_of(lesson)
    sent = hands.given(lesson, lin, 0)
    first, second, third = sent
    by = Actor(lin, "member")

    with pytest.raises(Unanswered, match="第 2 题还没有作答"):
        lesson_answers.answer(
            lesson, Answers(uuid4(), 1, 0, {first: [0], third: [0]}), by=by, at=NOW
        )
    with pytest.raises(Unanswered, match="不在选项里"):
        lesson_answers.answer(lesson, Answers(uuid4(), 1, 0, sent | {second: [7]}), by=by, at=NOW)
    assert lesson_answers.turn_of(version, lin) == 0


def test_nobody_passes_what_they_wrote_or_published(city, programme):
    by = city.actor("zhou", "secretary")
    lesson = hands.published(by, organiser=city.jia)

    with pytest.raises(CannotAnswer, match="由您编写或发布"):
        hands.answer(lesson, city.people["zhou"])


def test_a_withdrawn_lesson_takes_no_answers(lesson, lin, city):
    lesson_publishing.withdraw(lesson, by=city.actor("shi", "official"), at=NOW)

    with pytest.raises(CannotAnswer, match="已撤下"):
        hands.answer(lesson, lin)


def test_a_page_of_the_version_before_counts_for_thirty_days(lesson, lin, city):
    kept = hands.given(lesson, lin, 0)
    by = city.actor("shi", "official")
    lesson_texts.save(lesson, _one_paragraph_more(lesson), seen=lesson.draft.version, by=by, at=NOW)
    lesson_publishing.publish(lesson, seen=lesson_texts.draft_of(lesson).version, by=by, at=NOW)
    member = Actor(lin, "member")

    late = NOW + timedelta(days=31)
    with pytest.raises(CannotAnswer, match="已经更新"):
        lesson_answers.answer(lesson, Answers(uuid4(), 1, 0, kept), by=member, at=late)
    with pytest.raises(CannotAnswer, match="已经更新"):
        lesson_answers.answer(lesson, Answers(uuid4(), 9, 0, kept), by=member, at=NOW)
    made = lesson_answers.answer(
        lesson, Answers(uuid4(), 1, 0, kept), by=member, at=NOW + timedelta(days=2)
    )
    assert (made.state, made.version.number) == ("credited", 1)


def _one_paragraph_more(lesson):
    draft = lesson.draft
    return lesson_texts.Text(draft.title, draft.form, draft.minutes, draft.body + "\n\n新的一段。",
                             band=45, period="reform")  # fmt: skip
