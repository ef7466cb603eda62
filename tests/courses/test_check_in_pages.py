"""The pages of check-in: a GET marks nobody, signing in may come between, refusals are listed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from courses import check_in, roll_call
from courses.models import Attendance, Scan, Status
from tests.cast import TODAY, moment
from tests.courses.conftest import mark_of

pytestmark = pytest.mark.django_db
START = moment(TODAY, 9)


@pytest.fixture
def session(schedule, secretary):
    session = schedule(method="check_in")
    return roll_call.open_(session, by=secretary, at=START - timedelta(hours=1))


@pytest.fixture
def clock():
    """The server's clock, which a test moves."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def address_at(session, at):
    """What the QR code of that moment leads to."""
    return reverse("scan", args=[session.key, check_in.code_at(session, at).token])


def proof_on(page):
    found = re.search(r'name="proof" value="([^"]+)"', page.content.decode())
    assert found, page.content.decode()
    return found[1]


def phone_of(member):
    phone = Client()
    phone.force_login(member, "portal.sign_in.MemberBackend")
    return phone


def confirm(phone, proof):
    return phone.post(reverse("check-in-confirm"), {"proof": proof})


def test_looking_at_the_scanned_page_marks_nobody(session, clock, lin):
    phone = phone_of(lin)

    proof = proof_on(phone.get(address_at(session, START)))
    phone.get(reverse("check-in-confirm"), {"proof": proof})
    assert mark_of(session, lin).status == Status.NOT_YET

    assert confirm(phone, proof).status_code == 302
    assert mark_of(session, lin).status == Status.PRESENT


def test_mistake_10_the_same_phone_is_told_when_it_opens_and_succeeds_later(session, clock, lin):
    phone = phone_of(lin)
    early = START - timedelta(minutes=50)
    clock.move_to(early)

    refused = phone.get(address_at(session, early))
    assert refused.status_code == 422
    assert "6月3日 08:30 开始签到" in refused.content.decode()

    clock.move_to(START)
    assert confirm(phone, proof_on(phone.get(address_at(session, START)))).status_code == 302
    assert mark_of(session, lin).status == Status.PRESENT


def test_mistake_10_after_success_no_other_session_is_marked_from_that_page(
    session, schedule, secretary, clock, lin
):
    other = schedule("同时的活动", method="check_in")
    roll_call.open_(other, by=secretary, at=START - timedelta(hours=1))
    phone = phone_of(lin)
    proof = proof_on(phone.get(address_at(session, START)))
    confirm(phone, proof)

    again = confirm(phone, proof)
    forged = confirm(phone, proof.replace(proof[:6], "AAAAAA"))

    assert (again.status_code, forged.status_code) == (422, 422)
    assert "已经签到" in again.content.decode() or "已经用过" in again.content.decode()
    assert mark_of(other, lin).status == Status.NOT_YET
    assert Scan.objects.filter(accepted=True).count() == 1


def test_mistake_11_a_signed_out_phone_is_present_after_signing_in_when_the_code_turned_often(
    session, clock, lin
):
    lin.set_password("yunling-2021-long")
    lin.save()
    phone = Client()
    proof = proof_on(phone.get(address_at(session, START)))

    asked = confirm(phone, proof)
    assert "扫码成功，请登录" in asked.content.decode()
    clock.move_to(START + timedelta(seconds=5 * check_in.STEP + 120))  # typed slowly
    next_page = f"{reverse('check-in-confirm')}?proof={proof}"
    signed_in = phone.post(
        f"{reverse('sign-in')}?next={next_page}",
        {"number": lin.number, "password": "yunling-2021-long", "next": next_page},
        follow=True,
    )
    confirm(phone, proof_on(signed_in))

    assert mark_of(session, lin).status == Status.PRESENT


def test_mistake_11_a_code_first_read_after_the_window_marks_nobody(session, clock, lin):
    phone = phone_of(lin)
    code = address_at(session, session.ends_at)
    clock.move_to(session.ends_at + timedelta(seconds=5))

    refused = phone.get(code)

    assert refused.status_code == 422
    assert "签到已经结束" in refused.content.decode()
    assert mark_of(session, lin).status == Status.NOT_YET


def test_mistake_12_the_phones_own_clock_does_not_matter(session, clock, lin):
    """Nothing that a phone sends says what time it is; a wrong Date header changes nothing."""
    phone = phone_of(lin)
    wrong = (START - timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")

    proof = proof_on(phone.get(address_at(session, START), headers={"date": wrong}))

    assert confirm(phone, proof).status_code == 302


def test_mistake_12_every_refused_scan_is_listed_under_its_session_with_member_and_reason(
    session, schedule, secretary, clock, lin, wu, zhou
):
    other = schedule("另一场", method="check_in")
    roll_call.open_(other, by=secretary, at=START - timedelta(hours=1))
    confirm(phone_of(wu), "broken")  # belongs to no session
    stranger, late = phone_of(wu), phone_of(lin)
    confirm(stranger, proof_on(stranger.get(address_at(session, START))))
    late.get(address_at(session, START - timedelta(minutes=5)))  # a picture of an old code

    kept = session.scans.order_by("pk").values_list("member__name", "at", "accepted", "reason")
    assert [(name, at, ok) for name, at, ok, _ in kept] == [
        ("吴远舟", START, False),
        ("林小满", START, False),
    ]
    assert "不在这次活动的名单上" in kept[0][3]
    assert "签到码已经变了" in kept[1][3]
    assert other.scans.count() == 0
    screen = phone_of(zhou).get(reverse("check-in-screen", args=[session.pk])).content.decode()
    for text in ("吴远舟", "不在这次活动的名单上", "签到码已经变了"):
        assert text in screen
    elsewhere = phone_of(zhou).get(reverse("check-in-screen", args=[other.pk])).content.decode()
    assert "吴远舟" not in elsewhere


def test_refused_scans_of_one_member_for_one_reason_are_one_line_with_their_number(
    city, session, clock, lin, zhou
):
    namesake = city.enrol(city.yi, lin.name)
    for minute, member, reason in (
        (1, lin, "签到码已经变了"), (2, None, "签到码已经变了"), (3, lin, "已经签到"),
        (4, lin, "签到码已经变了"), (5, namesake, "签到码已经变了"), (6, None, "签到码已经变了"),
    ):  # fmt: skip
        check_in.refuse(session, member, reason, at=START + timedelta(minutes=minute))
    expected = [
        "09:06 未登录：签到码已经变了（2 次）",
        "09:05 林小满：签到码已经变了",
        "09:04 林小满：签到码已经变了（2 次）",
        "09:03 林小满：已经签到",
    ]

    for name in ("check-in-screen", "session-detail"):
        text = phone_of(zhou).get(reverse(name, args=[session.pk])).content.decode()
        listed = text.split("被拒绝的扫码")[1].split("</ul>")[0]
        lines = re.findall(r'<li class="num">(?:2021年6月3日 )?([^<]*)</li>', listed)
        assert lines == expected, name
    assert session.scans.count() == 6


def test_a_proof_is_worth_nothing_on_another_phone_and_that_is_listed(session, clock, lin, zhou):
    mine = phone_of(lin)
    proof = proof_on(mine.get(address_at(session, START)))
    another = phone_of(zhou)
    another.get(address_at(session, START))  # has a browser mark of its own

    refused = confirm(another, proof)

    assert refused.status_code == 422
    assert "别的手机扫的" in refused.content.decode()
    assert session.scans.get().member == zhou
    assert mark_of(session, zhou).status == Status.NOT_YET


def test_mistake_13_a_hall_of_phones_behind_one_address_is_refused_by_no_limit(
    city, schedule, secretary, clock
):
    """Each of them scans signed out first and looks twice; one of them keeps failing."""
    people = [city.enrol(city.jia) for _ in range(60)]
    session = schedule(method="check_in")
    roll_call.open_(session, by=secretary, at=START - timedelta(hours=1))
    code, old = address_at(session, START), address_at(session, START - timedelta(minutes=9))
    nuisance = Client()

    for member in people:
        for _ in range(3):
            assert nuisance.get(old).status_code == 422
        signed_out = Client()
        assert signed_out.get(code).status_code == 200
        phone = phone_of(member)
        proof = proof_on(phone.get(code))
        assert confirm(phone, proof).status_code == 302

    own = Attendance.objects.filter(session=session, member__in=people)
    assert set(own.values_list("status", flat=True)) == {Status.PRESENT}
    assert session.scans.filter(member=None).count() == 50  # strangers fill no disk


def test_mistake_06_the_secretary_is_asked_what_becomes_of_the_unscanned(session, clock, zhou, lin):
    desk = phone_of(zhou)
    clock.move_to(session.ends_at + timedelta(minutes=5))

    asked = desk.post(reverse("session-save", args=[session.pk]), {"close": "1"}, follow=True)

    session.refresh_from_db()
    assert "未签到" in asked.content.decode()
    assert not session.is_closed
    assert mark_of(session, lin).status == Status.NOT_YET


def test_mistake_06_a_planned_roll_call_goes_over_to_the_code_and_nobody_stays_present(
    schedule, secretary, clock, zhou, lin
):
    """The secretary meant to call the roll and shows the code after all."""
    session = schedule()
    roll_call.open_(session, by=secretary, at=START - timedelta(hours=1))
    desk, phone = phone_of(zhou), phone_of(lin)
    screen = desk.get(reverse("check-in-screen", args=[session.pk])).content.decode()
    assert "这次活动用点名" in screen
    assert "<svg" not in screen[screen.index('id="live"') :]
    told = phone.get(address_at(session, START))
    assert "由支部点名，不用扫码" in told.content.decode()

    desk.post(reverse("session-open", args=[session.pk]), {"then": "screen"})

    assert mark_of(session, lin).status == mark_of(session, zhou).status == Status.NOT_YET
    assert confirm(phone, proof_on(phone.get(address_at(session, START)))).status_code == 302
    assert mark_of(session, lin).status == Status.PRESENT
    shown = desk.get(reverse("check-in-screen", args=[session.pk])).content.decode()
    assert "已到 1 / 2" in shown


def test_a_member_on_a_roll_that_is_called_is_not_told_that_they_checked_in(
    schedule, secretary, clock, lin
):
    session = schedule()
    roll_call.open_(session, by=secretary, at=START - timedelta(hours=1))

    text = phone_of(lin).get(reverse("session-detail", args=[session.pk])).content.decode()

    assert "点名中，暂记出席" in text
    assert "已签到" not in text
    assert "可签到" not in phone_of(lin).get(reverse("home")).content.decode()


def test_the_code_turns_every_fifteen_seconds_with_six_digits_that_work(
    schedule, session, clock, zhou, lin
):
    desk = phone_of(zhou)
    seen = []
    for seconds in (0, 14, 15, 30):
        clock.move_to(START + timedelta(seconds=seconds))
        text = desk.get(reverse("check-in-screen", args=[session.pk])).content.decode()
        seen.append(re.search(r'class="digits"[^>]*>(\d{6})<', text)[1])
    assert seen[0] == seen[1]
    assert len({seen[0], seen[2], seen[3]}) == 3

    spoken = f"{seen[3][:3]} {seen[3][3:]}"
    told = phone_of(lin).post(reverse("check-in"), {"digits": spoken}, follow=True)

    assert "签到成功" in told.content.decode()
    assert mark_of(session, lin).scanned


def test_wrong_digits_are_refused_in_words_and_listed_for_the_secretary(session, clock, lin, zhou):
    right = check_in.code_at(session, START).digits
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"

    told = phone_of(lin).post(reverse("check-in"), {"digits": wrong})

    assert told.status_code == 422
    assert "签到码不对或已经变了" in told.content.decode()
    page = phone_of(zhou).get(reverse("session-detail", args=[session.pk])).content.decode()
    assert "签到码不对或已经变了" in page
    assert mark_of(session, lin).status == Status.NOT_YET
