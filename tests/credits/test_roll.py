"""The roll follows people and rules, whatever was missed meanwhile, in one order of locks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from credits import (
    bulletins,
    certificates,
    exemptions,
    exemptions_in_force,
    programmes,
    rankings,
    rule_changes,
    verification,
)
from credits.models import BranchStanding, Standing
from credits.rankings import Choice
from portal import members, mending, organizations
from portal.models import Cohort, Organization
from portal.organizations import Founding
from tests.cast import BEFORE, NOW, TODAY, days_ago, rules_json
from tests.credits.conftest import earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def set_target(city):
    """Change the target by a new version, at a moment; standings stay stale."""

    def make(programme, target, *, at=NOW, **more):
        new = rules_json(target=target, **more)
        return rule_changes.change_rules(
            programme, new, since=TODAY, authority="文件", reason="试行", by=city.by, at=at,
            shown=rule_changes.rehearse(programme, new).shown,
        )  # fmt: skip

    return make


@pytest.fixture
def sound():
    """Afterwards the ledger verifies."""
    yield
    assert verification.verify(at=NOW).problems == []


def test_a_standing_passes_through_every_version_that_it_missed(
    city, programme, complete, set_target, lin, sound
):
    """Complete, no more under the second version, again under the third: by the third's moment,
    whether somebody recomputed between or not."""
    complete(programme, lin)
    set_target(programme, 3000, at=NOW)
    third = set_target(programme, 2400, at=NOW + timedelta(minutes=1))

    rule_changes.bring_up(programme, city.jia.pk, at=NOW + timedelta(minutes=2))

    assert standing_of(programme, lin).completed_at == third.activated_at


def test_two_versions_of_one_moment_replay_alike(city, programme, complete, set_target, lin, sound):
    complete(programme, lin)
    set_target(programme, 3000)
    set_target(programme, 2400)

    rule_changes.bring_up(programme, city.jia.pk, at=NOW)

    assert standing_of(programme, lin).shortfall == 0


def test_no_certificate_by_rules_that_count_no_more(
    city, programme, complete, set_target, lin, sound
):
    """The standing has not been recomputed yet; the target is 30 all the same."""
    complete(programme, lin)
    set_target(programme, 3000)
    assert standing_of(programme, lin).shortfall == 0

    with pytest.raises(certificates.NotComplete, match="还差 6 学时"):
        certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)


def test_a_category_changed_while_somebody_was_away_counts_on_return(
    city, found_programme, lin, sound
):
    programme = found_programme(targets={"retired": 1600})
    members.leave(lin, on=days_ago(2), by=city.by, at=NOW)
    mending.mend(lin, {"category": "retired"}, by=city.by, at=NOW)

    members.readmit(lin, city.yi, on=TODAY, by=city.by, at=NOW)

    row = standing_of(programme, lin)
    assert (row.target, row.branch, row.on_roll) == (1600, city.yi, True)


def test_a_category_changed_while_the_books_were_closed_counts_when_they_reopen(
    city, found_programme, lin, sound
):
    programme = found_programme(targets={"retired": 1600})
    programmes.close_study(programme, by=city.by, at=NOW)
    later = NOW + timedelta(days=15)
    programmes.close_books(programme, by=city.by, at=later)
    mending.mend(lin, {"category": "retired"}, by=city.by, at=later)
    assert standing_of(programme, lin).target == 2400

    programmes.reopen(programme, reason="补录", by=city.by, at=later)

    assert standing_of(programme, lin).target == 1600


def test_a_guest_from_outside_makes_no_row_of_figures(city, programme, post, sound):
    """Their branch does not take part: it stands in no ranking and in no list beside it."""
    outside = organizations.found(
        Founding("YL-X", "外单位支部", Organization.Kind.BRANCH, None, BEFORE.date()),
        by=city.by, at=BEFORE,
    )  # fmt: skip
    guest = city.enrol(outside, "外来客")

    post(programme, earn(guest))

    assert Standing.objects.get(member=guest).on_roll is False
    assert not BranchStanding.objects.filter(branch=outside).exists()


def test_moving_branches_and_people_lock_all_standings_before_any_branch_row(
    city, programme, lin, zhou, wu, sound
):
    """In one act on several branches, so that no two acts can wait for one another."""
    with CaptureQueriesContext(connection) as queries:
        organizations.move(city.bing, city.county, by=city.by, at=NOW)
        asked = [
            exemptions.ask(programme, who, target=None, since=TODAY, until=None, reason="病",
                               by=city.by, at=NOW)
            for who in (wu, lin)
        ]  # fmt: skip
    shi = city.actor("shi", "official")
    for exemption in asked:
        exemptions.decide(exemption, approve=True, answer="", by=shi, at=NOW)
    after = NOW + timedelta(days=1)
    for exemption in asked:
        type(exemption).objects.filter(pk=exemption.pk).update(until=(TODAY + timedelta(days=1)))
    with CaptureQueriesContext(connection) as turning:
        assert exemptions_in_force.turn(programme, at=after) == 2

    for captured in (queries, turning):
        writes = [
            "standing" if "credits_standing" in q["sql"] else "branch"
            for q in captured
            if q["sql"].startswith(("UPDATE", "INSERT"))
            and ('"credits_standing"' in q["sql"] or '"credits_branchstanding"' in q["sql"])
        ]
        assert "standing" not in writes[writes.index("branch") :] if "branch" in writes else True


def test_movement_needs_the_same_cohort_as_in_the_last_bulletin(city, programme, complete, lin):
    complete(programme, lin)
    by = city.actor("shi", "official")
    draft = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=by, at=NOW)
    bulletins.publish(draft, seen_version=1, by=by, at=NOW)
    assert rankings.leaderboard(programme, Choice(cohort="county"), at=NOW).places[0].movement == 0
    for model in (BranchStanding, Organization):
        model.objects.filter(unit=city.county).update(cohort="enterprise")

    [place] = rankings.leaderboard(programme, Choice(cohort="enterprise"), at=NOW).places

    assert place.movement is None
    [row] = bulletins.figures(programme, ["enterprise"]).rows
    assert row.previous_rank is None


def test_a_dissolved_unit_stands_in_no_list_of_an_open_programme(city, programme):
    unit = organizations.found(
        Founding("YL-Z", "撤销厂党委", Organization.Kind.COMMITTEE, city.root, BEFORE.date(),
                 cohort=Cohort.ENTERPRISE, is_unit=True),
        by=city.by, at=BEFORE,
    )  # fmt: skip
    organizations.found(
        Founding("YL-Z-1", "撤销厂支部", Organization.Kind.BRANCH, unit, BEFORE.date()),
        by=city.by, at=BEFORE,
    )  # fmt: skip
    choice = Choice(cohort="enterprise")
    assert len(rankings.leaderboard(programme, choice, at=NOW).apart) == 1

    Organization.objects.filter(pk=unit.pk).update(dissolved_on=TODAY)

    assert rankings.leaderboard(programme, choice, at=NOW).apart == ()
