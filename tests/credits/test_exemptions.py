"""Exemptions and lowered targets: approved by somebody else, from their day, until theirs."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from credits import (
    exemptions,
    exemptions_in_force,
    programmes,
    rebuilding,
    rule_changes,
    verification,
)
from credits.models import Exemption, TargetChange
from tests.cast import NOW, TODAY, days_ago, moment, rules_json
from tests.credits.conftest import PERIODS, branch_row, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def ask(city, programme, lin):
    def make(member=lin, *, target=None, since=TODAY, until=None, reason="长期患病", by=None):
        return exemptions.ask(
            programme, member, target=target, since=since, until=until, reason=reason,
            by=by or city.actor("zhou", "secretary"), at=NOW,
        )  # fmt: skip

    return make


@pytest.fixture
def approve(city):
    def make(asked, *, at=NOW, by=None, yes=True):
        by = by or city.actor("shi", "official")
        return exemptions.decide(asked, approve=yes, answer="", by=by, at=at)

    return make


def test_asking_changes_nothing_until_somebody_else_approves(city, programme, ask, approve, lin):
    asked = ask()
    assert not standing_of(programme, lin).exempt

    approve(asked)

    row = standing_of(programme, lin)
    assert (row.exempt, row.target, row.shortfall) == (True, 2400, 2400)
    assert (branch_row(programme, city.jia).due, branch_row(programme, city.jia).exempt) == (1, 1)


@pytest.mark.parametrize("who", ["zhou", "lin"])
def test_neither_who_asked_nor_who_benefits_approves(city, ask, approve, who):
    asked = ask()

    with pytest.raises(exemptions.NotYourself):
        approve(asked, by=city.actor(who, "official"))

    asked.refresh_from_db()
    assert asked.state == Exemption.State.ASKED


def test_nobody_asks_for_themselves(city, ask, zhou):
    with pytest.raises(exemptions.NotYourself):
        ask(zhou)


def test_the_database_refuses_an_exemption_decided_by_its_beneficiary(ask, lin, zhou):
    asked = ask()
    for who in (lin, zhou):
        wrong = {"state": "approved", "decided_by": who, "decided_at": NOW}
        with pytest.raises(IntegrityError), transaction.atomic():
            Exemption.objects.filter(pk=asked.pk).update(**wrong)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"target": 2400}, "在 0 和 24 之间"),
        ({"target": 0}, "在 0 和 24 之间"),
        ({"until": TODAY}, "截止日期要晚于开始日期"),
        ({"reason": "  "}, "写明减免理由"),
    ],
)
def test_what_lowers_nothing_is_refused(ask, values, said):
    with pytest.raises(exemptions.BadExemption, match=said):
        ask(**values)


def test_one_request_at_a_time_and_one_decision_on_each(ask, approve):
    asked = ask()
    with pytest.raises(exemptions.BadExemption, match="已有"):
        ask()

    approve(asked, yes=False)

    with pytest.raises(exemptions.BadExemption, match="不能再审批"):
        approve(asked)
    ask()  # after a refusal one may ask again


def test_a_lowered_target_lowers_the_minimums_and_may_complete(
    city, programme, ask, approve, post, lin
):
    for number, period in enumerate(PERIODS, 1):
        post(programme, earn(lin, 90, day=days_ago(number), period=period))

    approve(ask(target=800), at=moment(TODAY, 21))

    row = standing_of(programme, lin)
    assert (row.target, row.full_target, row.shortfall) == (800, 2400, 0)
    assert row.completed_at == moment(TODAY, 21)
    assert branch_row(programme, city.jia).completed == 1
    assert verification.verify(at=NOW).problems == []


def test_it_begins_on_its_day_and_ends_on_its_last(city, programme, ask, approve, lin):
    begins, ends = date(2021, 7, 1), date(2021, 8, 1)
    approve(ask(since=begins, until=ends))
    assert not standing_of(programme, lin).exempt

    turned = [
        exemptions_in_force.turn(programme, at=moment(day))
        for day in (date(2021, 6, 30), begins, date(2021, 7, 31), ends, date(2021, 8, 2))
    ]

    assert turned == [0, 1, 0, 1, 0]
    assert not standing_of(programme, lin).exempt
    assert Exemption.objects.get().state == Exemption.State.ENDED


def test_what_stands_in_closed_books_is_not_ended_any_more(city, programme, ask, approve, lin):
    """The branch's closing certificate says who was exempt when the books were closed."""
    granted = approve(ask())
    programmes.close_study(programme, by=city.by, at=NOW)
    later = NOW + timedelta(days=15)
    programmes.close_books(programme, by=city.by, at=later)

    with pytest.raises(exemptions.BadExemption, match="已封账"):
        exemptions.end(granted, by=city.actor("shi", "official"), at=later)

    assert standing_of(programme, lin).exempt
    assert verification.verify(at=later).problems == []


def test_ending_a_lowered_target_takes_completion_back_and_replays_alike(
    city, programme, ask, approve, post, lin
):
    for number, period in enumerate(PERIODS, 1):
        post(programme, earn(lin, 90, day=days_ago(number), period=period))
    exemption = approve(ask(target=800))
    post(programme, earn(lin, 45, day=TODAY))

    exemptions.end(exemption, by=city.by, at=moment(TODAY, 22))

    row = standing_of(programme, lin)
    assert (row.target, row.recognised, row.shortfall, row.completed_at) == (2400, 900, 1500, None)
    assert TargetChange.objects.filter(member=lin).count() == 2
    assert rebuilding.rebuild(programme) == 0
    assert verification.verify(at=NOW).problems == []


def test_a_new_rule_leaves_a_lowered_target_and_moves_the_full_one(
    city, programme, ask, approve, lin, zhou
):
    approve(ask(target=800))
    new = rules_json(target=3200)
    rule_changes.change_rules(
        programme, new, since=TODAY, authority="测试", reason="测试",
        shown=rule_changes.rehearse(programme, new).shown, by=city.by, at=NOW,
    )  # fmt: skip
    rule_changes.bring_up(programme, city.jia.pk, at=NOW)

    row = standing_of(programme, lin)
    assert (row.target, row.full_target) == (800, 3200)
    assert standing_of(programme, zhou).target == 3200


def test_mistake_01_an_exemption_changes_no_month_that_was(city, programme, ask, approve, post,
                                                            lin):  # fmt: skip
    from credits.models import BranchMonth

    post(programme, earn(lin, 90, day=days_ago(10)))
    before = list(BranchMonth.objects.values_list("branch", "month", "hours"))

    approve(ask())

    assert list(BranchMonth.objects.values_list("branch", "month", "hours")) == before
