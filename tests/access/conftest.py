"""The world of the access tests, at eight in the evening of the cast's day."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from tests import cast
from tests.access import world
from tests.access.world import World
from tests.cast import TODAY, moment


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[World]:
    """One world for all tests of a module, undone at its end; each test's own writes are undone
    too, for pytest-django rolls each back inside this transaction."""
    with (
        django_db_blocker.unblock(),  # type: ignore[attr-defined] # a blocker
        time_machine.travel(moment(TODAY, 20), tick=False),
        transaction.atomic(),
    ):
        city = cast.lay_out_city()
        yield world.lay_out(city, cast.open_programme(city))
        transaction.set_rollback(True)


@pytest.fixture
def laid(standing: World, db: None) -> Iterator[World]:
    """The world for one test, who may change what is in it."""
    with time_machine.travel(moment(TODAY, 20), tick=False):
        yield copy.deepcopy(standing)


@pytest.fixture
def as_role(laid: World) -> Callable[[str], Client]:
    """Signs in whoever stands for a role."""

    def sign_in(role: str) -> Client:
        client = Client()
        person = laid.people[role]
        assert person is not None
        client.force_login(person, backend="portal.sign_in.MemberBackend")
        return client

    return sign_in
