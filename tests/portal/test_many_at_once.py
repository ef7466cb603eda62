"""Organisations founded and roles given many at once: in order, all or none, as one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import appointments, organizations
from portal.appointments import BadAppointment, Wanted
from portal.models import Appointment, AuditEvent, Organization, Role
from portal.organizations import AlreadyThere, Founding
from tests.cast import BEFORE

pytestmark = [pytest.mark.django_db, pytest.mark.both]
DAY = BEFORE.date()


def branch(code, parent):
    return Founding(code, f"{code}支部", Organization.Kind.BRANCH, parent, DAY)


def test_organisations_get_successive_places_each_below_its_own_parent(city):
    county, bureau = (o.parent for o in (city.jia, city.bing))
    wanted = [branch("X-1", county), branch("X-2", bureau), branch("X-3", county)]

    made = organizations.found_many(wanted, by=city.by, at=BEFORE)

    assert [o.code for o in made] == ["X-1", "X-2", "X-3"]
    assert [o.parent for o in made] == [county, bureau, county]
    assert all(o.path.startswith(o.parent.path) and o.path != o.parent.path for o in made)
    assert made[0].path < made[2].path
    assert len({o.path for o in Organization.objects.all()}) == Organization.objects.count()
    assert [o.unit for o in made] == [county.unit, bureau.unit, county.unit]
    told = AuditEvent.objects.filter(subject__startswith="成立", organization__in=made)
    assert told.count() == 3


@pytest.mark.parametrize("code", ["X-1", "YL-QC-1"])
def test_a_code_that_comes_twice_or_is_taken_founds_none_of_them(city, code):
    count, parent = Organization.objects.count(), city.jia.parent
    wanted = [branch("X-1", parent), branch("X-2", parent), branch(code, parent)]

    with pytest.raises(AlreadyThere, match=code):
        organizations.found_many(wanted, by=city.by, at=BEFORE)

    assert Organization.objects.count() == count


def test_roles_are_given_in_order_and_a_second_time_changes_nothing(city):
    people = [city.enrol(city.jia) for _ in range(2)]
    wanted = [Wanted(p, Role.ORGANISER, city.jia) for p in people]

    first = appointments.appoint_many(wanted, since=DAY, by=city.by, at=BEFORE)
    again = appointments.appoint_many(wanted, since=DAY + timedelta(days=9), by=city.by, at=BEFORE)

    assert [a.member for a in first] == people
    assert [a.pk for a in again] == [a.pk for a in first]
    assert {a.since for a in again} == {DAY}
    assert not any(a.acting for a in first)
    assert AuditEvent.objects.filter(event="appoint", organization=city.jia).count() >= 2


def test_one_who_cannot_be_appointed_stops_all(city):
    somebody = city.enrol(city.jia)
    before = Appointment.objects.count()
    wanted = [Wanted(somebody, Role.ORGANISER, city.jia), Wanted(somebody, Role.HELPER, city.jia)]

    with pytest.raises(BadAppointment, match="帮助哪些党员"):
        appointments.appoint_many(wanted, since=DAY, by=city.by, at=BEFORE)

    assert Appointment.objects.count() == before
