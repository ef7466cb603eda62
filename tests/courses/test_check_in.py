"""Check-in by phone: in time or not, once, by one's own phone; the secretary sees every refusal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from courses import check_in, corrections, roll_call
from courses.check_in import ScanRefused
from courses.models import Scan, Status
from tests.cast import NOW, TODAY, moment
from tests.courses.conftest import mark_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]

START = moment(TODAY, 9)


@pytest.fixture
def session(schedule, secretary):
    session = schedule(method="check_in")
    return roll_call.open_(session, by=secretary, at=START - timedelta(hours=1))


def scan(session, member, at, *, browser="b1", later=timedelta(0)):
    token = check_in.code_at(session, at).token
    proof = check_in.prove(session, token, browser=browser, at=at)
    again = check_in.read_proof(proof.sign(), browser=browser, at=at + later)
    return check_in.accept(session, member, scanned_at=again.at, nonce=again.nonce, at=at + later)


def test_a_scan_in_time_marks_present(session, lin):
    scan(session, lin, START)

    row = mark_of(session, lin)
    assert (row.status, row.scanned) == (Status.PRESENT, True)


def test_mistake_10_a_scan_before_the_window_says_when_it_opens_and_works_later(session, lin):
    with pytest.raises(ScanRefused, match="6月3日 08:30 开始签到"):
        scan(session, lin, START - timedelta(minutes=40))

    scan(session, lin, START - timedelta(minutes=20))
    assert mark_of(session, lin).status == Status.PRESENT


def test_mistake_11_signing_in_may_take_longer_than_the_code_lives(session, lin, zhou):
    end = session.ends_at
    scan(session, lin, end - timedelta(seconds=5), later=timedelta(minutes=4))
    assert mark_of(session, lin).status == Status.PRESENT

    with pytest.raises(ScanRefused, match="签到已经结束"):
        scan(session, zhou, end + timedelta(seconds=1))


def test_a_proof_older_than_five_minutes_is_refused(session, lin):
    with pytest.raises(ScanRefused, match="超过 5 分钟"):
        scan(session, lin, START, later=timedelta(minutes=6))


def test_mistake_12_the_neighbouring_codes_are_accepted_and_older_ones_not(session, lin):
    token = check_in.code_at(session, START).token

    check_in.prove(session, token, browser="b", at=START + timedelta(seconds=15))
    with pytest.raises(ScanRefused, match="签到码已经变了"):
        check_in.prove(session, token, browser="b", at=START + timedelta(seconds=45))


def test_a_proof_is_good_for_one_browser_only(session, lin):
    token = check_in.code_at(session, START).token
    proof = check_in.prove(session, token, browser="mine", at=START).sign()

    with pytest.raises(ScanRefused, match="别的手机"):
        check_in.read_proof(proof, browser="another", at=START)


def test_a_proof_is_good_once(session, lin, zhou):
    check_in.accept(session, lin, scanned_at=START, nonce="n1", at=START)

    with pytest.raises(ScanRefused, match="已经用过"):
        check_in.accept(session, zhou, scanned_at=START, nonce="n1", at=START)
    assert mark_of(session, zhou).status == Status.NOT_YET


def test_checking_in_twice_is_refused_and_kept(session, lin):
    scan(session, lin, START)

    with pytest.raises(ScanRefused, match="已经签到"):
        scan(session, lin, START + timedelta(minutes=1))
    assert Scan.objects.filter(member=lin, accepted=False).count() == 1


def test_a_stranger_is_refused_and_the_secretary_sees_it(session, wu):
    with pytest.raises(ScanRefused, match="不在这次活动的名单上"):
        scan(session, wu, START)

    refused = Scan.objects.get(session=session)
    assert (refused.member, refused.accepted) == (wu, False)


def test_after_closing_no_scan_counts(session, secretary, lin):
    roll_call.close(session, {}, by=secretary, at=NOW, not_yet_becomes="absent")

    with pytest.raises(ScanRefused, match="已经结束"):
        check_in.accept(session, lin, scanned_at=START, nonce="x", at=NOW)


def test_a_registered_leave_is_not_overwritten(session, secretary, lin):
    roll_call.save(session, wish(mark_of(session, lin), "leave:sick"), by=secretary, at=START)

    with pytest.raises(ScanRefused, match="已登记您“病假”"):
        scan(session, lin, START)


def test_six_digits_find_the_session(session, lin):
    digits = check_in.code_at(session, START).digits

    assert check_in.find_by_digits(lin, digits, at=START) == session


def test_guessing_digits_ends_after_ten_tries(session, lin):
    for _ in range(10):
        check_in.refuse(session, lin, "签到码不对", at=START)

    with pytest.raises(ScanRefused, match="次数过多"):
        check_in.find_by_digits(lin, check_in.code_at(session, START).digits, at=START)


def test_a_scan_never_survives_being_called_off(session, secretary, lin):
    scan(session, lin, START)
    roll_call.close(session, {}, by=secretary, at=NOW, not_yet_becomes="absent")
    corrections.reopen(session, reason="重点", by=secretary, at=NOW)

    assert mark_of(session, lin).scanned


def test_a_scan_on_a_reopened_roll_takes_the_place_of_make_up_study(session, secretary, lin):
    roll_call.close(session, {}, by=secretary, at=NOW, not_yet_becomes="absent")
    corrections.make_up(session, lin, on=TODAY, by=secretary, at=NOW)
    corrections.reopen(session, reason="有人补签", by=secretary, at=NOW)

    scan(session, lin, START)

    row = mark_of(session, lin)
    assert (row.status, row.scanned, row.made_up_on) == (Status.PRESENT, True, None)
