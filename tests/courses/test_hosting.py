"""Whom the organiser hosts is no guest of its sessions: attested at the host, decided at home."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from courses import corrections, moves, roll_call, walk_ins
from courses.check_in import ScanRefused
from courses.hosting import HostedHere
from courses.models import Attendance, WalkIn
from courses.moves import Place
from courses.sheets import sheets_in
from portal import mobile_stays, reorganizations
from portal.mobile_stays import Away
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses.conftest import mark_of
from tests.courses.test_check_in_pages import address_at, confirm, phone_of, proof_on
from tests.courses.test_sheets_in import both

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("clock")]
START = moment(TODAY, 9)


@pytest.fixture
def hosted(city):
    """吴远舟 of 乙支部 lives where 甲支部 is."""

    def go(host=None, since=None):
        away = Away(since or days_ago(200), "云岭市", "work", host=host or city.jia)
        return mobile_stays.register(city.people["wu"], away, by=city.by, at=NOW)

    return go


@pytest.fixture
def held(schedule, secretary):
    def close(title="上午", **values):
        session = schedule(title, **values)
        roll_call.open_(session, by=secretary, at=session.starts_at)
        roll_call.close(session, {}, by=secretary, at=NOW)
        session.refresh_from_db()
        return session

    return close


@pytest.mark.parametrize("status", ["present", "observer"])
def test_a_mobile_member_is_added_to_no_roll_of_the_host(opened, hosted, secretary, wu, status):
    hosted()

    with pytest.raises(HostedHere, match=r"吴远舟是流入本组织的流动党员.*“证明参加活动”"):
        roll_call.add(opened, wu, status, by=secretary, at=NOW)
    roll_call.close(opened, {}, by=secretary, at=NOW)
    with pytest.raises(HostedHere):
        corrections.add(opened, wu, status, reason="漏了", by=secretary, at=NOW)

    assert not Attendance.objects.filter(member=wu).exists()


def test_before_the_stay_and_elsewhere_they_are_guests_as_anybody(
    city, schedule, hosted, opened, secretary, wu
):
    hosted(since=days_ago(0))
    earlier = schedule("前天", day=days_ago(2))
    roll_call.open_(earlier, by=secretary, at=earlier.starts_at)
    away = schedule("丙支部", organiser=city.bing, hour=14)
    roll_call.open_(away, by=city.by, at=away.starts_at)

    for session in (earlier, away):
        assert roll_call.add(session, wu, "present", by=secretary, at=NOW).guest


def test_the_heir_of_a_merged_host_takes_them_for_its_own(city, hosted, schedule, secretary, wu):
    hosted(host=city.bing, since=days_ago(200))
    mobile_stays.end(wu.mobile_stays.get(), on=days_ago(1), by=city.by, at=NOW)
    reorganizations.merge(city.bing, city.jia, on=TODAY, by=city.by, at=NOW)
    session = schedule("上周", day=days_ago(7))
    roll_call.open_(session, by=secretary, at=session.starts_at)

    with pytest.raises(HostedHere):
        roll_call.add(session, wu, "present", by=secretary, at=NOW)


def test_no_correction_puts_them_on_the_roll_instead(held, hosted, secretary, lin, wu):
    session, other = held(), held("下午", hour=14)
    hosted()

    with pytest.raises(HostedHere):
        corrections.exchange(session, lin, wu, reason="认错了人", by=secretary, at=NOW)
    for act in (moves.rehearse, moves.move):
        more = {} if act is moves.rehearse else {"reason": "认错了人", "by": secretary}
        with pytest.raises(HostedHere):
            act(Place(other, lin), Place(other, wu), at=NOW, **more)

    assert not Attendance.objects.filter(member=wu).exists()


def test_they_need_not_scan_and_ask_for_nothing(schedule, hosted, secretary, wu, clock):
    session = schedule(method="check_in")
    session = roll_call.open_(session, by=secretary, at=START)
    clock.move_to(START)
    asked = walk_ins.ask(session, wu, scanned_at=START)
    hosted()

    with pytest.raises(ScanRefused, match=r"不用签到.*流出地党支部认定"):
        walk_ins.ask(session, wu, scanned_at=START)
    with pytest.raises(HostedHere):
        walk_ins.admit(asked, by=secretary, at=START)
    phone = phone_of(wu)
    refused = confirm(phone, proof_on(phone.get(address_at(session, START)))).content.decode()

    assert "您是流入这里的流动党员，不用签到" in refused
    assert "请求加入名单" not in refused
    assert WalkIn.objects.get().state == "asked"
    assert "不用签到" in session.scans.get().reason


@pytest.mark.parametrize("link", ["", "https://meeting.example.com/dm/x"])
def test_the_page_of_a_session_of_ones_host_says_how_it_is_credited(
    schedule, hosted, enter, city, link
):
    session = schedule("后天", day=TODAY + timedelta(days=2), method="check_in", link=link)
    address = reverse("session-visit", args=[session.pk])
    assert "请求加入名单" in enter("wu").get(address).content.decode()
    hosted()

    shown = enter("wu").get(address).content.decode()

    assert "由流入地党组织证明、流出地党支部认定" in shown
    assert ("进入会议" in shown) == bool(link)
    for other in ("请求加入名单", "客人", "六位数字"):
        assert other not in shown


def test_a_sheet_of_the_host_marks_them_in_no_way(city, schedule, hosted, secretary, lin, wu):
    hosted()
    session = schedule()
    staged = sheets_in.stage(
        city.jia, both("√", "√", [3, "吴远舟", "√"]), "签到表.xlsx", by=secretary, at=NOW
    )
    [question] = sheets_in.look(staged, at=NOW).reading.questions
    staged = sheets_in.answer(staged, {question.key: wu.number}, by=secretary)
    preview = sheets_in.look(staged, at=NOW)

    [plan] = preview.plans
    assert any("第 6 行不记考勤：吴远舟是流入本组织的流动党员" in w for w in plan.warnings)
    sheets_in.confirm(staged, seen=preview.fingerprint, by=secretary, at=NOW)
    assert mark_of(session, lin).status == "present"
    assert not Attendance.objects.filter(member=wu).exists()
