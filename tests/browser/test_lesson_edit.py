"""The editor of lessons loses nothing that was written: not by leaving it, not by an upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from courses.models import Course
from courses.online import lesson_texts
from courses.online.lesson_texts import Text
from portal.audit import Actor
from tests.browser.conftest import PHONE
from tests.cast import NOW
from tests.courses.lesson_hands import SOUND

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_is_not_saved_is_there_after_a_question_and_an_upload(
    sign_in: Callable[..., Page], seeded: Any
):
    by = Actor(seeded.people["secretary"], "secretary")
    course = Course.objects.filter(kind="series")[0]
    own = lesson_texts.begin(
        course, by.member.branch, Text("支部小课", "online", 20), by=by, at=NOW
    )
    page = sign_in(seeded["secretary"], seeded.password, PHONE)
    page.goto(reverse("lesson-edit", args=[own.pk]))
    text, told = page.get_by_label("正文"), page.locator("[data-restored]")
    expect(told).to_be_hidden()
    text.fill("夜校的灯。")
    page.get_by_label("时长（分钟）").fill("12")

    page.get_by_role("link", name="题目（").tap()
    page.get_by_role("link", name="回到草稿").tap()
    expect(text).to_have_value("夜校的灯。")
    expect(page.get_by_label("时长（分钟）")).to_have_value("12")
    expect(told).to_be_visible()

    page.get_by_text("上传一个").tap()
    page.get_by_label("图片、音频或视频").set_input_files(
        {"name": "x.mp3", "mimeType": "audio/mpeg", "buffer": SOUND}
    )
    page.get_by_label("说明").fill("录音")
    page.get_by_label("播放几分钟").fill("3")
    page.get_by_role("button", name="上传", exact=True).tap()
    expect(page.get_by_text("已上传")).to_be_visible()
    expect(text).to_have_value("夜校的灯。")

    page.get_by_role("button", name="保存草稿").tap()
    expect(page.get_by_text("草稿已保存")).to_be_visible()
    expect(told).to_be_hidden()
    draft = lesson_texts.draft_of(own)
    assert (draft.body, draft.minutes) == ("夜校的灯。", 12)
