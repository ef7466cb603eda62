"""axe-core finds no violation on any page: normal, large text and dark; no page scrolls sideways
on a phone. The list of pages is compared with the URL configuration: none can be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import resolve, reverse
from playwright.sync_api import Page, expect

from courses.models import StudySession
from credits import overviews, programmes
from credits.models import Programme, RankingPermit
from portal.audit import Actor
from portal.models import Role
from tests.access.test_matrix import NAMES, patterns
from tests.browser import pages
from tests.browser.conftest import DESKTOP, PHONE
from tests.cast import TODAY, moment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = Axe()
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
  v => v.id + " " + v.nodes[0].target + " " + v.nodes[0].html.slice(0, 160))"""
LOOK = """([size, theme]) => { const root = document.documentElement;
  size ? root.setAttribute("data-size", size) : root.removeAttribute("data-size");
  theme ? root.setAttribute("data-theme", theme) : root.removeAttribute("data-theme"); }"""
# What is below repeats what is above it, and costs axe-core seconds.
SHORTEN = """() => document.querySelectorAll("tbody tr:nth-child(n+13), .mark:nth-child(n+13), " +
  ".list > li:nth-child(n+13)").forEach(more => more.remove())"""
WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
STAY = "HTMLFormElement.prototype.requestSubmit = () => {}"  # a scanned page posts itself


def wrong(page: Page, name: str) -> Iterator[str]:
    """What is wrong with the page that is shown, in each look and on a phone, in words."""
    page.emulate_media(reduced_motion="reduce")  # no colour is judged halfway to another
    page.evaluate(SHORTEN)
    page.evaluate(AXE.axe_script)
    yield from (f"{name}: {found}" for found in page.evaluate(RUN))
    if name.startswith("/admin/"):  # Django's own, at a desk; dark as the system says
        page.emulate_media(color_scheme="dark")
        yield from (f"{name} (dark): {found}" for found in page.evaluate(RUN))
        page.emulate_media(color_scheme="light")
        return
    for look, size, theme in (("large", "large", ""), ("dark", "", "dark")):
        page.evaluate(LOOK, [size, theme])
        yield from (f"{name} ({look}): {found}" for found in page.evaluate(RUN))
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    for look, size in (("phone", ""), ("phone, large", "large")):
        page.evaluate(LOOK, [size, ""])
        wide, shown = page.evaluate(WIDTHS)
        if wide > shown + 1:
            yield f"{name} ({look}): {wide} px wide on a screen of {shown}"
    page.evaluate(LOOK, ["", ""])
    if before:
        page.set_viewport_size(before)


@pytest.fixture
def ids(seeded: Any) -> dict[str, int | str]:
    return pages.made(seeded.people)


def test_every_page_stands_in_the_list(seeded: Any, ids: dict[str, int | str]):
    """Whatever the URL configuration answers to a GET is visited below."""
    client = Client(raise_request_exception=False)
    administrator = seeded.people["administrator"]
    client.force_login(administrator, backend="portal.sign_in.MemberBackend")
    sent_only = set()
    for pattern in patterns():
        kwargs = dict.fromkeys(pattern.pattern.converters, 1)
        address = reverse(pattern.name, kwargs=kwargs)
        if client.get(address).status_code == 405:
            sent_only.add(pattern.name)
    visited = {
        resolve(address.partition("?")[0]).url_name
        for addresses in pages.listed(seeded.people, ids).values()
        for address in addresses
    }

    assert set(NAMES) - visited - sent_only - set(pages.NO_PAGE) == set()
    assert set(pages.NO_PAGE) <= set(NAMES)


ROLES = ["", "member", "secretary", "official", "administrator", "guidance", "organiser", "helper",
         "unit_official"]  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_no_page_has_a_violation(
    role: str, sign_in: Any, visit: Any, seeded: Any, ids: dict[str, int | str]
):
    listed, found = pages.listed(seeded.people, ids), list[str]()
    assert set(listed) == set(ROLES)
    look = PHONE if role in ("", "member", "helper") else DESKTOP
    own = {"bypass_csp": role == "administrator"}  # axe-core styles Django's inline forms itself
    page = sign_in(seeded[role], seeded.password, look, **own) if role else visit(look).new_page()
    page.add_init_script(STAY)
    for address in listed[role]:
        response = page.goto(address)
        if response.status not in (200, 422):
            found.append(f"{address}: {response.status}")
        found += wrong(page, address)
    assert not found, "\n".join(found)


def empty(page: Page, address: str) -> None:
    """Send a page's form with nothing filled in."""
    page.goto(address)
    form = page.locator("main form:has(.form-control)").last
    form.evaluate(
        """form => { form.noValidate = true;
          form.querySelectorAll("input:not([type=hidden]):not([type=radio]):not([type=checkbox])," +
            "textarea").forEach(field => { field.value = ""; }); }"""
    )
    form.locator("button.btn-primary").first.click()
    expect(
        page.locator(".invalid-feedback, .field-error, .alert-danger, .note.bad").first
    ).to_be_visible()


def roll_with_people_waiting(page: Page, seeded: Any) -> None:
    branch = seeded.people["secretary"].branch
    over = StudySession.objects.filter(
        organiser=branch, state="open", ends_at__lt=moment(TODAY, 20)
    ).earliest("starts_at")
    page.goto(f"/sessions/{over.pk}/")
    page.click("text=保存并记学时")
    expect(page.locator("h1")).to_have_text("记学时前核对")


def slips(page: Page, seeded: Any) -> None:
    page.goto(f"/members/{seeded.people['member'].pk}/")
    page.click("text=打印登录条")
    expect(page.locator(".slip")).to_be_visible()


def sheet(page: Page, seeded: Any) -> None:
    """A sheet made by hand, with questions to answer."""
    page.goto("/sheets/")
    name = seeded.people["member"].name
    lines = f"姓名,出勤情况\n{name},√\n王小禾,√\n无此人,请假\n"
    page.set_input_files(
        "input[type=file]", {"name": "手工.csv", "mimeType": "text/csv", "buffer": lines.encode()}
    )
    page.click("text=上传并预览")
    expect(page.locator("h1")).to_have_text("手工.csv")


def people(page: Page, seeded: Any) -> None:
    """A list of members with a new one and a mistake."""
    branch = seeded.people["secretary"].branch
    page.goto("/members/in/")
    lines = f"姓名,党员编号,所在党支部\n江有汜,99887766,{branch.name}\n,99887767,没有的支部\n"
    page.set_input_files(
        "input[type=file]", {"name": "名册.csv", "mimeType": "text/csv", "buffer": lines.encode()}
    )
    page.click("text=上传并预览")
    expect(page.locator("main")).to_contain_text("要先改好的地方")


def menu(page: Page, group: str) -> None:
    page.goto("/messages/")
    page.locator("nav summary", has_text=group).click()
    expect(page.locator("nav details[open] a").first).to_be_visible()


def sign_out_elsewhere(page: Page, seeded: Any) -> None:
    """The form of a page whose cookie is gone."""
    page.goto("/account/")
    page.context.clear_cookies()
    page.click("text=退出所有设备 >> nth=-1")
    expect(page.locator("h1")).to_have_text("页面已过期")


ACTS: dict[str, tuple[str, Callable[[Page, Any], None]]] = {
    "an empty sign-in": ("", lambda page, _: empty(page, "/sign-in/")),
    "an empty first sign-in": ("", lambda page, _: empty(page, "/first-sign-in/")),
    "an empty log": ("member", lambda page, _: empty(page, "/logs/new/")),
    "a roll with people waiting": ("secretary", roll_with_people_waiting),
    "slips": ("secretary", slips),
    "a sheet with questions": ("secretary", sheet),
    "a list of members with mistakes": ("secretary", people),
    "an empty session": ("secretary", lambda page, _: empty(page, "/sessions/new/")),
    "an empty class": ("secretary", lambda page, _: empty(page, "/classes/new/")),
    "an empty member": ("secretary", lambda page, _: empty(page, "/members/new/")),
    "empty rules": ("official", lambda page, _: empty(page, "/programme/rules/")),
    "an empty bulletin": ("official", lambda page, _: empty(page, "/bulletins/new/")),
    "an empty suggestion": ("member", lambda page, _: empty(page, "/suggestions/")),
    "an open menu of a secretary": ("secretary", lambda page, _: menu(page, "更多")),
    "an open menu of an official": ("official", lambda page, _: menu(page, "审批")),
    "a page without its cookie": ("member", sign_out_elsewhere),
}  # fmt: skip


def test_pages_that_come_after_an_act_have_no_violation(sign_in: Any, visit: Any, seeded: Any):
    """Confirmations, previews, and forms that are sent back with what is wrong."""
    found, open_ = list[str](), dict[str, Page]()
    for name, (role, act) in ACTS.items():
        if role not in open_:
            look = DESKTOP if role in ("secretary", "official") else PHONE
            open_[role] = (
                sign_in(seeded[role], seeded.password, look) if role else visit(look).new_page()
            )
        act(open_[role], seeded)
        found += wrong(open_[role], name)
    assert not found, "\n".join(found)


def test_error_pages_have_no_violation(sign_in: Any, seeded: Any, monkeypatch: pytest.MonkeyPatch):
    page, found = sign_in(seeded["member"], seeded.password, PHONE), list[str]()
    for address, status in (("/audit/", 403), ("/nowhere/", 404)):
        assert page.goto(address).status == status
        found += wrong(page, address)
    programme = Programme.objects.open().get()
    by = Actor(seeded.people["official"], Role.OFFICIAL)
    programmes.permit(
        programme, RankingPermit.Level.OFF, document="撤销", by=by, at=moment(TODAY, 20)
    )
    for address in ("/ranking/", "/bulletins/"):
        page.goto(address)
        found += wrong(page, f"{address} (not permitted)")
    official = sign_in(seeded["official"], seeded.password, DESKTOP)
    found += wrong(official, "/ (not permitted)")
    # A broken page keeps its look, and Chromium's word about it is no mistake of ours.
    monkeypatch.setattr(overviews, "of", None)
    plain = official.context.browser.new_context(storage_state=official.context.storage_state())
    broken = plain.new_page()
    assert broken.goto(official.url).status == 500
    expect(broken.locator("h1")).to_have_text("系统出错了")
    found += wrong(broken, "500")
    plain.close()
    assert not found, "\n".join(found)


def test_pages_are_read_without_javascript(sign_in: Any, seeded: Any):
    """Whoever switches it off reads the same words."""
    for role, addresses in (
        ("member", ("/", "/hours/", "/logs/new/")),
        ("secretary", ("/", "/hours/branch/")),
        ("official", ("/", "/ranking/")),
    ):
        with_ = sign_in(seeded[role], seeded.password, DESKTOP)
        without = sign_in(seeded[role], seeded.password, DESKTOP, java_script_enabled=False)
        for address in addresses:
            with_.goto(address)
            without.goto(address)
            words = without.inner_text("main")
            assert len(words) > 100
            assert words == with_.inner_text("main"), address
