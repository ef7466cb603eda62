"""The arithmetic against a slow oracle written from the rule book alone, hour by hour.

The oracle shares no line with `credits.rules`: it fills vessels a quarter of an hour at a time, in
the order of the ledger, and empties them again for reversals.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credits import rules
from credits.rule_sets import parse
from tests.cast import rules_json

FORMS = ("seminar", "lecture", "self", "site", "online")
PERIODS = ("one", "two", "three", "")
STEP = 25


@st.composite
def rule_sets(draw: st.DrawFn) -> dict[str, Any]:
    """Rules as JSON: caps, a group of two or three forms, minimums, points."""
    grouped = draw(st.lists(st.sampled_from(FORMS), max_size=3, unique=True))
    points = draw(st.integers(0, 20))
    caps = st.one_of(st.none(), st.integers(0, 40).map(lambda n: n * STEP))
    forms = [
        {
            "code": form,
            "cap": draw(caps),
            "points": points if form in grouped else draw(st.integers(0, 20)),
        }
        for form in FORMS
    ]
    minimums = draw(st.lists(st.integers(0, 8), min_size=3, max_size=3))
    groups = [{"name": "线上线下", "forms": grouped, "cap": draw(st.integers(0, 60)) * STEP}]
    return rules_json(
        target=draw(st.integers(24, 96)) * STEP,
        forms=forms,
        groups=groups if grouped else [],
        periods=[
            {"code": p, "name": p, "minimum": m * STEP}
            for p, m in zip(PERIODS, minimums, strict=False)
        ],
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """Lines (period, form, hours) in ledger order; a negative one reverses a live one."""
    lines: list[tuple[str, str, int]] = []
    live: list[int] = []
    for _ in range(draw(st.integers(0, 14))):
        if live != [] and draw(st.booleans()):
            period, form, hours = lines[live.pop(draw(st.integers(0, len(live) - 1)))]
            lines.append((period, form, -hours))
        else:
            hours = draw(st.integers(1, 32)) * STEP
            lines.append((draw(st.sampled_from(PERIODS)), draw(st.sampled_from(FORMS)), hours))
            live.append(len(lines) - 1)
    return lines


def slow(
    data: dict[str, Any], lines: list[tuple[str, str, int]], target: int, full: int
) -> tuple[int, int, Fraction]:
    """(recognised, shortfall, points) by sums over what is left of each form and period."""
    earned_by_form = {f: sum(h for _, form, h in lines if form == f) for f in FORMS}
    earned_by_period = {p: sum(h for period, _, h in lines if period == p) for p in PERIODS}
    recognised, points = 0, Fraction(0)
    vessels: dict[str, int] = {}
    for form in data["forms"]:
        left = earned_by_form[form["code"]]
        own = 0
        while left > 0 and (form["cap"] is None or own < form["cap"]):
            left, own = left - 1, own + 1
            group = next((g for g in data["groups"] if form["code"] in g["forms"]), None)
            if group:
                if vessels.get(group["name"], 0) >= group["cap"]:
                    continue
                vessels[group["name"]] = vessels.get(group["name"], 0) + 1
            recognised += 1
            points += form["points"]
    lacking = 0
    for period in data["periods"]:
        lowered = Fraction(period["minimum"] * target, full)
        minimum = int(lowered // STEP) * STEP if target < full else period["minimum"]
        lacking += max(0, minimum - earned_by_period[period["code"]])
    return recognised, max(target - recognised, lacking, 0), points


@given(rule_sets(), histories(), st.integers(1, 96))
@settings(max_examples=300, deadline=None)
def test_recognition_is_what_the_oracle_says(data, lines, lowered):
    parsed = parse(data)
    earned = defaultdict(int)
    for period, form, hours in lines:
        earned[period, form] += hours
    for target in (data["target"], min(lowered * STEP, data["target"])):
        worth = rules.recognise(earned, parsed, target, data["target"])

        expected = slow(data, lines, target, data["target"])
        assert (worth.hours, worth.shortfall, worth.points) == expected


@given(rule_sets(), histories())
@settings(max_examples=300, deadline=None)
def test_each_line_counts_what_it_adds_to_the_oracles_sum(data, lines):
    """Line k is worth the difference that it makes: under form caps alone exactly so, and with a
    group the lines still add up at every step."""
    counted = rules.line_by_line([(form, hours) for _, form, hours in lines], parse(data))

    sums = [slow(data, lines[:k], data["target"], data["target"])[0] for k in range(len(lines) + 1)]
    assert counted == [after - before for before, after in itertools.pairwise(sums)]


@pytest.mark.parametrize("minutes", range(0, 481, 7))
@pytest.mark.parametrize("share", [100, 50, 33, 0])
def test_minutes_become_whole_steps_by_counting_them(minutes, share):
    parsed = parse(rules_json())
    steps = 0
    while Fraction(steps + 1) * Fraction(45, 4) <= Fraction(minutes * share, 100):
        steps += 1

    assert rules.worth(minutes, parsed, share=share) == steps * STEP
