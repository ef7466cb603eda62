"""A bulletin in real browsers: from drawing up to the page on which anybody checks the paper, with
a unit's objection on the way and without; the worker publishes beside them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from playwright.sync_api import expect

from courses.models import StudySession
from credits.models import Bulletin, LedgerEntry
from tests import cast
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.hands import Hand, Stage
from tests.browser.screens import work_once

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST = 6  # interactions from the official's start page to the published number


@pytest.fixture(params=["desktop", "phone"])
def stage(request: Any, transactional_db: None, visit: Any, clock: Any) -> Stage:
    city = cast.lay_out_city()
    look: dict[str, Any] = DESKTOP if request.param == "desktop" else PHONE
    return Stage(visit, city, cast.open_programme(city), look, clock)


def work() -> None:
    """The worker takes what waits."""
    worker = threading.Thread(target=work_once)
    worker.start()
    worker.join(timeout=120)
    assert not worker.is_alive()


def published(official: Hand) -> Bulletin:
    """The official stands on the page of the job, which leads to the number."""
    work()
    official.tap("main a", text="返回查看结果")
    bulletin = Bulletin.objects.get()
    expect(official.page).to_have_url(f"{origin(official)}/bulletins/{bulletin.pk}/")
    expect(official.page.locator("h1")).to_contain_text(f"第 {bulletin.number} 期")
    return bulletin


def origin(hand: Hand) -> str:
    return str(hand.page.evaluate("location.origin"))


def test_without_objections_it_takes_at_most_six_interactions(stage: Stage):
    stage.closed("专题研讨")
    official = stage.hand("shi").go("/")
    official.tap("main a", text="编制积分通报")
    official.tap("main button", text="生成草稿")
    official.tap("main button", text="保存并预览")
    official.tap(".head button", text="发布")

    bulletin = published(official)

    assert official.taps <= MOST
    assert bulletin.code in official.page.locator("main").inner_text()


def test_a_unit_objects_the_ledger_is_corrected_and_anybody_checks_the_number(
    stage: Stage, visit: Any
):
    session = stage.closed("专题研讨", absent="lin")

    # The official draws up a draft and sends it to the units.
    official = stage.hand("shi").go("/")
    official.tap("main a", text="编制积分通报")
    official.tap("main button", text="生成草稿")
    official.tap("main button", text="保存并预览")
    official.tap("main a", text="送单位核对")
    official.tap("main button", text="送单位核对")
    official.reads("送核 2 个单位")

    # The unit finds it on its start page, and objects to one line with the reason.
    unit = stage.hand("gao").go("/")
    unit.tap("main a", text="去核对")
    unit.tap("main a", text="去核对")
    unit.tap("main button", text="开始核对")
    line = "main li:has(label[for=reason-hours])"
    unit.reads("2 学时")
    unit.tap(f"{line} summary")
    unit.type("#reason-hours", "林小满当天到会")
    unit.tap("main button", text="提交核对结果")
    unit.reads("1 项有异议")

    # While it is open nothing is published; another unit sees nothing of it.
    official.go(official.page.url)
    official.reads("林小满当天到会")
    official.tap("main a", text="预览和发布")
    official.tap(".head button", text="发布")
    work()
    official.page.reload()
    official.reads("还有 1 条单位异议没有答复")
    assert not Bulletin.objects.exists()

    # The branch's secretary corrects the roll: a revision in the ledger.
    secretary = stage.hand("zhou").go(f"/sessions/{session.pk}/")
    lin = stage.city.people["lin"]
    for _ in range(6):  # taps on the name go through the marks
        if "present" in (secretary.page.locator(f"#m{lin.pk}").get_attribute("class") or ""):
            break
        secretary.tap(f"#m{lin.pk} .tap")
    secretary.type("#reason", "签到表上有签名")
    secretary.tap("button", text="更正并改记学时")
    secretary.reads("已更正")
    assert StudySession.objects.get(pk=session.pk).state == "corrected"
    assert LedgerEntry.objects.live().filter(member=lin).exists()

    # The official replies: the figure proves the correction. Then the draft is published.
    official.go("/messages/")
    official.tap("main .card:has(h2:text('单位提出异议')) button", text="去看看")
    official.type("main input[name=text]", "已更正 6 月 2 日考勤")
    official.tap("main button[value=corrected]")
    official.reads("2 学时 → 4 学时")
    official.tap("main a", text="预览和发布")
    official.tap(".head button", text="发布")
    bulletin = published(official)
    row = bulletin.rows.get(unit=stage.city.county)
    assert row.hours == 400
    unit.go("/messages/")
    unit.reads("异议已答复")

    # Anybody with the paper checks it, and a wrong code is told.
    stranger = Hand(visit(PHONE).new_page()).go("/check/")
    stranger.type("#id_year", str(bulletin.year))
    stranger.type("#id_number", str(bulletin.number))
    stranger.type("#id_code", bulletin.code)
    stranger.tap("main button", text="核验通报")
    expect(stranger.page.locator(".note.good")).to_contain_text("期号和核验码一致")
    stranger.type("#id_code", "0000-0000-0000")
    stranger.tap("main button", text="核验通报")
    expect(stranger.page.locator(".note.bad")).to_contain_text("没有与这个期号和核验码相符的通报")
