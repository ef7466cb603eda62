"""Pages of the mobile classroom: read, answer, see the result; as pages and for scripts."""

from __future__ import annotations

from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse

from courses.models import LessonAttempt, LessonCredit
from tests.cast import NOW
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


def test_unfinished_lessons_stand_first(phone, lesson, city):
    hands.published(city.actor("shi", "official"), title="燎原")
    hands.answer(lesson, city.people["lin"])

    text = phone.get(reverse("lesson-list")).content.decode()

    assert text.index("燎原") < text.index("火种")
    assert "已记学时" in text
