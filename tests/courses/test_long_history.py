"""A start page costs no more with what former programmes left behind. Plans do not show that, for
the same plan walks further: SQLite's own steps are counted, the same number each time.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from courses import start_pages
from courses.models import Attendance, AttendanceCredit, StudyLog, StudySession
from credits.models import Programme
from portal.access import scope_of
from portal.models import Member
from tests.cast import NOW, days_ago

pytestmark = pytest.mark.django_db
SESSIONS, LOGS = 20, 200


@pytest.fixture
def people(city):
    for _ in range(18):
        city.enrol(city.jia)
    return list(Member.objects.filter(branch=city.jia))


@pytest.fixture
def leave_behind(city, schedule, found_programme, people):
    """A programme that is over, with twenty meetings of the branch and two hundred logs."""

    def lay_out():
        former = found_programme("dsxx-2020")
        Programme.objects.filter(pk=former.pk).update(
            starts=days_ago(700), ends=days_ago(400), state="closed", books_close_on=days_ago(390)
        )
        held = schedule("旧课")
        held.state, held.closed_at = "closed", NOW
        for number in range(SESSIONS):
            held.pk, held.key = None, f"former{number}"
            held.starts_at = NOW - timedelta(days=400 + number)
            held.ends_at = held.starts_at + timedelta(hours=1)
            held.save(force_insert=True)
            held.programmes.add(former)
        sessions = StudySession.objects.filter(programmes=former)
        marks = Attendance.objects.bulk_create(
            Attendance(session=session, member=member, home=city.jia, status="present",
                       marked_at=NOW)
            for session in sessions for member in people
        )  # fmt: skip
        AttendanceCredit.objects.bulk_create(
            AttendanceCredit(attendance=mark, programme=former, state="credited", hours=100)
            for mark in marks
        )
        StudyLog.objects.bulk_create(
            StudyLog(key=f"former{n}", programme=former, member=people[0], branch=city.jia,
                     form="online", topic="旧书", day=days_ago(400 + n), minutes=60,
                     state="confirmed", entered_by=people[0], entered_at=NOW,
                     decided_by=people[1], decided_at=NOW, hours=100)
            for n in range(LOGS)
        )  # fmt: skip
        return len(marks)

    return lay_out


def steps(page):
    """How many steps of its machine SQLite takes for what a page asks."""
    page()  # its statements are prepared
    taken = 0

    def step():
        nonlocal taken
        taken += 1

    connection.connection.set_progress_handler(step, 1)
    try:
        page()
    finally:
        connection.connection.set_progress_handler(None, 1)
    return taken


def test_a_secretarys_start_page_goes_through_no_marks_and_logs_of_former_programmes(
    city, programme, leave_behind
):
    scope = scope_of(city.people["zhou"], at=NOW)

    def page():
        return start_pages.desk(programme, scope, city.jia, at=NOW)

    before = steps(page)
    marks = leave_behind()
    grown = steps(page) - before

    assert before > 200
    assert grown < marks
    assert page().refused == []
