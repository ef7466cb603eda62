"""A state machine drives the ledger at random and checks every invariant after each step.

Post, correct, reverse, transfer, leave, exempt, change rules, move and merge branches, end the
study; and it must fail when the overlap rule, the daily cap or the reversal is switched off, which
the last tests show.
"""

from __future__ import annotations

import math
import os
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from credits import conflicts, ledger
from credits.ledger import Credit, Source
from portal.models import Job
from tests import cast
from tests.cast import days_ago, moment
from tests.paper import Line, worth
from tests.state_machine import FORMS, PERIODS, SMALL, CityMachine, run

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "100"))
# Of a line: who, days ago, hour, minutes, form, period.
CHOICES = (range(6), (1, 2), (8, 9, 11), (10, 45, 90, 120, 180), FORMS, PERIODS)


def pick(number: int) -> tuple[Any, ...]:
    """The line that a number stands for, digit by digit."""
    line = []
    for choices in CHOICES:
        number, digit = divmod(number, len(choices))
        line.append(choices[digit])
    return tuple(line)


class LedgerMachine(CityMachine):
    """Raw postings of random lines, and their corrections."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[str, tuple[Any, int]] = {}  # key → (organiser, last revision)
        self.made = 0

    def write(self, key: str, withdrawn: list[Any], credits_: list[Credit]) -> None:
        """The same on paper."""
        asked = [
            (c.member.pk, Line(c.day, worth(c.minutes), c.start, c.end, c.content))
            for c in credits_
        ]
        self.paper.write(key, [member.pk for member in withdrawn], asked)

    def new_key(self) -> str:
        self.made += 1
        return f"k{self.made}"

    def credit(self, who: int, day: int, hour: int, minutes: int, form: str, period: str) -> Credit:
        start = moment(days_ago(day), hour)
        return Credit(
            self.people[who],
            form,
            days_ago(day),
            minutes,
            period,
            start=start,
            end=start + timedelta(minutes=minutes),
        )

    # One number a line: Hypothesis ends examples early that draw too much.
    credits_ = st.lists(
        st.integers(0, math.prod(map(len, CHOICES)) - 1).map(pick),
        min_size=4,
        max_size=6,
        unique_by=lambda c: c[0],
    )

    @rule(lines=credits_, branch=st.integers(0, 2))
    def post(self, lines: list[tuple[Any, ...]], branch: int) -> None:
        key = self.new_key()
        credits_ = [self.credit(*line) for line in lines]
        try:
            ledger.post(
                self.programme,
                Source("session", key, key),
                organiser=self.branches[branch],
                credits=credits_,
                by=self.city.by,
                at=self.tick(),
            )
        except ledger.ProgrammeClosed:
            return
        self.sources[key] = (self.branches[branch], 1)
        self.write(key, [], credits_)

    @precondition(lambda self: self.is_open())
    @rule(minutes=st.sampled_from([45, 90]), who=st.integers(0, 5), day=st.integers(1, 3))
    def post_content(self, minutes: int, who: int, day: int) -> None:
        key = self.new_key()
        credit = Credit(
            self.people[who], "online", days_ago(day), minutes, "reform", content="lesson:one"
        )
        ledger.post(
            self.programme,
            Source("log", key, key),
            organiser=self.city.jia,
            credits=[credit],
            by=self.city.by,
            at=self.tick(),
        )
        self.write(key, [], [credit])

    @precondition(lambda self: self.sources and self.is_open())
    @rule(data=st.data(), lines=credits_)
    def correct(self, data: st.DataObject, lines: list[tuple[Any, ...]]) -> None:
        key = data.draw(st.sampled_from(sorted(self.sources)))
        organiser, revision = self.sources[key]
        who = data.draw(st.sets(st.integers(0, 5), max_size=3))
        withdrawn = [self.people[w] for w in sorted(who)]
        credits_ = [self.credit(*line) for line in lines]
        ledger.correct(
            self.programme,
            Source("session", key, key),
            revision=revision + 1,
            organiser=organiser,
            withdraw=withdrawn,
            credits=credits_,
            reason="更正",
            by=self.city.by,
            at=self.tick(),
        )
        self.sources[key] = (organiser, revision + 1)
        self.write(key, withdrawn, credits_)

    @precondition(lambda self: self.sources and self.is_open())
    @rule(data=st.data())
    def reverse_all(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.sources)))
        organiser, revision = self.sources[key]
        ledger.correct(
            self.programme,
            Source("session", key, key),
            revision=revision + 1,
            organiser=organiser,
            withdraw=self.people,
            credits=[],
            reason="取消",
            by=self.city.by,
            at=self.tick(),
        )
        self.sources[key] = (organiser, revision + 1)
        self.write(key, self.people, [])

    def try_to_post(self, organiser: int, at: datetime) -> None:
        with pytest.raises(ledger.ProgrammeClosed):
            ledger.post(
                self.programme,
                Source("session", self.new_key(), "过时的活动"),
                organiser=self.branches[organiser],
                credits=[self.credit(0, 1, 8, 45, "seminar", "reform")],
                by=self.city.by,
                at=at,
            )


def drive(examples: int) -> None:
    LedgerMachine.city = cast.lay_out_city()
    LedgerMachine.opened = cast.open_programme(LedgerMachine.city, "sm", permit="members", **SMALL)
    run(LedgerMachine, examples)


@pytest.mark.both
@pytest.mark.django_db
def test_every_invariant_holds_whatever_happens():
    LedgerMachine.full = 0

    drive(EXAMPLES)

    assert LedgerMachine.full >= EXAMPLES

    assert Job.objects.count() == 0


@pytest.mark.both
@pytest.mark.django_db
def test_without_the_overlap_rule_the_machine_fails(monkeypatch):
    monkeypatch.setattr(conflicts.Occupied, "_by_time", lambda *_: None)

    with pytest.raises(Exception, match=r"overlap|conflicting|exclusion"):
        drive(EXAMPLES)


@pytest.mark.both
@pytest.mark.django_db
def test_without_the_daily_cap_the_machine_fails(monkeypatch):
    monkeypatch.setattr(conflicts.Occupied, "_by_cap", lambda *_: None)

    with pytest.raises(AssertionError, match="daily cap"):
        drive(EXAMPLES)


@pytest.mark.both
@pytest.mark.django_db
def test_without_the_reversal_the_machine_fails(monkeypatch):
    monkeypatch.setattr(conflicts.Occupied, "free", lambda *_: [])

    with pytest.raises(AssertionError, match="a withdrawn line lives on"):
        drive(EXAMPLES)
