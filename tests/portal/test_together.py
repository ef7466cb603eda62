"""Queries asked together give what each gives by itself, on both engines."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from django.db import connection
from django.db.models import Count, Exists, F, FloatField, OuterRef, Value
from django.db.models.functions import Cast

from portal.models import Appointment, AuditEvent, Member, Organization
from portal.prepared import ByPaths, Prepared, columns, given
from portal.together import Together
from tests import plans
from tests.cast import BEFORE, NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def queries():
    """Objects, days and moments, numbers, truths, JSON, nothing at all, and signs of its own."""
    of_branch = Member.objects.filter(branch=given("branch", int)).order_by("-pk")
    held = Appointment.objects.filter(member=OuterRef("pk"))
    events = AuditEvent.objects.filter(at__lt=given("at", datetime)).order_by("pk")
    since = Appointment.objects.filter(since__lte=given("day", date))
    return {
        "people": of_branch.annotate(held=Exists(held)).values_list(*columns(Member, "held")),
        "events": events.values_list("at", "detail", "by__name"),
        "holders": since.order_by("pk").values_list("since", "until", "member__name"),
        "none": Member.objects.filter(number=given("number", str)).values_list("pk", "name"),
        "signs": Organization.objects.filter(short_name__contains="支部")
        .exclude(name="100%' \\ ?")
        .annotate(said=Value("%s '\"\\"))
        .values("kind", "said")
        .annotate(n=Count("pk"))
        .order_by("kind")
        .values_list("kind", "said", "n"),
    }


VALUES = {"at": NOW, "day": date(2021, 6, 3), "number": "没有'这个%s\"编号\\"}


def test_together_they_give_what_each_gives_by_itself(city):
    together = Together(queries)
    for branch in (city.jia, city.bing, city.jia):
        found = together(branch=branch.pk, **VALUES)
        for name, queryset in queries().items():
            alone = Prepared(lambda q=queryset: q)
            assert found.rows(name) == alone(branch=branch.pk, **VALUES), name
        assert found.rows("none") == []
        assert found.rows("events")
        people = found.objects("people")
        assert people == list(Member.objects.filter(branch=branch).order_by("-pk"))
        assert [type(person.held) for person in people] == [bool] * len(people)


def test_values_of_which_there_are_few_are_written_out(city):
    apart = Together(queries, few=["branch", "day"])
    for branch in (city.jia, city.yi, city.jia):
        found = apart(branch=branch.pk, **VALUES)
        assert {person.branch_id for person in found.objects("people")} == {branch.pk}
        assert found.rows("holders") == Together(queries)(branch=1, **VALUES).rows("holders")
    earlier = apart(branch=city.jia.pk, **{**VALUES, "day": date(2019, 12, 31)})
    assert (earlier.rows("holders"), len(found.rows("holders"))) == ([], 6)


def test_over_paths_one_statement_serves_many(city, django_assert_num_queries):
    there = ByPaths(
        lambda paths: {
            "people": Member.objects.filter(branch__path__in=paths).values_list("number"),
            "branches": Organization.objects.filter(path__in=paths).values_list("code"),
        },
        into=Together,
    )
    once = 1 if connection.vendor == "postgresql" else 2

    with django_assert_num_queries(2 * once):
        one = there([city.jia.path])
        three = there([city.jia.path, city.yi.path, city.bing.path])

    assert [row.code for row in one.rows("branches")] == [city.jia.code]
    assert len(three.rows("branches")) == 3
    assert len(three.rows("people")) > len(one.rows("people")) > 0


def test_a_value_that_is_missing_is_named(city):
    with pytest.raises(KeyError, match="number"):
        Together(queries)(branch=1, at=NOW, day=BEFORE.date())


@pytest.mark.postgres
def test_what_json_cannot_hold_as_it_is_comes_into_no_statement(city):
    share = Cast(F("pk"), FloatField())
    of = Together(lambda: {"shares": Member.objects.annotate(s=share).values_list("s")})

    with pytest.raises(TypeError, match="FloatField"):
        of()


@pytest.mark.postgres
def test_postgresql_keeps_the_plan_for_any_values(city):
    """Else it plans anew each time, which takes longer than the answer."""
    together = Together(queries)
    for n in range(16):
        together(branch=city.jia.pk + n % 2, **VALUES)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE 'WITH given %'"
        )
        [(generic, custom)] = cursor.fetchall()
    assert (generic > 3, custom) == (True, 5)
    assert plans.of_page(lambda: together(branch=city.jia.pk, **VALUES))
