"""A state machine drives the ledger at random and checks every invariant after each step.

Post, correct, reverse, state hours, transfer, leave, exempt, change rules, end the study; and it
must fail when the overlap rule, the daily cap or the reversal is switched off, which the last
tests show.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from credits import (
    claim_decisions,
    claims,
    conflicts,
    ledger,
    programmes,
    roll,
    verification,
)
from credits.ledger import Credit, Source
from credits.models import (
    BranchMonth,
    BranchStanding,
    ClaimBatch,
    CreditedContent,
    CreditedTime,
    CreditTotal,
    Exemption,
    HoursClaim,
    LedgerEntry,
    Programme,
    RuleVersion,
    Standing,
)
from portal import members
from portal.models import Job, Member
from portal.refusals import Refusal
from tests import cast
from tests.cast import City, days_ago, moment, rules_json

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "200"))
STEPS = 30
WITHDRAWN = "a withdrawn line lives on"
PERIODS = ["new-democratic", "socialist", "reform", "new-era"]
FORMS = ["seminar", "lecture", "self", "site", "online"]
SMALL: dict[str, Any] = {"target": 600, "daily_cap": 400} | {
    "periods": [{"code": p, "name": p, "minimum": 100} for p in PERIODS],
    "forms": [{"code": f, "cap": {"self": 200, "online": 300}.get(f), "points": 10} for f in FORMS],
}
# Of a line: who, days ago, hour, minutes, form, period.
CHOICES = (range(6), (1, 2), (8, 9, 11), (10, 45, 90, 120, 180), FORMS, PERIODS)


def pick(number: int) -> tuple[Any, ...]:
    """The line that a number stands for, digit by digit."""
    line = []
    for choices in CHOICES:
        number, digit = divmod(number, len(choices))
        line.append(choices[digit])
    return tuple(line)


class LedgerMachine(RuleBasedStateMachine):
    """Three branches, six people, one programme with a target small enough to be reached."""

    city: City
    opened: Programme
    full = 0  # examples that went all their steps

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.programme = self.opened
        self.people = [
            Member.objects.get(pk=self.city.people[name].pk)
            for name in ("lin", "zhou", "wu", "zheng", "gao", "xun")
        ]
        self.branches = [self.city.jia, self.city.yi, self.city.bing]
        self.clock = moment()
        self.sources: dict[str, tuple[Any, int]] = {}  # key → (organiser, last revision)
        self.expected: dict[str, dict[int, int]] = {}  # key → member → live hours
        self.made = 0
        self.checked = 0
        self.sound = True
        self.completed: dict[int, Any] = {}
        self.rules_of: dict[int, int] = {}

    def teardown(self) -> None:
        """The product's own verification has the last word on every example."""
        LedgerMachine.full += self.checked > STEPS  # once before the first step
        try:
            if self.sound:  # else the step that failed has said what is wrong
                assert verification.verify(at=self.clock).problems == []
        finally:
            self.roll_back()

    def roll_back(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def tick(self) -> Any:
        self.clock += timedelta(minutes=1)
        return self.clock

    def note(self, key: str, withdrawn: list[Member], posted: ledger.Posted) -> None:
        """What must be live of a source from now on: nothing of the withdrawn but the new lines."""
        lines = self.expected.setdefault(key, {})
        for member in withdrawn:
            lines.pop(member.pk, None)
        for line in posted.lines:
            if line.hours > 0:
                lines[line.member] = lines.get(line.member, 0) + line.hours

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
        try:
            posted = ledger.post(
                self.programme,
                Source("session", key, key),
                organiser=self.branches[branch],
                credits=[self.credit(*line) for line in lines],
                by=self.city.by,
                at=self.tick(),
            )
        except ledger.ProgrammeClosed:
            return
        self.sources[key] = (self.branches[branch], 1)
        self.note(key, [], posted)

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

    @precondition(lambda self: self.sources and self.is_open())
    @rule(data=st.data(), lines=credits_)
    def correct(self, data: st.DataObject, lines: list[tuple[Any, ...]]) -> None:
        key = data.draw(st.sampled_from(sorted(self.sources)))
        organiser, revision = self.sources[key]
        who = data.draw(st.sets(st.integers(0, 5), max_size=3))
        withdrawn = [self.people[w] for w in sorted(who)]
        posted = ledger.correct(
            self.programme,
            Source("session", key, key),
            revision=revision + 1,
            organiser=organiser,
            withdraw=withdrawn,
            credits=[self.credit(*line) for line in lines],
            reason="更正",
            by=self.city.by,
            at=self.tick(),
        )
        self.sources[key] = (organiser, revision + 1)
        self.note(key, withdrawn, posted)

    @precondition(lambda self: self.sources and self.is_open())
    @rule(data=st.data())
    def reverse_all(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.sources)))
        organiser, revision = self.sources[key]
        posted = ledger.correct(
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
        self.note(key, self.people, posted)

    @precondition(lambda self: self.is_open())
    @rule(who=st.integers(0, 5), day=st.integers(1, 90), hours=st.sampled_from([25, 100, 700]))
    def state_hours(self, who: int, day: int, hours: int) -> None:
        """What a register states is handed in and approved, once; nobody minds the day's cap."""
        member = Member.objects.select_related("branch").get(pk=self.people[who].pk)
        assert member.branch
        kind = ("opening", "outside")[day % 2]
        line = claims.Stated(member, kind, "seminar", "reform", days_ago(day), hours, "登记簿")
        values: dict[str, Any] = {"key": self.new_key(), "by": self.city.by, "at": self.tick()}
        if HoursClaim.objects.filter(state="approved", day=line.day, member=member).exists():
            with pytest.raises(claims.BadClaim, match="已经申报过"):
                claims.hand_in(self.programme, member.branch, [line], **values)
            return
        batch = claims.hand_in(self.programme, member.branch, [line], **values)
        official, at = self.city.actor("shi", "official"), self.tick()
        for given in ([hours], []):
            lines = list(batch.claims.all())
            outcomes = claim_decisions.approve(lines, by=official, at=at)
            assert [outcome.hours for outcome in outcomes] == given

    @precondition(lambda self: self.is_open() and ClaimBatch.objects.exists())
    @rule(number=st.integers(0, 9), whole=st.booleans())
    def take_stated_hours_back(self, number: int, whole: bool) -> None:
        batches = list(ClaimBatch.objects.order_by("pk"))
        batch, official = batches[number % len(batches)], self.city.actor("shi", "official")
        claim = batch.claims.get()
        if whole:
            claim_decisions.undo(batch, by=self.city.by, at=self.tick())
        elif claim.state == HoursClaim.State.APPROVED:
            claim_decisions.reverse(claim, reason="有误", by=official, at=self.tick())
        else:
            with pytest.raises(claims.Settled):
                claim_decisions.reverse(claim, reason="有误", by=official, at=self.tick())

    @rule(who=st.integers(0, 5), branch=st.integers(0, 2))
    def transfer(self, who: int, branch: int) -> None:
        try:
            members.transfer(
                self.people[who],
                self.branches[branch],
                on=cast.TODAY,
                by=self.city.by,
                at=self.tick(),
            )
        except Refusal:
            return

    @rule(who=st.integers(0, 3), goal=st.sampled_from([None, 100, 300]))
    def exempt(self, who: int, goal: int | None) -> None:
        try:
            asked = roll.ask_exemption(
                self.programme,
                self.people[who],
                target=goal,
                since=cast.TODAY,
                until=None,
                reason="长期患病",
                by=self.city.by,
                at=self.tick(),
            )
        except Refusal:
            return
        shi = self.city.actor("shi", "official")
        roll.decide_exemption(asked, approve=True, answer="", by=shi, at=self.tick())

    @rule(who=st.integers(0, 3))
    def end_exemption(self, who: int) -> None:
        found = Exemption.objects.filter(member=self.people[who], in_force=True).first()
        if found:
            roll.end_exemption(found, by=self.city.by, at=self.tick())

    @precondition(lambda self: self.is_open())
    @rule(goal=st.sampled_from([400, 600, 800]), cap=st.sampled_from([100, 200, None]))
    def change_rules(self, goal: int, cap: int | None) -> None:
        if RuleVersion.objects.filter(programme=self.programme).count() > 3:
            return
        forms = [{"code": f, "cap": cap if f == "self" else None, "points": 10} for f in FORMS]
        new = rules_json(**SMALL | {"target": goal, "forms": forms})
        shown = programmes.rehearse(self.programme, new).shown
        programmes.change_rules(
            self.programme,
            new,
            since=cast.TODAY,
            authority="测试",
            reason="测试",
            shown=shown,
            by=self.city.by,
            at=self.tick(),
        )

    @rule(branch=st.integers(0, 2))
    def recompute(self, branch: int) -> None:
        programmes.bring_up(self.programme, self.branches[branch].pk, at=self.tick())

    @rule()
    def end_study(self) -> None:
        if self.state() == Programme.State.RUNNING:
            self.programme = programmes.close_study(self.programme, by=self.city.by, at=self.tick())

    @rule(organiser=st.integers(0, 2))
    def close_books(self, organiser: int) -> None:
        """From then on nothing is posted, whoever tries; people may move."""
        if self.state() != Programme.State.CLOSING:
            return
        at = self.tick() + timedelta(days=15)
        self.programme = programmes.close_books(self.programme, by=self.city.by, at=at)
        lines = LedgerEntry.objects.count()
        with pytest.raises(ledger.ProgrammeClosed):
            ledger.post(
                self.programme,
                Source("session", self.new_key(), "过时的活动"),
                organiser=self.branches[organiser],
                credits=[self.credit(0, 1, 8, 45, "seminar", "reform")],
                by=self.city.by,
                at=at,
            )
        assert LedgerEntry.objects.count() == lines

    @precondition(lambda self: self.state() == Programme.State.CLOSED)
    @rule()
    def reopen(self) -> None:
        self.programme = programmes.reopen(
            self.programme, reason="补录", by=self.city.by, at=self.tick()
        )

    def is_open(self) -> bool:
        return self.state() in {Programme.State.RUNNING, Programme.State.CLOSING}

    def state(self) -> str:
        return str(self.programme.state)  # every verb that turns it returns it anew

    @invariant()
    def everything_adds_up(self) -> None:
        """Compute all of it anew by the plainest means, from one read of the lines."""
        self.sound = False
        self.checked += 1
        lines = list(LedgerEntry.objects.select_related("posting").order_by("pk"))
        reversed_ = {line.reverses_id for line in lines if line.reverses_id}
        live = [n for n in lines if n.reverses_id is None and n.pk not in reversed_]
        self.check_reversals(lines)
        self.check_sources(live)
        self.check_days(lines, live)
        self.check_occupied(live)
        earned = self.check_totals(lines)
        self.check_standings(earned)
        self.check_months(lines)
        self.check_completions()
        self.sound = True

    def check_reversals(self, lines: list[LedgerEntry]) -> None:
        by_id = {line.pk: line for line in lines}
        for line in lines:
            if line.reverses_id:
                other = by_id[line.reverses_id]
                assert (line.member_id, line.hours, line.day, line.home_id) == (
                    other.member_id,
                    -other.hours,
                    other.day,
                    other.home_id,
                )

    def check_sources(self, live: list[LedgerEntry]) -> None:
        found: dict[str, Counter[int]] = {}
        for line in live:
            if line.posting.kind == "session":
                found.setdefault(line.posting.key, Counter())[line.member_id] += line.hours
        assert found == {k: v for k, v in self.expected.items() if v}, WITHDRAWN
        granted = {(n.posting.key, n.member_id, n.hours) for n in live if n.posting.is_granted}
        approved = HoursClaim.objects.filter(state="approved")
        assert granted == set(approved.values_list("key", "member_id", "hours")), WITHDRAWN

    def check_days(self, lines: list[LedgerEntry], live: list[LedgerEntry]) -> None:
        days: Counter[tuple[int, date]] = Counter()
        for line in lines:
            if not line.posting.is_granted:
                days[line.member_id, line.day] += line.hours
        assert all(0 <= hours <= 400 for hours in days.values()), f"daily cap: {days}"
        spans: dict[int, list[tuple[Any, Any]]] = {}
        for line in live:
            if line.start:
                spans.setdefault(line.member_id, []).append((line.start, line.end))
        for times in spans.values():
            times.sort()
            assert all(a[1] <= b[0] for a, b in itertools.pairwise(times)), f"overlap: {times}"

    def check_occupied(self, live: list[LedgerEntry]) -> None:
        timed = {(n.pk, n.member_id, n.start, n.end) for n in live if n.start}
        held = CreditedTime.objects.values_list("entry_id", "member_id", "start", "end")
        assert timed == set(held), "occupied time"
        named = {(n.pk, n.member_id, n.content) for n in live if n.content}
        contents = CreditedContent.objects.values_list("entry_id", "member_id", "content")
        assert named == set(contents), "contents"

    def check_totals(self, lines: list[LedgerEntry]) -> dict[int, Counter[tuple[str, str]]]:
        earned: dict[int, Counter[tuple[str, str]]] = {}
        for line in lines:
            earned.setdefault(line.member_id, Counter())[line.period, line.form] += line.hours
        kept = {
            (t.member_id, t.period, t.form): t.earned for t in CreditTotal.objects.all() if t.earned
        }
        due = {(m, *place): h for m, sums in earned.items() for place, h in sums.items() if h}
        assert due == kept, "totals"
        return earned

    def check_standings(self, earned: dict[int, Counter[tuple[str, str]]]) -> None:
        versions = {v.number: v.rules for v in RuleVersion.objects.all()}
        branches: dict[int, list[int]] = {}
        places = dict(Member.objects.values_list("pk", "branch_id"))
        moving = self.is_open()
        for row in Standing.objects.all():
            own, version = earned.get(row.member_id, Counter()), versions[row.rules]
            caps = {f["code"]: f["cap"] for f in version["forms"]}
            forms: Counter[str] = Counter()
            periods: Counter[str] = Counter()
            for (period, form), hours in own.items():
                forms[form] += hours
                periods[period] += hours
            worth = sum(h if caps[f] is None else min(h, caps[f]) for f, h in forms.items())
            least = 100 * row.target // row.full_target // 25 * 25
            lacking = sum(max(0, least - periods[p]) for p in PERIODS)
            shortfall = max(row.target - worth, lacking, 0)
            assert (row.recognised, row.shortfall) == (worth, shortfall), f"standing {row}"
            assert row.points == 10 * worth, "points"
            assert (row.completed_at is None) == (shortfall > 0), "completion"
            assert not moving or row.branch_id == places[row.member_id], "roll"
            sums = branches.setdefault(row.branch_id, [0] * 5)
            counted = not row.exempt
            for index, amount in enumerate(
                (
                    counted,
                    row.exempt,
                    counted and shortfall == 0,
                    worth * counted,
                    10 * worth * counted,
                )
            ):
                sums[index] += amount
        rows = BranchStanding.objects.values_list(
            "branch", "due", "exempt", "completed", "hours", "points"
        )
        assert {b: v for b, *v in rows if any(v)} == branches, "branch rows"

    def check_months(self, lines: list[LedgerEntry]) -> None:
        months: Counter[tuple[int, date]] = Counter()
        for line in lines:
            months[line.home_id, line.day.replace(day=1)] += line.hours
        kept = {(m.branch_id, m.month): m.hours for m in BranchMonth.objects.all() if m.hours}
        assert {k: v for k, v in months.items() if v} == kept, "months"
        done: Counter[tuple[int, date]] = Counter()
        for row in Standing.objects.filter(shortfall=0, exempt=False):
            assert row.completed_on
            assert row.completed_home_id
            done[row.completed_home_id, row.completed_on.replace(day=1)] += 1
        new = {(m.branch_id, m.month): m.completed for m in BranchMonth.objects.all()}
        assert {k: v for k, v in new.items() if v} == done, "newly completed, net"

    def check_completions(self) -> None:
        """Whoever stays complete keeps the moment; whoever becomes it has that of this act, or of
        the rules that made it so."""
        versions = RuleVersion.objects.exclude(activated_at=None)
        moments = {self.clock, *versions.values_list("activated_at", flat=True)}
        rows = list(Standing.objects.values_list("member_id", "completed_at", "rules"))
        now = {member: at for member, at, _ in rows}
        rules = {member: number for member, _, number in rows}
        for member, at in now.items():
            before = self.completed.get(member)
            assert at is None or at == before or at in moments, "moment of completion"
            if before and at and at != before:  # only rules between may have ended and given it
                assert self.rules_of[member] != rules[member], "completion lost its moment"
        self.completed, self.rules_of = now, rules


def drive(examples: int) -> None:
    """Run the machine, each example in a savepoint of its own over one city."""
    LedgerMachine.city = cast.lay_out_city()
    LedgerMachine.opened = cast.open_programme(LedgerMachine.city, "sm", permit="members", **SMALL)
    run(examples)


def run(examples: int) -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
        _min_steps=STEPS,  # Hypothesis would end one example in seven before its last step
    )


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

    with pytest.raises(AssertionError, match=WITHDRAWN):
        drive(EXAMPLES)
