"""The main menu: one row on a phone, groups that open without JavaScript and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ONE_ROW = 60  # px


def test_the_menu_is_one_row_and_its_groups_open_by_keyboard(sign_in: Any, seeded: Any):
    for role, group, entry in (
        ("member", "更多", "消息"), ("helper", "更多", "预警"), ("secretary", "更多", "期初学时"),
        ("official", "审批", "补录期"), ("administrator", "更多", "系统管理"),
        ("guidance", "", "消息"),
    ):  # fmt: skip
        page = sign_in(seeded[role], seeded.password, PHONE, java_script_enabled=False)
        menu = page.get_by_role("navigation", name="主要页面")
        for look in (PHONE, DESKTOP):
            page.set_viewport_size(look["viewport"])
            assert menu.bounding_box()["height"] < ONE_ROW, role
        if group:
            link = menu.get_by_role("link", name=entry)
            expect(link).to_be_hidden()
            menu.locator("summary", has_text=group).focus()
            page.keyboard.press("Enter")
            expect(link).to_be_visible()
            expect(link).to_be_in_viewport()
        page.emulate_media(media="print")
        expect(menu).to_be_hidden()
        page.context.close()


def test_the_page_one_is_on_is_marked_in_its_group(sign_in: Any, seeded: Any):
    page = sign_in(seeded["secretary"], seeded.password, PHONE)
    page.click("nav summary")
    page.click("nav >> text=期初学时")
    menu = page.locator("nav")

    page.click("nav summary")
    expect(menu.locator("[aria-current=page]")).to_have_text("期初学时")
    expect(menu.locator("a", has_text="待办").locator(".tag")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.locator("details[open]")).to_have_count(0)
