"""Pages of what is studied: by period and form, to read and to download."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
import time_machine
from django.urls import reverse

from courses.models import Course, Lesson, Material
from tests.cast import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(client, city, programme):
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    with time_machine.travel(NOW, tick=False):
        yield client


@pytest.fixture
def series():
    course = Course.objects.create(key="micro", title="微党课", kind="series", form="online")
    for key, title, form, period in (
        ("spark", "火种", "online", "new-democratic"),
        ("opening", "春潮", "online", "reform"),
        ("stage", "情景剧", "immersive", "reform"),
    ):
        Lesson.objects.create(
            course=course, key=key, title=title, form=form, period=period, minutes=20, body="正文。"
        )
    Course.objects.create(
        key="century", title="百年历程", kind="course", form="lecture", period="new-era", once=True
    )
    return course


@pytest.mark.parametrize(
    ("query", "there", "away"),
    [
        ({}, ["火种", "春潮", "情景剧", "百年历程"], []),
        ({"period": "reform"}, ["春潮", "情景剧"], ["火种", "百年历程"]),
        ({"form": "immersive"}, ["情景剧"], ["火种", "春潮", "百年历程"]),
        ({"form": "online", "period": "reform"}, ["春潮"], ["火种", "情景剧", "百年历程"]),
        ({"form": "lecture"}, ["百年历程"], ["火种", "春潮", "情景剧"]),
        ({"period": "ming"}, ["没有符合的课程"], ["火种", "百年历程"]),
    ],
)
def test_courses_and_lessons_are_found_by_period_and_form(phone, series, query, there, away):
    text = phone.get(reverse("course-list"), query).content.decode()

    for title in there:
        assert title in text
    for title in away:
        assert title not in text


def test_a_material_is_read_on_the_page_and_downloaded_as_a_file_of_its_name(phone, series):
    made = Material.objects.create(
        course=series, key="outline", title="《火种》学习提纲", body="一、夜校。\n二、工会。"
    )
    address = reverse("material-detail", args=[made.pk])
    listed = phone.get(reverse("course-detail", args=[series.pk])).content.decode()
    assert f'href="{address}?download=1"' in listed
    assert "一、夜校。" in phone.get(address).content.decode()

    file = phone.get(address, {"download": "1"})

    assert file.content.decode("utf-8-sig") == "《火种》学习提纲\n\n一、夜校。\n二、工会。\n"
    kind = file["Content-Disposition"]
    assert kind.startswith("attachment; filename*=UTF-8''")
    assert unquote(kind).endswith("《火种》学习提纲.txt")


def test_a_lesson_is_read_and_logged_from_its_page(phone, series):
    lesson = Lesson.objects.get(key="spark")

    text = phone.get(reverse("lesson-detail", args=[lesson.pk])).content.decode()

    assert "正文。" in text
    address = f"{reverse('log-new')}?content=lesson:spark"
    assert f'href="{address}"' in text
    form = phone.get(address).context["form"]
    assert (form.initial["content"], form.initial["minutes"]) == ("lesson:spark", 20)
