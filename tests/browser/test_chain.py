"""The whole chain in real browsers: class → check-in → roll call → close → ring → ranking →
bulletin → sheet, signed in as member, secretary and official."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import openpyxl
import pytest
import zxingcpp
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, expect

from courses.models import StudySession
from credits import verification
from credits.models import Bulletin
from portal.models import Member
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.screens import hours_in_ring, work_once
from tests.cast import TODAY, moment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def scanned(page: Page) -> str:
    """What a phone's camera reads from the screen: the code is really decoded from its picture."""
    picture = Image.open(io.BytesIO(page.locator(".qr").screenshot()))
    [found] = zxingcpp.read_barcodes(picture)
    return str(found.text)


def branch_hours(page: Page, branch: str) -> float:
    """人均学时 of a branch, as the ranking of branches shows it to its own people."""
    page.goto("/ranking/?level=branch&find=1&measure=hours")
    row = page.locator("tr.mine", has_text=branch).first
    headings = page.locator("thead th").all_inner_texts()
    return float(row.locator("td").nth(headings.index("人均学时")).inner_text())


def test_the_whole_chain(sign_in: Any, visit: Any, clock: Any, seeded: Any):
    clock.move_to(moment(TODAY, 18, 45))
    secretary = sign_in(seeded["secretary"], seeded.password, DESKTOP)
    expect(secretary.locator("h2", has_text="待办")).to_be_visible()

    # A class in one form: its first session is this evening.
    secretary.click("nav >> text=读书班与活动")
    secretary.click("text=新建读书班")
    secretary.fill("[name=name]", "夜校读书班")
    secretary.fill("[name=first]", TODAY.isoformat())
    secretary.fill("[name=clock]", "19:00")
    secretary.fill("[name=minutes]", "90")
    secretary.fill("[name=each]", "1")
    secretary.select_option("[name=method]", "check_in")
    secretary.click("button:has-text('建班')")
    expect(secretary.locator("h1")).to_have_text("夜校读书班")
    session = StudySession.objects.get(title__startswith="夜校读书班第 1 次")
    assert session.reading_class is not None
    assert session.reading_class.sessions.count() == 4

    # What stands before the session, to compare with.
    member = sign_in(seeded["member"], seeded.password, PHONE)
    ring = hours_in_ring(member)
    mean = branch_hours(member, session.organiser.short_name)
    member.click("button:has-text('退出')")

    # The roll opens with the code on the screen; a phone that is signed out scans it.
    secretary.goto(f"/sessions/{session.pk}/")
    secretary.click("text=开始并显示签到码")
    expect(secretary.locator(".digits")).to_be_visible()
    phone = visit(PHONE).new_page()
    phone.goto(scanned(secretary))
    phone.click("text=登录并签到")
    clock.shift(75)  # five codes later
    phone.fill("input[name=number]", seeded["member"])
    phone.fill("input[name=password]", seeded.password)
    phone.click("main button")
    expect(phone.locator("h2", has_text="已签到")).to_be_visible()
    name = seeded.people["member"].name
    expect(secretary.locator(".names .tag.ok", has_text=name)).to_be_visible()

    # After the end: everybody else by hand, the rest absent, and credit.
    clock.move_to(moment(TODAY, 20, 35))
    secretary.goto(f"/sessions/{session.pk}/")
    expect(secretary.locator(".mark", has_text=name)).to_have_class(re.compile("present"))
    other = secretary.locator(".mark.not_yet").first
    other_name = other.get_attribute("data-name")
    other.locator(".tap").click()
    expect(secretary.locator(f".mark[data-name='{other_name}']").first).to_have_class(
        re.compile("present")
    )
    due = int(secretary.locator("[data-sum=due]").inner_text())
    secretary.click("text=保存并记学时")
    secretary.check("input[name=not_yet_becomes][value=absent]", force=True)
    secretary.click("button:has-text('记学时')")
    expect(secretary.locator(".note.good")).to_contain_text("实到 2 人")
    there = int(secretary.locator("[data-sum=there]").inner_text())
    absent = int(secretary.locator("[data-sum=absent]").inner_text())
    assert (there, absent) == (2, due - 2)

    # The member's ring and the ranking move.
    phone.goto("/")
    assert hours_in_ring(phone) == ring + 2
    assert branch_hours(phone, session.organiser.short_name) > mean

    # The official publishes a bulletin that shows what the ranking shows.
    official = sign_in(seeded["official"], seeded.password, DESKTOP)
    official.goto("/ranking/?cohort=county")
    ranking = [row.split("\t") for row in official.locator("tbody tr").all_inner_texts()]
    official.goto("/bulletins/new/")
    official.click("main form button.btn-primary")
    official.click("text=保存并预览")
    official.on("dialog", lambda dialog: dialog.accept())
    official.click("main button:has-text('发布')")
    expect(official.locator("h1")).to_contain_text("发布")
    worker = threading.Thread(target=work_once)
    worker.start()
    worker.join(timeout=120)
    official.goto(f"/bulletins/{Bulletin.objects.latest('pk').pk}/")
    expect(official.locator("h1")).to_contain_text("积分通报")
    shown = official.locator("section.card", has=official.locator("h2", has_text="县（区）"))
    rates = shown.locator("tbody tr").all_inner_texts()
    assert len(rates) == len(ranking) == 7
    for line, row in zip(rates, ranking, strict=True):
        unit, rate = line.split("\t")[2].split(" ")[0], re.search(r"[\d.]+%", line)
        assert row[2].startswith(unit)
        assert rate is not None
        assert rate.group() in row[3]

    # The attendance sheet, opened again and compared cell by cell with the roll.
    secretary.goto(f"/sessions/{session.pk}/")
    numbers = dict(Member.objects.values_list("pk", "number"))
    marks = {  # by number: two of the branch share a name
        numbers[int((select.get_attribute("name") or "").removeprefix("mark-"))]: (
            select.input_value()
        )
        for select in secretary.locator(".mark select").all()
    }
    with secretary.expect_download() as download:
        secretary.click("button:has-text('考勤表')")
    sheet = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes())).active
    cells = {c.coordinate: c.value for row in sheet.iter_rows() for c in row if c.value is not None}
    assert_sheet_says(cells, session, marks, there=2, due=due)
    assert verification.verify(at=timezone.now()).ok


WORDS = {"present": "出席", "absent": "缺席", "late": "迟到", "left_early": "早退"}


def assert_sheet_says(
    cells: dict[str, Any], session: StudySession, marks: dict[Any, str], *, there: int, due: int
) -> None:
    """Heading block, one row a person with their mark, and sums that add up."""
    values = list(cells.values())

    def after(label: str) -> Any:
        return values[values.index(label) + 1]

    assert after("主题") == session.title
    assert (after("应到"), after("实到"), after("缺席")) == (due, there, due - there)
    heading = next(k for k, v in cells.items() if v == "姓名")
    top = int(re.sub(r"\D", "", heading))
    columns = {v: re.sub(r"\d", "", k) for k, v in cells.items() if k.endswith(str(top))}
    rows = {}
    for line in range(top + 1, top + 1 + len(marks)):
        number = cells[f"{columns['党员编号']}{line}"]
        rows[number] = cells[f"{columns['出勤情况']}{line}"]
        assert cells[f"{columns['姓名']}{line}"] == Member.objects.get(number=number).name
        assert cells[f"{columns['序号']}{line}"] == line - top
    assert rows == {number: WORDS[mark] for number, mark in marks.items()}
