"""Study groups on a phone: a member reads and follows a push, a text is copied by one tap."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from courses.models import Push, StudyGroup
from tests.browser.conftest import PHONE
from tests.browser.screens import fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_secretary_pushes_and_copies_the_text_for_a_chat_by_one_tap(
    sign_in: Any, seeded: Any, live_server: Any
):
    page = sign_in(seeded["secretary"], seeded.password, PHONE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("nav summary")
    page.click("nav >> text=学习群")
    page.get_by_role("link", name="推送", exact=True).click()
    page.select_option("select[name=thing]", label="《火种》")
    page.fill("textarea[name=sentence]", "周五前学完")
    page.get_by_role("button", name="推送").click()
    expect(page.locator(".note.good")).to_contain_text("已推送")
    page.get_by_role("button", name="复制文字").click()
    expect(page.locator("[data-copied]")).to_have_text("已复制，去群里粘贴。")
    push = Push.objects.order_by("-pk")[0]
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"【微党课】《火种》\n周五前学完\n{live_server.url}/p/{push.code}/"
    page.goto(copied.splitlines()[-1])
    expect(page.locator("h1")).to_contain_text("火种")
    fits(page)


def test_without_leave_to_copy_the_text_is_marked_and_copied_the_old_way(sign_in: Any, seeded: Any):
    page = sign_in(seeded["secretary"], seeded.password, PHONE)
    push = Push.objects.order_by("-pk")[0]
    page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
        "document.execCommand = (what) => { window.did = what; return true; };"
    )
    page.goto(reverse("push-detail", args=[push.pk]))
    page.get_by_role("button", name="复制文字").click()
    expect(page.locator("[data-copied]")).to_have_text("已复制，去群里粘贴。")
    assert page.evaluate("window.did") == "copy"


def test_without_javascript_the_text_stands_there_to_be_copied_by_hand(sign_in: Any, seeded: Any):
    page = sign_in(seeded["secretary"], seeded.password, PHONE, java_script_enabled=False)
    push = Push.objects.order_by("-pk")[0]
    page.goto(reverse("push-detail", args=[push.pk]))
    expect(page.get_by_role("button", name="复制文字")).to_be_hidden()
    expect(page.locator("textarea")).to_have_value(
        f"【微党课】{push.title}\n{push.sentence}\n{page.url.partition('/pushes')[0]}/p/{push.code}/"
    )


def test_the_contact_person_finds_the_group_by_the_menu(sign_in: Any, seeded: Any):
    page = sign_in(seeded["helper"], seeded.password, PHONE)
    page.click("nav summary")
    page.click("nav >> text=我的学习群")
    group = StudyGroup.objects.get(organiser=seeded.people["secretary"].branch)
    expect(page.locator("h2").first).to_have_text(group.name)
    expect(page.locator("main")).to_contain_text("联系人：我")
    page.locator("summary", has_text="转发到微信群").first.click()
    expect(page.get_by_role("button", name="复制文字").first).to_be_visible()
