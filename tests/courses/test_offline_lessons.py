"""What a phone keeps of a lesson, and whose answers it may send."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import override_settings
from django.urls import reverse

from courses.models import LessonAttempt
from courses.online import lesson_media
from courses.views.online.offline import reader_of
from tests.cast import NOW
from tests.courses import lesson_hands as hands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def lesson(city, programme):
    return hands.published(city.actor("shi", "official"))


@pytest.fixture
def address(lesson):
    return reverse("lesson-detail", args=[lesson.pk])


@pytest.fixture
def phone(client, city):
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    return client


def kept_as(text):
    return re.search(r'data-version="([0-9a-f]+)"', text)[1]


def test_a_copy_has_the_questions_and_nothing_of_the_reader(phone, city, lesson, address):
    lin = city.people["lin"]
    hands.answer(lesson, lin, wrong=3)
    page = phone.get(address).content.decode()
    copy = phone.get(address, {"copy": ""})
    text = copy.content.decode()

    assert kept_as(page) == kept_as(text)
    assert set(re.findall(r'name="q\d+"', page)) == set(re.findall(r'name="q\d+"', text)) != set()
    assert 'name="turn" value="1"' in text
    for own in ("还没有通过", "csrf", lin.name, lin.number, lin.key, city.jia.name):
        assert own not in text, own
    assert "还没有通过" in page
    assert "csrfmiddlewaretoken" in page
    assert not copy.cookies


def test_a_copy_is_named_anew_by_the_text_and_by_every_attempt(phone, city, lesson, address):
    names = [kept_as(phone.get(address).content.decode())]
    hands.answer(lesson, city.people["lin"], wrong=3)
    names.append(kept_as(phone.get(address).content.decode()))
    lesson.body += "\n\n再一段。"
    lesson.save()
    names.append(kept_as(phone.get(address).content.decode()))

    assert len(set(names)) == 3


def test_every_file_of_the_page_is_kept_with_it(phone, address):
    text = phone.get(address, {"copy": ""}).content.decode()
    kept = re.search(r'data-urls="([^"]+)"', text)[1].split()
    used = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', text))

    assert {address, "/no-network/"} <= set(kept)
    assert used
    assert used <= set(kept)
    last = phone.get("/no-network/").content.decode()
    assert set(re.findall(r'(?:href|src)="(/static/[^"]+)"', last)) <= set(kept)


def test_its_pictures_and_transcripts_are_kept_where_they_can_be(phone, city, lesson, address):
    by = city.actor("shi", "official")
    bare = phone.get(address).content.decode()
    assert "data-pictures" not in bare
    assert "data-words" not in bare
    picture, sound, _ = hands.illustrate(lesson, by)
    text = phone.get(address, {"copy": ""}).content.decode()
    pictures = re.search(r'data-pictures="([^"]+)"', text)[1].split()
    besides = re.search(r'data-words="([^"]+)"', text)[1].split()
    words = reverse("lesson-transcript", args=[sound.pk])

    assert pictures == [reverse("lesson-file", args=[picture.pk])]
    assert besides == [words, f"{words}?page=2"]
    for one in pictures + besides:
        answer = phone.get(one)
        assert answer.status_code == 200
        assert not answer.cookies
    second = phone.get(besides[-1]).content.decode()
    assert f'<a href="{words}">上一页</a>' in second
    name = kept_as(text)
    lesson_media.mend(sound, caption="录音", minutes=3, transcript="另外的话。", by=by, at=NOW)
    assert kept_as(phone.get(address, {"copy": ""}).content.decode()) != name


def test_a_lesson_is_sent_compressed(phone, address):
    answer = phone.get(address, headers={"accept-encoding": "gzip"})

    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < len(phone.get(address).content) / 1.5


def test_nobody_sends_what_another_member_wrote_down(phone, city, lesson):
    lin, zhou = city.people["lin"], city.people["zhou"]
    given = hands.given(lesson, lin, 0)
    said = {f"q{pk}": places[0] for pk, places in given.items()}
    said |= {"token": str(uuid4()), "version": lesson.version, "turn": 0}
    address, wants = reverse("lesson-answers", args=[lesson.pk]), {"accept": "application/json"}

    refused = phone.post(address, said | {"reader": reader_of(zhou)}, headers=wants)
    assert refused.status_code == 401
    assert "本人登录" in refused.json()["message"]
    assert not LessonAttempt.objects.exists()

    taken = phone.post(address, said | {"reader": reader_of(lin)}, headers=wants)
    assert (taken.status_code, taken.json()["state"]) == (200, "credited")


def test_a_reader_is_the_same_under_another_secret_and_is_no_key(city):
    lin, zhou = city.people["lin"], city.people["zhou"]
    with override_settings(SECRET_KEY="another"):
        later = reader_of(lin)

    assert reader_of(lin) == later != reader_of(zhou)
    assert lin.key not in later


def test_the_last_page_is_sent_once(phone):
    phone.get(reverse("home"))  # with its cookie
    first = phone.get("/no-network/")
    again = phone.get("/no-network/", headers={"if-none-match": first["ETag"]})

    assert again.status_code == 304
