"""The check-in storm: a full hall scans while the code turns, on gunicorn as it is deployed."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string

from courses import check_in
from courses.models import Attendance, Scan, Status, StudySession
from portal import triggers
from portal.models import Member, Organization
from tests.benchmarks import phones, stopwatch
from tests.benchmarks.phones import Phone
from tests.benchmarks.scale import SCALE
from tests.serving import serving

pytestmark = pytest.mark.bench
# How often the code turns while they arrive: four times a minute, and once in a short storm.
CHANGES = max(1, SCALE.storm_seconds // check_in.STEP)
BARE = "account"
GOAL = 4


@dataclass
class Hall:
    """A session whose roll everybody is on, and each one's signed-in browser."""

    session: StudySession
    members: list[Member]
    signed_in: list[str]


@pytest.fixture
def db() -> None:
    """Has the test database made, and no transaction around the test: the server is a process of
    its own, and SQLite has one writer."""


@pytest.fixture
def hall(db: None, whole_city: None, django_db_blocker: Any) -> Iterator[Hall]:
    """Committed, as the server is a process of its own; taken away in the end."""
    with django_db_blocker.unblock():
        plain = Member.objects.active().exclude(branch=None).filter(appointments=None)
        people = list(plain.order_by("pk")[: SCALE.storm])
        assert len(people) == SCALE.storm
        session = _session(people[0])
        Attendance.objects.bulk_create(
            Attendance(session=session, member=m, home_id=m.branch_id or 0,
                       status=Status.NOT_YET, marked_at=session.made_at)
            for m in people
        )  # fmt: skip
        browsers = _sign_in(people)
        yield Hall(session, people, browsers)
        triggers.lift(connection, Scan._meta.db_table)
        Scan.objects.filter(session=session).delete()
        triggers.guard(connection, Scan._meta.db_table)
        session.attendances.all().delete()
        session.delete()
        Session.objects.filter(pk__in=browsers).delete()


def _session(by: Member) -> StudySession:
    now = timezone.now()
    return StudySession.objects.create(
        key="storm", organiser=Organization.objects.get(parent=None), occasion="report",
        form="lecture", period="reform", title="宣讲报告会", starts_at=now,
        ends_at=now + timedelta(hours=2), method=StudySession.Method.CHECK_IN,
        state=StudySession.State.OPEN, made_by=by, made_at=now, opened_at=now,
    )  # fmt: skip


def _sign_in(people: list[Member]) -> list[str]:
    """Sessions as signing in makes them; returns their keys."""
    until, store = timezone.now() + timedelta(days=1), SessionStore()
    rows = [
        Session(
            session_key=get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789"),
            session_data=store.encode({
                SESSION_KEY: str(m.pk), HASH_SESSION_KEY: m.get_session_auth_hash(),
                BACKEND_SESSION_KEY: "portal.sign_in.MemberBackend",
            }),
            expire_date=until,
        )
        for m in people
    ]  # fmt: skip
    Session.objects.bulk_create(rows)
    return [row.session_key for row in rows]


@pytest.fixture
def port(hall: Hall, tmp_path: Path) -> Iterator[int]:
    """The portal as the Procfile starts it, upon the city's database."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
        environment = {"DATABASE_URL": url}
    else:
        environment = {"SQLITE_FILE": name}
    with serving(tmp_path / "web.log", VAR_DIR=str(tmp_path), **environment) as port:
        yield port
        said = (tmp_path / "web.log").read_text()
    assert "Traceback" not in said, said
    assert "locked" not in said


def test_a_full_hall_checks_in_while_the_code_turns(hall: Hall, port: int):
    """One check-in is the scan and its confirmation, from the moment of raising the phone; its
    reference one bare page, under as many requests. Half of the bare pages come before the storm,
    half after it."""

    def everybody() -> list[Phone]:
        return [Phone(port, {settings.SESSION_COOKIE_NAME: key}) for key in hall.signed_in]

    half = SCALE.storm // 2
    storm = Storm(hall.session)
    phones.arrive(look, everybody()[:20], 1)  # both processes have seen a page
    before = phones.arrive(look, everybody()[:half], SCALE.storm_seconds / 2)
    until_turns_fit()
    taken = phones.arrive(storm.check_in, everybody(), SCALE.storm_seconds)
    after = phones.arrive(look, everybody()[half:], SCALE.storm_seconds / 2)

    assert len(storm.codes) == CHANGES + 1
    marks = hall.session.attendances.filter(status=Status.PRESENT, scanned=True)
    assert marks.count() == SCALE.storm
    scans = Scan.objects.filter(session=hall.session).values_list("member_id", "accepted")
    assert sorted(scans) == sorted((m.pk, True) for m in hall.members), "each is accepted once"
    pages = [[time for phone in side for time in phone] for side in (before, after)]
    ours, reference = p99(taken), p99(pages[0] + pages[1])
    row = stopwatch.Row(
        "check-in storm p99", connection.vendor, ours, reference, round(ours / reference, 2), GOAL,
        "s", 1, SCALE.storm, stopwatch.is_steady([statistics.median(side) for side in pages]),
    )  # fmt: skip
    stopwatch.ROWS.append(row)


def until_turns_fit() -> None:
    """Wait until the code turns `CHANGES` times while everybody arrives, each turn at least a
    second from the beginning and the end."""
    turning = (CHANGES - 1) * check_in.STEP
    to_next = -time.time() % check_in.STEP
    if not 1 <= to_next <= SCALE.storm_seconds - turning - 1:
        time.sleep((to_next - SCALE.storm_seconds + turning + 1) % check_in.STEP)


class Storm:
    """What the phones do at the door, and what came of it."""

    def __init__(self, session: StudySession) -> None:
        self.session = session
        self.codes: set[str] = set()

    async def check_in(self, phone: Phone, due: float) -> float:
        """Scan, confirm, read what it leads to; returns how long it took to be accepted."""
        token = check_in.code_at(self.session, timezone.now()).token
        self.codes.add(token)
        page = await phone.ask("GET", reverse("scan", args=[self.session.key, token]))
        assert page.status == 200, page.text
        fields = dict(re.findall(r'name="(csrfmiddlewaretoken|proof)" value="([^"]+)"', page.text))
        done = await phone.ask("POST", reverse("check-in-confirm"), urlencode(fields))
        taken = time.perf_counter() - due
        assert done.status == 302, done.text
        assert (await phone.ask("GET", done.location)).status == 200
        return taken


async def look(phone: Phone, due: float) -> list[float]:
    """As many bare pages as a check-in has requests; returns how long each took."""
    taken = []
    for _ in range(3):
        page = await phone.ask("GET", reverse(BARE))
        assert page.status == 200, page.text
        taken.append(time.perf_counter() - due)
        due = time.perf_counter()
    return taken


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
