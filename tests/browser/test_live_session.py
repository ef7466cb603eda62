"""A session at a distance on a phone: the link, the digits typed, the count compared, credited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from courses import check_in, roll_call, sessions
from courses.models import AttendanceCredit
from courses.sessions import Plan
from credits.models import Programme
from portal.audit import Actor
from tests.browser.conftest import PHONE
from tests.cast import TODAY, moment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LINK = "https://meeting.example.com/dm/a1B2c3"


def test_from_the_link_to_the_credited_hours(sign_in: Any, seeded: Any, clock: Any):
    secretary, lin = seeded.people["secretary"], seeded.people["member"]
    by, at = Actor(secretary, "secretary"), moment(TODAY, 20)
    plan = Plan("线上党课", "lecture", at, at + timedelta(minutes=45), "reform",
                method="check_in", link=LINK)  # fmt: skip
    session = sessions.schedule(
        secretary.branch, [Programme.objects.open().get()], plan, by=by, at=at
    )
    session = roll_call.open_(session, by=by, at=at)

    desk = sign_in(secretary.number, seeded.password, PHONE)
    desk.goto(reverse("check-in-screen", args=[session.pk]))
    expect(desk.locator(".shared .digits")).to_be_visible()
    digits = desk.locator(".digits").inner_text()
    assert lin.name not in desk.locator("main").inner_text()

    page = sign_in(lin.number, seeded.password, PHONE)
    page.get_by_role("link", name="线上党课").click()
    way_in = page.get_by_role("link", name="进入会议（meeting.example.com）")
    expect(way_in).to_be_in_viewport()
    assert way_in.get_attribute("href") == LINK
    assert way_in.get_attribute("rel") == "noopener noreferrer"
    page.get_by_role("link", name="输入六位数字签到").click()
    page.get_by_label("屏幕上的六位数字").fill(digits)
    page.get_by_role("button", name="签到", exact=True).click()
    expect(page.locator("main")).to_contain_text("已签到")

    clock.shift(timedelta(minutes=50))
    desk.goto(reverse("session-detail", args=[session.pk]))
    desk.get_by_role("button", name="保存并记学时").click()
    expect(desk.locator("main")).to_contain_text("名单上现在到会 1 人")
    desk.get_by_label("会议里数到几人").fill("2")
    desk.get_by_role("button", name="记学时", exact=True).click()
    expect(desk.locator("main")).to_contain_text("会议里数到 2 人，名单上到会 1 人")
    desk.get_by_role("button", name="保存并记学时").click()
    desk.get_by_label("会议里数到几人").fill("1")
    desk.get_by_role("button", name="记学时", exact=True).click()
    expect(desk.locator("main")).to_contain_text("与会议中的 1 人核对一致")

    page.reload()
    expect(page.locator("main")).to_contain_text("已记入 1 学时")
    expect(page.locator("main")).not_to_contain_text("进入会议")
    [credit] = AttendanceCredit.objects.filter(attendance__session=session)
    assert (credit.attendance.member, credit.state) == (lin, "credited")


def test_digits_are_three_taps_from_the_start_page(sign_in: Any, seeded: Any):
    secretary, at = seeded.people["secretary"], moment(TODAY, 20)
    by = Actor(secretary, "secretary")
    plan = Plan("线上党课", "lecture", at, at + timedelta(minutes=45), "reform",
                method="check_in", link=LINK)  # fmt: skip
    session = sessions.schedule(
        secretary.branch, [Programme.objects.open().get()], plan, by=by, at=at
    )
    session = roll_call.open_(session, by=by, at=at)
    page = sign_in(seeded["member"], seeded.password, PHONE)

    page.get_by_role("link", name="扫码或数字签到").click()  # one
    field = page.get_by_label("屏幕上的六位数字")
    expect(field).to_be_in_viewport()
    field.click()  # two
    page.keyboard.type(check_in.code_at(session, at).digits)
    page.get_by_role("button", name="签到", exact=True).click()  # three
    expect(page.locator("main")).to_contain_text("已签到")
