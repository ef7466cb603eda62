"""What credit costs beside the bare rows: a class, an assembly, one line; many writers at once.

Both sides commit, each in one transaction with the same durability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from courses import roll_call, sessions
from courses.sessions import Plan
from credits import ledger
from credits.chain import ENTRY
from credits.ledger import Credit, Posted, Source
from credits.models import BranchStanding, CreditTotal, LedgerEntry, Posting, Programme, Standing
from credits.standings import CHANGING
from portal import organizations
from portal.audit import Actor
from portal.members import Enrolment, enrol_many
from portal.models import Appointment, Member, Organization, Role
from portal.organizations import Founding
from tests.benchmarks.conftest import TODAY
from tests.benchmarks.stopwatch import ratio

pytestmark = pytest.mark.bench
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime.combine(TODAY, time(5), tzinfo=SHANGHAI)


@dataclass
class Branch:
    """A branch of the whole city made for a measurement, with free hours for its meetings."""

    organization: Organization
    people: list[Member]
    by: Actor
    programme: Programme
    slots: Iterator[datetime] = field(init=False)

    def __post_init__(self) -> None:
        days = (TODAY - timedelta(days=n) for n in range(1, 29))
        self.slots = (
            datetime.combine(day, time(hour), tzinfo=SHANGHAI)
            for day in days
            for hour in (6, 7, 8, 9, 10, 11)
        )


def branch_of(size: int) -> Branch:
    """A new branch with so many members, under a unit of the city, committed."""
    holders = Appointment.objects.filter(role=Role.ADMINISTRATOR).select_related("member")
    by = Actor(holders.get().member, Role.ADMINISTRATOR)
    unit = Organization.objects.filter(kind="county").order_by("path").first()
    number = Organization.objects.count()
    founding = Founding(f"B-{number}", f"测量{number}支部", Organization.Kind.BRANCH, unit,
                        date(2020, 1, 1))  # fmt: skip
    branch = organizations.found(founding, by=by, at=NOW)
    people = enrol_many(
        [
            Enrolment(number=f"88{number:05d}{n:05d}", name=f"学员{n}", branch=branch,
                      day=date(2020, 1, 1))
            for n in range(size)
        ],
        by=by, at=NOW,
    )  # fmt: skip
    return Branch(branch, people, by, Programme.objects.get(state="running"))


def columns(model, names):
    return [model._meta.get_field(name).column for name in names]


def attnames(model, names):
    return [model._meta.get_field(name).attname for name in names]


class Bare:
    """The rows of one posting as the least statements write them, over and over."""

    def __init__(self, posting: Posting, branch: Branch) -> None:
        names = attnames(LedgerEntry, ENTRY)
        entries = LedgerEntry.objects.filter(programme=branch.programme, posting=posting)
        rows = [list(row) for row in entries.order_by("line").values_list(*names)]
        members = [row[ENTRY.index("member")] for row in rows]
        programme = branch.programme.pk
        self.entries = [self._adapted(row[1:]) for row in rows]
        totals = CreditTotal.objects.filter(programme=programme, member__in=members)
        period, form = rows[0][ENTRY.index("period")], rows[0][ENTRY.index("form")]
        self.totals = list(totals.filter(period=period, form=form).values_list("earned", "pk"))
        own = attnames(Standing, CHANGING)
        standings = Standing.objects.filter(programme=programme, member__in=members)
        self.standings = [self._adapted(row) for row in standings.values_list(*own, "pk")]
        branches = BranchStanding.objects.filter(programme=programme, branch=branch.organization)
        self.branches = [(0, 0, 0, 0, 0, pk) for pk in branches.values_list("pk", flat=True)]
        self.posting = 10**9 + posting.pk * 10_000
        into = ", ".join(columns(LedgerEntry, ENTRY)[1:])
        sets = ", ".join(f"{c} = %s" for c in columns(Standing, CHANGING))
        adds = ", ".join(
            f"{c} = {c} + %s" for c in ("due", "exempt", "completed", "hours", "points")
        )
        marks = ", ".join(["%s"] * (len(ENTRY) - 1))
        self.statements = (
            f"INSERT INTO credits_ledgerentry ({into}) VALUES ({marks})",
            "UPDATE credits_credittotal SET earned = %s WHERE id = %s",
            f"UPDATE credits_standing SET {sets} WHERE id = %s",
            f"UPDATE credits_branchstanding SET {adds} WHERE id = %s",
        )

    def ready(self) -> None:
        """The next posting's rows: same line numbers, another posting."""
        self.posting += 1
        place = ENTRY.index("posting") - 1
        for row in self.entries:
            row[place] = self.posting

    def write(self) -> None:
        sides: tuple[Any, ...] = (self.entries, self.totals, self.standings, self.branches)
        with transaction.atomic(), connection.cursor() as cursor:
            for sql, rows in zip(self.statements, sides, strict=True):
                cursor.executemany(sql, rows)

    @staticmethod
    def _adapted(row):
        def adapt(value):
            if isinstance(value, datetime):
                return connection.ops.adapt_datetimefield_value(value)
            return connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value

        return [adapt(value) for value in row]


def measure(
    name: str,
    branch: Branch,
    ready: Callable[[], object],
    work: Callable[[], Posted],
    *,
    goal: float,
) -> None:
    n = len(branch.people)
    ready()
    first = work()
    assert len(first.lines) == n
    bare = Bare(first.posting, branch)

    def before() -> None:
        ready()
        bare.ready()

    row = ratio(name, work, bare.write, goal=goal, n=n, before=before, undone=False)
    last = Standing.objects.filter(programme=branch.programme, member=branch.people[0]).get()
    assert last.recognised > 0
    assert row.runs


@pytest.mark.parametrize(("size", "what"), [(30, "closing a class"), (2000, "closing an assembly")])
def test_closing_a_roll_against_the_bare_rows(committed, size, what):
    branch = branch_of(size)
    opened = []

    def ready():
        start = next(branch.slots)
        plan = Plan(what, "seminar", start, start + timedelta(minutes=45), "reform")
        session = sessions.schedule(
            branch.organization, [branch.programme], plan, by=branch.by, at=NOW
        )
        opened.append(roll_call.open_(session, by=branch.by, at=NOW))

    def close():
        [posted] = roll_call.close(opened.pop(), {}, by=branch.by, at=NOW)
        return posted

    measure(what, branch, ready, close, goal=2.5)


def test_posting_one_line_against_its_bare_rows(committed):
    branch = branch_of(1)
    asked = []

    def ready():
        start = next(branch.slots)
        credit = Credit(
            branch.people[0], "seminar", start.date(), 45, "reform", start=start,
            end=start + timedelta(minutes=45),
        )  # fmt: skip
        asked.append((Source("session", f"one-{start:%m%d%H}", "一课"), credit))

    def post():
        source, credit = asked.pop()
        return ledger.post(
            branch.programme, source, organiser=branch.organization, credits=[credit],
            by=branch.by, at=NOW,
        )  # fmt: skip

    measure("posting one line", branch, ready, post, goal=3)
