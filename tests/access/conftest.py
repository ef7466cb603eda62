"""The world of the access tests, at eight in the evening of the cast's day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.access import world
from tests.access.world import World
from tests.cast import TODAY, moment


@pytest.fixture
def laid(city: Any, programme: Any) -> Iterator[World]:
    with time_machine.travel(moment(TODAY, 20), tick=False):
        yield world.lay_out(city, programme)


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
