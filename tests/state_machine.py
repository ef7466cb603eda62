"""What both state machines share: one small city, the verbs on people, rules and the programme's
life, and the invariants, computed anew after each step by the plainest means.

The ledger's machine posts raw lines (tests/credits/); those of courses drive sessions, rolls and
what members say about them, and what is studied without a meeting (tests/courses/).
"""

from __future__ import annotations

import inspect
import itertools
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

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

from credits import exemptions, programmes, rule_changes, stages, verification
from credits.models import (
    BranchClosing,
    BranchMonth,
    BranchStanding,
    CreditedContent,
    CreditedTime,
    CreditTotal,
    Exemption,
    LedgerEntry,
    Programme,
    RuleVersion,
    Standing,
)
from portal import appointments, members, organizations, reorganizations
from portal.audit import Actor
from portal.models import Appointment, Member, Organization, Role
from portal.refusals import Refusal
from tests import cast
from tests.cast import City, moment, rules_json
from tests.paper import DAILY_CAP, Paper

STEPS = 30
STATED = ("opening", "outside")  # what a register or a certificate says, no day's cap counts
PERIODS = ["new-democratic", "socialist", "reform", "new-era"]
FORMS = ["seminar", "lecture", "self", "site", "online"]
SMALL: dict[str, Any] = {"target": 600, "daily_cap": DAILY_CAP} | {
    "periods": [{"code": p, "name": p, "minimum": 100} for p in PERIODS],
    "forms": [{"code": f, "cap": {"self": 200, "online": 300}.get(f), "points": 10} for f in FORMS],
}


class Entry(NamedTuple):
    """A ledger line as it was written, with the source of its posting."""

    pk: int
    member: int
    home: int
    form: str
    period: str
    content: str
    day: date
    start: datetime | None
    end: datetime | None
    hours: int
    reverses: int | None
    key: str
    kind: str

    @classmethod
    def all(cls) -> list[Entry]:
        names = ("pk", "member", "home", "form", "period", "content", "day", "start", "end",
                 "hours", "reverses", "posting__key", "posting__kind")  # fmt: skip
        return [cls(*row) for row in LedgerEntry.objects.order_by("pk").values_list(*names)]


class CityMachine:
    """Three branches, six people, one programme with a target small enough to be reached. Its
    verbs are rules to Hypothesis where a machine is one of Hypothesis' too."""

    city: City
    opened: Programme
    full = 0  # examples that went all their steps

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        vars(self.example)["_from_testcase"] = True  # it goes on after what was refused
        self.example.__enter__()
        self.programme = self.opened
        self.people = [
            Member.objects.get(pk=self.city.people[name].pk)
            for name in ("lin", "zhou", "wu", "zheng", "gao", "xun")
        ]
        places = Organization.objects.in_bulk(
            [self.city.jia.pk, self.city.yi.pk, self.city.bing.pk]
        )
        self.branches = [places[pk] for pk in sorted(places)]  # own ones: verbs write into them
        self.clock = moment()
        self.paper = Paper()
        self.checked = 0
        self.sound = True
        self.completed: dict[int, Any] = {}
        self.rules_of: dict[int, int] = {}
        self.redated: set[int] = set()  # who lost completion and reached it again in one step
        self.exempted: set[int] = set()
        self.merged = self.divided = False
        self.homes = {person.pk: person.branch_id for person in self.people}
        self.closings = 0  # more of them would leave few steps to all that needs open books

    def teardown(self) -> None:
        """The product's own verification has the last word on every example."""
        type(self).full += (
            self.checked >= STEPS
        )  # once before the first step, or the initial one is counted
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

    def official(self) -> Actor:
        """Who approves what others handed in."""
        return self.city.actor("shi", "official")

    def branch(self, number: int) -> Organization:
        return self.branches[number % len(self.branches)]

    @rule(who=st.integers(0, 5), branch=st.integers(0, 3))
    def transfer(self, who: int, branch: int) -> None:
        person, into = self.people[who], self.branch(branch)
        try:
            members.transfer(person, into, on=cast.TODAY, by=self.city.by, at=self.tick())
        except Refusal:
            return
        self.homes[person.pk] = into.pk

    @rule(who=st.integers(0, 3), goal=st.sampled_from([None, 100, 300]))
    def exempt(self, who: int, goal: int | None) -> None:
        try:
            asked = exemptions.ask(
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
        exemptions.decide(asked, approve=True, answer="", by=self.official(), at=self.tick())
        if goal is None:
            self.exempted.add(self.people[who].pk)

    @rule(who=st.sets(st.integers(0, 5), min_size=2), goal=st.sampled_from([None, 100, 300]))
    def exempt_many(self, who: set[int], goal: int | None) -> None:
        """Some of them cannot be; the others are, and a batch leaves nobody half exempt."""
        chosen = [self.people[w] for w in sorted(who)]
        terms = exemptions.Terms(goal, cast.TODAY, None, "年事已高")
        try:
            asked = exemptions.ask_many(
                self.programme, chosen, terms, by=self.city.by, at=self.tick()
            )
        except Refusal:
            return
        assert len(asked.done) + len(asked.refused) == len(chosen)
        free = {person.pk for person in chosen} - self.exempted
        assert {row.member_id for row in asked.done} <= free, "exempted twice"
        for by, done in ((self.city.by, []), (self.official(), asked.done)):
            decided = exemptions.decide_many(
                self.programme, asked.done, approve=True, answer="", by=by, at=self.tick()
            )
            assert [row.pk for row in decided.done] == [row.pk for row in done]
            assert all(row.in_force for row in decided.done)
        if goal is None:
            self.exempted |= {row.member_id for row in asked.done}

    @rule(who=st.integers(0, 5))
    def end_exemption(self, who: int) -> None:
        found = Exemption.objects.filter(member=self.people[who], in_force=True).first()
        if found and not self.is_open():
            with pytest.raises(exemptions.BadExemption):
                exemptions.end(found, by=self.city.by, at=self.tick())
        elif found:
            exemptions.end(found, by=self.city.by, at=self.tick())
            self.exempted.discard(self.people[who].pk)

    @rule(which=st.integers(0, 2), bureau=st.booleans())
    def move_branch(self, which: int, bureau: bool) -> None:
        """Another unit and cohort; whose hours they are does not change."""
        parent = self.city.bureau if bureau else self.city.county
        try:
            organizations.move(self.branches[which], parent, by=self.city.by, at=self.tick())
        except organizations.CannotMove:
            assert self.merged, "a branch that stands"
            assert which == 2, "a branch that stands"

    @precondition(lambda self: not self.merged)
    @rule(into=st.integers(0, 1))
    def merge(self, into: int) -> None:
        """丙 is merged into another branch."""
        target = self.branches[into]
        source = self.branches[2]
        reorganizations.merge(source, target, on=cast.TODAY, by=self.city.by, at=self.tick())
        self.homes = {m: target.pk if b == source.pk else b for m, b in self.homes.items()}
        self.merged = True

    @precondition(lambda self: not self.divided)
    @rule(which=st.integers(0, 2), pick=st.integers(0, 5), led=st.booleans())
    def divide(self, which: int, pick: int, led: bool) -> None:
        """One of a branch's people goes into a branch of their own, if anybody else stays."""
        source = self.branches[which]
        here = [person for person in self.people if self.homes[person.pk] == source.pk]
        chosen = here[pick % len(here)] if here else self.people[pick]
        stands = source.dissolved_on is None and not (self.merged and which == 2)
        alone = which < 2 and len(here) == 1
        may = bool(here) and stands and not alone
        part = reorganizations.Part("SM-D", "分设支部", [chosen], "", chosen if led else None)
        try:
            [made] = reorganizations.divide(
                source, [part], on=cast.TODAY, by=self.city.by, at=self.tick()
            )
        except Refusal:
            assert not may, "a branch that may be divided"
            return
        assert may, (here, stands, alone)
        self.homes[chosen.pk] = made.pk
        self.branches.append(made)
        self.divided = True

    @rule(which=st.integers(0, 1), who=st.integers(0, 5), acting=st.booleans())
    def hand_over(self, which: int, who: int, acting: bool) -> None:
        """Another secretary, or an official acts; a branch's last one cannot just end."""
        seat = Appointment.objects.get(pk=self.seats(which)[0])
        if len(self.seats(which)) == 1:
            with pytest.raises(appointments.LastSecretary):
                appointments.end(seat, on=cast.TODAY, by=self.city.by, at=self.tick())
        successor = self.city.people["shi"] if acting else self.people[who]
        try:
            made = appointments.hand_over(
                seat, successor, on=cast.TODAY, acting=acting, by=self.city.by, at=self.tick()
            )
        except Refusal:
            return
        assert made.pk in self.seats(which)

    def seats(self, which: int) -> list[int]:
        held = Appointment.objects.filter(organization=self.branches[which], until=None)
        return list(held.filter(role=Role.SECRETARY).order_by("pk").values_list("pk", flat=True))

    @precondition(lambda self: self.is_open())
    @rule(goal=st.sampled_from([400, 600, 800]), cap=st.sampled_from([100, 200, None]))
    def change_rules(self, goal: int, cap: int | None) -> None:
        if RuleVersion.objects.filter(programme=self.programme).count() > 3:
            return
        forms = [{"code": f, "cap": cap if f == "self" else None, "points": 10} for f in FORMS]
        new = rules_json(**SMALL | {"target": goal, "forms": forms})
        shown = rule_changes.rehearse(self.programme, new).shown
        rule_changes.change_rules(
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
        rule_changes.bring_up(self.programme, self.branches[branch].pk, at=self.tick())

    @precondition(lambda self: self.checked > 15 and self.state() == Programme.State.RUNNING)
    @rule()
    def end_study(self) -> None:
        self.programme = programmes.close_study(self.programme, by=self.city.by, at=self.tick())

    @precondition(lambda self: self.closings < 2 and self.state() == Programme.State.CLOSING)
    @rule(organiser=st.integers(0, 2))
    def close_books(self, organiser: int) -> None:
        """From then on nothing is posted, whoever tries; people may move."""
        self.closings += 1
        at = self.tick() + timedelta(days=15)
        newest = max(RuleVersion.objects.values_list("number", flat=True))
        if Standing.objects.filter(on_roll=True, rules__lt=newest).exists():
            with pytest.raises(stages.NotNow):
                programmes.close_books(self.programme, by=self.city.by, at=at)
            for branch in Standing.objects.order_by().values_list("branch", flat=True).distinct():
                rule_changes.bring_up(self.programme, branch, at=self.clock)
        self.programme = programmes.close_books(self.programme, by=self.city.by, at=at)
        self.check_closing()
        self.books_closed()
        lines = LedgerEntry.objects.count()
        self.try_to_post(organiser, at)
        assert LedgerEntry.objects.count() == lines, "posted into closed books"

    def check_closing(self) -> None:
        """Each branch with anybody on the roll is certified, with what its people have by now."""
        made = BranchClosing.objects.filter(turn=self.closings)
        rows = Standing.objects.filter(on_roll=True).values_list(
            "branch", "member__key", "target", "recognised", "shortfall", "exempt"
        )
        names = ("key", "target", "hours", "shortfall", "exempt")
        certified = {(c.branch_id, *(line[n] for n in names)) for c in made for line in c.lines}
        assert certified == set(rows), "certificates of the closing"

    def books_closed(self) -> None:
        """What a machine writes down of what was pending."""

    def try_to_post(self, organiser: int, at: datetime) -> None:
        """Post something into closed books, which must be refused."""
        raise NotImplementedError

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
        """Compute all of it anew, from one read of the lines."""
        self.sound = False
        self.checked += 1
        lines = Entry.all()
        reversed_ = {line.reverses for line in lines if line.reverses}
        live = [n for n in lines if n.reverses is None and n.pk not in reversed_]
        self.check_reversals(lines)
        self.check_days(lines, live)
        self.check_sources(live)
        self.check_occupied(live)
        earned = self.check_totals(lines)
        self.check_standings(earned)
        self.check_months(lines)
        self.check_completions()
        self.check_people()
        self.check_more(lines, live)
        self.sound = True

    def check_people(self) -> None:
        """Everybody belongs where they were put, and no branch lost its last secretary."""
        places = Member.objects.filter(pk__in=self.homes).values_list("pk", "branch")
        assert dict(places) == self.homes, "who belongs where"
        assert self.seats(0), "no secretary"
        assert self.seats(1), "no secretary"

    def check_more(self, lines: list[Entry], live: list[Entry]) -> None:
        """What a machine knows besides."""

    def check_reversals(self, lines: list[Entry]) -> None:
        by_id = {line.pk: line for line in lines}
        for line in lines:
            if line.reverses:
                other = by_id[line.reverses]
                assert (line.member, line.hours, line.day, line.home) == (
                    other.member,
                    -other.hours,
                    other.day,
                    other.home,
                ), "reversal"

    def check_sources(self, live: list[Entry]) -> None:
        """Who has how many hours, and where from: as the clerk has it on paper."""
        found: Counter[tuple[str, int]] = Counter()
        for line in live:
            found[line.key, line.member] += line.hours
        due = self.paper.hours
        assert found == due, "a withdrawn line lives on, or other hours than on paper"

    def check_days(self, lines: list[Entry], live: list[Entry]) -> None:
        days: Counter[tuple[int, date]] = Counter()
        for line in lines:
            if line.kind not in STATED:
                days[line.member, line.day] += line.hours
        assert all(0 <= hours <= DAILY_CAP for hours in days.values()), f"daily cap: {days}"
        spans: dict[int, list[tuple[Any, Any]]] = {}
        for line in live:
            if line.start:
                spans.setdefault(line.member, []).append((line.start, line.end))
        for times in spans.values():
            times.sort()
            assert all(a[1] <= b[0] for a, b in itertools.pairwise(times)), f"overlap: {times}"

    def check_occupied(self, live: list[Entry]) -> None:
        timed = {(n.pk, n.member, n.start, n.end) for n in live if n.start}
        held = CreditedTime.objects.values_list("entry_id", "member_id", "start", "end")
        assert timed == set(held), "occupied time"
        named = {(n.pk, n.member, n.content) for n in live if n.content}
        contents = CreditedContent.objects.values_list("entry_id", "member_id", "content")
        assert named == set(contents), "contents"

    def check_totals(self, lines: list[Entry]) -> dict[int, Counter[tuple[str, str]]]:
        earned: dict[int, Counter[tuple[str, str]]] = {}
        for line in lines:
            earned.setdefault(line.member, Counter())[line.period, line.form] += line.hours
        rows = CreditTotal.objects.values_list("member_id", "period", "form", "earned")
        kept = {(member, period, form): hours for member, period, form, hours in rows if hours}
        due = {(m, *place): h for m, sums in earned.items() for place, h in sums.items() if h}
        assert due == kept, "totals"
        sums = {member: hours for member, hours in self.paper.sums.items() if hours}
        assert {m: sum(own.values()) for m, own in earned.items() if sum(own.values())} == sums
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

    def check_months(self, lines: list[Entry]) -> None:
        months: Counter[tuple[int, date]] = Counter()
        for line in lines:
            months[line.home, line.day.replace(day=1)] += line.hours
        rows = BranchMonth.objects.values_list("branch_id", "month", "hours", "completed")
        kept = {(branch, month): (hours, new) for branch, month, hours, new in rows}
        sums = {place: hours for place, (hours, _) in kept.items() if hours}
        assert {k: v for k, v in months.items() if v} == sums, "months"
        done: Counter[tuple[int, date]] = Counter()
        for row in Standing.objects.filter(shortfall=0, exempt=False):
            assert row.completed_on
            assert row.completed_home_id
            done[row.completed_home_id, row.completed_on.replace(day=1)] += 1
        new = {place: completed for place, (_, completed) in kept.items() if completed}
        assert new == done, "newly completed, net"

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
                new_rules = self.rules_of[member] != rules[member]
                assert new_rules or member in self.redated, "completion lost its moment"
        self.completed, self.rules_of = now, rules


class DeedMachine(CityMachine):
    """A machine that chooses among deeds itself: of those that bear upon something, each as often
    as the others (Hypothesis' own choice among thirty rules left some of them out)."""

    deeds: list[Deed]
    done: Counter[str]  # by verb, over all examples; each machine has its own
    # The verbs of the city are chosen by `act`, too.
    transfer, move_branch, merge = map(
        inspect.unwrap, (CityMachine.transfer, CityMachine.move_branch, CityMachine.merge)
    )
    divide, hand_over = map(inspect.unwrap, (CityMachine.divide, CityMachine.hand_over))
    exempt, exempt_many = map(inspect.unwrap, (CityMachine.exempt, CityMachine.exempt_many))
    end_exemption = inspect.unwrap(CityMachine.end_exemption)
    change_rules, recompute = map(inspect.unwrap, (CityMachine.change_rules, CityMachine.recompute))
    end_study, close_books, reopen = map(
        inspect.unwrap, (CityMachine.end_study, CityMachine.close_books, CityMachine.reopen)
    )

    stages: int  # how many ways there are to begin

    def __init__(self, example: int) -> None:
        super().__init__()
        self.chance = Random(example)
        self.story: list[str] = []

    def begin(self, stage: int) -> None:
        """How far things have gone before the first deed."""
        raise NotImplementedError

    def play(self, stage: int) -> None:
        """One example: everything adds up after each deed, and is verified at the end."""
        try:
            self.begin(stage)
            self.add_up()
            for _ in range(STEPS):
                self.act()
                self.add_up()
        except BaseException as error:
            error.add_note("\n".join([f"from stage {stage}", *self.story]))
            raise
        finally:
            self.teardown()

    def act(self) -> None:
        """One deed."""
        while True:
            name, may, draw = self.chance.choice(self.deeds)
            if may(self):
                break
        arguments = draw(self.chance)
        self.redated = set()
        self.story.append(f"{name}{arguments}")
        inspect.unwrap(getattr(type(self), name))(self, *arguments)

    def add_up(self) -> None:
        inspect.unwrap(type(self).everything_adds_up)(self)

    def did(self, verb: str) -> None:
        type(self).done[verb] += 1


Draw = Callable[[Random], tuple[Any, ...]]
May = Callable[[Any], bool]  # of a machine: whether the deed bears upon something now
Deed = tuple[str, May, Draw]


def always(machine: Any) -> bool:
    return True


def nothing(chance: Random) -> tuple[()]:
    """What a deed is drawn that takes no arguments."""
    return ()


def one(*choices: Any) -> Draw:
    return lambda c: (c.choice(choices),)


def both(first: Draw, second: Draw) -> Draw:
    return lambda c: (*first(c), *second(c))


def picks(count: int) -> Draw:
    """So many numbers, from which a deed chooses what it is about."""
    return lambda c: tuple(c.randrange(20) for _ in range(count))


YES: Draw = one(True, False)
CITY_DEEDS: list[Deed] = [
    (
        "divide",
        lambda m: not m.divided,
        lambda c: (c.randrange(3), c.randrange(6), c.random() < 0.5),
    ),
    (
        "hand_over",
        lambda m: m.checked % 4 == 0,
        lambda c: (c.randrange(2), c.randrange(6), c.random() < 0.3),
    ),
    (
        "exempt_many",
        lambda m: m.checked % 4 == 1,
        lambda c: ({*c.sample(range(6), 2)}, c.choice([None, 100, 300])),
    ),
    ("transfer", always, lambda c: (c.randrange(6), c.randrange(4))),
    ("move_branch", lambda m: m.checked % 4 == 3, lambda c: (c.randrange(3), c.random() < 0.5)),
    ("merge", lambda m: not m.merged, one(0, 1)),
    (
        "exempt",
        lambda m: m.checked % 4 == 2,
        lambda c: (c.randrange(4), c.choice([None, 100, 300])),
    ),
    ("end_exemption", lambda m: bool(m.exempted), lambda c: (c.randrange(6),)),
    (
        "change_rules",
        lambda m: m.is_open() and m.checked % 2 == 0,
        both(one(400, 600, 800), one(100, 200, None)),
    ),
    ("recompute", lambda m: m.checked % 4 == 3, one(0, 1, 2)),
    *[("end_study", lambda m: m.checked > 16 and m.state() == "running", nothing)] * 3,
    *[("close_books", lambda m: m.closings < 2 and m.state() == "closing", one(0, 1, 2))] * 6,
    *[("reopen", lambda m: m.state() == "closed", nothing)] * 6,
]


class expected:
    """What follows is done, or refused: as the rules say. Refused, nothing after it happens."""

    def __init__(self, may: bool) -> None:
        self.may = may

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if kind is None:
            assert self.may, "done although it must be refused"
            return False
        if not issubclass(kind, Refusal):
            return False
        assert not self.may, f"refused although it may be done: {error}"
        return True


def run(machine: type[RuleBasedStateMachine], examples: int) -> None:
    """Run a machine, each example in a savepoint of its own over one city."""
    run_state_machine_as_test(
        machine,
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


def run_deeds(machine: type[DeedMachine], examples: int, verbs: int) -> None:
    """Play so many examples, each stage in turn, and more of them, up to four times as many, until
    each of so many verbs has been done."""
    machine.done = Counter()
    most = 4 * examples if examples >= 100 else examples
    for example in range(most):
        if example >= examples and len(machine.done) >= verbs:
            break
        machine(example).play(stage=example % machine.stages)
    assert examples < 100 or len(machine.done) == verbs, machine.done
