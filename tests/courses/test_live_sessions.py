"""Sessions at a distance: good links, nobody present by default, the list compared at closing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from courses import check_in, corrections, live_sessions, meeting_links, roll_call, sessions
from courses.live_sessions import NotCompared
from courses.meeting_links import BadLink
from courses.models import Scan, Status, StudySession
from courses.sessions import NotNow
from credits.models import LedgerEntry
from portal import mobile_stays
from portal.mobile_stays import Away
from portal.refusals import Refusal
from tests.cast import TODAY, days_ago, moment
from tests.courses.conftest import mark_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LINK = "https://meeting.example.com/dm/a1B2c3?p=4"
START = moment(TODAY, 9)


@pytest.fixture
def live(schedule, secretary):
    """One by code, open."""
    session = schedule(link=LINK, method="check_in")
    return roll_call.open_(session, by=secretary, at=START)


@pytest.mark.parametrize(
    "link",
    [
        "http://meeting.example.com/a",
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)//https://meeting.example.com",
        "data:text/html,x",
        "//meeting.example.com/a",
        "meeting.example.com/a",
        "HTTPS://meeting.example.com/a",
        "https://meeting.example.com@evil.example.net/",
        "https://user:secret@meeting.example.com/",
        "https://evil.example.net\\@meeting.example.com/",
        "https://evil.example.net\\.meeting.example.com/",
        "https://meeting.example.com/a b",
        "https://meeting.example.com/\na",
        "https://会议.example.com/a",
        "https://meeting.example.com/腾讯会议 123",
        "https://localhost/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https:///a",
        "https://",
        "https://meeting.example.com:99999/",
        "https://meeting.example.com:x/",
        "https://-.example.com/",
        "https://meeting.example.com/" + "a" * 300,
    ],
)
def test_a_forged_link_is_refused_everywhere(link, schedule, secretary, live):
    with pytest.raises(BadLink):
        schedule("另一次", link=link)
    with pytest.raises(BadLink):
        live_sessions.relink(live, link, by=secretary, at=START)
    assert meeting_links.told(link) == ""
    live.refresh_from_db()
    assert live.link == LINK


@pytest.mark.parametrize(
    "link",
    [
        LINK, "https://voovmeeting.com/dm/x", "https://v.example.cn:8443/j/1?pwd=a%20b#in",
        "https://xn--fiqs8s.example.com/",
    ],
)  # fmt: skip
def test_a_good_link_is_kept_as_it_is_with_its_host(link, schedule):
    session = schedule(link=link)

    assert session.link == link
    assert session.link_host in link


def test_the_database_refuses_other_addresses_and_paper(live):
    rows = StudySession.objects.filter(pk=live.pk)
    for wrong in (
        {"link": "http://meeting.example.com/"}, {"link": "javascript:alert(1)"},
        {"method": "paper"}, {"state": "closed", "closed_at": START},
        {"state": "corrected", "closed_at": START},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)


def test_there_is_no_paper_at_a_distance(schedule):
    with pytest.raises(Refusal, match="线上活动没有纸质签到"):
        schedule(link=LINK, method="paper")


@pytest.mark.parametrize("method", ["roll_call", "check_in"])
def test_nobody_is_present_by_default(method, schedule, secretary):
    session = roll_call.open_(schedule(link=LINK, method=method), by=secretary, at=START)

    assert {row.status for row in session.attendances.all()} == {Status.NOT_YET}


def test_a_link_that_fails_is_replaced_while_the_roll_is_open(live, secretary):
    other = "https://meeting.example.com/dm/other"
    version = StudySession.objects.get(pk=live.pk).version

    live_sessions.relink(live, other, by=secretary, at=START)
    live_sessions.relink(live, other, by=secretary, at=START)

    live.refresh_from_db()
    assert (live.link, live.version) == (other, version + 1)
    assert [c.what for c in live.changes.all()][-1] == "更换会议链接"


def test_a_link_is_replaced_only_where_there_is_one_and_before_the_end(live, opened, secretary):
    with pytest.raises(NotNow, match="不是线上活动"):
        live_sessions.relink(opened, LINK, by=secretary, at=START)
    with pytest.raises(BadLink, match="新的会议链接"):
        live_sessions.relink(live, "", by=secretary, at=START)
    sessions.cancel(live, reason="会议软件坏了", by=secretary, at=START)
    with pytest.raises(NotNow, match="已取消"):
        live_sessions.relink(live, LINK, by=secretary, at=START)


def test_the_history_names_the_change_of_a_planned_one_without_the_link(schedule, secretary):
    session = schedule()
    sessions.change(session, {"link": LINK}, seen_version=1, by=secretary, at=START)

    told = [c.what for c in session.changes.all()]
    assert told == ["调整会议链接"]


def test_closing_without_a_count_is_refused_and_credits_nobody(live, secretary, lin):
    check_in.accept(live, lin, scanned_at=START, nonce="", at=START)

    with pytest.raises(NotCompared, match="数一数会议里有几人"):
        roll_call.close(live, {}, by=secretary, at=live.ends_at, not_yet_becomes="absent")

    live.refresh_from_db()
    assert live.state == "open"
    assert mark_of(live, live.attendances.exclude(member=lin)[0].member).status == Status.NOT_YET
    assert not LedgerEntry.objects.exists()


def test_closing_with_another_count_says_both_and_changes_nothing(live, secretary, lin):
    check_in.accept(live, lin, scanned_at=START, nonce="", at=START)

    with pytest.raises(NotCompared, match="会议里数到 2 人，名单上到会 1 人"):
        roll_call.close(
            live, {}, by=secretary, at=live.ends_at, not_yet_becomes="absent", compared=2
        )

    assert not LedgerEntry.objects.exists()
    assert live.attendances.filter(status=Status.NOT_YET).exists()


def test_those_who_did_not_check_in_are_asked_about_first(live, secretary):
    with pytest.raises(roll_call.Unmarked, match="人未签到"):
        roll_call.close(live, {}, by=secretary, at=live.ends_at, compared=0)


def test_closing_with_the_right_count_credits_and_is_recorded(live, secretary, lin, city):
    check_in.accept(live, lin, scanned_at=START, nonce="", at=START)
    roll_call.add(live, city.people["wu"], "observer", by=secretary, at=START)

    roll_call.close(live, {}, by=secretary, at=live.ends_at, not_yet_becomes="absent", compared=2)

    live.refresh_from_db()
    assert (live.state, live.compared) == ("closed", 2)
    assert [e.member for e in LedgerEntry.objects.all()] == [lin]
    last = live.changes.last()
    assert last.what == "记学时：1 人到会，与会议中的 2 人核对一致"
    assert last.by == secretary.member


def test_wishes_of_the_last_moment_are_counted_too(live, secretary, lin):
    wishes = wish(mark_of(live, lin), "present")

    roll_call.close(
        live, wishes, by=secretary, at=live.ends_at, not_yet_becomes="absent", compared=1
    )

    live.refresh_from_db()
    assert live.compared == 1


def test_a_reopened_one_is_compared_once_more(live, secretary, lin):
    check_in.accept(live, lin, scanned_at=START, nonce="", at=START)
    roll_call.close(live, {}, by=secretary, at=live.ends_at, not_yet_becomes="absent", compared=1)
    corrections.reopen(live, reason="漏记", by=secretary, at=live.ends_at)

    with pytest.raises(NotCompared):
        roll_call.close(live, {}, by=secretary, at=live.ends_at)
    roll_call.close(live, {}, by=secretary, at=live.ends_at, compared=1)

    assert StudySession.objects.get(pk=live.pk).is_closed


def test_in_a_room_nothing_is_to_be_compared(opened, secretary):
    roll_call.close(opened, {}, by=secretary, at=opened.ends_at)

    opened.refresh_from_db()
    assert (opened.is_closed, opened.compared) == (True, None)


def test_digits_read_aloud_count_a_minute_and_more_but_not_three(live, lin):
    digits = check_in.code_at(live, START).digits

    assert check_in.find_by_digits(lin, digits, at=START + timedelta(seconds=100)) == live
    with pytest.raises(check_in.ScanRefused):
        check_in.find_by_digits(lin, digits, at=START + timedelta(seconds=180))
    assert check_in.code_at(live, START).seconds_left == 60


def test_guessing_digits_is_stopped(live, lin):
    for _ in range(check_in.TRIES):
        check_in.refuse(live, lin, "签到码不对", at=START)

    right = check_in.code_at(live, START).digits
    with pytest.raises(check_in.ScanRefused, match="输错次数过多"):
        check_in.find_by_digits(lin, right, at=START)
    assert Scan.objects.filter(accepted=True).count() == 0


def test_the_way_in_is_for_those_who_take_part_until_the_end(live, city, lin):
    stranger, other = city.people["wu"], city.people["gao"]
    early, late = START, live.ends_at

    def offered(member, at=early, session=live):
        mark = session.attendances.filter(member=member).first()
        return meeting_links.is_offered(session, member, mark, at=at)

    assert offered(lin)
    assert offered(stranger), "of the same unit: may come as a guest"
    assert not offered(other), "of another unit"
    assert not offered(lin, at=late)


def test_who_is_hosted_may_come_as_a_guest_and_sees_the_way_in(live, city):
    guest = city.people["gao"]
    away = Away(days_ago(200), "云岭市", "work", host=city.jia)
    stay = mobile_stays.register(guest, away, by=city.by, at=START)

    assert meeting_links.is_offered(live, guest, None, at=START)
    mobile_stays.end(stay, on=TODAY, by=city.by, at=START)
    assert not meeting_links.is_offered(live, guest, None, at=START)
