"""Queries written once give what the ORM gives, each time for the values of that call."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from django.db import connection
from django.db.models import Count, Q

from portal.models import Appointment, AuditEvent, Member
from portal.prepared import ByPaths, Given, Prepared, columns, given
from tests.cast import BEFORE, NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def test_one_query_serves_other_values(city, django_assert_num_queries):
    by_number = Prepared(
        lambda: Member.objects.filter(number=given("number", str)).values_list("pk", "name")
    )

    with django_assert_num_queries(3):
        for person in list(city.people.values())[:3]:
            [row] = by_number(number=person.number)
            assert (row.pk, row.name) == (person.pk, person.name)
    assert by_number.first(number="nobody") is None
    with pytest.raises(KeyError):
        by_number(other=1)


def test_days_and_moments_go_in_and_come_out_as_the_orm_has_them(city):
    held = Prepared(
        lambda: Appointment.objects.filter(since__lte=given("day", date)).values_list("since")
    )
    written = Prepared(
        lambda: AuditEvent.objects.filter(at__lt=given("at", datetime)).values_list("at")
    )

    assert {row.since for row in held(day=date(2020, 1, 1))} == {date(2020, 1, 1)}
    assert held(day=date(2019, 12, 31)) == []
    assert {row.at for row in written(at=NOW)} == {
        event.at for event in AuditEvent.objects.filter(at__lt=NOW)
    }
    assert written(at=BEFORE) == []


def test_objects_are_those_of_the_model_with_what_was_added(city):
    people = Prepared(
        lambda: (
            Member.objects.filter(branch=given("branch", int))
            .annotate(offices=Count("appointments"))
            .order_by("pk")
            .values_list(*columns(Member, "offices"))
        )
    )

    found = people.objects(branch=city.jia.pk)

    assert found == list(Member.objects.filter(branch=city.jia).order_by("pk"))
    assert [person.offices for person in found] == [0, 1]


def test_paths_are_asked_for_however_many_there_are(city):
    there = ByPaths(lambda paths: Member.objects.filter(branch__path__in=paths).values_list("pk"))
    of_jia = {m.pk for m in Member.objects.filter(branch=city.jia)}

    assert there([]) == []
    assert {row.pk for row in there([city.jia.path])} == of_jia
    assert {row.pk for row in there([city.jia.path] * 3 + [city.bing.path])} > of_jia


def test_several_calls_may_share_the_objects_of_another_table(city):
    offices = Prepared(
        lambda: (
            Appointment.objects.filter(role=given("role", str))
            .order_by("pk")
            .values_list(*columns(Appointment, *columns(Member, of="member")))
        )
    )
    shared: dict = {}

    one, *_ = offices.objects(shared, role="secretary")
    again, *_ = offices.objects(shared, role="secretary")
    apart, *_ = offices.objects(role="secretary")

    assert one is not again
    assert one.member is again.member
    assert apart.member is not one.member
    assert apart.member == one.member == Member.objects.get(pk=one.member_id)


def test_what_a_query_says_itself_is_written_out_for_sqlite(city):
    """Else SQLite plans the statement anew for each value that a partial index could care about."""
    Member.objects.filter(pk=city.people["lin"].pk).update(name="林'满%s")
    named = Prepared(
        lambda: Member.objects.filter(
            Q(name="林'满%s") | Q(name="李'某") | Q(name__contains="砚"),
            branch=given("branch", int),
            is_active=True,
        ).values_list("name")
    )

    assert {row.name for row in named(branch=city.jia.pk)} == {
        member.name
        for member in Member.objects.filter(branch=city.jia)
        if member.name == "林'满%s" or "砚" in member.name
    }
    written, _ = named.here()
    if connection.vendor == "sqlite":
        assert "'李''某'" in written.sql
        assert [p for p in written.params if not isinstance(p, Given)] == []
