"""Signing in: by number and password, one person's lockout, sessions, where one lands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse

from portal import members, sign_in
from portal.members import Enrolment
from portal.models import Appointment, Member, Role
from tests.cast import NOW

pytestmark = pytest.mark.both
PASSWORD = "yongyuan-gendangzou-21"
HALL = "203.0.113.5"


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture(autouse=True)
def _passwords(city):
    Member.objects.update(password=make_password(PASSWORD))


def enter(number, password=PASSWORD, *, address="198.51.100.7", client=None, follow=False, **body):
    client = client or Client()
    client.defaults["REMOTE_ADDR"] = address
    body = {"number": number, "password": password, **body}
    return client.post(reverse("sign-in"), body, follow=follow)


def signed_in(person):
    client = Client()
    assert enter(person.number, client=client).status_code == 302
    return client


def is_in(client):
    return client.get(reverse("account")).status_code == 200


# --- number and password --------------------------------------------------------------------


@pytest.mark.parametrize("number", ["{}", "  {} ", "\t{}\u3000"])
def test_the_number_may_have_spaces_around_it(lin, number):
    client = Client()

    enter(number.format(lin.number), client=client)

    assert is_in(client)


def test_who_is_signed_out_is_led_to_the_sign_in_page_and_back(lin):
    client = Client()
    wanted = reverse("account")

    led = client.get(wanted)
    answer = enter(lin.number, client=client, next=wanted)

    assert led.url == f"{reverse('sign-in')}?next={wanted}"
    assert answer.url == wanted


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_password_and_an_unknown_number_get_the_same_chinese_answer(lin, known):
    answer = enter(lin.number if known else "99999999", "wrong-password-1")

    assert answer.status_code == 422
    assert "编号或密码不正确。第一次登录请用支部发的登录条。" in answer.content.decode()


def test_what_was_typed_as_password_is_kept_nowhere(lin):
    enter(lin.number, "a-slip-of-the-tongue-9")

    [attempt] = AccessAttempt.objects.values()
    assert "a-slip-of-the-tongue-9" not in str(attempt)


def test_who_has_left_signs_in_no_more_and_open_sessions_end(city, lin):
    client = signed_in(lin)

    members.leave(lin, on=NOW.date(), by=city.by, at=NOW)

    assert not is_in(client)
    assert enter(lin.number).status_code == 422


def test_the_demonstration_password_opens_nothing_in_production(lin, settings):
    Member.objects.filter(pk=lin.pk).update(password=sign_in.demo_hash())
    assert enter(lin.number, settings.DEMO_PASSWORD).status_code == 302

    settings.DEMO = False

    assert enter(lin.number, settings.DEMO_PASSWORD).status_code == 422


def test_somebody_signed_in_is_sent_on_from_the_sign_in_page(lin):
    assert signed_in(lin).get(reverse("sign-in")).url == "/"


# --- lockout --------------------------------------------------------------------------------


def test_a_hall_of_200_signs_in_while_one_of_them_locks_out_only_themselves(city, lin):
    one_hash = make_password(PASSWORD)
    people = members.enrol_many(
        [
            Enrolment(f"6{n:07d}", f"群{n}", city.bing, NOW.date(), password=one_hash)
            for n in range(200)
        ],
        by=city.by,
        at=NOW,
    )
    locked = []
    for n, person in enumerate(people):
        if n % 10 == 0:
            locked.append(enter(lin.number, f"wrong-{n}", address=HALL).status_code)
        assert enter(person.number, address=HALL).status_code == 302, person

    assert locked == [422] * 4 + [429] * 16
    refused = enter(lin.number, address=HALL)
    assert refused.status_code == 429
    assert "输错次数过多，请 15 分钟后再试" in refused.content.decode()


def test_who_is_locked_out_here_gets_in_elsewhere_and_here_after_a_quarter_of_an_hour(lin, clock):
    for _ in range(sign_in.NUMBER_LIMIT + 5):
        enter(lin.number, "wrong", address=HALL)
    assert enter(lin.number, address=HALL).status_code == 429

    assert enter(lin.number, address="198.51.100.9").status_code == 302

    clock.move_to(NOW + timedelta(minutes=16), tick=False)
    assert enter(lin.number, address=HALL).status_code == 302


def test_a_proxy_that_nobody_trusts_gives_no_new_address_for_each_try(lin):
    answers = []
    for n in range(6):
        client = Client(headers={"X-Forwarded-For": f"10.0.0.{n}"})
        answers.append(enter(lin.number, "wrong", address=HALL, client=client).status_code)

    assert answers[-1] == 429


def test_behind_a_trusted_proxy_each_address_counts_for_itself(lin, settings):
    settings.TRUSTED_PROXIES = [HALL]
    for _ in range(5):
        client = Client(headers={"X-Forwarded-For": "10.0.0.1"})
        enter(lin.number, "wrong", address=HALL, client=client)

    elsewhere = Client(headers={"X-Forwarded-For": "10.0.0.2"})
    assert enter(lin.number, address=HALL, client=elsewhere).status_code == 302


def guess(number, times, *, first=0):
    """As many wrong tries, each from an address of its own."""
    for n in range(first, first + times):
        enter(number, f"guess-{n}", address=f"192.0.2.{n}")


def test_guessing_one_number_from_many_addresses_is_stopped_and_stops_nobody_else(lin, wu):
    guess(lin.number, sign_in.NUMBER_LIMIT)

    refused = enter(lin.number, address="192.0.2.250")
    assert refused.status_code == 429
    assert "一小时内输错次数过多" in refused.content.decode()
    assert enter(wu.number, address="192.0.2.250").status_code == 302


def test_slow_guessing_counts_for_an_hour(lin, clock):
    """Also the failures that django-axes forgets after its quarter of an hour."""
    for quarter in range(3):
        clock.move_to(NOW + timedelta(minutes=17 * quarter), tick=False)
        guess(lin.number, 10, first=quarter * 10)

    assert enter(lin.number).status_code == 429

    clock.move_to(NOW + timedelta(minutes=61), tick=False)
    assert enter(lin.number).status_code == 302


def test_a_number_that_nobody_has_is_limited_alike(city):
    guess("99999999", sign_in.NUMBER_LIMIT)

    assert enter("99999999").status_code == 429


def test_old_failures_are_forgotten(lin):
    guess(lin.number, 3)

    assert sign_in.forget_failures(at=NOW + timedelta(minutes=59)) == 0
    assert sign_in.forget_failures(at=NOW + timedelta(minutes=60)) == 3


# --- sessions -------------------------------------------------------------------------------


def test_signing_out_everywhere_ends_every_session_of_that_person_alone(lin, wu):
    phone, desktop, other = signed_in(lin), signed_in(lin), signed_in(wu)

    said = phone.post(reverse("sign-out-everywhere"), follow=True)

    assert "已退出所有设备" in said.content.decode()
    assert [is_in(c) for c in (phone, desktop, other)] == [False, False, True]
    assert is_in(signed_in(lin))


def test_signing_out_ends_this_session_alone(lin):
    phone, desktop = signed_in(lin), signed_in(lin)

    phone.post(reverse("sign-out"))

    assert [is_in(phone), is_in(desktop)] == [False, True]


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(lin):
    phone, desktop = signed_in(lin), signed_in(lin)
    body = {"old": PASSWORD, "password": "buwang-chuxin-2021"}

    said = phone.post(reverse("account"), body, follow=True)

    assert "密码已更改，其他设备已退出" in said.content.decode()
    assert [is_in(phone), is_in(desktop)] == [True, False]
    assert enter(lin.number).status_code == 422
    assert enter(lin.number, "buwang-chuxin-2021").status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("not-my-password", "buwang-chuxin-2021", "现在的密码不正确"),
        (PASSWORD, "12345", "密码长度太短"),
        (PASSWORD, "8462913705", "密码只包含数字"),
        (PASSWORD, "password1", "这个密码太常见了"),
    ],
)
def test_a_refused_change_of_password_changes_nothing(lin, old, new, said):
    phone, desktop = signed_in(lin), signed_in(lin)

    answer = phone.post(reverse("account"), {"old": old, "password": new})

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert is_in(phone)
    assert is_in(desktop)
    assert enter(lin.number).status_code == 302


# --- where one lands ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/hours/?page=2", "/hours/?page=2"),
        ("http://testserver/hours/", "http://testserver/hours/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example/", "/"),
    ],
)
def test_next_leads_only_to_the_own_origin(lin, wanted, given):
    assert enter(lin.number, next=wanted).url == given
    assert Client().post(reverse("look"), {"next": wanted, "size": "large"}).url == given
    assert signed_in(lin).get(reverse("sign-in"), {"next": wanted}).url == given


MEMBERS, SECRETARYS, OFFICIALS = (
    "courses/home_member.html",
    "courses/home_secretary.html",
    "credits/figures.html",
)


def page_of(response):
    return response.templates[0].name


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("lin", MEMBERS),
        ("zhou", SECRETARYS),
        ("gao", OFFICIALS),
        ("xun", OFFICIALS),
        ("guan", OFFICIALS),
    ],
)
def test_signing_in_lands_on_the_page_of_the_role(programme, city, name, page):
    assert page_of(enter(city.people[name].number, follow=True)) == page


def test_who_holds_several_roles_lands_on_the_highest_and_switches_in_one_tap(programme, city):
    zhou = city.people["zhou"]
    secretary = Appointment.objects.get(member=zhou)
    official = Appointment.objects.create(
        member=zhou, role=Role.OFFICIAL, organization=city.county, since=NOW.date()
    )
    client = Client()
    landed = enter(zhou.number, client=client, follow=True)
    assert page_of(landed) == OFFICIALS

    for appointment, page in ((secretary.pk, SECRETARYS), (0, MEMBERS), (official.pk, OFFICIALS)):
        assert f'name="role" value="{appointment}"' in landed.content.decode()
        landed = client.post(reverse("role-switch"), {"role": appointment}, follow=True)
        assert page_of(landed) == page
        assert page_of(client.get("/")) == page


def test_a_role_that_ended_meanwhile_is_no_longer_acted_in(programme, city):
    zhou = city.people["zhou"]
    secretary = Appointment.objects.get(member=zhou)
    client = signed_in(zhou)
    client.post(reverse("role-switch"), {"role": secretary.pk})

    Appointment.objects.filter(pk=secretary.pk).update(until=NOW.date())

    assert page_of(client.get("/")) == MEMBERS
    assert client.get(reverse("member-list")).status_code == 403
