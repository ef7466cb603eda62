"""Walk-ins: asked by scan, confirmed in one tap by another, seen on the home branch's roll."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse

from courses import check_in, roll_call, walk_ins
from courses.check_in import ScanRefused
from courses.marks import Mark, Wish
from courses.models import Attendance, Status, WalkIn
from credits import programmes
from portal.models import AuditEvent
from portal.refusals import Refusal
from tests.cast import TODAY, moment
from tests.courses.conftest import mark_of
from tests.courses.test_check_in_pages import address_at, confirm, phone_of, proof_on

pytestmark = [pytest.mark.django_db, pytest.mark.both]
START = moment(TODAY, 9)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def session(schedule, secretary):
    session = schedule(method="check_in")
    return roll_call.open_(session, by=secretary, at=START - timedelta(hours=1))


@pytest.fixture
def asked(session, wu):
    return walk_ins.ask(session, wu, scanned_at=START)


def test_from_scan_to_guest_in_three_taps_of_theirs_and_one_of_the_secretary(session, wu, zhou):
    phone, desk = phone_of(wu), phone_of(zhou)
    refused = confirm(phone, proof_on(phone.get(address_at(session, START))))
    assert refused.status_code == 422
    assert "请求加入名单" in refused.content.decode()

    answer = phone.post(reverse("check-in-ask"), {"proof": proof_on(refused)})
    waiting = phone.get(answer.url).content.decode()
    assert "等支部书记确认" in waiting
    asked = WalkIn.objects.get()
    for name in ("check-in-screen", "session-detail"):
        text = desk.get(reverse(name, args=[session.pk])).content.decode()
        assert reverse("walk-in-decide", args=[asked.pk]) in text
        assert "吴远舟" in text

    desk.post(reverse("walk-in-decide", args=[asked.pk]), {"then": "screen"})

    mark = mark_of(session, wu)
    assert (mark.status, mark.guest, mark.scanned) == (Status.PRESENT, True, True)
    assert mark.home == wu.branch
    assert "您已签到" in phone.get(answer.url).content.decode()
    assert (
        "请求加入" not in desk.get(reverse("check-in-screen", args=[session.pk])).content.decode()
    )


def test_asking_marks_nobody_and_asking_again_is_the_same_request(session, asked, wu):
    assert walk_ins.ask(session, wu, scanned_at=START) == asked
    assert not Attendance.objects.filter(session=session, member=wu).exists()


@pytest.fixture
def books(programme, session, asked, city):
    """Closes the programme's books, and opens them again."""
    later = moment(programme.ends + timedelta(days=20))

    def close():
        programme.refresh_from_db()
        if programme.state == "running":
            programmes.close_study(programme, by=city.by, at=moment(programme.ends, 18))
        programmes.close_books(programme, by=city.by, at=later)
        asked.refresh_from_db()
        assert asked.state == WalkIn.State.EXPIRED

    def reopen():
        programme.refresh_from_db()
        programmes.reopen(programme, reason="补表", by=city.by, at=later)

    return close, reopen


def test_who_scans_again_after_a_reopening_asks_anew(session, asked, wu, secretary, books):
    close, reopen = books
    close()
    reopen()
    later = START + timedelta(minutes=5)

    again = walk_ins.ask(session, wu, scanned_at=later)

    assert (again.pk, again.state, again.scanned_at) == (asked.pk, WalkIn.State.ASKED, later)
    assert again.decided_at is None
    assert walk_ins.ask(session, wu, scanned_at=START + timedelta(minutes=9)).scanned_at == later
    walk_ins.admit(again, by=secretary, at=later)
    assert mark_of(session, wu).status == Status.PRESENT
    with pytest.raises(ScanRefused, match="已在名单上"):
        walk_ins.ask(session, wu, scanned_at=later)


def test_while_the_books_are_closed_an_ended_request_stays_ended(session, asked, wu, books):
    close, _ = books
    close()

    with pytest.raises(ScanRefused, match="已经封账"):
        walk_ins.ask(session, wu, scanned_at=START)

    asked.refresh_from_db()
    assert asked.state == WalkIn.State.EXPIRED


def test_who_stands_on_the_roll_has_nothing_to_ask(session, lin):
    with pytest.raises(ScanRefused, match="已在名单上"):
        walk_ins.ask(session, lin, scanned_at=START)


def test_a_scan_outside_the_window_asks_for_nothing(session, wu):
    with pytest.raises(ScanRefused, match="还没有到签到时间"):
        walk_ins.ask(session, wu, scanned_at=START - timedelta(hours=2))
    assert not WalkIn.objects.exists()


def test_confirmed_twice_there_is_one_guest(session, asked, secretary):
    first = walk_ins.admit(asked, by=secretary, at=START)
    assert walk_ins.admit(asked, by=secretary, at=START) == first
    assert AuditEvent.objects.filter(subject__contains="请求加入名单").count() == 1


def test_a_no_is_final_for_the_phone_and_can_be_undone_only_by_hand(session, asked, secretary, wu):
    walk_ins.decline(asked, by=secretary, at=START)
    walk_ins.decline(asked, by=secretary, at=START)
    with pytest.raises(Refusal, match="未同意"):
        walk_ins.admit(asked, by=secretary, at=START)
    with pytest.raises(ScanRefused, match="没有同意"):
        walk_ins.ask(session, wu, scanned_at=START)
    assert roll_call.add(session, wu, Status.PRESENT, by=secretary, at=START).guest


def test_after_a_yes_there_is_no_no(asked, secretary):
    walk_ins.admit(asked, by=secretary, at=START)
    with pytest.raises(Refusal, match="已加入名单"):
        walk_ins.decline(asked, by=secretary, at=START)


def test_nobody_confirms_themselves(city, session, asked):
    with pytest.raises(Refusal, match="不能确认自己"):
        walk_ins.admit(asked, by=city.actor("wu", "secretary"), at=START)
    with pytest.raises(IntegrityError), transaction.atomic():
        WalkIn.objects.update(state="admitted", decided_by=asked.member, decided_at=START)


def test_an_observer_added_by_hand_is_not_made_present(session, asked, secretary, wu):
    roll_call.add(session, wu, Status.OBSERVER, by=secretary, at=START)
    with pytest.raises(Refusal, match="列席"):
        walk_ins.admit(asked, by=secretary, at=START)
    assert mark_of(session, wu).status == Status.OBSERVER


def test_once_the_roll_is_closed_nobody_is_added(session, asked, secretary, clock):
    late = session.ends_at + timedelta(minutes=5)
    wishes = {
        a.member_id: Wish(Mark.of(a), Mark.parse("absent")) for a in session.attendances.all()
    }
    roll_call.close(session, wishes, by=secretary, at=late)
    with pytest.raises(Refusal, match="不能再加入名单"):
        walk_ins.admit(asked, by=secretary, at=late)
    assert not Attendance.objects.filter(member=asked.member, session=session).exists()


def test_others_neither_see_nor_decide_a_request(asked, lin, city):
    address = reverse("walk-in-decide", args=[asked.pk])
    stranger = phone_of(city.people["zheng"])  # secretary of another branch
    assert phone_of(lin).get(reverse("walk-in", args=[asked.pk])).status_code == 404
    assert phone_of(lin).post(address).status_code == 403
    assert stranger.post(address).status_code == 404
    asked.refresh_from_db()
    assert asked.state == "asked"


def test_the_home_branchs_roll_says_where_its_member_was(city, session, asked, secretary, schedule):
    walk_ins.admit(asked, by=secretary, at=START)
    own = schedule(organiser=city.yi, hour=9, method="check_in")
    zheng = city.actor("zheng", "secretary")
    roll_call.open_(own, by=zheng, at=START)
    desk = phone_of(city.people["zheng"])
    text = desk.get(reverse("session-detail", args=[own.pk])).content.decode()
    assert f"在{city.jia.name}参加" in text

    own.attendances.filter(member=asked.member).update(status=Status.PRESENT)
    text = desk.get(reverse("session-detail", args=[own.pk])).content.decode()
    assert f"在{city.jia.name}参加" not in text


def test_the_wall_lists_in_not_yet_on_leave_and_refused(session, lin, zhou, secretary, wu):
    row = mark_of(session, lin)
    wishes = {lin.pk: Wish(Mark.of(row), Mark.parse("leave:sick"))}
    roll_call.save(session, wishes, by=secretary, at=START)
    check_in.refuse(session, wu, "签到码已经变了", at=START)
    text = phone_of(zhou).get(reverse("check-in-screen", args=[session.pk])).content.decode()
    assert "请假 1" in text
    assert "被拒绝的扫码" in text
    assert "签到码已经变了" in text
    assert "<script nomodule" in text
