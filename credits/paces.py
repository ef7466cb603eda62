"""When a unit reaches a rate at its present pace, with the range that its own weeks allow. Pure.

The pace is the mean gain of the last weeks. What weeks to come may bring is taken from how much
those differed: their sum over w weeks varies by s·√(w + w²/k), s being the standard deviation of k
gains, which holds both the chance of each week and not knowing the mean. The range is meant to
hold the day in four cases of five (Student's t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil, sqrt
from statistics import fmean, stdev

GOAL = 0.95
LEAST = 4  # weeks without which there is no forecast
LAST = 6  # gains that make the present pace
HORIZON = 52  # weeks: what lies further ahead is not said
T = {2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476}  # Student's t at 90 % by degrees of freedom
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """A unit's figures at the end of the week that begins on `monday`."""

    monday: date
    completed: int
    due: int

    @property
    def rate(self) -> float | None:
        return self.completed / self.due if self.due else None


@dataclass(frozen=True)
class Forecast:
    """The days by which the goal is reached: at the present pace, at the earliest, at the latest;
    None where that lies beyond a year."""

    day: date
    early: date
    late: date | None
    pace: float  # share gained a week


def forecast(weeks: Sequence[Week], *, goal: float = GOAL) -> Forecast | None:
    """None where there are fewer than four weeks, the pace is not positive, the goal is reached
    already or lies more than a year ahead."""
    rates = [week.rate for week in weeks if week.rate is not None]
    if len(rates) < LEAST or rates[-1] >= goal:
        return None
    gains = [after - before for before, after in pairwise(rates)][-LAST:]
    pace, missing = fmean(gains), goal - rates[-1]
    if pace <= 0 or missing / pace > HORIZON:
        return None
    spread, count = stdev(gains), len(gains)

    def reached(sign: int) -> int | None:
        """The first week in which the goal is reached, with luck (+1) or without (-1)."""
        for ahead in range(1, HORIZON + 1):
            chance = T[count - 1] * spread * sqrt(ahead + ahead * ahead / count)
            if pace * ahead + sign * chance >= missing:
                return ahead
        return None

    end = weeks[-1].monday + WEEK - timedelta(days=1)
    late = reached(-1)
    return Forecast(
        end + timedelta(days=ceil(missing / pace * 7)),
        end + WEEK * (reached(1) or 1),
        end + WEEK * late if late else None,
        pace,
    )


def reached_in(weeks: Sequence[Week], *, goal: float = GOAL) -> Week | None:
    """The first week at whose end the goal was reached."""
    return next((week for week in weeks if (week.rate or 0) >= goal), None)
