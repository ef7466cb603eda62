"""Writing on a phone: saved while one writes, kept without a network and over a restart, two
devices told apart; then read, recommended and shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, BrowserType, Page, expect

from courses.models import Reflection
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
KEPT = "() => Object.keys(localStorage).filter((name) => name.startsWith('draft|'))"
WRITE = reverse("reflection-write", args=["onthephone"])


@pytest.fixture
def page(sign_in: Callable[..., Page], seeded: Any) -> Page:
    return sign_in(seeded["member"], seeded.password, PHONE)


def own(seeded: Any) -> Any:
    return Reflection.objects.filter(member=seeded.people["member"], key="onthephone")


def text_of(seeded: Any) -> str:
    return str(own(seeded).values_list("text", flat=True).get())


def state(page: Page) -> Any:
    return page.locator("[data-state]")


def test_it_is_saved_while_one_writes_and_then_lies_on_the_phone_no_longer(page: Page, seeded: Any):
    page.goto(reverse("home"))
    page.locator("nav summary").click()
    page.locator("nav").get_by_role("link", name="心得体会").click()
    page.get_by_role("link", name="写一篇心得").click()
    page.get_by_label("题目").fill("一件小事")
    page.get_by_label("正文").fill("回去就做。")
    expect(state(page)).to_contain_text("已保存")
    assert page.evaluate(KEPT) == []
    page.get_by_label("正文").press_sequentially("马上做。")
    expect(state(page)).to_contain_text("正在写")
    expect(state(page)).to_contain_text("已保存")

    row = Reflection.objects.get(member=seeded.people["member"], title="一件小事")
    assert (row.text, row.state) == ("回去就做。马上做。", "draft")
    assert row.version <= 3, "a saving every few seconds, not one for each letter"


def test_a_draft_outlives_the_network_and_the_browser(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    live_server: Any,
    seeded: Any,
    tmp_path: Path,
):
    def start() -> BrowserContext:
        """The browser of one phone, with what it kept when it was last closed."""
        values: dict[str, Any] = {**browser_type_launch_args, **PHONE, "base_url": live_server.url}
        return browser_type.launch_persistent_context(tmp_path / "phone", locale="zh-CN", **values)

    first = start()
    page = first.new_page()
    enter(page, seeded["member"], seeded.password)
    page.goto(WRITE)
    page.get_by_label("题目").fill("火车上写的")
    page.get_by_label("正文").fill("第一段。")
    expect(state(page)).to_contain_text("已保存")
    first.set_offline(True)
    page.get_by_label("正文").fill("第一段。\n隧道里写的第二段。")
    expect(state(page)).to_have_text("只存在本机，联网后再存")
    assert text_of(seeded) == "第一段。"
    first.close()

    again = start()
    page = again.new_page()  # still signed in
    page.goto(reverse("my-reflections"))
    expect(page.locator("[data-local]")).to_contain_text("火车上写的")
    page.locator("[data-local] a").click()
    expect(page.get_by_label("正文")).to_have_value("第一段。\n隧道里写的第二段。")
    expect(state(page)).to_contain_text("已保存")
    assert text_of(seeded) == "第一段。\n隧道里写的第二段。"
    assert page.evaluate(KEPT) == []
    again.close()


def test_when_the_connection_returns_it_is_saved_by_itself(page: Page, seeded: Any):
    page.goto(WRITE)
    page.context.set_offline(True)
    page.get_by_label("题目").fill("断网")
    page.get_by_label("正文").fill("没有网。")
    expect(state(page)).to_have_text("只存在本机，联网后再存")
    assert not own(seeded).exists()

    page.context.set_offline(False)
    expect(state(page)).to_contain_text("已保存")
    assert text_of(seeded) == "没有网。"


def test_another_member_on_the_same_phone_sees_nothing_of_it(page: Page, seeded: Any):
    page.goto(WRITE)
    page.context.set_offline(True)
    page.get_by_label("题目").fill("别人看不到的")
    page.get_by_label("正文").fill("只给自己看。")
    expect(state(page)).to_have_text("只存在本机，联网后再存")
    page.context.clear_cookies()
    page.goto("about:blank")
    page.context.set_offline(False)
    enter(page, seeded["helper"], seeded.password)

    page.goto(reverse("my-reflections"))
    expect(page.locator("[data-local]")).to_be_hidden()
    assert "别人看不到的" not in page.content()
    page.goto(WRITE)
    expect(page.get_by_label("正文")).to_have_value("")


@pytest.mark.parametrize(("button", "kept"), [("用上面框里的", "电脑"), ("用这一份", "手机")])
def test_of_two_devices_both_texts_are_shown_and_one_is_chosen(
    page: Page, sign_in: Any, seeded: Any, button: str, kept: str
):
    page.goto(WRITE)
    page.get_by_label("题目").fill("两处写")
    page.get_by_label("正文").fill("开头。")
    expect(state(page)).to_contain_text("已保存")
    desk = sign_in(seeded["member"], seeded.password, DESKTOP)
    desk.goto(WRITE)
    page.get_by_label("正文").fill("开头。手机上的。")
    expect(state(page)).to_contain_text("已保存")

    desk.get_by_label("正文").fill("开头。电脑上的。")
    other = desk.locator("[data-other]")
    expect(other).to_be_visible()
    expect(other).to_contain_text("开头。手机上的。")
    expect(desk.get_by_label("正文")).to_have_value("开头。电脑上的。")
    assert text_of(seeded) == "开头。手机上的。"
    desk.get_by_role("button", name=button).click()

    expect(state(desk)).to_contain_text("已保存")
    expect(other).to_be_hidden()
    assert text_of(seeded) == f"开头。{kept}上的。"
    assert desk.evaluate(KEPT) == []


def test_without_javascript_it_is_saved_and_handed_in(sign_in: Any, seeded: Any):
    page = sign_in(seeded["member"], seeded.password, PHONE, java_script_enabled=False)
    page.goto(WRITE)
    page.get_by_label("题目").fill("没有脚本")
    page.get_by_label("正文").fill("也能写。")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.locator("main")).to_contain_text("已保存")
    page.get_by_role("button", name="提交给支部").click()
    expect(page.locator("main")).to_contain_text("已提交给支部")
    assert own(seeded).get().state == "handed_in"


def test_from_writing_to_the_exemplar_that_everybody_reads(page: Page, sign_in: Any, seeded: Any):
    page.goto(WRITE)
    page.get_by_label("题目").fill("台账第一页")
    page.get_by_label("正文").fill("把换了什么写在第一页，新来的人一看就懂。")
    page.get_by_label("同意作为典型展示").check()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="提交给支部").click()
    expect(page.locator("main")).to_contain_text("支部还没有阅读")
    page.wait_for_function(f"() => ({KEPT})().length === 0")

    desk = sign_in(seeded["secretary"], seeded.password, DESKTOP)
    desk.get_by_role("link", name="去读").click()
    desk.get_by_role("link", name="台账第一页").click()
    desk.get_by_label("推荐给").select_option(label="中共抚顺市委员会")
    desk.get_by_label("推荐理由").fill("别的班组也用得上")
    desk.get_by_role("button", name="推荐", exact=True).click()
    expect(desk.locator("main")).to_contain_text("已推荐给")
    above = sign_in(seeded["official"], seeded.password, DESKTOP)
    above.goto(reverse("recommended-list"))
    above.get_by_role("link", name="台账第一页").click()
    above.get_by_role("button", name="作为典型展示").click()
    expect(above.locator("main")).to_contain_text("已作为典型")

    other = sign_in(seeded["helper"], seeded.password, PHONE)
    other.goto(reverse("exemplar-list"))
    other.get_by_role("link", name="台账第一页").click()
    expect(other.locator("article")).to_contain_text("新来的人一看就懂")


def enter(page: Page, number: str, password: str) -> None:
    page.goto("/sign-in/")
    page.fill("input[name=number]", number)
    page.fill("input[name=password]", password)
    page.click("main button")
    page.wait_for_load_state()
