"""Work over the whole city beside the least that it could cost: verifying, and bulletins."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from credits import bulletins, drafting, ledger, verification
from credits.ledger import Credit, Request, Source
from credits.models import Bulletin, BulletinDraft, Programme, UnitTextRequest
from portal import jobs, triggers
from portal.audit import Actor
from portal.models import Appointment, Cohort, Job, Organization, Role
from portal.progress import Progress
from tests.benchmarks.conftest import TODAY
from tests.benchmarks.scale import SCALE
from tests.benchmarks.stopwatch import keep, ratio

pytestmark = pytest.mark.bench

NOW = datetime.fromisoformat(f"{TODAY}T20:00:00+08:00")
RUNS = 3  # of a whole verification, which takes its time
MEMORY = 200  # megabytes
NEWS = 100  # one line in so many is new
ENTRIES = SCALE.entries * SCALE.programmes

# Every column that a verification reads, table by table.
COLUMNS = {
    "credits_posting": "id, book_id, sequence, kind, key, revision, reason, by_id, at, lines, "
    "fingerprint, previous, digest",
    "credits_ledgerentry": "id, posting_id, line, member_id, home_id, form, period, content, day, "
    "minutes, starts_at, ends_at, hours, rules, reverses_id, check_value",
    "credits_creditedtime": "entry_id, member_id, starts_at, ends_at",
    "credits_creditedcontent": "entry_id, member_id, content",
    "credits_credittotal": "member_id, period, form, earned",
    "credits_standing": "id, member_id, branch_id, on_roll, exempt, target, full_target, "
    "recognised, shortfall, points, rules, completed_at, completed_on, completed_home_id",
    "credits_branchstanding": "branch_id, unit_id, cohort, due, exempt, completed, hours, points",
    "credits_branchmonth": "branch_id, month, hours, completed",
    "credits_ledgerbook": "id, organization_id, last_sequence, last_digest",
    "portal_member": "id, key, category, branch_id, is_active",
    "portal_membership": "member_id, branch_id",
    "portal_organization": "id, code, name, path, kind, unit_id, cohort",
}


@contextlib.contextmanager
def bare_connection() -> Iterator[Any]:
    """The driver alone, upon the database of the tests."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "postgresql":
        found = connection.settings_dict
        with psycopg.connect(dbname=name, user=found["USER"], password=found["PASSWORD"] or None,
                             host=found["HOST"], port=found["PORT"] or None) as bare:  # fmt: skip
            yield bare
        return
    with contextlib.closing(sqlite3.connect(f"file:{name}?mode=ro", uri=True)) as bare:
        yield bare


def read_bare() -> int:
    """Fetch every row that a verification reads, in chunks, and keep none."""
    read = 0
    with bare_connection() as bare:
        for table, columns in COLUMNS.items():
            on_server = connection.vendor == "postgresql"
            cursor = bare.cursor(name="bare") if on_server else bare.cursor()
            cursor.execute(f"SELECT {columns} FROM {table}")
            while rows := cursor.fetchmany(4000):
                read += len(rows)
            cursor.close()
    return read


def verify_apart(jobs: int) -> dict[str, float]:
    """Seconds and megabytes of a verification in a process of its own."""
    name, environment = str(connection.settings_dict["NAME"]), dict(os.environ)
    if connection.vendor == "postgresql":
        base, _, _ = environment["DATABASE_URL"].rpartition("/")
        environment["DATABASE_URL"] = f"{base}/{name}"
    else:
        environment["SQLITE_FILE"] = name
    command = [sys.executable, "-m", "tests.benchmarks.verifying", str(jobs)]
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    done = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@pytest.mark.django_db
def test_verifying_beside_a_bare_read_by_the_driver(whole_city):
    assert read_bare() > ENTRIES

    def verify():
        report = verification.verify(at=NOW)
        assert (report.problems, report.entries) == ([], ENTRIES)

    ratio("verify_ledger", verify, read_bare, goal=2.5, n=ENTRIES, pairs=RUNS, warmed=False)


def test_verifying_by_two_processes_and_in_how_much_memory(committed):
    runs = [(verify_apart(2), verify_apart(1)) for _ in range(RUNS)]
    two, one = (
        statistics.median(side["seconds"] for side in sides) for sides in zip(*runs, strict=True)
    )
    keep("verify_ledger --jobs 2, to 1", two, one, goal=0.59, n=ENTRIES, runs=RUNS)
    most = max(max(a["megabytes"], b["megabytes"]) for a, b in runs)
    row = keep("verify_ledger, memory", most, MEMORY, goal=1, n=ENTRIES, runs=RUNS, unit="MB")
    assert row.is_met


def actor(role: str) -> Actor:
    found = Appointment.objects.filter(role=role).select_related("member").order_by("pk")[0]
    return Actor(found.member, role)


def write_news(programme: Programme) -> int:
    """One meeting in so many branches that one line in a hundred is new."""
    by, wanted, requests = actor(Role.ADMINISTRATOR), SCALE.entries // NEWS, []
    for branch in Organization.objects.branches().order_by("path"):
        people = list(branch.members.all())
        lines = [Credit(member, "online", TODAY, 45) for member in people]
        requests.append(Request(Source("session", f"news-{branch.pk}", "新活动"), branch, lines))
        wanted -= len(people)
        if wanted <= 0:
            break
    posted = ledger.post_many(programme, requests, by=by, at=NOW)
    return sum(len(p.lines) for p in posted)


@pytest.mark.django_db
def test_verifying_what_is_new_takes_as_long_as_there_is_news(whole_city):
    programme = Programme.objects.get(state=Programme.State.RUNNING)
    with transaction.atomic():
        whole = timed(lambda: verification.verify(at=NOW))
        new = write_news(programme)
        assert new > 0.9 * SCALE.entries / NEWS
        taken = []
        for _ in range(RUNS):
            with transaction.atomic():
                taken.append(timed(lambda: verify_news(new)))
                transaction.set_rollback(True)
        keep(
            "verify_ledger --since-last with 1 % new, to all", statistics.median(taken), whole,
            goal=0.2, n=new, runs=RUNS, dear=lambda: verify_news(new),
        )  # fmt: skip
        transaction.set_rollback(True)


def verify_news(new: int) -> None:
    report = verification.verify(at=NOW, since_last=True)
    assert (report.problems, report.entries) == ([], new)


BARE_BULLETIN = """
INSERT INTO credits_bulletinrow (bulletin_id, unit_id, unit_code, unit_name, cohort, due, exempt,
    completed, hours, points, sessions, rank, previous_rank, previous_due, previous_completed,
    mobile, transferred_in, transferred_out, late, changed)
SELECT %s, s.unit_id, o.code, o.short_name, s.cohort, s.due, s.exempt, s.completed, s.hours,
    s.points, 0,
    rank() OVER (PARTITION BY s.cohort ORDER BY s.completed * 1.0 / nullif(s.due, 0) DESC),
    b.rank, b.due, b.completed, 0, 0, 0, 0, ''
  FROM (SELECT unit_id, cohort, sum(due) AS due, sum(exempt) AS exempt,
               sum(completed) AS completed, sum(hours) AS hours, sum(points) AS points
          FROM credits_branchstanding WHERE programme_id = %s AND unit_id IS NOT NULL
         GROUP BY unit_id, cohort) s
  JOIN portal_organization o ON o.id = s.unit_id
  LEFT JOIN credits_bulletinrow b ON b.bulletin_id = %s AND b.unit_id = s.unit_id
"""


@pytest.mark.django_db
def test_drawing_up_a_bulletin_beside_one_insert_from_the_branch_rows(whole_city):
    programme = Programme.objects.get(state=Programme.State.RUNNING)
    by = actor(Role.OFFICIAL)
    last = Bulletin.objects.filter(programme=programme).latest("pk")
    values = {f.attname: getattr(last, f.attname) for f in last._meta.concrete_fields}
    earlier = {"number": last.number + 1, "published_at": last.published_at - timedelta(days=1)}
    blank = Bulletin.objects.create(**values | earlier | {"id": None})

    def draw_up():
        draft = bulletins.draw_up(programme, title="积分通报", cohorts=Cohort.values, by=by, at=NOW)
        assert all(draft.texts.values())

    def bare():
        with connection.cursor() as cursor:
            cursor.execute(BARE_BULLETIN, [blank.pk, programme.pk, last.pk])
            assert cursor.rowcount > 0

    ratio("drawing up a bulletin", draw_up, bare, goal=3, n=SCALE.branches)


LINES_OF_THEN = """
SELECT e.member_id, e.period, e.form, sum(e.hours)
  FROM credits_ledgerentry e
  JOIN credits_posting p ON p.programme_id = e.programme_id AND p.id = e.posting_id
 WHERE e.programme_id = {mark} AND e.day <= {mark} AND p.at <= {mark}
 GROUP BY e.member_id, e.period, e.form
"""
MEMBERS_OF_THEN = """
SELECT s.member_id, s.target, m.branch_id
  FROM credits_standing s
  JOIN portal_membership m ON m.member_id = s.member_id
   AND m.since <= {mark} AND (m.until IS NULL OR m.until > {mark})
 WHERE s.programme_id = {mark}
"""


def read_then(programme: Programme, cutoff: datetime) -> int:
    """Fetch by the driver alone what figures of a past moment cannot do without: everybody's sums
    by period and form, and who belonged where."""
    moment: datetime | str = cutoff
    day, mark = cutoff.date().isoformat(), "%s"
    if connection.vendor == "sqlite":
        moment, mark = cutoff.astimezone(UTC).strftime("%F %T"), "?"
    read = 0
    with bare_connection() as bare:
        for sql, values in (
            (LINES_OF_THEN, (programme.pk, day, moment)),
            (MEMBERS_OF_THEN, (day, day, programme.pk)),
        ):
            cursor = bare.cursor()
            cursor.execute(sql.format(mark=mark), values)
            while rows := cursor.fetchmany(4000):
                read += len(rows)
    return read


def test_drawing_up_a_bulletin_of_a_past_moment_in_the_background(committed, monkeypatch):
    """Chunk by chunk by a worker, with its progress written down."""
    programme = Programme.objects.get(state=Programme.State.RUNNING)
    by, cutoff, told = actor(Role.OFFICIAL), NOW - timedelta(days=14), set()
    drafts = []
    step = Progress.step
    monkeypatch.setattr(Progress, "step", lambda own, *how: (told.add(how[:2]), step(own, *how))[1])

    def draw_up():
        draft = bulletins.draw_up(programme, title="积分通报", cohorts=Cohort.values,
                                  cutoff=cutoff, by=by, at=NOW)  # fmt: skip
        job = drafting.later(draft, by=by, at=NOW, back_url="")
        jobs.run(job.pk)
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.message
        draft.refresh_from_db()
        assert all(draft.texts.values())
        drafts.append(draft)

    assert read_then(programme, cutoff) > SCALE.members
    ratio(
        "drawing up a bulletin of a past moment", draw_up, lambda: read_then(programme, cutoff),
        goal=4, n=SCALE.members, pairs=RUNS, undone=False, warmed=False,
    )  # fmt: skip
    assert len(told) >= SCALE.members / 2000
    forget(drafts)


def forget(drafts):
    """The city is used again; units that were asked for a text would find that on their pages."""
    table = UnitTextRequest._meta.db_table
    triggers.lift(connection, table)
    UnitTextRequest.objects.filter(draft__in=drafts).delete()
    triggers.guard(connection, table)
    BulletinDraft.objects.filter(pk__in=[draft.pk for draft in drafts]).delete()
