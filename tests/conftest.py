"""What every test shares: fast password hashing, plain static files, protected tables, a cast."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.core.files.storage import storages
from django.core.signals import setting_changed
from django.db import connection
from django.utils.functional import empty

from portal import triggers

pytest_plugins = ["tests.cast", "tests.seeded"]


@pytest.fixture(autouse=True, scope="session")
def _test_settings() -> None:
    """Hashed static files give 404 under live_server; the tasks backend runs in the test."""
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    # What was made while modules were imported is made anew.
    vars(storages)["_storages"].clear()
    vars(staticfiles_storage)["_wrapped"] = empty
    # Each process its own. By the signal: collecting has made the cache that was set before.
    settings.CACHES["default"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    setting_changed.send(sender=None, setting="CACHES", value=settings.CACHES, enter=True)
    settings.WHITENOISE_AUTOREFRESH = True  # nothing is collected in tests
    settings.SNAPSHOT = "default"  # a test's transaction is invisible to any other connection
    settings.PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """No ranking or overview of another test is kept: its rows are gone, its ids come again."""
    cache.clear()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest module first, lest one process end with it while the other has nothing to do."""
    items.sort(key=lambda item: "test_state_machine" not in item.nodeid)


@pytest.fixture(autouse=True)
def _unprotect_before_flush(request: pytest.FixtureRequest) -> Iterator[None]:
    """A transactional test ends with a flush, which the insert-only triggers would refuse: take
    them off after the test; the flush's post_migrate puts them back."""
    names = set(request.fixturenames)
    marker = request.node.get_closest_marker("django_db")
    transactional = bool(marker and marker.kwargs.get("transaction"))
    if not transactional and not names & {"transactional_db", "live_server"}:
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    triggers.uninstall(connection)
    _drop_partitions()


def _drop_partitions() -> None:
    """A flush empties tables but keeps their partitions, those in the archive with foreign keys
    that forbid it; the programmes that they were made for are gone."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND "
                       "relname ~ '^credits_[a-z]+_(p[0-9]+|archived_.+)$'")  # fmt: skip
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TABLE "{name}"')
