"""Shorthands for the tests of hours: post some, complete somebody, look at a standing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from credits import ledger
from credits.ledger import Credit, Posted, Source
from credits.models import BranchStanding, Programme, Standing
from portal.models import Member, Organization
from tests.cast import NOW, TODAY, City, days_ago, moment

PERIODS = ("new-democratic", "socialist", "reform", "new-era")
FULL = [(period, days, 270) for days, period in enumerate(PERIODS, 1)]  # six hours in each


def earn(
    member: Member, minutes: int = 90, *, day: date = TODAY, hour: int = 8, **values: Any
) -> Credit:
    """A credit with clock time, a seminar about reform unless said otherwise."""
    start = moment(day, hour)
    values.setdefault("form", "seminar")
    values.setdefault("period", "reform")
    return Credit(
        member,
        day=day,
        minutes=minutes,
        start=start,
        end=start + timedelta(minutes=minutes),
        **values,
    )


def standing_of(programme: Programme, member: Member) -> Standing:
    rows = Standing.objects.select_related("member", "branch", "programme")
    return rows.get(programme=programme, member=member)


def branch_row(programme: Programme, branch: Organization) -> BranchStanding:
    return BranchStanding.objects.get(programme=programme, branch=branch)


@pytest.fixture
def post(city: City) -> Callable[..., Posted]:
    """Post credits as one session, under a key of its own unless one is given."""
    keys = (f"made{number}" for number in itertools.count(1))

    def write(programme: Programme, *credits_: Credit, **values: Any) -> Posted:
        key = values.pop("key", "") or next(keys)
        source = Source(values.pop("kind", "session"), key, values.pop("title", f"活动 {key}"))
        usual: dict[str, Any] = {"organiser": city.jia, "by": city.by, "at": NOW}
        return ledger.post(programme, source, credits=credits_, **usual | values)

    return write


@pytest.fixture
def complete(post: Callable[..., Posted]) -> Callable[..., list[str]]:
    """Bring members to exactly 24 hours, six in each period; returns the postings' keys."""

    def study(programme: Programme, *people: Member, at: Any = NOW, **values: Any) -> list[str]:
        keys = []
        for period, days, minutes in FULL:
            given = [earn(m, minutes, day=days_ago(days), period=period) for m in people]
            keys.append(post(programme, *given, at=at, **values).posting.key)
        return keys

    return study


@pytest.fixture
def enter(city: City) -> Callable[[str], Client]:
    """The browser of somebody of the cast, signed in."""

    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(city.people[name], backend="portal.sign_in.MemberBackend")
        return client

    return sign_in


@pytest.fixture
def evening() -> Iterator[None]:
    """The server's clock stands at eight in the evening of the cast's day."""
    with time_machine.travel(NOW, tick=False):
        yield
