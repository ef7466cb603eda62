"""The small seed for tests: 400 members on the day of the report, in a database of the module."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from django.db import transaction

from courses import seeding

TODAY = date(2021, 6, 3)
MEMBERS = 400


def lay_out(*, today: date = TODAY, number: int = 1) -> list[str]:
    """Seed 400 members; returns what was reported."""
    said: list[str] = []
    seeding.seed(today=today, size=MEMBERS, number=number, report=said.append)
    return said


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """One seed for all tests of a module, undone at its end; each test's own writes are undone too.

    The tests are marked `django_db`: pytest-django then rolls each back inside this transaction.
    """
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined] # a blocker
        lay_out()
        yield
        transaction.set_rollback(True)
