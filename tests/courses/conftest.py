"""A session in the branch 甲 at which everybody can be due, and shorthands for its roll."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from courses import reading_classes, roll_call, sessions
from courses.marks import Mark, Wish
from courses.models import StudyGroup
from courses.online import discussions
from courses.online.discussions import Question
from courses.sessions import Plan
from tests.cast import BEFORE, NOW, TODAY, days_ago, moment


def plan(title="读书班第 1 次", *, day=TODAY, hour=9, minutes=90, **values):
    start = moment(day, hour)
    values.setdefault("form", "seminar")
    values.setdefault("period", "reform")
    return Plan(title, starts_at=start, ends_at=start + timedelta(minutes=minutes), **values)


def wish(row, wanted):
    """The wish of somebody who sees the row as it is."""
    return {row.member_id: Wish(Mark.of(row), Mark.parse(wanted))}


def mark_of(session, member):
    return session.attendances.get(member=member)


@pytest.fixture
def clock():
    """The server's clock stands at the cast's moment."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def schedule(city, programme):
    def make(title="读书班第 1 次", *, organiser=None, **values):
        by = city.actor("zhou", "secretary")
        where = organiser or city.jia
        planned = plan(title, **values)
        return sessions.schedule(
            where, [programme], planned, by=by, at=min(moment(), planned.starts_at)
        )

    return make


@pytest.fixture
def secretary(city):
    return city.actor("zhou", "secretary")


@pytest.fixture
def opened(schedule, secretary):
    session = schedule()
    return roll_call.open_(session, by=secretary, at=session.starts_at)


@pytest.fixture
def enter(city):
    """The browser of somebody of the cast, signed in."""

    def sign_in(name):
        client = Client()
        client.force_login(city.people[name], backend="portal.sign_in.MemberBackend")
        return client

    return sign_in


@pytest.fixture
def class_(city, programme, secretary):
    """A class of two days in half days, yesterday and today, with 吴远舟 of another branch."""
    plans = []
    for day in (days_ago(1), TODAY):
        for hour, minute in ((8, 30), (14, 0)):
            start = moment(day, hour, minute)
            plans.append(Plan(f"{day.day}日{hour}点", "seminar", start, start + timedelta(hours=3),
                              "reform", band="half_day"))  # fmt: skip
    made = reading_classes.found(programme, city.jia, name="读书班", plans=plans, by=secretary,
                                 starts=days_ago(9), ends=TODAY, at=BEFORE)  # fmt: skip
    at = moment(days_ago(5))
    reading_classes.enrol(made, [city.people["wu"]], by=secretary, at=at)
    return made


@pytest.fixture
def halves(class_, secretary):
    """Its four half days: one credited, two open, one not begun."""
    rows = list(class_.sessions.order_by("starts_at"))
    for session in rows[:3]:
        roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.close(rows[0], {}, by=secretary, at=rows[0].ends_at)
    for session in rows:
        session.refresh_from_db()
    return rows


@pytest.fixture
def study_group(city, programme):
    """A group of 甲 that 林小满 leads, with 吴远舟 of 乙 and 夏青禾 of 丙."""
    city.people["xia"] = city.enrol(city.bing, "夏青禾")
    group = StudyGroup.objects.create(
        organiser=city.jia, name="南方学习群", leader=city.people["lin"],
        made_by=city.people["zhou"], made_at=BEFORE,
    )  # fmt: skip
    for name in ("lin", "wu", "xia"):
        group.people.create(member=city.people[name], since=BEFORE)
    return group


@pytest.fixture
def leader(city):
    """The group's leader, who holds no role."""
    return city.actor("lin")


@pytest.fixture
def question():
    def make(title="改革开放从哪里开始", **values):
        values = {
            "first_day": TODAY, "last_day": TODAY + timedelta(days=7), "minutes": 45,
            "form": "online", "period": "reform",
        } | values  # fmt: skip
        return Question(title, **values)

    return make


@pytest.fixture
def talk(study_group, programme, leader, question):
    """A question asked this morning, one hour for an answer."""
    return discussions.ask(study_group, programme, question(), by=leader, at=moment(TODAY, 8))
