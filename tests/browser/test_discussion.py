"""A discussion on phones: asked, answered, rewritten, replied to, closed, recognised, credited."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from courses.models import Discussion, StudyGroup
from credits.models import LedgerEntry
from tests.browser.conftest import PHONE
from tests.browser.screens import fits
from tests.cast import TODAY

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def look(page: Page, name: str) -> None:
    """A picture, where somebody wants to see it."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_discussion_from_the_question_to_the_line(sign_in: Any, seeded: Any):
    group = StudyGroup.objects.get(leader=seeded.people["helper"])
    group.people.get_or_create(member=seeded.people["member"], since=group.made_at)
    leader = sign_in(seeded["helper"], seeded.password, PHONE)
    leader.goto(f"/discussions/?group={group.pk}")
    look(leader, "list-leader")
    leader.click("text=发起讨论")
    fits(leader)
    look(leader, "new")
    leader.fill("[name=title]", "最难忘的一课")
    leader.fill("[name=last_day]", (TODAY + timedelta(days=3)).isoformat())
    leader.select_option("[name=period]", "reform")
    leader.click("main button:has-text('发起')")
    expect(leader.locator(".note.good")).to_contain_text("已发起")

    member = sign_in(seeded["member"], seeded.password, PHONE)
    member.goto("/messages/")
    member.click("text=新的专题讨论")
    talk = Discussion.objects.get(title="最难忘的一课")
    member.goto(f"/discussions/{talk.pk}/")
    member.fill("#answer", "是在抗联遗址上的那一课。")
    fits(member)
    look(member, "answer")
    member.goto(f"/discussions/{talk.pk}/")  # gone and come back: the draft is there
    expect(member.locator("#answer")).to_have_value("是在抗联遗址上的那一课。")
    member.click("button:has-text('提交')")
    expect(member.locator(".note.good")).to_contain_text("已提交")
    member.click("summary:has-text('修改')")
    expect(member.locator("#edit")).to_have_value("是在抗联遗址上的那一课。")
    member.fill("#edit", f"是在抗联遗址上的那一课。@{seeded.people['helper'].name} 您呢？")
    member.click("button:has-text('保存修改')")
    expect(member.locator(".note.good")).to_contain_text("已修改")

    leader.goto("/messages/")
    expect(leader.locator("main")).to_contain_text("讨论里提到了您")
    leader.goto(f"/discussions/{talk.pk}/")
    expect(leader.locator("main")).to_contain_text("修改过")
    leader.click("summary:has-text('回复')")
    leader.fill("[name=text] >> visible=true >> nth=-1", "我也是。")
    fits(leader)
    look(leader, "reply")
    leader.click("button:has-text('回复') >> visible=true >> nth=-1")
    expect(leader.locator(".note.good")).to_contain_text("已回复")
    assert not LedgerEntry.objects.filter(posting__kind="discussion", posting__key=talk.key)

    leader.on("dialog", lambda dialog: dialog.accept())
    leader.click("text=结束讨论，去认定")
    fits(leader)
    look(leader, "recognise")
    leader.click("text=全部认定")
    expect(leader.locator(".note.good")).to_contain_text("已认定 1 个回答")

    member.goto("/hours/")
    line = member.locator("tr", has_text="最难忘的一课")
    expect(line).to_contain_text("网上教育")
    look(member, "statement")
    line.locator("a").first.click()
    expect(member.locator("#own")).to_contain_text("已认定")
    look(member, "done")


def test_what_was_being_written_outlasts_an_expired_sign_in(sign_in: Any, seeded: Any):
    group = StudyGroup.objects.get(leader=seeded.people["helper"])
    group.people.get_or_create(member=seeded.people["member"], since=group.made_at)
    talk = Discussion.objects.get(group=group, state="open")
    phone = sign_in(seeded["member"], seeded.password, PHONE)
    phone.goto(f"/discussions/{talk.pk}/")
    phone.fill("#answer", "写了很久的一段话。")
    phone.context.clear_cookies(name="sessionid")
    phone.click("button:has-text('提交')")
    phone.fill("input[name=number]", seeded["member"])
    phone.fill("input[name=password]", seeded.password)
    phone.click("main button")
    expect(phone.locator("#answer")).to_have_value("写了很久的一段话。")
    phone.click("button:has-text('提交')")
    expect(phone.locator(".note.good")).to_contain_text("已提交")
