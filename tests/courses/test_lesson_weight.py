"""A lesson is weighed before it goes out: what is too heavy for a weak connection is not."""

from __future__ import annotations

import gzip
import random

import pytest
import time_machine
from django.urls import reverse

from courses.models import Question
from courses.online import lesson_publishing, lesson_texts, lesson_weight
from courses.online.lesson_texts import CannotWrite, Text
from tests.cast import NOW
from tests.courses import lesson_hands as hands

HTML = 15_000  # bytes on the wire


def words(characters: int) -> str:
    """So many characters that hardly repeat, in paragraphs; the same each time."""
    drawn = random.Random(1)
    return "\n\n".join(
        "".join(chr(drawn.randrange(0x4E00, 0x6200)) for _ in range(200))
        for _ in range(characters // 200)
    )


@pytest.fixture
def zhou(city):
    return city.actor("zhou", "secretary")


@pytest.fixture
def lesson(city, programme, zhou):
    return hands.published(zhou, organiser=city.jia, band=0)


@pytest.fixture
def desk(client, city, programme):
    client.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    with time_machine.travel(NOW, tick=False):
        yield client


def publish(lesson, by, **said):
    draft = lesson_texts.draft_of(lesson)
    values = {name: getattr(draft, name) for name in Text.__dataclass_fields__}
    text = Text(**{**values, **said})
    draft = lesson_texts.save(lesson, text, seen=draft.version, by=by, at=NOW)
    return lesson_publishing.publish(lesson, seen=draft.version, by=by, at=NOW)


@pytest.mark.django_db
class TestWeight:
    def test_a_lesson_too_heavy_for_its_page_is_not_published(self, lesson, zhou):
        with pytest.raises(CannotWrite, match=r"最多 6 KB（.*约 \d00 字|约 \d{4} 字）.*分成几课"):
            publish(lesson, zhou, body=words(5_000))

        lesson.refresh_from_db()
        assert (lesson.version, lesson.body) == (1, hands.BODY + hands.LONG), (
            "what readers have stays"
        )

    def test_the_questions_that_weigh_most_are_weighed_as_many_as_are_drawn(self):
        def question(text: str) -> Question:
            return Question(kind="single", text=text, choices=["甲", "乙"], explanation="见文。")

        light, heavy = question("短？"), question(words(200))
        alone = lesson_weight.weigh("正文。", [], [heavy], 1)

        assert lesson_weight.weigh("正文。", [], [light, heavy], 1) == alone
        assert lesson_weight.weigh("正文。", [], [light], 1).size < alone.size
        assert lesson_weight.weigh("正文。", [], [light, heavy], 2).size > alone.size
        assert alone.characters == 3 + 200 + 2 + 3

    def test_what_is_published_may_be_too_heavy_and_is_read(self, desk, lesson):
        lesson.body = words(8_000)
        lesson.save()

        assert desk.get(reverse("lesson-detail", args=[lesson.pk])).status_code == 200
        shown = desk.get(reverse("lesson-edit", args=[lesson.pk])).content.decode()
        assert "正文和题目压缩后约" in shown

    def test_the_editor_says_it_before_publishing(self, desk, lesson):
        sent = {"lesson": lesson.pk, "body": words(5_000), "asked": 3}
        heavy = desk.post(reverse("lesson-preview"), sent).content.decode()
        light = desk.post(reverse("lesson-preview"), {**sent, "body": "短。"}).content.decode()

        assert "请分成几课" in heavy
        assert "最多 6 KB。" in light

    def test_a_lesson_as_heavy_as_it_may_be_stays_within_its_page(self, client, city, programme):
        lesson = hands.heaviest(city.actor("shi", "official"), words(20_000))
        client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
        with time_machine.travel(NOW, tick=False):
            hands.answer(lesson, city.people["lin"], wrong=10)
            made = client.get(
                reverse("lesson-detail", args=[lesson.pk]), HTTP_ACCEPT_ENCODING="gzip"
            )

        assert lesson_weight.MOST < len(made.content) <= HTML
        assert gzip.decompress(made.content).decode().count("<fieldset") == 10

    def test_a_long_transcript_has_pages_of_its_own(self, client, city, programme):
        lesson = hands.heaviest(city.actor("shi", "official"), words(20_000))
        client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
        sound = lesson.files.get()
        address = reverse("lesson-transcript", args=[sound.pk])

        with time_machine.travel(NOW, tick=False):
            read = client.get(reverse("lesson-detail", args=[lesson.pk])).content.decode()
            first, second = (
                client.get(address, {"page": number}, HTTP_ACCEPT_ENCODING="gzip")
                for number in (1, 2)
            )

        assert f'<a href="{address}">文字稿：' in read
        said = sound.transcript.split()[1]
        assert said not in read
        assert max(len(first.content), len(second.content)) <= HTML
        shown = [gzip.decompress(one.content).decode() for one in (first, second)]
        assert said in shown[0]
        assert "下一页" in shown[0]
        assert "上一页" in shown[1]
