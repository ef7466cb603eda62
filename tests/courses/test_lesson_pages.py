"""Pages of the mobile classroom: read, answer, see the result; as pages and for scripts."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses.models import LessonAttempt, LessonCredit
from credits import ledger
from credits.ledger import Credit, Source
from credits.models import Programme
from tests.cast import NOW, TODAY
from tests.courses import lesson_hands as hands

pytestmark = pytest.mark.django_db
AS_SCRIPT = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def lesson(city, programme):
    return hands.published(city.actor("shi", "official"))


@pytest.fixture
def phone(client, city, programme):
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    with time_machine.travel(NOW, tick=False):
        yield client


def sent(lesson, member, *, turn: int = 0, wrong: int = 0, token=None):
    answers = hands.given(lesson, member, turn, wrong=wrong)
    fields = {"token": str(token or uuid4()), "version": lesson.version, "turn": turn}
    return fields | {f"q{pk}": taken for pk, taken in answers.items()}


def test_a_lesson_is_read_answered_wrongly_then_rightly(phone, lesson, city):
    lin = city.people["lin"]
    address = reverse("lesson-detail", args=[lesson.pk])
    first = phone.get(address)
    text = first.content.decode()
    assert "<h2>夜校</h2>" in text
    assert "data-answers" in text
    assert len(first.context["questions"]) == 3

    answers = reverse("lesson-answers", args=[lesson.pk])
    response = phone.post(answers, sent(lesson, lin, wrong=3))
    assert response.url == f"{address}#result"
    text = phone.get(address).content.decode()
    assert "答对 0 题" in text
    assert text.count("见第") == 3
    assert 'name="turn" value="1"' in text

    phone.post(answers, sent(lesson, lin, turn=1))
    text = phone.get(address).content.decode()
    assert "已通过" in text
    assert "data-answers" not in text
    assert LessonCredit.objects.get().hours == 100


def test_a_script_is_told_the_result_and_refusals(phone, lesson, city):
    lin, address = city.people["lin"], reverse("lesson-answers", args=[lesson.pk])
    token = uuid4()

    failed = phone.post(address, sent(lesson, lin, wrong=3, token=token), **AS_SCRIPT)
    assert (failed.status_code, failed.json()["state"]) == (200, "failed")
    assert failed.json()["address"] == f"/lessons/{lesson.pk}/#result"
    again = phone.post(address, sent(lesson, lin, token=token), **AS_SCRIPT)
    assert again.json() == failed.json()
    old = phone.post(address, sent(lesson, lin), **AS_SCRIPT)
    assert (old.status_code, list(old.json())) == (409, ["message"])
    nothing = phone.post(address, {}, **AS_SCRIPT)
    assert nothing.status_code == 422
    passed = phone.post(address, sent(lesson, lin, turn=1), **AS_SCRIPT)
    assert passed.json()["state"] == "credited"

    phone.logout()
    assert phone.post(address, {}, **AS_SCRIPT).status_code == 401
    assert phone.post(address, {}).status_code == 302


def test_looking_at_a_lesson_writes_nothing(phone, lesson):
    for _ in range(3):
        phone.get(reverse("lesson-detail", args=[lesson.pk]))
    assert not LessonAttempt.objects.exists()


def test_what_a_full_day_kept_out_is_credited_from_the_list_the_next_day(
    phone, lesson, city, programme
):
    lin, address = city.people["lin"], reverse("lesson-list")
    credit = Credit(lin, "lecture", TODAY, minutes=360, period="reform")
    ledger.post(programme, Source("session", "full", "全天"), organiser=city.jia,
                credits=[credit], by=city.by, at=NOW)  # fmt: skip
    hands.answer(lesson, lin)
    assert "待计入" not in phone.get(address).content.decode()

    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        phone.force_login(lin, "portal.sign_in.MemberBackend")
        text = phone.get(address).content.decode()
        assert "待计入的学时" in text
        button = reverse("lesson-credit", args=[LessonCredit.objects.get().pk])
        assert f'action="{button}"' in text
        phone.post(button)
        assert "待计入" not in phone.get(address).content.decode()
    assert LessonCredit.objects.get().hours == 100


def test_unfinished_lessons_stand_first(phone, lesson, city):
    hands.published(city.actor("shi", "official"), title="燎原")
    hands.answer(lesson, city.people["lin"])

    text = phone.get(reverse("lesson-list")).content.decode()

    assert text.index("燎原") < text.index("火种")
    assert "已记学时" in text


def test_what_waits_is_credited_from_the_page_when_the_reason_is_gone(phone, lesson, city):
    lin, by = city.people["lin"], city.by
    credit = Credit(lin, "lecture", TODAY, minutes=360, period="reform")
    full, programme = Source("session", "full", "全天"), Programme.objects.get()
    ledger.post(programme, full, organiser=city.jia, credits=[credit], by=by, at=NOW)
    hands.answer(lesson, lin)
    address = reverse("lesson-detail", args=[lesson.pk])
    waiting = LessonCredit.objects.get()
    now = reverse("lesson-credit", args=[waiting.pk])
    assert f'action="{now}"' in phone.get(address).content.decode()

    phone.post(now)
    assert "还不能计入" in phone.get(address).content.decode()
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        phone.post(now)
        text = phone.get(address).content.decode()
    assert "6月4日" in text
    assert now not in text
    waiting.refresh_from_db()
    assert waiting.hours == 100

    phone.force_login(city.people["wu"], "portal.sign_in.MemberBackend")
    assert phone.post(now).status_code == 404


@pytest.mark.parametrize("name", ["lesson-list", "lesson-credits", "lesson-desk"])
def test_more_lessons_cost_no_more_queries(phone, city, programme, name, django_assert_num_queries):
    zhou, shi = city.people["zhou"], city.actor("shi", "official")
    phone.force_login(zhou, "portal.sign_in.MemberBackend")

    def more() -> None:
        lesson = hands.published(shi, organiser=city.jia)
        hands.answer(lesson, city.people["lin"], at=NOW)

    more()
    phone.get(reverse(name))
    with CaptureQueriesContext(connection) as first:
        phone.get(reverse(name))
    more()
    more()
    with django_assert_num_queries(len(first)):
        phone.get(reverse(name))


def test_a_lesson_with_more_questions_costs_no_more_queries(
    phone, city, programme, django_assert_num_queries
):
    shi = city.actor("shi", "official")
    few, many = hands.published(shi), hands.published(shi, questions=12, asked=10, needed=5)
    for lesson in (few, many):
        hands.answer(lesson, city.people["lin"], wrong=lesson.asked, at=NOW)
    phone.get(reverse("lesson-detail", args=[few.pk]))
    with CaptureQueriesContext(connection) as first:
        phone.get(reverse("lesson-detail", args=[few.pk]))

    with django_assert_num_queries(len(first)):
        phone.get(reverse("lesson-detail", args=[many.pk]))
