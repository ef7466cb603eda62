"""A state machine drives the ledger at random and checks every invariant after each step.

Post, correct, reverse, state hours, enter late, transfer, exempt, change rules, move, merge and
divide branches, hand over, end the study; and it must fail when the overlap rule, the daily cap
or the reversal is switched off, which the last tests show.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from credits import catch_up, claim_decisions, claims, conflicts, ledger
from credits.ledger import Credit, Source
from credits.models import CatchUpWindow, ClaimBatch, HoursClaim, LateEntry
from portal.models import Job, Member
from tests import cast
from tests.cast import days_ago, moment
from tests.paper import Line, worth
from tests.state_machine import FORMS, PERIODS, SMALL, STATED, CityMachine, Entry, run

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "60"))
# Of a line: who, days ago, hour, minutes, form, period.
CHOICES = (range(6), (1, 2), (8, 9, 11), (10, 45, 90, 120, 180), FORMS, PERIODS)


def pick(number: int) -> tuple[Any, ...]:
    """The line that a number stands for, digit by digit."""
    line = []
    for choices in CHOICES:
        number, digit = divmod(number, len(choices))
        line.append(choices[digit])
    return tuple(line)


class LedgerMachine(CityMachine, RuleBasedStateMachine):
    """Raw postings of random lines, and their corrections."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[str, tuple[Any, int]] = {}  # key → (organiser, last revision)
        self.stated: dict[int, tuple[int, Any]] = {}  # claims in force: member and day
        self.windows: set[int] = set()  # over which branches catching up is open
        self.late: list[tuple[str, int]] = []  # what only a window let in
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

    @precondition(lambda self: self.is_open())
    @rule(who=st.integers(0, 5), day=st.integers(1, 90), hours=st.sampled_from([25, 100, 700]),
          returned=st.booleans())  # fmt: skip
    def state_hours(self, who: int, day: int, hours: int, returned: bool) -> None:
        """What a register states is handed in, sent back perhaps and mended, approved, once; no
        day's cap counts it, and nobody approves what they handed in."""
        member = Member.objects.select_related("branch").get(pk=self.people[who].pk)
        assert member.branch
        kind = STATED[day % 2]
        line = claims.Stated(member, kind, "seminar", "reform", days_ago(day), hours, "登记簿")
        values: dict[str, Any] = {"key": self.new_key(), "by": self.city.by, "at": self.tick()}
        if (member.pk, line.day) in self.stated.values():
            with pytest.raises(claims.BadClaim, match="已经申报过"):
                claims.hand_in(self.programme, member.branch, [line], **values)
            return
        batch = claims.hand_in(self.programme, member.branch, [line], **values)
        claim = batch.claims.get()
        if returned:
            claim_decisions.return_([claim], reason="少了", by=self.official(), at=self.tick())
            hours += 25
            claim.refresh_from_db()
            mended = replace(line, hours=hours)
            claim = claims.mend(claim, mended, by=self.city.by, at=self.tick())
        for by, given in ((self.city.by, 0), (self.official(), hours)):
            [outcome] = claim_decisions.approve([claim], by=by, at=self.tick())
            assert (outcome.hours, bool(outcome.reason)) == (given, not given)
        assert claim_decisions.approve([claim], by=self.official(), at=self.clock) == []
        self.stated[claim.pk] = member.pk, line.day
        refused = self.paper.write(claim.key, [], [(member.pk, Line(line.day, hours, stated=True))])
        assert refused == []

    @precondition(lambda self: self.is_open() and ClaimBatch.objects.exists())
    @rule(number=st.integers(0, 9), whole=st.booleans())
    def take_stated_hours_back(self, number: int, whole: bool) -> None:
        """One line with a reason, or the receipt; what was mended the receipt's undo leaves."""
        batches = list(ClaimBatch.objects.order_by("pk"))
        batch = batches[number % len(batches)]
        claim = batch.claims.get()
        lives = claim.pk in self.stated
        if whole:
            goes = lives and not claim.version and batch.undone_at is None
            back, _ = claim_decisions.undo(batch, by=self.city.by, at=self.tick())
            assert [row.pk for row in back] == [claim.pk] * goes
        elif lives:
            goes = True
            claim_decisions.reverse(claim, reason="有误", by=self.official(), at=self.tick())
        else:
            goes = False
            with pytest.raises(claims.Settled):
                claim_decisions.reverse(claim, reason="有误", by=self.official(), at=self.tick())
        if goes:
            del self.stated[claim.pk]
            self.paper.write(claim.key, [claim.member_id], [])

    @precondition(lambda self: self.is_open())
    @rule(over=st.integers(0, 2), organiser=st.integers(0, 2), who=st.integers(0, 5),
          opens=st.booleans())  # fmt: skip
    def post_late(self, over: int, organiser: int, who: int, opens: bool) -> None:
        """Of a day beyond the limit: a window over the organiser or the home of that day lets it
        in, marked; else it is refused. Windows over others let nothing in."""
        if opens and not (self.merged and over == 2):
            span = catch_up.Span(days_ago(50), days_ago(40))
            dates = catch_up.Span(cast.TODAY, cast.TODAY)
            catch_up.open_(self.programme, self.branches[over], days=span, dates=dates,
                           reason="换届", by=self.city.by, at=self.tick())  # fmt: skip
            self.windows.add(over)
        elif not opens:
            for window in CatchUpWindow.objects.filter(ended_at=None):
                catch_up.end(window, by=self.city.by, at=self.tick())
            self.windows.clear()
        key, credit = self.new_key(), self.credit(who, 45, 9, 45, "lecture", "reform")
        posted = ledger.post(
            self.programme,
            Source("session", key, key),
            organiser=self.branches[organiser],
            credits=[credit],
            by=self.city.by,
            at=self.tick(),
        )
        self.sources[key] = (self.branches[organiser], 1)
        if {organiser, who // 2} & self.windows:  # who moved did so today
            self.write(key, [], [credit])
            self.late += [(key, credit.member.pk)] * bool(
                self.paper.hours.get((key, credit.member.pk))
            )
        else:
            assert [refused.code for refused in posted.refused] == ["late"]

    def check_more(self, lines: list[Entry], live: list[Entry]) -> None:
        approved = HoursClaim.objects.filter(state="approved").values_list("key", "member", "hours")
        stated = {(n.key, n.member, n.hours) for n in live if n.kind in STATED}
        assert set(approved) == stated, "stated hours"
        marks = Counter(LateEntry.objects.values_list("key", "member"))
        posted = [line for line in lines if line.kind not in STATED]
        late = {(line.key, line.member) for line in posted if line.day == days_ago(45)}
        assert marks.keys() == late == set(self.late), "marks of what came late"
        assert all(count == 1 for count in marks.values())

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
