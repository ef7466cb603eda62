"""A lesson on the phone with the network cut in the middle: read, answered, credited once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from courses.models import Lesson
from credits.models import LedgerEntry
from portal.models import Member
from tests import cast
from tests.browser.conftest import PHONE
from tests.cast import City
from tests.courses import lesson_hands

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WAITING, SENT, PASSWORD = "待发送", "已发送", "a-lamp-in-the-night-school"
KEPT = "async () => (await caches.keys()).filter((name) => name.startsWith('lesson|')).length"
LOOKED_AT = "document.dispatchEvent(new Event('visibilitychange'))"
WIFI = "Object.defineProperty(navigator.connection, 'type', { get: () => 'wifi' })"
SAVES = "Object.defineProperty(navigator.connection, 'saveData', { get: () => true })"
NO_STORE = """Object.defineProperty(window, 'indexedDB', {
  value: { open() { throw new Error('no room'); } },
})"""


@pytest.fixture
def town(transactional_db: None, clock: Any) -> City:
    city = cast.lay_out_city()
    cast.open_programme(city)
    return city


@pytest.fixture
def lesson(town: City) -> Lesson:
    return lesson_hands.published(town.actor("shi", "official"))


@pytest.fixture
def address(lesson: Lesson) -> str:
    return reverse("lesson-detail", args=[lesson.pk])


@pytest.fixture
def lin(town: City) -> Member:
    return with_password(town.people["lin"])


@pytest.fixture
def zhou(town: City) -> Member:
    return with_password(town.people["zhou"])


@pytest.fixture
def page(sign_in: Callable[..., Page], lin: Member) -> Page:
    """Lin's phone."""
    return sign_in(lin.number, PASSWORD, PHONE)


def with_password(member: Member) -> Member:
    member.set_password(PASSWORD)
    member.save(update_fields=["password"])
    return member


def enter(page: Page, member: Member) -> None:
    """Fill the sign-in page, which is open."""
    page.fill("input[name=number]", member.number)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_load_state()


def credited(member: Member, lesson: Lesson) -> int:
    """How many lines the ledger has of a member and a lesson."""
    return LedgerEntry.objects.filter(member=member, content=lesson.content).count()


def form_of(page: Page) -> Locator:
    return page.locator("form[data-answers]")


def state_of(page: Page) -> Locator:
    return page.locator("[data-answer-state]")


def list_of(page: Page) -> Locator:
    return page.locator("[data-my-answers]")


def keep(page: Page, address: str) -> None:
    """Open a lesson; it is kept by itself."""
    page.goto(address)
    expect(page.locator("[data-state]")).to_contain_text("没有网络也能读")


def hand_in(page: Page, *, choice: str = "对的") -> None:
    for question in page.locator("fieldset").all():
        question.get_by_label(choice).check()
    page.get_by_role("button", name="提交答案").click()


def answer_offline(page: Page, address: str) -> None:
    """Opened on the network, answered without one."""
    keep(page, address)
    page.context.set_offline(True)
    hand_in(page)
    expect(state_of(page)).to_contain_text(WAITING)


def wait_for(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("It has not come about.")


def test_mistake_35_offline_answers_wait_are_sent_and_are_credited_once(
    page: Page, lin: Member, lesson: Lesson, address: str
):
    keep(page, address)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator(".offline-note")).to_be_visible()
    expect(page.locator("article")).to_contain_text("矿区的夜校点起一盏油灯。")
    hand_in(page)
    expect(state_of(page)).to_contain_text(WAITING)
    expect(state_of(page)).to_contain_text("学时记在送到平台的那一天")
    page.goto(reverse("home"))
    expect(list_of(page)).to_contain_text(WAITING)
    list_of(page).get_by_role("link", name=lesson.title).click()
    expect(state_of(page)).to_contain_text(WAITING)
    expect(form_of(page)).to_be_hidden()
    assert credited(lin, lesson) == 0

    page.context.set_offline(False)
    expect(state_of(page)).to_contain_text(SENT)
    expect(state_of(page)).to_contain_text("已通过")
    assert credited(lin, lesson) == 1
    page.goto(reverse("lesson-list"))
    expect(list_of(page)).to_contain_text(SENT)
    expect(list_of(page)).not_to_contain_text(WAITING)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    expect(form_of(page)).to_have_count(0)
    assert credited(lin, lesson) == 1


def test_pictures_and_over_wifi_transcripts_are_there_without_a_network(
    page: Page, town: City, lesson: Lesson, address: str
):
    picture, sound, _ = lesson_hands.illustrate(lesson, town.actor("shi", "official"))
    shown = reverse("lesson-file", args=[picture.pk])
    words = reverse("lesson-transcript", args=[sound.pk])
    is_kept = "async (url) => await caches.match(url) !== undefined"
    keep(page, address)
    wait_for(page, lambda: page.evaluate(is_kept, shown))
    page.wait_for_load_state("networkidle")
    assert not page.evaluate(is_kept, words)  # on a phone's own line the budget is the text's

    page.context.add_init_script(WIFI)
    keep(page, address)
    wait_for(page, lambda: page.evaluate(is_kept, f"{words}?page=2"))
    page.context.set_offline(True)
    page.reload()
    page.locator("article img").scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('article img').naturalWidth === 40")
    page.get_by_role("link", name="文字稿：录音").click()
    page.get_by_role("link", name="下一页").click()
    expect(page.locator(".offline-note")).to_be_visible()
    expect(page.locator("article")).to_contain_text("矿工们认识了第一个字")
    page.get_by_role("link", name="回到这一课").click()
    expect(page.locator("h1")).to_have_text(lesson.title)


def test_a_phone_that_saves_data_keeps_the_text_alone(
    page: Page, town: City, lesson: Lesson, address: str
):
    picture, sound, _ = lesson_hands.illustrate(lesson, town.actor("shi", "official"))
    files = reverse("lesson-file", args=[picture.pk]), reverse("lesson-transcript", args=[sound.pk])
    page.context.add_init_script(f"{WIFI}; {SAVES}")
    keep(page, address)
    page.wait_for_load_state("networkidle")
    held = "async (urls) => (await Promise.all(urls.map((url) => caches.match(url)))).map(Boolean)"
    assert page.evaluate(held, [address, *files]) == [True, False, False]


def test_on_the_network_the_result_is_there_at_once(
    page: Page, lin: Member, lesson: Lesson, address: str
):
    keep(page, address)
    hand_in(page, choice="错的")
    expect(page.locator("#result")).to_contain_text("还没有通过")
    expect(form_of(page)).to_be_visible()
    assert credited(lin, lesson) == 0

    page.wait_for_load_state("networkidle")
    hand_in(page)
    expect(page.locator("#result")).to_contain_text("已通过")
    expect(form_of(page)).to_have_count(0)
    assert credited(lin, lesson) == 1
    page.goto(reverse("lesson-list"))
    expect(list_of(page).locator("li")).to_have_count(2)


def test_a_servers_answer_that_got_lost_is_asked_for_again(
    page: Page, faults: list[str], lin: Member, lesson: Lesson, address: str
):
    faults.append("ERR_CONNECTION_RESET")
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        route.fetch()  # the server has it …
        lost.append(route.request.post_data or "")
        route.abort("connectionreset")  # … and nobody hears of it

    page.context.route("**/answers/", lose)
    page.goto(address)
    hand_in(page)
    wait_for(page, lambda: bool(lost))
    expect(state_of(page)).to_contain_text(WAITING)
    assert credited(lin, lesson) == 1

    page.goto(reverse("lesson-list"))
    expect(list_of(page)).to_contain_text(SENT)
    expect(list_of(page)).to_contain_text("已通过")
    assert credited(lin, lesson) == 1


def test_answers_outlast_the_browser_that_was_closed(
    browser: Browser, browser_type_launch_args: dict[str, Any], live_server: Any, clock: Any,
    tmp_path: Path, lin: Member, lesson: Lesson, address: str,
):  # fmt: skip
    look: dict[str, Any] = {**browser_type_launch_args, **PHONE, "base_url": live_server.url}

    def start() -> BrowserContext:
        return browser.browser_type.launch_persistent_context(str(tmp_path), **look)

    first = start()
    page = first.new_page()
    page.goto(reverse("sign-in"))
    enter(page, lin)
    answer_offline(page, address)
    first.close()
    assert credited(lin, lesson) == 0

    second = start()
    page = second.new_page()
    page.goto(reverse("home"))
    expect(list_of(page)).to_contain_text(SENT)
    second.close()
    assert credited(lin, lesson) == 1


def test_two_tabs_write_down_and_send_them_once(
    page: Page, lin: Member, lesson: Lesson, address: str
):
    sent: list[str] = []
    page.context.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    keep(page, address)
    other = page.context.new_page()
    other.goto(address)
    page.context.set_offline(True)
    hand_in(page)
    expect(state_of(page)).to_contain_text(WAITING)
    expect(state_of(other)).to_contain_text(WAITING)
    expect(form_of(other)).to_be_hidden()

    page.context.set_offline(False)
    expect(state_of(page)).to_contain_text(SENT)
    expect(state_of(other)).to_contain_text(SENT)
    assert len(sent) == 1
    assert credited(lin, lesson) == 1


def test_a_sign_in_that_ran_out_is_asked_for_and_the_answers_stay(
    page: Page, lin: Member, lesson: Lesson, address: str
):
    answer_offline(page, address)
    Session.objects.all().delete()
    page.context.set_offline(False)
    expect(state_of(page)).to_contain_text("需要重新登录")
    expect(state_of(page)).to_contain_text(WAITING)
    assert credited(lin, lesson) == 0

    page.get_by_role("link", name="去登录").click()
    enter(page, lin)
    expect(page).to_have_url(re.compile(address))
    expect(state_of(page)).to_contain_text(SENT)
    assert credited(lin, lesson) == 1


def test_another_member_on_the_same_phone_neither_sees_nor_sends_them(
    page: Page, lin: Member, zhou: Member, lesson: Lesson, address: str
):
    answer_offline(page, address)
    page.goto("about:blank")
    page.context.set_offline(False)
    page.goto(reverse("account"))
    page.get_by_role("button", name="退出", exact=True).click()
    wait_for(page, lambda: page.evaluate(KEPT) == 0)
    # A page that is left loses Chromium's feigned offline first: 林小满's own may have sent it.
    before = credited(lin, lesson)
    enter(page, zhou)
    page.goto(reverse("lesson-list"))
    expect(list_of(page)).to_contain_text("还有别的同志的 1 份答题待发送")
    expect(list_of(page)).not_to_contain_text(lesson.title)
    page.goto(address)
    expect(form_of(page)).to_be_visible()
    expect(state_of(page)).to_be_empty()
    assert (credited(lin, lesson), credited(zhou, lesson)) == (before, 0)

    page.goto(reverse("account"))
    page.get_by_role("button", name="退出", exact=True).click()
    enter(page, lin)
    page.goto(reverse("lesson-list"))
    expect(list_of(page)).to_contain_text(SENT)
    assert (credited(lin, lesson), credited(zhou, lesson)) == (1, 0)


def test_a_tab_left_open_sends_nothing_in_the_name_of_who_signed_in_since(
    page: Page, faults: list[str], lin: Member, zhou: Member, lesson: Lesson, address: str
):
    faults.append("ERR_FAILED")
    answer_offline(page, address)
    page.route("**/answers/", lambda route: route.abort())
    page.context.clear_cookies()
    page.context.set_offline(False)
    second = page.context.new_page()
    second.goto(reverse("sign-in"))
    enter(second, zhou)

    page.unroute("**/answers/")
    page.evaluate(LOOKED_AT)
    expect(state_of(page)).to_contain_text("需要重新登录")
    expect(state_of(page)).to_contain_text(WAITING)
    assert credited(lin, lesson) == credited(zhou, lesson) == 0


def test_a_server_that_is_not_well_is_asked_again(
    page: Page, faults: list[str], lin: Member, lesson: Lesson, address: str
):
    faults.append("status of 503")
    page.context.route("**/answers/", lambda route: route.fulfill(status=503, body="busy"))
    page.goto(address)
    hand_in(page)
    expect(state_of(page)).to_contain_text("平台暂时收不到")
    expect(state_of(page)).to_contain_text(WAITING)
    assert credited(lin, lesson) == 0

    page.context.unroute("**/answers/")
    page.reload()
    expect(form_of(page)).to_be_hidden()
    expect(state_of(page)).to_contain_text(SENT)
    assert credited(lin, lesson) == 1


def test_a_refusal_is_said_and_blocks_no_later_answer(
    page: Page, lin: Member, lesson: Lesson, address: str
):
    answer_offline(page, address)
    lesson_hands.answer(lesson, lin, wrong=3)  # meanwhile, on another phone
    page.context.set_offline(False)
    expect(state_of(page)).to_contain_text("已经答过一次")
    assert credited(lin, lesson) == 0

    page.reload()
    hand_in(page)
    expect(page.locator("#result")).to_contain_text("已通过")
    assert credited(lin, lesson) == 1


def test_a_phone_that_cannot_keep_them_says_so(
    page: Page, lin: Member, lesson: Lesson, address: str
):
    page.context.add_init_script(NO_STORE)
    keep(page, address)
    page.context.set_offline(True)
    hand_in(page)
    expect(state_of(page)).to_contain_text("存不下答案")
    expect(form_of(page)).to_be_visible()

    page.context.set_offline(False)
    page.get_by_role("button", name="提交答案").click()
    expect(page.locator("#result")).to_contain_text("已通过")
    assert credited(lin, lesson) == 1


def test_what_is_kept_of_a_lesson_is_not_the_readers(
    page: Page, lin: Member, lesson: Lesson, address: str
):
    lesson_hands.answer(lesson, lin, wrong=3)
    keep(page, address)
    text = page.evaluate("async (url) => (await caches.match(url)).text()", address)

    assert "第0问？" in text or "第1问？" in text
    cookies = [cookie["value"] for cookie in page.context.cookies()]
    for own in (lin.name, lin.number, lin.key, "csrf", "还没有通过", *cookies):
        assert own not in text
    assert re.search(r'name="token" value=""', text)


def test_without_javascript_the_form_posts_as_usual(
    sign_in: Callable[..., Page], lin: Member, lesson: Lesson, address: str
):
    page = sign_in(lin.number, PASSWORD, PHONE, java_script_enabled=False)
    page.goto(address)
    hand_in(page)
    expect(page.locator("#result")).to_contain_text("已通过")
    assert credited(lin, lesson) == 1
