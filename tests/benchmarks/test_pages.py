"""What the pages of the big city cost beside a bare page of the same application.

The bare page: signed in, session, member and appointments loaded, the same frame and nothing in
it. Both come through the WSGI handler with the whole middleware. Each side of a pair is `VIEWS`
views, for a page takes few milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache, caches
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.db.models import Count
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from django.views.decorators.http import require_GET

from courses import roll_call, sessions
from courses.sessions import Plan
from credits import bulletins, rankings
from credits.models import BranchStanding, Bulletin, Programme
from portal import gate, site_urls
from portal.access import Capability
from portal.audit import Actor
from portal.members import Enrolment, enrol_many
from portal.models import Appointment, Member, Organization, Role
from portal.rendering import page
from tests.benchmarks.browser import Browser
from tests.benchmarks.conftest import TODAY
from tests.benchmarks.stopwatch import ratio

pytestmark = [pytest.mark.bench, pytest.mark.django_db, pytest.mark.usefixtures("whole_city")]
VIEWS = 8
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)  # 20:00 in the city


@require_GET
@gate.required(Capability.OWN)
def bare(request):
    """The frame of every page."""
    return page(request, "base.html")


urlpatterns = [path("bare/", bare, name="bare"), *site_urls.urlpatterns]


@pytest.fixture
def server(tmp_path):
    """The application as production sets it up: cache in files, static files not looked for."""
    kept = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": tmp_path / "cache",
            "OPTIONS": {"MAX_ENTRIES": 2000},
        }
    }
    static = tmp_path / "static"
    static.mkdir()
    # Like the test client: a connection in the middle of the test's transaction is not let go.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with (
        override_settings(
            ROOT_URLCONF=__name__, CACHES=kept, STATIC_ROOT=static, WHITENOISE_AUTOREFRESH=False
        ),
        time_machine.travel(NOW),
    ):
        caches.close_all()
        yield WSGIHandler()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def running():
    found = Programme.objects.shown()
    assert found
    return found


@pytest.fixture
def member(running):
    """Somebody without any office, with hours."""
    people = Member.objects.active().filter(appointments=None, standings__programme=running)
    return people.filter(standings__recognised__gt=0).order_by("pk").first()


def holder(role, **where):
    rows = Appointment.objects.on(TODAY).filter(role=role, **where)
    return rows.select_related("member").order_by("pk").first().member


def measure(name, server, who, address, *, goal, n):
    """A page beside the bare page of the same person."""
    browser = Browser(server, who)
    browser.get(reverse("bare"))
    with CaptureQueriesContext(connection) as queries:
        text = browser.get(reverse("bare"))
    assert browser.status == 200
    assert len(text.encode()) < 12_000
    of_badge = sum("courses_studylog" in q["sql"] for q in queries)  # a secretary's menu
    assert len(queries) - of_badge <= 3

    def views(where):
        for _ in range(VIEWS):
            browser.get(where)
            assert browser.status == 200

    return ratio(name, lambda: views(address), lambda: views(reverse("bare")), goal=goal, n=n,
                 undone=False)  # fmt: skip


def largest(programme, of):
    """The cohort that has most units or branches, and how many."""
    rows = BranchStanding.objects.filter(programme=programme).exclude(unit=None).order_by()
    found = rows.filter(due__gt=0).values_list("cohort").annotate(n=Count(of, distinct=True))
    return max(found, key=lambda row: row[1])


def rows_on(text):
    return text.count('<td class="num">')


def test_the_first_page_of_a_ranking_with_movement(server, running, member):
    cohort, units = largest(running, "unit")
    if not Bulletin.objects.filter(programme=running).standing().exists():
        publish(running)
    address = f"{reverse('ranking')}?cohort={cohort}"

    text = Browser(server, member).get(address)

    assert (rows_on(text), "升降" in text) == (50, True)
    measure("ranking of units with movement, first page", server, member, address, goal=1.7,
            n=units)  # fmt: skip


def publish(programme):
    by = Actor(holder(Role.OFFICIAL, organization=programme.organiser), "official")
    cohorts = list(Organization.objects.units().values_list("cohort", flat=True).distinct())
    draft = bulletins.draw_up(programme, title="通报", cohorts=cohorts, by=by, at=NOW)
    bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)


def test_the_hundredth_page_of_a_ranking(server, running, member):
    """Where a cohort has fewer branches: its last full page."""
    branches, number, address = hundredth_page(Browser(server, member), running)

    text = Browser(server, member).get(address)

    assert (rows_on(text), f"第 {number} / " in text) == (50, True)
    goal = 2.0 if connection.vendor == "sqlite" else 2.5
    measure("ranking of branches, hundredth page", server, member, address, goal=goal, n=branches)


def hundredth_page(browser, running):
    """How many branches are ranked, the number of the page, and its address."""
    cohort, branches = largest(running, "branch")
    first = browser.get(f"{reverse('ranking')}?cohort={cohort}&level=branch")
    token = first.partition("&amp;as=")[2].partition("&amp;")[0]
    number = min(100, branches // 50)
    address = f"{reverse('ranking')}?cohort={cohort}&level=branch&as={token}&page={number}"
    return branches, number, address


def test_an_unchanged_ranking_seen_again(server, running, member):
    """The browser asks whether its copy is still right."""
    cohort, units = largest(running, "unit")
    browser = Browser(server, member)
    first = browser.get(f"{reverse('ranking')}?cohort={cohort}")
    token = first.partition("&amp;as=")[2].partition("&amp;")[0]
    address = f"{reverse('ranking')}?cohort={cohort}&as={token}"
    browser.get(address)
    browser.get(address)
    tag = browser.headers["ETag"]

    def again():
        for _ in range(VIEWS):
            assert browser.get(address, HTTP_IF_NONE_MATCH=tag) == ""
            assert browser.status == 304

    def bare_page():
        for _ in range(VIEWS):
            browser.get(reverse("bare"))

    ratio("unchanged ranking seen again", again, bare_page, goal=0.8, n=units, undone=False)


def test_a_members_start_page(server, running, member):
    measure("a member's start page", server, member, reverse("home"), goal=1.5, n=1)


def test_a_secretarys_start_page(server, running):
    who = holder(Role.SECRETARY)
    measure("a secretary's start page", server, who, reverse("home"), goal=2, n=1)


def test_a_members_own_hours(server, running, member):
    """No goal of the issue: every line of somebody's hours, with what may be asked about it."""
    address = reverse("my-hours")
    lines = Browser(server, member).get(address).count('class="num name"')
    measure("my hours", server, member, address, goal=2, n=lines)


def test_a_roll_call_of_fifty(server, running):
    secretary, session = roll_of_fifty(running)
    address = reverse("session-detail", args=[session.pk])

    text = Browser(server, secretary).get(address)

    assert text.count("<select") == 51  # fifty marks and the form for guests
    measure("roll call of fifty", server, secretary, address, goal=2, n=50)


def roll_of_fifty(running):
    """A secretary, and a session of theirs with fifty people on its open roll."""
    place = Appointment.objects.on(TODAY).filter(role=Role.SECRETARY).order_by("pk").first()
    by, branch = Actor(place.member, "secretary"), place.organization
    start = NOW - timedelta(minutes=30)
    plan = Plan("点名", "seminar", start, start + timedelta(minutes=90), "reform")
    there = Member.objects.in_branch(branch).count()
    enrol_many(
        [
            Enrolment(number=f"77{n:07d}", name=f"学员{n}", branch=branch, day=running.starts,
                      key=f"bench{n}")
            for n in range(50 - there)
        ],
        by=by, at=start,
    )  # fmt: skip
    session = sessions.schedule(branch, [running], plan, by=by, at=start)
    session = roll_call.open_(session, by=by, at=start)
    extra = session.attendances.count() - 50
    session.attendances.filter(pk__in=session.attendances.values("pk")[: max(extra, 0)]).delete()
    return place.member, session


def test_an_officials_overview(server, running):
    who = holder(Role.OFFICIAL, organization__parent=None)
    branches = BranchStanding.objects.filter(programme=running).count()

    text = Browser(server, who).get(reverse("home"))

    assert "截至" in text
    measure("an official's overview", server, who, reverse("home"), goal=2.5, n=branches)


def test_a_ranking_computed_anew_against_its_rows(running):
    """What the one reader pays who comes first after ten seconds; no goal of the issue."""
    cohort, branches = largest(running, "branch")
    choice = rankings.Choice(rankings.Level.BRANCH, cohort)
    cache.clear()

    def rows():
        own = BranchStanding.objects.filter(programme=running, cohort=cohort)
        assert len(own.values_list("branch", "due", "completed", "hours", "points")) >= branches

    ratio("ranking of branches computed anew, beside reading its rows",
          lambda: rankings.leaderboard(running, choice, at=NOW), rows, goal=10, n=branches,
          undone=False)  # fmt: skip
