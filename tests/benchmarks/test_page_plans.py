"""How pages are asked for in a whole city: what grows with it is read by an index.

Of a small city (tests/courses/test_page_plans.py) PostgreSQL reads any table whole, for it is
small; here it has reason not to.
"""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.urls import reverse

from courses.models import StudySession
from portal.models import Appointment, Member, Role
from tests import plans
from tests.benchmarks.browser import Browser
from tests.benchmarks.conftest import TODAY
from tests.benchmarks.test_pages import running, server  # noqa: F401 - fixtures

pytestmark = [pytest.mark.bench, pytest.mark.django_db, pytest.mark.usefixtures("whole_city")]
LARGE = 2000  # rows from which on a table is to be read by an index


@pytest.fixture
def large():
    """The tables that have grown with the city."""
    return {model._meta.db_table for model in apps.get_models() if model.objects.count() > LARGE}


def test_pages_read_what_grows_by_an_index(server, running, large):  # noqa: F811
    """Start pages, hours and a roll, each as its reader gets them."""
    place = Appointment.objects.on(TODAY).filter(role=Role.SECRETARY).order_by("pk").first()
    session = StudySession.objects.filter(organiser=place.organization, state="closed").first()
    people = Member.objects.active().filter(appointments=None, standings__programme=running)
    member = people.order_by("pk").first()
    asked = [
        (member, reverse("home")),
        (member, reverse("my-hours")),
        (place.member, reverse("home")),
        (place.member, reverse("session-detail", args=[session.pk])),
    ]

    for who, address in asked:
        browser = Browser(server, who)
        cache.clear()
        shapes = plans.of_page(lambda b=browser, a=address: b.get(a))
        assert (browser.status, len(shapes) > 2) == (200, True)
        for shape in shapes:
            assert not whole(shape) & large, (address, shape)


def whole(shape):
    """The tables that a plan reads from end to end, without their partition's number."""
    if connection.vendor == "postgresql":
        return set(re.findall(r"Seq Scan (\w+)", shape))
    return set(re.findall(r"SCAN (\w+)(?! USING)(?=;|$)", shape)) - {"json_each"}


def test_a_large_table_read_whole_is_noticed(large):
    """Else the test above could not fail."""
    assert {"portal_member", "credits_standing", "credits_ledgerentry"} <= large
    shape = plans.of_query("SELECT name FROM portal_member WHERE phone = %s", ["1"])
    assert whole(shape) == {"portal_member"}
