"""A year in fast motion: the ledger is verified after every week, and at the end all agrees.

Every Monday what is new since the last time is verified (`--since-last`), then everything.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from credits import bulletins, figures, programmes, rankings, statements, verification
from credits.models import (
    BranchMonth,
    BranchStanding,
    Bulletin,
    CreditTotal,
    LedgerEntry,
    Programme,
    Standing,
)
from credits.rankings import Choice
from portal import worker
from portal.models import Cohort, Message
from tests.cast import moment
from tests.courses import year as years
from tests.courses import year_office

pytestmark = [pytest.mark.django_db, pytest.mark.both]
END = moment(date(2022, 1, 25))


def play(year):
    """Act by act; each Monday the periodic work runs and the ledger is verified. Returns the
    reports."""
    reports = []
    mondays = [
        moment(day, 8) + timedelta(minutes=30) for day in years.weeks(last=date(2022, 1, 31))
    ]
    chapters = years.CHAPTERS + year_office.CHAPTERS
    acts = years.acts_of(year, chapters) + [(monday, None) for monday in mondays[1:]]
    for at, act in sorted(acts, key=lambda one: one[0]):
        if act:
            act(at)
            continue
        worker.run_periodic(at=at)
        for since_last in (True, False) if reports else (False,):
            report = verification.verify(at=at, since_last=since_last)
            assert report.problems == [], at
        reports.append(report)
    return reports


@pytest.fixture(autouse=True)
def _loud(monkeypatch):
    """Periodic work that fails is only logged: here it fails the test."""

    def fail(*arguments):
        raise AssertionError(arguments)

    monkeypatch.setattr(worker.log, "exception", fail)


def test_a_year_of_a_small_city_is_sound_every_week_and_agrees_at_its_end(city):
    year = years.lay_out(city)

    reports = play(year)

    assert len(reports) == 47
    assert verification.verify(at=END).problems == []
    everything_agrees(year)
    year_office.closings_agree(year)
    assert year.done["refused after closing"] == 1
    assert min(year.done.values()) >= 1
    assert len(year.done) == 23, year.done
    weeks = Message.objects.filter(kind="weekly").values("key").distinct().count()
    assert weeks >= 40
    for chapter in ("scans", "walk-ins", "plans", "logs", "questions", "moves", "late sheets"):
        assert year.done[chapter] >= 5, year.done
    archived = year.programme = programmes.archive(
        year.programme, reason="满期", by=city.by, at=END
    )
    assert archived.state == Programme.State.ARCHIVED
    assert verification.verify(at=END + timedelta(days=1)).problems == []
    everything_agrees(year, archived=True)


def everything_agrees(year, *, archived=False):
    """Notebooks, ledger, standings, statements, figures, ranking: the same hours everywhere."""
    programme = year.programme
    notebooks = {member: hours for member, hours in year.sums().items() if hours}
    totals = Counter()
    for member, hours in CreditTotal.objects.values_list("member", "earned"):
        totals[member] += hours
    assert {m: h for m, h in totals.items() if h} == notebooks
    if not archived:
        live = Counter()
        for key, member, hours in LedgerEntry.objects.live().values_list(
            "posting__key", "member", "hours"
        ):
            live[key, member] += hours
        assert live == Counter({place: h for place, h in year.hours.items() if h})
        assert sum(LedgerEntry.objects.values_list("hours", flat=True)) == sum(live.values())
    assert sum(BranchMonth.objects.values_list("hours", flat=True)) == sum(notebooks.values())
    rows = Standing.objects.filter(programme=programme)
    assert not rows.filter(shortfall=0, completed_at=None).exists()
    assert not rows.filter(shortfall__gt=0, completed_at__isnull=False).exists()
    due = list(rows.due().select_related("member"))
    sums = BranchStanding.objects.filter(programme=programme)
    for name, expected in (
        ("due", len(due)),
        ("completed", sum(row.shortfall == 0 for row in due)),
        ("hours", sum(row.recognised for row in due)),
    ):
        assert sum(sums.values_list(name, flat=True)) == expected, name
    whole = figures.of(programme, year.city.root)
    assert (whole.due, whole.hours) == (len(due), sum(row.recognised for row in due))
    assert 0 < whole.completed < whole.due
    parts = figures.children(programme, year.city.root)
    assert sum(part.hours for part in parts) == whole.hours
    board = [
        place
        for cohort in (Cohort.COUNTY, Cohort.MUNICIPAL)
        for place in rankings.leaderboard(programme, Choice(cohort=cohort), at=END).places
    ]
    assert sum(place.hours for place in board) == whole.hours
    plain = [row for row in due if row.member.number.startswith(("6", "7"))]  # no office
    for row in plain[::30]:
        statement = statements.of(programme, row.member)
        assert statement.total == row.recognised
        if not archived:
            with time_machine.travel(END, tick=False):
                browser = Client()
                browser.force_login(row.member, "portal.sign_in.MemberBackend")
                page = browser.get(f"{reverse('home')}?programme={programme.code}")
            assert page.context["standing"].recognised == row.recognised
    if not archived:
        by = year.city.actor("shi", "official")
        draft = bulletins.draw_up(programme, title="终", cohorts=years.COHORTS, by=by, at=END)
        last = bulletins.publish(draft, seen_version=draft.version, by=by, at=END)
        assert sum(last.rows.values_list("hours", flat=True)) == whole.hours
        assert Bulletin.objects.count() == 3
        for earlier in Bulletin.objects.exclude(pk=last.pk):
            assert bulletins.digest_of(earlier) == earlier.digest
