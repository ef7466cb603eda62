"""Pages ask in the same way whether there is little or ten times as much: the same query plans."""

from __future__ import annotations

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from courses import roll_call, sessions
from tests import plans
from tests.cast import BEFORE, NOW, TODAY
from tests.courses.conftest import plan
from tests.courses.test_page_queries import grow  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


def shapes(city, roll):
    """The plans of every page of the issue, each after its kept figures were thrown away."""
    found = {}
    for who, address in [
        ("lin", reverse("home")),
        ("zhou", reverse("home")),
        ("zhou", reverse("session-detail", args=[roll.pk])),
        ("lin", f"{reverse('ranking')}?cohort=county"),
        ("lin", f"{reverse('ranking')}?cohort=county&level=branch"),
    ]:
        browser = Client()
        browser.force_login(city.people[who], "portal.sign_in.MemberBackend")
        with time_machine.travel(NOW, tick=False):
            cache.clear()
            found[who, address] = plans.of_page(lambda b=browser, a=address: b.get(a))
    return found


# On SQLite only: PostgreSQL plans by counts, and so few rows it reads and joins in whatever way.
# There `tests.plans` is for the benchmark's city.
def test_ten_times_as_much_is_asked_for_in_the_same_way(city, programme, grow):  # noqa: F811
    by = city.actor("zhou", "secretary")
    session = sessions.schedule(city.jia, [programme], plan(day=TODAY), by=by, at=BEFORE)
    roll = roll_call.open_(session, by=by, at=session.starts_at)
    grow()  # two of everything
    few = shapes(city, roll)
    for _ in range(9):
        grow()

    many = shapes(city, roll)

    assert all(len(found) > 3 for found in few.values())
    for page, found in few.items():
        assert many[page] == found, page


@pytest.mark.both
def test_a_shape_tells_an_index_from_a_scan(city):
    """Else the comparison could not fail."""
    indexed = plans.of_query("SELECT name FROM portal_member WHERE number = %s", ["1"])
    scanned = plans.of_query("SELECT name FROM portal_member WHERE phone = %s", ["1"])

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            indexed = plans.of_query("SELECT name FROM portal_member WHERE number = %s", ["1"])
    assert indexed != scanned
