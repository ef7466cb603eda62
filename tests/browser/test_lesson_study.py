"""A lesson on the phone: read, answered wrongly, then rightly, credited once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from courses.models import Lesson, LessonCredit
from courses.online import lesson_answers, lesson_questions
from credits.models import LedgerEntry
from portal.models import Member
from tests.browser.conftest import PHONE
from tests.courses import lesson_hands

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def fill(page: Page, lesson: Lesson, member: Member, *, wrong: int = 0) -> None:
    """Choose the answers with a finger, so many of them wrong."""
    turn = lesson_answers.turn_of(lesson_hands.version_of(lesson), member)
    answers = lesson_hands.given(lesson, member, turn, wrong=wrong)
    for question in lesson_questions.questions_of(list(answers)):
        for place in answers[question.pk]:
            page.get_by_role("group", name=question.text).get_by_label(
                question.choices[place], exact=True
            ).tap()


def test_a_lesson_is_read_and_credited_once(sign_in: Callable[..., Page], seeded: Any):
    member = seeded.people["member"]
    lesson = Lesson.objects.get(key="bulldozer-driver")
    page = sign_in(seeded["member"], seeded.password, PHONE)
    page.goto(reverse("course-list"))
    page.get_by_role("link", name="移动课堂").first.tap()
    page.get_by_role("link", name=lesson.title).tap()
    expect(page.get_by_role("heading", name="到鞍钢去")).to_be_visible()

    fill(page, lesson, member, wrong=3)
    page.get_by_role("button", name="提交答案").tap()
    expect(page.locator("#result")).to_contain_text("答对 0 题")
    expect(page.locator("#result li")).to_have_count(3)

    fill(page, lesson, member)
    page.get_by_role("button", name="提交答案").tap()
    expect(page.locator("#result")).to_contain_text("已通过")
    expect(page.locator("#result")).to_contain_text("0.25 学时")
    expect(page.get_by_role("button", name="提交答案")).to_have_count(0)

    assert LessonCredit.objects.filter(member=member, lesson=lesson).count() == 1
    lines = LedgerEntry.objects.filter(member=member, posting__kind="lesson")
    assert [line.hours for line in lines] == [25]
    page.goto(reverse("my-hours"))
    page.get_by_role("link", name=lesson.title).first.tap()
    expect(page.locator("h1")).to_have_text(lesson.title)


def test_a_lesson_is_light(sign_in: Callable[..., Page], seeded: Any):
    page = sign_in(seeded["member"], seeded.password, PHONE)
    for lesson in Lesson.objects.exclude(band=0):
        response = page.goto(reverse("lesson-detail", args=[lesson.pk]))
        assert response is not None
        assert len(response.body()) <= 15_000, lesson
