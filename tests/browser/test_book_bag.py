"""A bag kept on the phone: read with the network cut, gone after signing out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from courses.models import BookBag, Material
from courses.online import book_bag_out
from portal.models import Member
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAMES = "async () => (await caches.keys()).filter((name) => name.startsWith('bag|'))"
HELD = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      found[new URL(request.url).pathname] = await (await cache.match(request)).text();
    }
  }
  return found;
}"""


@pytest.fixture
def bag(seeded: Any) -> BookBag:
    return BookBag.objects.get()


@pytest.fixture
def page(sign_in: Callable[..., Page], seeded: Any) -> Page:
    return sign_in(seeded["member"], seeded.password, PHONE)


def keep(page: Page, bag: BookBag) -> None:
    page.goto(reverse("bag-detail", args=[bag.slug]))
    page.get_by_role("button", name="保存到这台设备").click()
    expect(page.locator("[data-state]")).to_contain_text("没有网络也能读")


def test_a_kept_bag_is_read_with_the_network_cut(page: Page, bag: BookBag):
    page.goto(reverse("course-list"))
    page.get_by_role("link", name="红色电子书包").first.click()
    page.get_by_role("link", name="阅读和下载").click()
    page.get_by_role("button", name="保存到这台设备").click()
    expect(page.locator("[data-state]")).to_contain_text("没有网络也能读")

    page.context.set_offline(True)
    page.goto(reverse("home"))
    expect(page.locator("h1")).to_have_text("保存在这台设备的内容")
    expect(page.locator(".offline-note")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("学时")
    page.get_by_role("link", name=bag.title).click()
    expect(page.locator(".offline-note")).to_be_visible()
    expect(page.get_by_role("link", name="下载和保存")).to_be_hidden()
    page.get_by_role("link", name="夏明翰《就义诗》").click()
    expect(page.locator("article")).to_contain_text("砍头不要紧，")
    expect(page.locator(".offline-note")).to_be_visible()
    styled = page.locator("article p").first.evaluate("p => getComputedStyle(p).textIndent")
    assert styled == "36px", "the style is kept, too"
    page.get_by_role("link", name="下一篇：雷锋日记").click()
    expect(page.locator("article")).to_contain_text("你是否滋润了一寸土地")

    page.context.set_offline(False)
    page.reload()
    expect(page.locator("article")).to_contain_text("你是否滋润了一寸土地")
    expect(page.locator(".offline-note")).to_be_hidden()
    page.goto(reverse("home"))
    expect(page.get_by_role("navigation")).to_be_visible()


def test_nothing_is_kept_but_the_bag_and_nothing_of_the_reader(
    page: Page, bag: BookBag, seeded: Any
):
    page.goto(reverse("no-network"))
    expect(page.locator("main")).to_contain_text("还没有保存书包")
    assert page.evaluate(NAMES) == []
    keep(page, bag)
    page.goto(reverse("my-hours"))
    page.goto(reverse("course-list"))

    held = page.evaluate(HELD)
    wanted = {reverse("no-network"), reverse("bag-offline", args=[bag.slug])}
    wanted |= {reverse("bag-reading", args=[bag.slug, item.pk, 1]) for item in bag.items.all()}
    assert {path for path in held if not path.startswith("/static/")} == wanted
    assert {path for path in held if path.startswith("/static/")} == {
        "/static/reading.css", "/static/keep.js", "/static/answers.js", "/static/icon.svg",
    }  # fmt: skip
    member = Member.objects.get(number=seeded["member"])
    for path, text in held.items():
        assert member.name not in text, path
        assert member.number not in text, path


def test_a_network_too_slow_is_not_waited_for(page: Page, bag: BookBag, monkeypatch: Any):
    keep(page, bag)
    item, items_of = bag.items.get(right__material__key="xia-minghan"), book_bag_out.items_of
    held = threading.Event()

    def slow(of: BookBag) -> Any:
        held.wait(30)
        return items_of(of)

    monkeypatch.setattr(book_bag_out, "items_of", slow)
    page.goto(reverse("bag-reading", args=[bag.slug, item.pk, 1]))
    expect(page.locator("article")).to_contain_text("砍头不要紧，")
    expect(page.locator(".offline-note")).to_be_visible()
    held.set()


def test_signing_out_clears_what_was_kept(page: Page, bag: BookBag):
    keep(page, bag)
    assert len(page.evaluate(NAMES)) == 1
    page.goto(reverse("home"))
    page.get_by_role("button", name="退出").click()
    expect(page.locator("input[name=number]")).to_be_visible()

    page.wait_for_function("async () => !(await caches.keys()).some((n) => n.startsWith('bag|'))")


def test_a_session_that_is_over_clears_it_as_well(page: Page, bag: BookBag):
    keep(page, bag)
    page.context.clear_cookies()
    page.goto(reverse("home"))
    expect(page.locator("input[name=number]")).to_be_visible()

    page.wait_for_function("async () => !(await caches.keys()).some((n) => n.startsWith('bag|'))")


def test_a_bag_that_has_changed_is_offered_anew_and_one_is_removed_by_a_tap(
    page: Page, bag: BookBag
):
    keep(page, bag)
    Material.objects.filter(key="xia-minghan").update(body="改过的正文。")
    page.reload()
    state = page.locator("[data-state]")
    expect(state).to_contain_text("已有更新")
    page.get_by_role("button", name="更新").click()
    expect(state).to_contain_text("没有网络也能读")
    assert len(page.evaluate(NAMES)) == 1
    assert any("改过的正文。" in text for text in page.evaluate(HELD).values())
    page.get_by_role("button", name="从这台设备删除").click()
    expect(state).to_contain_text("还没有保存")
    assert page.evaluate(NAMES) == []


def test_what_cannot_be_had_completely_is_not_kept_at_all(page: Page, bag: BookBag):
    page.goto(reverse("bag-detail", args=[bag.slug]))
    bag.items.order_by("-order")[0].delete()  # meanwhile
    page.get_by_role("button", name="保存到这台设备").click()

    expect(page.locator("[data-state]")).to_contain_text("没有保存成功")
    assert page.evaluate(NAMES) == []


def test_without_javascript_a_bag_is_read_online(sign_in: Any, seeded: Any, bag: BookBag):
    page = sign_in(seeded["member"], seeded.password, DESKTOP, java_script_enabled=False)
    page.goto(reverse("bag-detail", args=[bag.slug]))
    expect(page.get_by_role("button", name="保存到这台设备")).to_be_hidden()
    with page.expect_download() as got:
        page.get_by_role("link", name="下载 EPUB").click()
    assert got.value.suggested_filename == "流动党员红色电子书包第一辑.epub"
    page.get_by_role("link", name="打开阅读").click()
    expect(page.locator("ol a")).to_have_count(7)
