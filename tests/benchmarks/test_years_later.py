"""What pages cost and how they are asked for when the city has a long history beside them.

Runs last, with COPIES=9 (ten programmes): the copies stay in the database.
"""

from __future__ import annotations

import re
from collections import Counter
from statistics import median

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection, transaction
from django.urls import reverse

from credits.models import LedgerEntry, Programme
from portal.models import Role
from tests import plans
from tests.benchmarks import history
from tests.benchmarks.browser import Browser
from tests.benchmarks.scale import SCALE
from tests.benchmarks.stopwatch import keep, seconds
from tests.benchmarks.test_page_plans import LARGE
from tests.benchmarks.test_pages import (
    VIEWS,
    holder,
    hundredth_page,
    largest,
    member,
    roll_of_fifty,
    running,
    server,
)

__all__ = ["member", "running", "server"]  # fixtures
pytestmark = pytest.mark.bench
GOAL = 1.2


class Looked:
    """A page as it was found once: its cost beside the bare page, and the shapes of its plans."""

    def __init__(self, server, who, address: str) -> None:
        browser = Browser(server, who)

        def views(where: str) -> None:
            for _ in range(VIEWS):
                browser.get(where)
                assert browser.status == 200

        def of(where: str) -> float:
            return seconds(lambda: views(where), undone=False)

        of(address)
        self.ratio = median(of(address) / of(reverse("bare")) for _ in range(2 * SCALE.pairs + 1))
        cache.clear()
        self.shapes = plans.of_page(lambda: browser.get(address))


def look(server, running, member) -> dict[str, Looked]:
    """The pages of the issue, each once; what is written for them is undone."""
    with transaction.atomic():
        cohort, _ = largest(running, "unit")
        secretary, session = roll_of_fifty(running)
        hundredth = hundredth_page(Browser(server, member), running)[2]
        found = {
            "ranking of units, first page": (member, f"{reverse('ranking')}?cohort={cohort}"),
            "ranking of branches, hundredth page": (member, hundredth),
            "a member's start page": (member, reverse("home")),
            "a secretary's start page": (secretary, reverse("home")),
            "roll call of fifty": (secretary, reverse("session-detail", args=[session.pk])),
            "an official's overview": (
                holder(Role.OFFICIAL, organization__parent=None), reverse("home")
            ),
        }  # fmt: skip
        pages = {name: Looked(server, *page) for name, page in found.items()}
        transaction.set_rollback(True)
    return pages


def analyze() -> None:
    """Both times the engine knows its tables: what differs is the history alone."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def test_pages_with_ten_programmes_beside_those_with_one(committed, server, running, member):
    if not SCALE.copies:
        pytest.skip("asked for with COPIES=9")
    if Programme.objects.count() > SCALE.programmes:
        pytest.skip("the copies are there already (--reuse-db): nothing to compare with")
    analyze()
    before, one = look(server, running, member), LedgerEntry.objects.count()
    history.copy(SCALE.copies)
    analyze()
    n = LedgerEntry.objects.count()
    assert n == one * (SCALE.copies + 1) >= SCALE.entries * (SCALE.copies + 1)

    after = look(server, running, member)

    for name, page in after.items():
        keep(f"{name}, with {SCALE.copies + 1} programmes, to one", page.ratio, before[name].ratio,
             goal=GOAL, n=n, runs=2 * SCALE.pairs + 1, unit="×")  # fmt: skip
    small = {model._meta.db_table for model in apps.get_models() if model.objects.count() <= LARGE}
    changed = [
        f"{name}: {read} whole\n  was {was}\n  is  {now}"
        for name, page in after.items()
        for was, now in zip(before[name].shapes, page.shapes, strict=True)
        for read in otherwise(was, now, small)
    ]
    assert not changed, "\n".join(changed)


# What is read, and how: (words, table, index).
READS = {
    "sqlite": r"(SCAN|SEARCH) (\w+)((?: USING [^;]*)?)",
    "postgresql": r"(Seq Scan|(?<!Bitmap )Index Scan|Index Only Scan|Bitmap Heap Scan) (\w+)()",
}
WHOLE = ("SCAN", "Seq Scan")


def otherwise(was: str, now: str, small: set[str]) -> list[str]:
    """The tables that a plan reads whole now and did not before, unless they are small. Which of
    two fitting indexes serves hangs on the engine's statistics of the moment; and with one
    programme alone a table that is all its own is read whole with good reason."""
    before, after = (
        Counter(
            table
            for how, table, index in re.findall(READS[connection.vendor], shape)
            if how in WHOLE and not index
        )
        for shape in (was, now)
    )
    return [table for table in after - before if table not in small]


def test_what_is_read_otherwise_is_noticed():
    """Else the comparison above could not fail."""
    of = {
        "sqlite": ("SCAN big", "SEARCH big USING INDEX big_member (member_id=?)"),
        "postgresql": ("Hash [Seq Scan big]", "Nested Loop Inner [Index Only Scan big big_member]"),
    }
    whole, index = of[connection.vendor]

    assert otherwise(index, whole, set()) == ["big"]
    assert otherwise(whole, f"{whole}; {whole}", set()) == ["big"]
    assert otherwise(whole, index, set()) == []
    assert otherwise(index, f"{index}; {index}", set()) == []
    assert otherwise(index, whole, {"big"}) == []
