"""Properties of the arithmetic that hold for every rule set and every history."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from credits import rules
from credits.rule_sets import parse
from tests.cast import rules_json

FORMS = ("seminar", "lecture", "self", "site", "online")
PERIODS = ("new-democratic", "socialist", "reform", "new-era")
STEP = 25
amounts = st.integers(1, 60).map(lambda n: n * STEP)
caps = st.one_of(st.none(), st.integers(0, 80).map(lambda n: n * STEP))


@st.composite
def rule_sets(draw):
    """Any rule set that contradicts itself nowhere, with and without a group of forms."""
    target = draw(st.integers(8, 120)) * STEP
    share = target // 4 // STEP * STEP
    grouped = draw(st.sets(st.sampled_from(FORMS), max_size=4))
    groups = [{"name": "合计", "forms": sorted(grouped), "cap": draw(st.integers(0, 60)) * STEP}]
    minimums = [draw(st.integers(0, share // STEP)) * STEP for _ in PERIODS]
    points = draw(st.integers(1, 20))
    return parse(
        rules_json(
            target=target,
            forms=[
                {
                    "code": form,
                    "cap": draw(caps),
                    "points": points if form in grouped else draw(st.integers(1, 20)),
                }
                for form in FORMS
            ],
            groups=groups if grouped else [],
            periods=[
                {"code": code, "name": code, "minimum": least}
                for code, least in zip(PERIODS, minimums, strict=True)
            ],
        )
    )


@st.composite
def histories(draw):
    """Lines (period, form, hours), some of which reverse an earlier one that still lives."""
    lines, live = [], []
    for _ in range(draw(st.integers(0, 25))):
        if live and draw(st.integers(0, 3)) == 0:
            period, form, hours = live.pop(draw(st.integers(0, len(live) - 1)))
            lines.append((period, form, -hours))
        else:
            line = draw(st.tuples(st.sampled_from(PERIODS), st.sampled_from(FORMS), amounts))
            live.append(line)
            lines.append(line)
    return lines


def earned(lines):
    sums = Counter()
    for period, form, hours in lines:
        sums[period, form] += hours
    return sums


@settings(max_examples=400, deadline=None)
@given(rule_sets(), histories())
def test_the_lines_always_add_up_to_what_is_recognised(rule_set, lines):
    worth = rules.recognise(earned(lines), rule_set, rule_set.target, rule_set.target)

    assert sum(rules.line_by_line([(f, h) for _, f, h in lines], rule_set)) == worth.hours


@settings(max_examples=400, deadline=None)
@given(rule_sets(), histories())
def test_the_shortfall_is_the_larger_of_both_lacks(rule_set, lines):
    sums = earned(lines)
    worth = rules.recognise(sums, rule_set, rule_set.target, rule_set.target)

    lacking = 0
    for period in rule_set.periods:
        studied = sum(hours for (code, _), hours in sums.items() if code == period.code)
        lacking += max(0, period.minimum - studied)
    assert worth.shortfall == max(rule_set.target - worth.hours, lacking, 0)
    assert (worth.shortfall == 0) == (worth.hours >= rule_set.target and not worth.missing)


@settings(max_examples=300, deadline=None)
@given(rule_sets(), histories())
def test_recognised_is_within_every_cap_and_never_above_earned(rule_set, lines):
    sums = earned(lines)
    worth = rules.recognise(sums, rule_set, rule_set.target, rule_set.target)

    assert 0 <= worth.hours <= sum(sums.values())
    for form in rule_set.forms:
        assert worth.by_form.get(form.code, 0) <= (form.cap if form.cap is not None else 10**6)
    for group in rule_set.groups:
        others = sum(h for f, h in worth.by_form.items() if f not in group.forms)
        assert worth.hours - others <= group.cap


@settings(max_examples=300, deadline=None)
@given(rule_sets(), histories(), st.sampled_from(PERIODS), st.sampled_from(FORMS), amounts)
def test_studying_more_never_counts_less(rule_set, lines, period, form, hours):
    """Neither hours, points nor shortfall grow worse by one more line."""
    target = rule_set.target
    before = rules.recognise(earned(lines), rule_set, target, target)
    after = rules.recognise(earned([*lines, (period, form, hours)]), rule_set, target, target)

    assert after.hours >= before.hours
    assert after.points >= before.points
    assert after.shortfall <= before.shortfall


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 100), st.integers(1, 90), st.sampled_from([5, 25, 50]))
def test_an_entry_is_rounded_down_to_the_step_and_by_less_than_one(minutes, share, hour, step):
    rule_set = parse(rules_json(minutes_per_hour=hour, step=step, target=step * 100,
                                      periods=[]))  # fmt: skip
    hours = rules.worth(minutes, rule_set, share=share)

    exact = minutes * share / hour  # in hundredths
    assert hours % step == 0
    assert hours <= exact + 1e-9 < hours + step + 2e-9


@settings(max_examples=200, deadline=None)
@given(rule_sets(), st.integers(1, 120))
def test_lowered_minimums_stay_within_the_lowered_target(rule_set, steps):
    target = min(rule_set.target, steps * STEP)
    least = rules.minimums(rule_set, target, rule_set.target)

    assert sum(least.values()) <= target
    assert all(value % STEP == 0 for value in least.values())
    assert all(value <= rule_set.period(code).minimum for code, value in least.items())
