"""Forecasts of the week in which a unit reaches 95 %, held against what came."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from credits.paces import WEEK, Week, forecast, reached_in

MONDAY = date(2021, 3, 1)


def weeks(*completed, due=100):
    return [Week(MONDAY + WEEK * n, done, due) for n, done in enumerate(completed)]


def test_a_steady_pace_is_a_day_without_range():
    found = forecast(weeks(10, 20, 30, 40, 50))
    assert found is not None
    assert found.day == MONDAY + WEEK * 5 - timedelta(days=1) + timedelta(days=32)  # 4.5 weeks
    assert found.early == found.late == MONDAY + WEEK * 10 - timedelta(days=1)
    assert round(found.pace, 6) == 0.1


def test_uneven_weeks_make_a_range_around_the_day():
    found = forecast(weeks(10, 12, 30, 34, 50))
    assert found is not None
    assert found.late is not None
    assert found.early < found.day < found.late


def test_weeks_that_differ_too_much_say_no_latest_day():
    found = forecast(weeks(0, 0, 0, 60))
    assert found is not None
    assert found.late is None


@pytest.mark.parametrize(
    "completed",
    [(10, 20, 30), (50, 40, 45, 40), (50, 50, 50, 50), (10, 60, 80, 95), (1, 1, 1, 2)],
    ids=["three weeks", "falling", "standing", "reached", "beyond a year"],
)
def test_there_is_none(completed):
    assert forecast(weeks(*completed)) is None


def test_weeks_in_which_nobody_was_due_count_for_nothing():
    empty = [Week(MONDAY, 0, 0)] * 9
    assert forecast(empty) is None
    assert forecast([*empty, *weeks(10, 20, 30)]) is None


def histories(seed, count=400):
    """Thirteen weeks of units of forty to four hundred: each member completes at a moment of their
    own, evenly, in a wave, or early with a long tail."""
    lot = random.Random(seed)
    for _ in range(count):
        due, start, length = lot.randint(40, 400), lot.uniform(0, 2), lot.uniform(6, 14)
        shape = lot.choice(
            [
                lambda: lot.random(),
                lambda: lot.betavariate(2, 2),
                lambda: lot.expovariate(3),
            ]
        )
        moments = [start + shape() * length for _ in range(due)]
        done = [sum(moment <= week for moment in moments) for week in range(1, 14)]
        yield weeks(*done, due=due)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_first_eight_weeks_foretell_weeks_nine_to_thirteen(seed):
    """The range is meant to hold four of five; at least that many must be held, and it must be
    narrow enough to say something: half of them at most three weeks. (Measured: 85 %.)"""
    held, widths = [], []
    for history in histories(seed):
        reached = reached_in(history)
        if reached is None or reached.monday <= history[7].monday:
            continue
        found = forecast(history[:8])
        assert found is not None, history
        end = reached.monday + timedelta(days=6)
        late = found.late or date.max
        held.append(found.early <= end <= late)
        widths.append((late - found.early).days)
    assert len(held) > 100
    assert sum(held) / len(held) >= 0.8
    assert sorted(widths)[len(widths) // 2] <= 21
