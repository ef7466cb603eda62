"""Merging, dividing, dissolving and renaming: who moves, what stays, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import appointments, members, organizations, reorganizations
from portal.models import (
    Appointment,
    AuditEvent,
    Member,
    Membership,
    Organization,
    OrganizationName,
)
from portal.organizations import AlreadyThere, BadName, CannotMove
from portal.reorganizations import BadDivision, NotEmpty, Part, size_warnings
from tests.cast import NOW, TODAY, days_ago

pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def divided(city):
    """甲支部 with two more people, of whom lin and one of the two make a new branch."""
    city.fresh, city.stays = city.enrol(city.jia, "施分出"), city.enrol(city.jia, "留原处")
    part = Part("YL-QC-1-2", "青川县甲二支部", [city.people["lin"], city.fresh])
    [city.second] = reorganizations.divide(city.jia, [part], on=TODAY, by=city.by, at=NOW)
    return city


def belongs(member):
    return Membership.objects.open().get(member=member)


def test_dividing_moves_the_chosen_on_the_day_and_leaves_the_rest(divided):
    second = Organization.objects.get(code="YL-QC-1-2")

    assert set(Member.objects.in_branch(second)) == {divided.people["lin"], divided.fresh}
    assert divided.stays in Member.objects.in_branch(divided.jia)
    assert (second.parent, second.unit, second.cohort) == (
        divided.county,
        divided.county,
        divided.jia.cohort,
    )
    here = belongs(divided.people["lin"])
    assert (here.branch, here.since) == (second, TODAY)
    before = Membership.objects.on(days_ago(1)).get(member=divided.people["lin"])
    assert before.branch == divided.jia
    assert OrganizationName.objects.get(organization=second).since == TODAY


def test_dividing_tells_the_followers_of_each_person_once(city, settings, monkeypatch):
    told = []
    monkeypatch.setattr("credits.roll.follow", lambda changes, **_: told.extend(changes))
    part = Part("YL-QC-1-2", "甲二支部", [city.people["lin"]])

    reorganizations.divide(city.jia, [part], on=TODAY, by=city.by, at=NOW)

    people = [c.member for c in told if hasattr(c, "member")]
    assert people == [city.people["lin"]]


def test_a_new_branch_may_get_its_secretary_at_once(city):
    part = Part("YL-QC-1-2", "甲二支部", [city.people["lin"]], secretary=city.people["lin"])
    [second] = reorganizations.divide(city.jia, [part], on=TODAY, by=city.by, at=NOW)

    assert [a.member for a in appointments.secretaries(second, on=TODAY)] == [city.people["lin"]]


@pytest.mark.parametrize(
    ("people", "secretary", "said"),
    [
        ([], None, "请勾选"),
        (["wu"], None, "重复勾选"),
        (["lin", "lin"], None, "重复勾选"),
        (["lin", "zhou"], None, "一个人也不留"),
        (["lin"], "zhou", "新支部的书记"),
    ],
)
def test_a_division_that_makes_no_sense_writes_nothing(city, people, secretary, said):
    chosen = [city.people[name] for name in people]
    part = Part("YL-QC-1-2", "甲二", chosen, secretary=city.people.get(secretary or ""))

    with pytest.raises(BadDivision, match=said):
        reorganizations.divide(city.jia, [part], on=TODAY, by=city.by, at=NOW)

    assert not Organization.objects.filter(code="YL-QC-1-2").exists()


def test_a_division_under_a_taken_code_writes_nothing(city):
    part = Part(city.yi.code, "甲二", [city.people["lin"]])
    with pytest.raises(AlreadyThere):
        reorganizations.divide(city.jia, [part], on=TODAY, by=city.by, at=NOW)
    assert belongs(city.people["lin"]).branch == city.jia


def test_the_secretary_who_moves_away_leaves_the_old_branch_to_the_official_above(city):
    part = Part("YL-QC-1-2", "甲二支部", [city.people["zhou"]])

    reorganizations.divide(city.jia, [part], on=TODAY, by=city.by, at=NOW)

    [acting] = appointments.secretaries(city.jia, on=TODAY)
    assert (acting.member, acting.acting) == (city.people["gao"], True)


def test_a_merge_puts_nobody_in_charge_of_what_is_no_more(city):
    reorganizations.merge(city.jia, city.yi, on=TODAY, by=city.by, at=NOW)

    seats = Appointment.objects.filter(organization=city.jia)
    assert not seats.filter(until=None).exists()
    assert not seats.filter(acting=True).exists()
    assert belongs(city.people["lin"]).branch == city.yi


def test_what_is_dissolved_is_not_changed_once_more(city):
    reorganizations.merge(city.jia, city.yi, on=TODAY, by=city.by, at=NOW)

    for again in (
        lambda: reorganizations.merge(city.jia, city.yi, on=TODAY, by=city.by, at=NOW),
        lambda: reorganizations.merge(city.yi, city.jia, on=TODAY, by=city.by, at=NOW),
        lambda: reorganizations.dissolve(city.jia, on=TODAY, by=city.by, at=NOW),
        lambda: organizations.rename(city.jia, "新名", on=TODAY, by=city.by, at=NOW),
        lambda: organizations.move(city.jia, city.bureau, by=city.by, at=NOW),
    ):
        with pytest.raises(CannotMove, match="已于"):
            again()
    assert city.people["zheng"].branch == city.yi


def test_a_branch_with_people_and_a_day_to_come_are_refused(city):
    with pytest.raises(NotEmpty, match="2 名党员"):
        reorganizations.dissolve(city.jia, on=TODAY, by=city.by, at=NOW)
    with pytest.raises(CannotMove, match="还没有到"):
        reorganizations.merge(city.jia, city.yi, on=TODAY + timedelta(days=1), by=city.by, at=NOW)
    with pytest.raises(CannotMove, match="才成立"):
        reorganizations.merge(city.jia, city.yi, on=TODAY.replace(2019), by=city.by, at=NOW)


def test_a_branch_does_not_end_before_its_last_member_left(city):
    for name in ("lin", "zhou"):
        members.transfer(city.people[name], city.yi, on=days_ago(2), by=city.by, at=NOW)
    with pytest.raises(CannotMove, match="才离开"):
        reorganizations.dissolve(city.jia, on=days_ago(3), by=city.by, at=NOW)
    reorganizations.dissolve(city.jia, on=days_ago(2), by=city.by, at=NOW)
    assert not Appointment.objects.filter(organization=city.jia, until=None).exists()


def test_a_new_name_does_not_reach_back_before_the_present_one(city):
    organizations.rename(city.jia, "甲新支部", on=days_ago(5), by=city.by, at=NOW)

    for day in (days_ago(6), TODAY + timedelta(days=1)):
        with pytest.raises(BadName):
            organizations.rename(city.jia, "甲更新支部", on=day, by=city.by, at=NOW)

    names = OrganizationName.objects.filter(organization=city.jia).values_list("name", flat=True)
    assert list(names) == ["青川县甲支部", "甲新支部"]
    event = AuditEvent.objects.filter(event="organization").order_by("pk").last()
    assert event.subject == "更名：青川县甲支部 → 甲新支部"


@pytest.mark.parametrize(
    ("kind", "full", "people", "said"),
    [
        ("branch", 2, 30, "不足 3 名"),
        ("branch", 3, 50, ""),
        ("branch", 40, 51, "超过 50 名"),
        ("general", 49, 49, "不足 50 名"),
        ("committee", 99, 99, "不足 100 名"),
        ("committee", 100, 100, ""),
        ("county", 1, 1, ""),
    ],
)
def test_sizes_are_warned_of(kind, full, people, said):
    warned = size_warnings("某", kind, full=full, people=people)
    assert [said in w for w in warned] == ([True] if said else [])
