"""The arithmetic as the rules are explained to people: each line is one that somebody will check.

“45 分钟计 1 学时，不足部分按 0.25 学时向下取整；每日最多 8 学时；个人自学最多计 10 学时，网上教育
最多计 8 学时；四个历史时期各不少于 4 学时；总计不少于 24 学时。”
"""

from __future__ import annotations

from datetime import date

import pytest

from credits import rule_sets, rules
from credits.rule_sets import BadRules
from tests.cast import rules_json

SEED = rule_sets.parse(rules_json())
GROUPED = rule_sets.parse(
    rules_json(groups=[{"name": "自学与网上", "forms": ["self", "online"], "cap": 1200}])
)


@pytest.mark.parametrize(
    ("minutes", "hours"),
    [(45, 100), (60, 125), (90, 200), (20, 25), (12, 25), (11, 0), (10, 0), (0, 0), (360, 800)],
)
def test_minutes_become_hours_rounded_down_to_the_step(minutes, hours):
    assert rules.worth(minutes, SEED) == hours


@pytest.mark.parametrize(("band", "hours"), [("half_day", 400), ("day", 800)])
def test_half_a_day_is_four_and_a_day_eight_whatever_its_minutes(band, hours):
    assert rules.worth(150, SEED, band=band) == hours


@pytest.mark.parametrize(
    ("minutes", "share", "hours"),
    [(90, 100, 200), (90, 50, 100), (60, 50, 50), (50, 70, 75), (90, 0, 0)],
)
def test_the_share_of_attendance_is_taken_before_the_rounding(minutes, share, hours):
    assert rules.worth(minutes, SEED, share=share) == hours


def test_half_a_day_left_early_is_half_of_it():
    assert rules.worth(0, SEED, band="half_day", share=60) == 225  # 2.4 hours, down to the step


def recognised(earned, rule_set=SEED, target=2400, full=2400):
    return rules.recognise(earned, rule_set, target, full)


def test_self_study_beyond_ten_hours_is_earned_but_not_recognised():
    worth = recognised({("reform", "self"): 1300, ("reform", "seminar"): 200})

    assert worth.hours == 1200
    assert worth.by_period["reform"] == 1500
    assert worth.points == 12000


def test_a_form_that_is_not_admitted_counts_nothing():
    none = rule_sets.parse(rules_json(forms=[{"code": "self", "cap": 0, "points": 10}]))

    assert recognised({("reform", "self"): 300}, none).hours == 0


def test_the_forms_cap_comes_first_then_that_of_its_group():
    worth = recognised({("reform", "self"): 1300, ("reform", "online"): 700}, GROUPED)

    assert worth.by_form == {"self": 1000, "online": 700}
    assert worth.hours == 1200


def test_twenty_four_hours_in_one_period_are_not_complete():
    worth = recognised({("reform", "seminar"): 2400})

    assert (worth.hours, worth.shortfall) == (2400, 1200)
    assert worth.missing == {"new-democratic": 400, "socialist": 400, "new-era": 400}


def test_the_larger_lack_is_the_shortfall():
    """Twenty hours with one period missing: 4 lack of the target, 4 of the period, not 8."""
    even = {(p, "seminar"): 600 for p in ("new-democratic", "socialist", "reform")}

    assert recognised(even | {("reform", "seminar"): 800}).shortfall == 400
    assert recognised(even).shortfall == 600


def test_a_periods_minimum_is_tested_on_earned_hours():
    """Online hours beyond the cap are not recognised, but the period was studied."""
    earned = {("reform", "online"): 800, ("new-era", "online"): 400}
    earned |= {(p, "seminar"): 800 for p in ("new-democratic", "socialist")}

    worth = recognised(earned)

    assert (worth.hours, worth.shortfall, worth.missing) == (2400, 0, {})


def test_a_lowered_target_lowers_each_minimum_in_proportion_down_to_the_step():
    assert rules.minimums(SEED, 1200, 2400) == dict.fromkeys(
        ("new-democratic", "socialist", "reform", "new-era"), 200
    )
    assert set(rules.minimums(SEED, 1000, 2400).values()) == {150}  # 1.66… hours
    assert set(rules.minimums(SEED, 2400, 2400).values()) == {400}


@pytest.mark.parametrize(
    ("joined", "target"),
    [(date(2021, 3, 1), 2400), (date(2021, 8, 20), 1200), (date(2021, 12, 31), 225)],
)
def test_joiners_by_remaining_months(joined, target):
    by_months = rule_sets.parse(rules_json(joiners="months"))
    span = {"starts": date(2021, 3, 1), "ends": date(2021, 12, 31)}

    assert rules.joiner_target(2400, by_months, **span, joined=joined) == target


def test_joiners_may_be_full_or_exempt():
    span = {"starts": date(2021, 3, 1), "ends": date(2021, 12, 31), "joined": date(2021, 9, 1)}

    assert rules.joiner_target(2400, SEED, **span) == 2400
    assert rules.joiner_target(2400, rule_sets.parse(rules_json(joiners="exempt")), **span) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"periods": [{"code": "a", "name": "a", "minimum": 2500}]}, "超过了最低的应学学时"),
        ({"targets": {"student": 800}}, "超过了最低的应学学时 8"),
        ({"target": 2410}, "整数倍"),
        ({"step": 0}, "大于 0"),
        ({"daily_cap": 0}, "大于 0"),
        ({"forms": [{"code": "self", "cap": None, "points": 10}] * 2}, "写了两次"),
        ({"groups": [{"name": "甲", "forms": ["self"], "cap": 1}] * 2}, "最多只能归入一个"),
        ({"groups": [{"name": "甲", "forms": ["nothing"], "cap": 1}]}, "都已列入"),
        ({"shares": {"late": 101}}, "0 到 100"),
        ({"joiners": "maybe"}, "全额"),
        ({"minutes_per_hour": "many"}, "缺少或写错"),
    ],
)
def test_rules_that_contradict_themselves_are_refused_with_the_reason(changes, said):
    with pytest.raises(BadRules, match=said):
        rule_sets.parse(rules_json(**changes))


def test_a_groups_forms_must_have_the_same_points():
    forms = [{"code": "self", "cap": None, "points": 10}, {"code": "online", "cap": None,
             "points": 5}]  # fmt: skip

    with pytest.raises(BadRules, match="积分相同"):
        rule_sets.parse(
            rules_json(forms=forms, groups=[{"name": "甲", "forms": ["self", "online"], "cap": 1}])
        )


def test_without_minutes_an_hour_there_are_no_rules():
    """No default stands in for what the rules must say."""
    data = rules_json()
    del data["minutes_per_hour"]

    with pytest.raises(BadRules, match="minutes_per_hour"):
        rule_sets.parse(data)
