"""The page of the roll call: what it shows is what it sends, for one person and for two at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from courses import corrections, roll_call, sessions
from courses.marks import Mark
from courses.models import Status
from credits.models import LedgerEntry, Posting, Standing
from tests.cast import BEFORE, NOW, TODAY, moment
from tests.courses.conftest import mark_of, plan, wish

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def desk(city):
    """A browser of the secretary; each call opens another one."""

    def make(name="zhou"):
        browser = Client()
        browser.force_login(city.people[name], "portal.sign_in.MemberBackend")
        return browser

    return make


def form_on(page):
    """What the roll's form would send if it were sent as it is shown."""
    text = page.content.decode()
    seen = dict(re.findall(r'name="(seen-\d+)" value="([^"]*)"', text))
    marks = {
        name: (re.search(r'<option value="([^"]*)" selected', body) or [0, ""])[1]
        for name, body in re.findall(r'name="(mark-\d+)"(.*?)</select>', text, re.DOTALL)
    }
    return seen | marks


def address(session, what="detail"):
    return reverse(f"session-{what}", args=[session.pk])


def words(session):
    return {str(row.member): str(Mark.of(row)) for row in session.attendances.all()}


def test_mistake_05_sending_the_page_as_it_is_shown_changes_nothing(
    city, opened, secretary, desk, lin
):
    third = city.enrol(city.jia)
    roll_call.add(opened, city.people["wu"], "present", by=secretary, at=NOW)
    roll_call.add(opened, city.people["zheng"], "observer", by=secretary, at=NOW)
    roll_call.save(opened, wish(mark_of(opened, lin), "leave:sick"), by=secretary, at=NOW)
    before, browser = words(opened), desk()
    assert third.pk not in {row.member_id for row in opened.attendances.all()}

    for _ in range(3):
        shown = form_on(browser.get(address(opened)))
        answer = browser.post(address(opened, "save"), shown, follow=True)
        assert "改动 0 人" in answer.content.decode()

    assert words(opened) == before
    assert len(shown) == 2 * len(before)


def test_two_secretaries_at_once_the_second_is_told_and_keeps_what_they_wanted(
    city, opened, desk, lin, zhou
):
    first, second = desk(), desk()
    one, two = form_on(first.get(address(opened))), form_on(second.get(address(opened)))

    first.post(address(opened, "save"), one | {f"mark-{lin.pk}": "leave:sick"})
    wanted = {f"mark-{lin.pk}": "absent", f"mark-{zhou.pk}": "late"}
    answer = second.post(address(opened, "save"), two | wanted)

    assert answer.status_code == 409
    text = answer.content.decode()
    assert "林小满刚刚被改为“病假”（您看到的是“出席”）" in text
    assert form_on(answer)[f"mark-{zhou.pk}"] == "late"  # kept on the page
    assert mark_of(opened, zhou).status == Status.PRESENT  # and not yet written
    again = second.post(address(opened, "save"), form_on(answer))
    assert again.status_code == 302
    assert (mark_of(opened, lin).status, mark_of(opened, zhou).status) == ("absent", "late")


def test_an_open_roll_offers_to_take_in_whoever_became_due_meanwhile(city, opened, secretary, desk):
    assert "补入名单" not in desk().get(address(opened)).content.decode()
    new = city.enrol(city.jia, "新来人")
    assert "新增应到 1 人：</b>新来人" in desk().get(address(opened)).content.decode()

    told = desk().post(address(opened, "take-in"), follow=True).content.decode()

    assert "已补入名单 1 人" in told
    assert "新增应到" not in told
    assert '应到 <b data-sum="due">3</b>' in told
    assert not mark_of(opened, new).guest
    roll_call.close(opened, {}, by=secretary, at=NOW)
    city.enrol(city.jia, "再来人")
    assert "再来人" not in desk().get(address(opened)).content.decode()
    late = desk().post(address(opened, "take-in"), follow=True).content.decode()
    assert "不能再补入名单" in late
    assert opened.attendances.count() == 3


def test_what_can_never_be_credited_leaves_the_to_do_list_and_stays_on_the_page(
    schedule, secretary, desk, lin
):
    for hour in (9, 14):
        session = schedule(f"{hour} 点", hour=hour, content="lesson-1")
        roll_call.open_(session, by=secretary, at=session.starts_at)
        roll_call.close(session, {}, by=secretary, at=NOW)
    assert "14 点</b>：2 人未能记入" in desk().get(reverse("home")).content.decode()
    shown = desk().get(address(session)).content.decode()
    seen = re.findall(r'name="credit" value="(\d+)"', shown)
    assert (len(seen), "已核实</span>" in shown) == (2, False)

    told = desk().post(address(session, "settle"), {"credit": [*seen, "x"]}, follow=True)

    text = told.content.decode()
    assert "已核实 2 人，不再列入待办" in text
    assert '同一内容已在《9 点》中记过学时，不重复计算。 <span class="tag">已核实' in text
    assert "林小满 核实未能记入（同一内容" in text
    assert "不再提醒" not in text
    assert "现在补记" in text
    assert "未能记入" not in desk().get(reverse("home")).content.decode()


def test_the_counts_on_the_page_add_up(city, schedule, secretary, desk, lin):
    for number in range(4):
        city.enrol(city.jia, f"组员{number}")
    session = schedule()
    roll_call.open_(session, by=secretary, at=session.starts_at)
    people = [row.member for row in session.attendances.order_by("pk")]
    marks = ["late", "left_early", "leave:other", "absent", "absent", "present"]
    shown = form_on(desk().get(address(session)))
    shown |= {f"mark-{m.pk}": mark for m, mark in zip(people, marks, strict=True)}
    desk().post(address(session, "save"), shown)

    text = desk().get(address(session)).content.decode()

    sums = {name: int(n) for name, n in re.findall(r'data-sum="(\w+)">(\d+)<', text)}
    assert sums["due"] == sums["there"] + sums["leave"] + sums["absent"] + sums["not_yet"] == 6
    assert (sums["there"], sums["leave"], sums["absent"], sums["not_yet"]) == (3, 1, 2, 0)


@pytest.mark.parametrize("wrong", ["nonsense", "leave:holiday", "present:sick", ""])
def test_a_mark_that_is_none_is_refused_in_words(opened, desk, lin, wrong):
    browser = desk()
    shown = form_on(browser.get(address(opened)))

    answer = browser.post(address(opened, "save"), shown | {f"mark-{lin.pk}": wrong})

    assert answer.status_code == 422
    assert "看不懂的考勤标记" in answer.content.decode()
    assert mark_of(opened, lin).status == Status.PRESENT


def test_marks_named_by_odd_digits_are_no_marks(opened, desk):
    answer = desk().post(address(opened, "save"), {"mark-²": "present", "mark-٣": "absent"})

    assert answer.status_code in (302, 422)


def test_mistake_27_sending_the_closing_form_twice_credits_once(opened, desk, lin):
    browser = desk()
    shown = form_on(browser.get(address(opened))) | {"close": "1"}

    for _ in range(2):
        assert browser.post(address(opened, "save"), shown).status_code == 302

    assert Posting.objects.count() == 1
    assert Standing.objects.get(member=lin).recognised == 200


def test_closing_first_lists_who_cannot_be_credited_and_why_and_then_credits_the_others(
    city, programme, opened, desk, lin, zhou
):
    start = moment(TODAY, 9, 30)
    other = sessions.schedule(city.yi, [programme], plan("县里的讲座", hour=8), by=city.by,
                              at=BEFORE)  # fmt: skip
    roll_call.open_(other, by=city.by, at=start - timedelta(hours=2))
    roll_call.add(other, lin, "present", by=city.by, at=start)
    roll_call.close(other, {}, by=city.by, at=NOW)
    browser = desk()
    shown = form_on(browser.get(address(opened))) | {"close": "1"}

    asked = browser.post(address(opened, "save"), shown)
    assert asked.status_code == 200
    assert "林小满" in asked.content.decode()
    assert "与《县里的讲座》（6月3日 08:00–09:30）时间重叠。" in asked.content.decode()
    assert LedgerEntry.objects.filter(posting__key=opened.key).count() == 0

    browser.post(address(opened, "save"), shown | {"confirmed": "1"})
    assert list(LedgerEntry.objects.filter(posting__key=opened.key).values_list("member")) == [
        (zhou.pk,)
    ]
    page = browser.get(address(opened)).content.decode()
    assert "1 人未能记入学时" in page

    corrections.correct(other, wish(mark_of(other, lin), "absent"), reason="没去",
                        by=city.actor("zheng", "secretary"), at=NOW)  # fmt: skip
    told = browser.post(reverse("session-credit-now", args=[opened.pk]), follow=True)
    assert "补记 1 人，仍有 0 人未能记入。" in told.content.decode()
    assert Standing.objects.get(member=lin).recognised == 200


def test_mistake_20_a_session_with_members_of_five_branches_posts_once(
    city, programme, schedule, secretary, desk, lin, zhou
):
    from portal import organizations
    from portal.models import Organization
    from portal.organizations import Founding

    guests = [city.people["wu"], city.people["gao"]]
    for number in range(2):
        founding = Founding(f"YL-QC-{number + 7}", f"第{number}支部", Organization.Kind.BRANCH,
                            city.county, BEFORE.date())  # fmt: skip
        guests.append(city.enrol(organizations.found(founding, by=city.by, at=BEFORE)))
    session = schedule()
    roll_call.open_(session, by=secretary, at=session.starts_at)
    for guest in guests:
        body = {"number": guest.number, "status": "present"}
        desk().post(reverse("session-add", args=[session.pk]), body)

    desk().post(address(session, "save"), {"close": "1"})

    posting = Posting.objects.get()
    assert posting.book.organization == city.jia
    homes = LedgerEntry.objects.values_list("home", flat=True)
    assert (len(homes), len(set(homes))) == (6, 5)
    assert session.attendances.filter(guest=True).count() == 4


def test_going_back_from_the_last_check_keeps_the_marks(schedule, secretary, desk, lin, zhou):
    session = schedule(method="check_in")
    roll_call.open_(session, by=secretary, at=session.starts_at)
    browser = desk()
    shown = form_on(browser.get(address(session))) | {f"mark-{lin.pk}": "leave:sick", "close": "1"}
    asked = browser.post(address(session, "save"), shown).content.decode()
    assert "还有 1 人未签到" in asked
    sent = dict(re.findall(r'name="((?:seen|mark)-\d+|close|confirmed)" value="([^"]*)"', asked))

    answer = browser.post(address(session, "save"), sent | {"back": "1"}, follow=True)

    assert "已暂存，改动 1 人" in answer.content.decode()
    assert (mark_of(session, lin).status, mark_of(session, zhou).status) == ("leave", "not_yet")
    session.refresh_from_db()
    assert session.state == "open"


def test_whoever_could_not_be_credited_if_called_present_is_listed_before_the_choice(
    city, programme, schedule, secretary, desk, lin
):
    session = schedule(method="check_in")
    roll_call.open_(session, by=secretary, at=session.starts_at)
    other = sessions.schedule(city.yi, [programme], plan("县里的讲座", hour=8), by=city.by,
                              at=BEFORE)  # fmt: skip
    roll_call.open_(other, by=city.by, at=other.starts_at)
    roll_call.add(other, lin, "present", by=city.by, at=NOW)
    roll_call.close(other, {}, by=city.by, at=NOW)
    browser = desk()

    asked = browser.post(
        address(session, "save"), form_on(browser.get(address(session))) | {"close": "1"}
    ).content.decode()

    assert "还有 2 人未签到" in asked
    assert "其中 1 人记为出席也不能记入学时" in asked
    assert "与《县里的讲座》（6月3日 08:00–09:30）时间重叠。" in asked


def test_namesakes_outside_the_branch_are_not_shown_but_found_by_their_number(
    city, opened, secretary, desk, lin
):
    near, far = city.enrol(city.jia, "林小满"), city.enrol(city.bing, "林小满")
    roll_call.close(opened, {}, by=secretary, at=NOW)
    browser = desk()
    one = reverse("session-one", args=[opened.pk, lin.pk])

    text = browser.get(one).content.decode()
    assert near.number in text
    assert far.number not in text

    browser.post(one, {"other": far.number, "reason": "是丙支部的林小满"})
    assert mark_of(opened, far).status == Status.PRESENT
    assert mark_of(opened, far).guest
    assert mark_of(opened, lin).status == Status.ABSENT


PAPER = [
    "党组织全称", "主题", "类别", "形式", "起止时间", "地点", "主持人", "主讲人", "记录人", "学时",
    "应到", "实到", "请假", "缺席", "列席", "出勤率",
    "序号", "姓名", "党小组", "正式/预备", "签到", "出勤情况", "请假事由", "补学", "备注",
]  # fmt: skip


def test_the_paper_sheet_has_the_columns_of_the_spreadsheet_and_the_groups(
    city, schedule, secretary, desk, lin
):
    lin.memberships.update(group="第二党小组")
    session = schedule(place="三楼会议室", host="周明远")
    before = desk().get(address(session, "paper")).content.decode()
    session = roll_call.open_(session, by=secretary, at=NOW)
    roll_call.add(session, city.people["wu"], "observer", by=secretary, at=NOW)
    after = desk().get(address(session, "paper")).content.decode()

    for text in (before, after):
        assert set(re.findall(r"<th[^>]*>([^<]+)</th>", text)) == set(PAPER)
        assert all(word in text for word in ("支部书记：", "记录人：", "填表日期："))
        assert re.search(r"<th>应到</th><td[^>]*>2</td>", text)
        assert re.search(r"<td>林小满</td><td>第二党小组</td><td>正式</td>", text)
