"""No branch without a secretary: successors, 代管, and what happens when somebody just goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from portal import appointments, members
from portal.appointments import BadAppointment, LastSecretary
from portal.models import Appointment, Role
from tests.cast import NOW, TODAY, days_ago

pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def seat(city):
    return Appointment.objects.get(member=city.people["zhou"], role=Role.SECRETARY)


def who(branch, day=TODAY):
    return [(a.member.name, a.acting) for a in appointments.secretaries(branch, on=day)]


def test_the_last_secretary_is_not_ended(city, seat):
    with pytest.raises(LastSecretary, match="交接"):
        appointments.end(seat, on=TODAY, by=city.by, at=NOW)
    seat.refresh_from_db()
    assert seat.until is None


def test_one_of_two_secretaries_is_ended_and_then_the_other_is_the_last(city, seat):
    second = appointments.appoint(
        city.people["lin"], Role.SECRETARY, city.jia, since=days_ago(1), by=city.by, at=NOW
    )
    appointments.end(seat, on=TODAY, by=city.by, at=NOW)

    with pytest.raises(LastSecretary):
        appointments.end(second, on=TODAY, by=city.by, at=NOW)
    assert who(city.jia) == [("林小满", False)]


def test_a_successor_who_begins_later_is_none_yet(city, seat):
    appointments.appoint(
        city.people["lin"], Role.SECRETARY, city.jia, since=TODAY + timedelta(days=1), by=city.by,
        at=NOW,
    )  # fmt: skip
    with pytest.raises(LastSecretary):
        appointments.end(seat, on=TODAY, by=city.by, at=NOW)


def test_a_branch_changes_hands_on_one_day(city, seat):
    appointments.hand_over(seat, city.people["lin"], on=days_ago(3), by=city.by, at=NOW)

    assert who(city.jia, days_ago(4)) == [("周明远", False)]
    assert who(city.jia, days_ago(3)) == [("林小满", False)]


def test_the_parent_acts_until_there_is_a_secretary(city, seat):
    gao = city.people["gao"]
    appointments.hand_over(seat, gao, on=days_ago(3), acting=True, by=city.by, at=NOW)
    assert who(city.jia) == [("高望川", True)]

    appointments.appoint(
        city.people["lin"], Role.SECRETARY, city.jia, since=TODAY, by=city.by, at=NOW
    )

    assert who(city.jia) == [("林小满", False)]
    assert Appointment.objects.get(member=gao, acting=True).until == TODAY


@pytest.mark.parametrize(
    ("name", "day", "acting", "said"),
    [
        ("zhou", TODAY, False, "本人"),
        ("lin", TODAY.replace(2019), False, "才任职"),
        ("xun", TODAY, True, "不在"),
    ],
)
def test_a_handover_that_cannot_be_changes_nothing(city, seat, name, day, acting, said):
    with pytest.raises(BadAppointment, match=said):
        appointments.hand_over(seat, city.people[name], on=day, acting=acting, by=city.by, at=NOW)
    assert who(city.jia) == [("周明远", False)]


def test_a_handover_leaves_no_day_without_a_secretary(city, seat):
    appointments.appoint(
        city.people["lin"], Role.SECRETARY, city.jia, since=TODAY, by=city.by, at=NOW
    )
    with pytest.raises(BadAppointment, match="才任书记"):
        appointments.hand_over(seat, city.people["lin"], on=days_ago(3), by=city.by, at=NOW)
    assert ("周明远", False) in who(city.jia, days_ago(1))


def test_who_leaves_or_dies_leaves_the_branch_to_the_nearest_official(city):
    members.leave(city.people["zhou"], on=TODAY, how="died", by=city.by, at=NOW)
    assert who(city.jia) == [("高望川", True)]

    members.transfer(city.people["zheng"], city.jia, on=TODAY, by=city.by, at=NOW)
    assert who(city.yi) == [("高望川", True)]


def test_without_an_official_above_the_way_out_is_said_and_nothing_happens(city, zhou):
    Appointment.objects.filter(role=Role.OFFICIAL).update(until=TODAY)

    with pytest.raises(LastSecretary, match="先在青川县甲支部的页面任命"):
        members.transfer(zhou, city.yi, on=TODAY, by=city.by, at=NOW)

    zhou.refresh_from_db()
    assert zhou.branch == city.jia
    assert who(city.jia) == [("周明远", False)]
    appointments.appoint(city.people["lin"], Role.SECRETARY, city.jia, since=TODAY, by=city.by,
                         at=NOW)  # fmt: skip
    members.transfer(zhou, city.yi, on=TODAY, by=city.by, at=NOW)
    assert who(city.jia) == [("林小满", False)]


def test_ending_the_last_one_leads_to_the_handover_page(sign_in, city, seat, time_machine):
    time_machine.move_to(NOW)
    client = sign_in("gao")

    answer = client.post(reverse("appointment-end", args=[seat.pk]), follow=True)

    assert answer.redirect_chain[-1][0] == reverse("appointment-hand-over", args=[seat.pk])
    assert "请办理交接" in answer.content.decode()
    body = {"way": "successor", "number": city.people["lin"].number, "on": TODAY.isoformat()}
    done = client.post(reverse("appointment-hand-over", args=[seat.pk]), body, follow=True)
    assert "已交接" in done.content.decode()
    assert who(city.jia) == [("林小满", False)]


def test_nobody_hands_over_to_themselves(sign_in, city, seat, time_machine):
    time_machine.move_to(NOW)
    body = {"way": "acting", "number": city.people["gao"].number, "on": TODAY.isoformat()}

    answer = sign_in("gao").post(reverse("appointment-hand-over", args=[seat.pk]), body)

    assert answer.status_code == 422
    assert "不能任命自己" in answer.content.decode()
    assert who(city.jia) == [("周明远", False)]


def test_whoever_transfers_a_secretary_is_told_who_acts(sign_in, city, time_machine):
    time_machine.move_to(NOW)
    body = {"branch": city.yi.code, "on": TODAY.isoformat(), "group": ""}

    answer = sign_in("gao").post(
        reverse("member-transfer", args=[city.people["zhou"].pk]), body, follow=True
    )

    assert "暂由高望川代管" in answer.content.decode()


def test_officials_find_the_branches_that_need_a_secretary(sign_in, city, seat, time_machine):
    time_machine.move_to(NOW)
    address = f"{reverse('organization-list')}?unseated=1"
    client = sign_in("gao")
    assert "都有书记" in client.get(address).content.decode()

    appointments.hand_over(seat, city.people["gao"], on=TODAY, acting=True, by=city.by, at=NOW)

    assert list(client.get(address).context["page"].object_list) == [city.jia]
