"""What happens every day: a log in three taps, confirming it, a slip, a roll without JavaScript,
a sheet that comes back, a rule change done by the worker."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from courses.models import StudyLog, StudySession
from credits.models import LedgerEntry
from portal.models import Job, Member
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.screens import hours_in_ring, work_once
from tests.cast import TODAY, moment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_usual_study_is_logged_in_three_taps_and_confirmed(sign_in: Any, seeded: Any):
    """Home → 记一次学习 → 提交; the secretary confirms; the ring moves."""
    person = seeded.people["member"]
    StudyLog.objects.filter(member=person, state="pending").update(content="", day=TODAY)
    last = StudyLog.objects.filter(member=person).order_by("-pk").first()
    assert last is not None
    StudyLog.objects.filter(pk=last.pk).update(content="", day="2021-05-20", minutes=45, start=None)
    member = sign_in(seeded["member"], seeded.password, PHONE)
    ring = hours_in_ring(member)
    member.click("text=记一次学习")
    member.click("form:has-text('和上次一样') button")
    expect(member.locator(".note.good")).to_contain_text("等支部确认")
    assert hours_in_ring(member) == ring  # nothing counts before it is confirmed

    secretary = sign_in(seeded["secretary"], seeded.password, DESKTOP)
    secretary.goto("/logs/")
    row = secretary.locator("tr", has_text=person.name).last
    row.locator("input[type=checkbox]").check()
    expect(secretary.locator("button:has-text('确认选中的')")).to_contain_text("1 条")
    secretary.click("button:has-text('确认选中的')")
    expect(secretary.locator(".note.good")).to_contain_text("已确认 1 条")
    member.goto("/")
    assert hours_in_ring(member) == ring + 1


def test_a_slip_opens_an_account(sign_in: Any, visit: Any, seeded: Any):
    """The secretary prints; the member scans, chooses a password, and is in; once only."""
    person = seeded.people["member"]
    secretary = sign_in(seeded["secretary"], seeded.password, DESKTOP)
    secretary.goto(f"/members/{person.pk}/")
    secretary.click("text=打印登录条")
    slip = secretary.locator(".slip")
    expect(slip).to_contain_text(person.number)
    code = "".join(c for c in slip.locator("b").last.inner_text() if c.isdigit())
    phone = visit(PHONE).new_page()
    phone.goto(f"/first-sign-in/#{person.number}.{code}")
    expect(phone.locator("input[name=number]")).to_have_value(person.number)
    phone.fill("input[name=password]", "yongyuan-gendangzou-21")
    phone.click("main button")
    expect(phone.locator("svg.ring")).to_be_visible()
    again = visit(PHONE).new_page()
    again.goto(f"/first-sign-in/#{person.number}.{code}")
    again.fill("input[name=password]", "yongyuan-gendangzou-22")
    again.click("main button")
    expect(again.locator("main")).to_contain_text("登录条")
    assert "/first-sign-in/" in again.url


def open_session(seeded: Any) -> StudySession:
    """A session of the demonstration branch whose roll is open and that is over."""
    return StudySession.objects.filter(
        organiser=seeded.people["secretary"].branch, state="open", ends_at__lt=moment(TODAY, 20)
    ).earliest("starts_at")


def test_the_roll_works_without_javascript(sign_in: Any, seeded: Any):
    session = open_session(seeded)
    page: Page = sign_in(seeded["secretary"], seeded.password, DESKTOP, java_script_enabled=False)
    page.goto(f"/sessions/{session.pk}/")
    for select in page.locator(".mark select").all():
        select.select_option("present")
    page.locator(".mark select").first.select_option("leave:sick")
    page.click("text=暂存")
    expect(page.locator(".note.good")).to_contain_text("已暂存")
    due = int(page.locator("[data-sum=due]").inner_text())
    assert int(page.locator("[data-sum=there]").inner_text()) == due - 1
    assert int(page.locator("[data-sum=leave]").inner_text()) == 1
    page.click("text=保存并记学时")
    if page.locator("input[name=confirmed]").count():
        page.click("button:has-text('记学时')")
    expect(page.locator(".note.good")).to_contain_text(f"实到 {due - 1} 人")
    credited = LedgerEntry.objects.filter(posting__key=session.key, hours__gt=0).count()
    refused = page.locator(".note.bad li").count()
    assert credited == due - 1 - refused


def test_two_people_at_one_roll_are_told(sign_in: Any, seeded: Any):
    """Mistake 3: nothing is overwritten in silence."""
    session = open_session(seeded)
    first = sign_in(seeded["secretary"], seeded.password, DESKTOP)
    second = sign_in(seeded["organiser"], seeded.password, DESKTOP)
    for page in (first, second):
        page.goto(f"/sessions/{session.pk}/")
    name = first.locator(".mark.not_yet, .mark.present").first.get_attribute("data-name")
    mark = f".mark[data-name='{name}'] >> nth=0"
    first.locator(mark).locator(".tap").click()
    first.click("text=暂存")
    expect(first.locator(".note.good")).to_be_visible()
    second.locator(mark).locator(".tap").click()
    second.locator(mark).locator(".tap").click()
    second.click("text=暂存")
    expect(second.locator(".note.bad")).to_contain_text(str(name))
    expect(second.locator(".note.bad")).to_contain_text("请核对")


def test_our_sheet_comes_back_unchanged(sign_in: Any, seeded: Any, tmp_path: Any):
    """Mistake 32 in the browser: out, in again, and nothing to change."""
    session = StudySession.objects.filter(
        organiser=seeded.people["secretary"].branch, state="closed"
    ).latest("starts_at")
    entries = LedgerEntry.objects.count()
    page = sign_in(seeded["secretary"], seeded.password, DESKTOP)
    page.goto(f"/sessions/{session.pk}/")
    with page.expect_download() as download:
        page.click("button:has-text('考勤表')")
    file = tmp_path / "考勤.xlsx"
    download.value.save_as(file)
    page.goto("/sheets/")
    page.set_input_files("input[type=file]", file)
    page.click("text=上传并预览")
    expect(page.locator("main")).to_contain_text(session.title)
    assert LedgerEntry.objects.count() == entries


def test_a_rule_change_is_rehearsed_and_done_by_the_worker(sign_in: Any, seeded: Any):
    """The numbers are shown first; the worker recomputes branch by branch, with progress."""
    page = sign_in(seeded["official"], seeded.password, DESKTOP)
    page.goto("/programme/rules/")
    page.fill("[name=target]", "20")
    page.fill("[name=since]", TODAY.isoformat())
    page.fill("[name=authority]", "演示文件")
    page.fill("[name=reason]", "试行")
    page.click("main form button.btn-primary")
    expect(page.locator("main")).to_contain_text("人")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("button[name=apply]")
    expect(page.locator(".note.good")).to_be_visible()
    worker = threading.Thread(target=work_once)
    worker.start()
    worker.join(timeout=60)
    assert Job.objects.latest("pk").state == "done"
    assert Member.objects.filter(standings__target=2000).exists()
