"""Figures over many branches are a minute old at most, and say since when; a branch's are new."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from credits import kept_rankings, overviews
from credits.rankings import Choice
from tests.cast import NOW
from tests.credits.conftest import earn

pytestmark = [pytest.mark.django_db, pytest.mark.both]
SECOND = timedelta(seconds=1)


@pytest.fixture
def hours(programme):
    """The hours of an organisation as its overview says them, and since when."""

    def of(organization, at):
        found = overviews.of(programme, organization, at=at)
        return found.now.hours, found.at

    return of


def test_figures_of_a_county_are_a_minute_old_at_most(programme, city, post, hours, lin):
    before, since = hours(city.county, NOW)
    assert since == NOW

    post(programme, earn(lin))

    assert hours(city.county, NOW + 60 * SECOND - SECOND) == (before, NOW)
    after, since = hours(city.county, NOW + 60 * SECOND)
    assert after > before
    assert since == NOW + 60 * SECOND


def test_a_branch_reads_its_own_figures_anew(programme, city, post, hours, lin):
    before, _ = hours(city.jia, NOW)
    post(programme, earn(lin))
    assert hours(city.jia, NOW + SECOND)[0] > before


def test_what_a_standby_said_is_not_kept_for_readers_of_the_primary(
    programme, city, post, hours, lin, monkeypatch
):
    """The standby may be behind; here it is, by a posting."""
    for module in (overviews, kept_rankings):
        standby = SimpleNamespace(db_for_read=lambda _: "replica")
        monkeypatch.setattr(module, "router", standby)
    before = hours(city.county, NOW)[0]
    of_standby = kept_rankings.of(programme, Choice(), at=NOW).token
    assert kept_rankings.of(programme, Choice(), at=NOW).token == of_standby
    monkeypatch.undo()
    post(programme, earn(lin))

    assert hours(city.county, NOW)[0] > before
    assert kept_rankings.of(programme, Choice(), at=NOW).token != of_standby
    shown = kept_rankings.of(programme, Choice(), at=NOW, token=of_standby)
    assert shown.token == of_standby  # the next page of what somebody reads there


def test_figures_from_a_later_moment_are_not_shown_to_an_earlier_one(city, hours):
    hours(city.county, NOW + SECOND)
    assert hours(city.county, NOW)[1] == NOW
