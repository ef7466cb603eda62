"""A state machine over sessions: what members say before, walk-ins, rolls, a class's whole roll,
corrections, moves, what hosts attest, lines that are questioned, logs, samples, the end of the
books; the hours of everybody stand as the clerk has them on paper.

Every verb is tried in every state. One that is refused changes nothing; what one that is done must
leave behind is written down here, from the rules alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from courses import (
    attendance_plans,
    check_in,
    class_rolls,
    corrections,
    crediting,
    expiry,
    host_decisions,
    host_sessions,
    line_queries,
    moves,
    reading_classes,
    roll_call,
    sample_drawing,
    samples,
    sessions,
    study_logs,
    walk_ins,
)
from courses.marks import Mark, Wish
from courses.models import (
    Attendance,
    AttendanceCredit,
    AttendancePlan,
    HostAttendance,
    LineQuery,
    ReadingClass,
    SampleItem,
    StudyLog,
    StudySession,
    WalkIn,
)
from courses.moves import Place
from courses.sessions import Plan
from courses.study_logs import Study
from credits.models import LedgerEntry
from portal import mobile_stays
from portal.audit import Actor
from portal.mobile_stays import Away
from portal.models import Job, Member, MobileStay
from portal.refusals import Refusal
from tests import cast
from tests.cast import days_ago, moment
from tests.paper import Line, worth
from tests.state_machine import (
    CITY_DEEDS,
    SMALL,
    YES,
    Deed,
    DeedMachine,
    Entry,
    always,
    both,
    expected,
    nothing,
    one,
    picks,
    run_deeds,
)

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "100"))
THERE = {"present", "late", "left_early"}
MARKS = ["present", "late", "absent", "leave:sick", "leave:personal"]
# key, organiser, days ago, hour, minutes, by code: two of 甲 overlap, and one of 乙 fills a day.
SESSIONS = [
    ("a", 0, 2, 9, 90, False),
    ("b", 0, 2, 10, 90, False),
    ("c", 1, 2, 13, 135, True),
    ("d", 0, 1, 9, 45, True),
    ("e", 1, 1, 9, 180, False),
]
KEYS = [key for key, *_ in SESSIONS]
CLASS = [key for key, organiser, *_ in SESSIONS if organiser == 0]  # 甲 has its own in a class
GUESTS = {4: 1, 5: 0}  # who of 丙 lives away, by place in `people`, and whose sessions they visit


@dataclass
class Row:
    """One mark on paper. touched: by somebody, or by a scan."""

    status: str
    leave: str = ""
    made_up: bool = False
    guest: bool = False
    scanned: bool = False
    touched: bool = False

    @property
    def mark(self) -> str:
        return f"{self.status}:{self.leave}" if self.leave else self.status

    @property
    def earns(self) -> bool:
        return self.status in THERE or self.made_up

    def give(self, mark: str) -> None:
        self.status, _, self.leave = mark.partition(":")
        self.touched = True
        self.made_up = self.made_up and self.status in ("leave", "absent")

    def is_free(self) -> bool:
        """Whether leave may take its place while the roll is open."""
        return self.status in ("not_yet", "absent", "leave") or (
            self.status == "present" and not self.touched
        )


@dataclass
class Roll:
    """One session on paper."""

    organiser: int
    starts: datetime
    minutes: int
    by_code: bool
    state: str = "planned"
    rows: dict[int, Row] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)

    @property
    def ends(self) -> datetime:
        return self.starts + timedelta(minutes=self.minutes)


class CourseMachine(DeedMachine):
    """Five sessions of two branches, planned when the example begins."""

    stages = 4

    def __init__(self, example: int) -> None:
        super().__init__(example)
        self.rolls = {
            key: Roll(branch, moment(days_ago(day), hour), minutes, by_code)
            for key, branch, day, hour, minutes, by_code in SESSIONS
        }
        self.ids = [person.pk for person in self.people]
        self.plans: dict[tuple[str, int], str] = {}  # state and kind of leave
        self.walk_ins: dict[tuple[str, int], str] = {}
        self.queries: dict[tuple[str, int], Line] = {}  # open ones, with the line in question
        self.logs = 0
        self.pending: dict[str, tuple[int, Line]] = {}  # logs nobody has decided about
        self.expired: dict[str, tuple[int, Line]] = {}  # logs over which the books were closed
        self.attested: dict[tuple[str, int], tuple[str, str]] = {}  # state and key of the newest
        self.hosts, self.away = dict(GUESTS), set(GUESTS)  # whose stays are still open
        self.drawn: dict[str, str] = {}  # logs in a sample, and how far each of them is

    def begin(self, stage: int) -> None:
        """How far things have gone: nothing yet, some rolls open, some closed, all closed."""
        for key in ("", "bc", "abce", "abcde")[stage]:
            self.open_key(key)
        for key in ("", "", "ae", "abcde")[stage]:
            self.close_key(key, "absent")

    # --- Shorthands ---------------------------------------------------------------------------

    def near(self, pick: int, *states: str) -> str:
        """A session in one of these states, if there is one."""
        fit = [key for key, roll in self.rolls.items() if roll.state in states]
        return fit[pick % len(fit)] if fit and pick > 1 else KEYS[pick % len(KEYS)]

    def one_of(self, key: str, pick: int, fits: Callable[[Row], bool] = bool) -> int:
        """Somebody of its roll whose mark fits or, before there is one, of its branch: as a place
        in `people`."""
        roll = self.rolls[key]
        due = [2 * roll.organiser, 2 * roll.organiser + 1]
        fit = [self.ids.index(m) for m, row in sorted(roll.rows.items()) if fits(row)] or due
        return fit[pick % len(fit)] if pick > 3 else pick % 6

    def session(self, key: str) -> StudySession:
        return StudySession.objects.select_related("organiser").get(key=key)

    def own(self, who: int) -> Actor:
        return Actor(self.people[who], "member")

    def is_due(self, key: str, who: int) -> bool:
        """By the branch of that day: whoever is transferred is so today, after all sessions."""
        return who // 2 == self.rolls[key].organiser and self.ids[who] not in self.exempted

    def settle(self, key: str, members: list[int], *, withdrawn: list[int] | None = None) -> None:
        """What a roll gives these people now, in place of what it gave them."""
        roll = self.rolls[key]
        asked = []
        for member in members:
            row = roll.rows.get(member)
            if row and row.earns:
                hours = worth(roll.minutes)
                own = Line(roll.starts.date(), hours, roll.starts, roll.ends)
                asked.append((member, Line(cast.TODAY, hours) if row.made_up else own))
        out = members if withdrawn is None else withdrawn
        refused = self.paper.write(key, out, asked)
        roll.refused = (roll.refused - set(members)) | set(refused)
        self.follow(key)

    def follow(self, key: str) -> None:
        """A question is answered once its line is gone; written anew as it was, it stays."""
        for place, line in list(self.queries.items()):
            if place[0] == key and line not in self.paper.lines.get(place, []):
                del self.queries[place]

    # --- Before the session -------------------------------------------------------------------

    def sign_up(self, near: int, pick: int) -> None:
        key = self.near(near, "planned")
        who = self.one_of(key, pick)
        roll = self.rolls[key]
        may = roll.state == "planned" and self.is_due(key, who)
        with expected(may):
            early = roll.starts - timedelta(hours=5)
            attendance_plans.sign_up(self.session(key), by=self.own(who), at=early)
            self.plans[key, self.ids[who]] = "coming"
            self.did("sign_up")

    def ask_leave(self, near: int, pick: int, kind: str) -> None:
        key = self.near(near, "planned", "open", "closed")
        who = self.one_of(key, pick)
        roll, place = self.rolls[key], (key, self.ids[who])
        row, before = roll.rows.get(self.ids[who]), self.plans.get(place, "")
        if roll.state == "planned":
            may, at = self.is_due(key, who), roll.starts - timedelta(hours=5)
        elif roll.state == "open":
            may, at = bool(row and row.is_free()), roll.starts
            may = may and (":" not in before or before.startswith("expired"))
        else:
            may = bool(roll.state == "closed" and row and row.status == "absent") and self.is_open()
            at = self.clock
        with expected(may):
            attendance_plans.ask_leave(self.session(key), kind, by=self.own(who), at=at)
            if not (roll.state == "planned" and before == f"approved:{kind}"):
                self.plans[place] = f"pending:{kind}"
            self.did(f"ask_leave {roll.state}")

    def take_back(self, near: int, pick: int) -> None:
        key = self.near(near, "planned", "open", "closed")
        who = self.one_of(key, pick)
        roll, place = self.rolls[key], (key, self.ids[who])
        before = self.plans.get(place, "")
        may = before == "taken_back" or before.startswith("pending") or (
            bool(before) and roll.state == "planned"
        )  # fmt: skip
        with expected(may):
            attendance_plans.take_back(self.session(key), by=self.own(who), at=self.clock)
            self.plans[place] = "taken_back"

    def decide(self, approve: bool) -> None:
        waiting = sorted(p for p, said in self.plans.items() if said.startswith("pending"))
        key, member = self.chance.choice(waiting)
        roll, kind = self.rolls[key], self.plans[key, member].partition(":")[2]
        row = roll.rows.get(member)
        late = roll.state == "closed" and row is not None and row.mark != f"leave:{kind}"
        is_there = row is not None and row.status in THERE
        may = roll.state != "called_off" and not (
            approve and late and is_there and (bool(row and row.scanned) or not self.is_open())
        )
        plan = AttendancePlan.objects.get(session__key=key, member=member)
        with expected(may):
            attendance_plans.decide(plan, approve=approve, by=self.city.by, at=self.tick())
            self.plans[key, member] = f"{'approved' if approve else 'declined'}:{kind}"
            self.did(f"decide {roll.state}")
            if approve and row and (late or (roll.state == "open" and row.is_free())):
                row.give(f"leave:{kind}")
            if approve and late and is_there:
                self.settle(key, [member])

    # --- The roll -----------------------------------------------------------------------------

    def open_roll(self, near: int) -> None:
        key = self.near(near, "planned")
        self.open_key(key)

    def open_key(self, key: str) -> None:
        roll = self.rolls[key]
        with expected(roll.state in ("planned", "open")):
            roll_call.open_(self.session(key), by=self.city.by, at=roll.starts)
            if roll.state == "open":
                return
            roll.state = "open"
            for who, member in enumerate(self.ids):
                if self.is_due(key, who):
                    said, _, kind = self.plans.get((key, member), "").partition(":")
                    default = Row("not_yet" if roll.by_code else "present")
                    roll.rows[member] = Row("leave", kind) if said == "approved" else default
            self.did("open")

    def scan(self, near: int, pick: int) -> None:
        """Check in by the code."""
        key = self.near(near, "open")
        who = self.one_of(key, pick)
        roll, member = self.rolls[key], self.ids[who]
        row, at = roll.rows.get(member), roll.starts + timedelta(minutes=5)
        window = roll.state == "open" and roll.by_code
        may = bool(window and row and row.status in ("not_yet", "absent") and not row.scanned)
        with expected(may):
            person, nonce = self.people[who], f"{self.checked}"
            check_in.accept(self.session(key), person, scanned_at=at, nonce=nonce, at=at)
            assert row
            row.give("present")
            row.scanned = True
            self.did("scan")

    def walk_in(self, near: int, who: int) -> None:
        """Whoever scans and does not stand on the roll asks to be added."""
        fit = [k for k, roll in self.rolls.items() if roll.by_code and roll.state == "open"]
        key = fit[near % len(fit)] if fit else KEYS[near % len(KEYS)]
        roll, place = self.rolls[key], (key, self.ids[who])
        before = self.walk_ins.get(place)
        may = key in fit and place[1] not in roll.rows and before != "declined"
        may = may and (before != "expired" or self.is_open())
        with expected(may and not self.is_hosted(who, key)):
            now = roll.starts + timedelta(minutes=5)
            walk_ins.ask(self.session(key), self.people[who], scanned_at=now)
            self.walk_ins[place] = "asked" if before in (None, "expired") else before
            self.did("walk in")

    def answer_walk_in(self, yes: bool) -> None:
        key, member = self.chance.choice(sorted(self.walk_ins))
        state, roll = self.walk_ins[key, member], self.rolls[key]
        row = roll.rows.get(member)
        request = WalkIn.objects.get(session__key=key, member=member)
        at = roll.starts + timedelta(minutes=6)
        open_ = roll.state == "open"
        if not yes:
            asked = state in ("asked", "expired")
            with expected(state == "declined" or (asked and open_)):
                walk_ins.decline(request, by=self.city.by, at=at)
                self.walk_ins[key, member] = "declined"
                self.did("decline walk-in")
            return
        again = state == "admitted" and row is not None
        fits = row is None or row.status in THERE
        with expected(again or (state != "declined" and open_ and fits)):
            walk_ins.admit(request, by=self.city.by, at=at)
            if not again:
                row = roll.rows.setdefault(member, Row("present", guest=True, touched=True))
                row.scanned = True
            self.walk_ins[key, member] = "admitted"
            self.did("admit")

    def add_guest(self, near: int, pick: int) -> None:
        """By hand, on an open or a closed roll."""
        key = self.near(near, "open", "closed")
        who = pick % 6
        roll, member = self.rolls[key], self.ids[who]
        closed = roll.state == "closed"
        may = member not in roll.rows and (roll.state == "open" or (closed and self.is_open()))
        with expected(may and not self.is_hosted(who, key)):
            session, person, by = self.session(key), self.people[who], self.city.by
            if closed:
                corrections.add(session, person, "present", reason="补登", by=by, at=self.tick())
            else:
                roll_call.add(session, person, "present", by=by, at=roll.starts)
            roll.rows[member] = Row("present", guest=True, touched=True)
            if closed:
                self.settle(key, [member])
            self.did("add")

    def mark(self, near: int, picks: set[int], mark: str) -> None:
        """Marks of an open roll are saved, those of a closed one corrected."""
        key = self.near(near, "open", "closed")
        members = {self.ids[self.one_of(key, pick)] for pick in picks}
        self.mark_all(key, sorted(members & self.rolls[key].rows.keys()), mark)

    def mark_all(self, key: str, members: list[int], mark: str) -> None:
        roll = self.rolls[key]
        changed = [m for m in members if roll.rows[m].mark != mark]
        wishes = {m: Wish(Mark.parse(roll.rows[m].mark), Mark.parse(mark)) for m in members}
        closed = roll.state == "closed"
        may = bool(changed and self.is_open()) if closed else roll.state == "open"
        with expected(may):
            session, by = self.session(key), self.city.by
            if closed:
                corrections.correct(session, wishes, reason="更正", by=by, at=self.tick())
            else:
                roll_call.save(session, wishes, by=by, at=roll.starts)
            for member in changed:
                roll.rows[member].give(mark)
            if closed:
                self.settle(key, changed)
                self.did("correct")

    def save_class(self, picks: set[int], mark: str, stale: bool) -> None:
        """Marks in several columns at once: all or none. Credited columns are locked, and what
        somebody else changed meanwhile is not overwritten."""
        cells = {(key, m) for key in CLASS for m in self.rolls[key].rows}
        chosen = [place for n, place in enumerate(sorted(cells)) if n % 20 in picks]
        wishes: dict[int, dict[int, Wish]] = {}
        for key, member in chosen:
            row = self.rolls[key].rows[member]
            seen = "leave:official" if stale else row.mark
            column = wishes.setdefault(self.session(key).pk, {})
            column[member] = Wish(Mark.parse(seen), Mark.parse(mark))
        changed = [(k, m) for k, m in chosen if self.rolls[k].rows[m].mark != mark]
        touched = chosen if stale else changed
        open_ = all(self.rolls[key].state == "open" for key, _ in touched)
        with expected(open_ and not (stale and changed)):
            count = class_rolls.save(
                ReadingClass.objects.get(key="sm"), wishes, by=self.city.by, at=self.clock
            )
            assert count == len(changed)
            for key, member in changed:
                self.rolls[key].rows[member].give(mark)
            if len({key for key, _ in changed}) > 1:
                self.did("save a class")

    def close_roll(self, near: int, becomes: str) -> None:
        self.close_key(self.near(near, "open"), becomes)

    def close_key(self, key: str, becomes: str) -> None:
        roll = self.rolls[key]
        waiting = [row for row in roll.rows.values() if row.status == "not_yet"]
        may = roll.state == "closed" or (
            roll.state == "open" and self.is_open() and bool(becomes or not waiting)
        )
        with expected(may):
            roll_call.close(
                self.session(key), {}, by=self.city.by, at=self.tick(), not_yet_becomes=becomes
            )
            if roll.state == "closed":
                return
            roll.state = "closed"
            for row in waiting:
                row.give(becomes)
            self.settle(key, list(roll.rows))
            self.did("close")

    def reopen_roll(self, near: int) -> None:
        key = self.near(near, "closed")
        roll = self.rolls[key]
        with expected(roll.state == "closed" and self.is_open()):
            session, by = self.session(key), self.city.by
            corrections.reopen(session, reason="重点", by=by, at=self.tick())
            roll.state, roll.refused = "open", set()
            self.paper.write(key, list(roll.rows), [])
            self.did("reopen")

    def make_up(self, near: int, pick: int) -> None:
        key = self.near(near, "closed")
        who = self.one_of(key, pick, lambda row: row.status in ("leave", "absent"))
        roll, member = self.rolls[key], self.ids[who]
        row = roll.rows.get(member)
        may = roll.state == "closed" and row is not None and row.status in ("leave", "absent")
        with expected(may and self.is_open()):
            session, by, at = self.session(key), self.city.by, self.tick()
            corrections.make_up(session, self.people[who], on=cast.TODAY, by=by, at=at)
            assert row
            row.made_up = True
            self.settle(key, [member])
            self.did("make up")

    def credit_now(self, near: int) -> None:
        key = self.near(near, "closed")
        roll = self.rolls[key]
        may = roll.state == "closed" and (self.is_open() or not roll.refused)
        with expected(may):
            crediting.credit_now(self.session(key), by=self.city.by, at=self.tick())
            if roll.refused:
                self.did("credit now")
                self.settle(key, sorted(roll.refused))

    def call_off(self, near: int) -> None:
        key = self.near(near, "planned", "open", "closed")
        roll = self.rolls[key]
        posted = any(source == key for source, _ in self.paper.lines)
        with expected(roll.state != "called_off" and (self.is_open() or roll.state != "closed")):
            session, by = self.session(key), self.city.by
            sessions.not_held(session, reason="停电", by=by, at=self.tick())
            roll.state, roll.refused = "called_off", set()
            self.paper.write(key, list(roll.rows), [])
            self.follow(key)
            for place, (state, source) in self.attested.items():
                if place[0] == key and state == "waiting":
                    self.attested[place] = "withdrawn", source
            roll.rows = {m: row for m, row in roll.rows.items() if row.status != "not_yet"}
            self.did("call off" if posted else "call off early")

    # --- Away from home -----------------------------------------------------------------------

    def attest(self, near: int, pick: int) -> None:
        """The host says who of its guests from afar was there; twice is once."""
        key, who = self.near(near, "closed"), 4 + pick % 2
        roll, place = self.rolls[key], (key, self.ids[who])
        state = self.attested.get(place, ("", ""))[0]
        may = roll.state == "closed" and self.is_hosted(who, key) and self.is_open()
        stay = MobileStay.objects.get(member=place[1])
        with expected(may and place[1] not in roll.rows):
            session, at = self.session(key), self.tick()
            rows = host_sessions.attest(session, [stay], by=self.official(), at=at)
            assert bool(rows) == (state not in ("waiting", "recognised")), "attested twice"
            for row in rows:
                self.attested[place] = "waiting", row.key
                self.did("attest")

    def is_hosted(self, who: int, key: str) -> bool:
        """Whether a session's organiser hosts somebody: attested, and never its guest."""
        return self.hosts.get(who) == self.rolls[key].organiser

    def transfer(self, who: int, branch: int) -> None:
        """Whoever moves is away no longer."""
        with self.coming_home():
            super().transfer(who, branch)

    def divide(self, which: int, pick: int, led: bool) -> None:
        with self.coming_home():
            super().divide(which, pick, led)

    def merge(self, into: int) -> None:
        """Whoever is at home with the host by that is hosted by nobody any more."""
        super().merge(into)
        target = self.branches[into].pk
        for who in self.away:
            if self.hosts.get(who) == into and self.homes[self.ids[who]] == target:
                del self.hosts[who]

    @contextmanager
    def coming_home(self) -> Iterator[None]:
        before = dict(self.homes)
        yield
        self.away -= {
            who for who in self.away if self.homes[self.ids[who]] != before[self.ids[who]]
        }

    def decide_host(self, how: str) -> None:
        """Its home recognises it, as far as it fits, or declines it; the host takes it back."""
        waiting = {s: p for p, (state, s) in self.attested.items() if state == "waiting"}
        found = HostAttendance.objects.filter(key__in=waiting).order_by("pk")
        rows = list(found)  # of two at one time the one that was attested first counts
        places = [waiting[row.key] for row in rows]
        by, at = self.city.by, self.tick()
        with pytest.raises(host_sessions.NotYourself):
            host_decisions.recognise(rows, by=self.official(), at=at)
        if how == "recognise":
            ready = [p for p in places if self.rolls[p[0]].state == "closed"]
            with expected(self.is_open() or not ready):
                host_decisions.recognise(rows, by=by, at=at)
                self.did("recognise")
                for key, member in ready:
                    roll, source = self.rolls[key], self.attested[key, member][1]
                    line = Line(roll.starts.date(), worth(roll.minutes), roll.starts, roll.ends)
                    if not self.paper.write(source, [], [(member, line)]):
                        self.attested[key, member] = "recognised", source
        elif how == "decline":
            host_decisions.decline(rows, reason="没有参加", by=by, at=at)
            self.attested |= {p: ("declined", self.attested[p][1]) for p in places}
            self.did("decline host")
        else:
            host_sessions.withdraw(rows[0], by=self.official(), at=at)
            [place] = [p for p in places if self.attested[p][1] == rows[0].key]
            self.attested[place] = "withdrawn", rows[0].key
            self.did("withdraw host")

    def reverse_host(self) -> None:
        given = sorted(p for p, (state, _) in self.attested.items() if state == "recognised")
        place = self.chance.choice(given)
        source = self.attested[place][1]
        row = HostAttendance.objects.get(key=source)
        with expected(self.is_open()):
            host_decisions.reverse(row, reason="不实", by=self.city.by, at=self.tick())
            self.paper.write(source, [place[1]], [])
            self.attested[place] = "reversed", source
            self.did("reverse host")

    # --- Mistakes mended ----------------------------------------------------------------------

    def move(self, near: int, pick: int, to: int, other: int, person: bool) -> None:
        """Move an attendance to another person of its roll, or to another session."""
        key = self.near(near, "closed")
        same = [
            k for k in KEYS if k != key and self.rolls[k].organiser == self.rolls[key].organiser
        ]
        where = same[to % len(same)] if to > 1 else self.near(to, "closed")
        who, other = self.one_of(key, pick, lambda row: row.status in THERE), other % 6
        there = key if person else where
        whose = other if person else who
        first, second = self.ids[who], self.ids[whose]
        here, target = self.rolls[key], self.rolls[there]
        row, old = here.rows.get(first), target.rows.get(second)
        may = (
            (key == there) != (who == whose)
            and here.state == target.state == "closed"
            and here.organiser == target.organiser
            and self.is_open()
            and row is not None
            and row.status in THERE
            and not (old and old.earns)
            and (old is not None or not self.is_hosted(whose, there))
            and self.would_fit(key, there, first, second)
        )
        with expected(may):
            moves.move(
                Place(self.session(key), self.people[who]),
                Place(self.session(there), self.people[whose]),
                reason="记错了",
                by=self.city.by,
                at=self.tick(),
            )
            assert row
            new = old or Row("absent", guest=True)
            self.rolls[there].rows[second] = replace(new, status=row.status, leave="",
                                                     scanned=False, touched=True)  # fmt: skip
            here.rows[first] = replace(row, status=new.status, leave=new.leave, scanned=False,
                                       touched=True)  # fmt: skip
            self.settle(key, [first])
            self.settle(there, [second])
            if row.guest:
                del here.rows[first]
            self.redated = {second}  # two acts: the hours are given up first, then taken
            self.did("move to person" if person else "move to session")

    def would_fit(self, key: str, there: str, first: int, second: int) -> bool:
        """Whether the target takes the hours once the origin has given them up."""
        kept = {place: list(lines) for place, lines in self.paper.lines.items()}
        roll = self.rolls[there]
        line = Line(roll.starts.date(), worth(roll.minutes), roll.starts, roll.ends)
        self.paper.write(key, [first], [])
        refused = self.paper.write(there, [second], [(second, line)])
        self.paper.lines = kept
        return not refused

    def ask_about(self) -> None:
        """这条不对; asked twice, it is one question."""
        lines = sorted(place for place in self.paper.lines if place[0] in KEYS)
        key, member = self.chance.choice(lines)
        rows = LedgerEntry.objects.select_related("programme", "posting", "home")
        entry = rows.live().get(member=member, posting__key=key)
        by = Actor(Member.objects.select_related("branch").get(pk=member), "member")
        with expected(self.is_open()):
            line_queries.ask(entry, "length", by=by, at=self.tick())
            [self.queries[key, member]] = self.paper.lines[key, member]
            self.did("ask about")

    def end_query(self, back: bool) -> None:
        """A reasoned no; or its member takes it back. The line stays."""
        key, member = self.chance.choice(sorted(self.queries))
        query = LineQuery.objects.open().get(key=key, member=member)
        if back:
            line_queries.withdraw(query, by=Actor(query.member, "member"), at=self.tick())
        else:
            line_queries.decline(query, reply="时长无误", by=self.city.by, at=self.tick())
        del self.queries[key, member]
        self.did("end query")

    # --- Own study ----------------------------------------------------------------------------

    def study(self, who: int, minutes: int) -> None:
        """Handed in; what a log may not take from the day is refused at once."""
        member, key = self.ids[who], f"log{self.logs}"
        line = Line(days_ago(1), worth(minutes))
        waiting = sum(own.hours for whose, own in self.pending.values() if whose == member)
        fits = self.paper.on(member, line.day) + waiting + line.hours <= 400
        with expected(fits and self.is_open()):
            study = Study("self", line.day, minutes, "自学", "new-era")
            person, at = self.people[who], self.tick()
            study_logs.submit(self.programme, person, study, by=self.own(who), at=at, key=key)
            self.logs += 1
            self.pending[key] = member, line
            self.did("study")

    def confirm_logs(self) -> None:
        """All that wait; what no longer fits goes on waiting."""
        logs = list(StudyLog.objects.filter(key__in=self.pending).order_by("pk"))
        with expected(self.is_open()):
            study_logs.confirm(logs, by=self.city.by, at=self.tick())
            for log in logs:
                if not self.paper.write(log.key, [], [self.pending[log.key]]):
                    del self.pending[log.key]
            self.did("confirm")

    def hand_in_again(self) -> None:
        """A log over which the books were closed, once they are open again; twice is once."""
        key = self.chance.choice(sorted(self.expired))
        member, line = self.expired[key]
        waiting = sum(own.hours for whose, own in self.pending.values() if whose == member)
        fits = self.paper.on(member, line.day) + waiting + line.hours <= 400
        with expected(fits and self.is_open()):
            for _ in range(2):
                log = StudyLog.objects.get(key=key)
                expiry.hand_in_again(log, by=Actor(log.member, "member"), at=self.tick())
            self.pending[key] = self.expired.pop(key)
            self.did("hand in again")

    def reverse_log(self) -> None:
        logs = sorted(place for place in self.paper.lines if is_log(place))
        key, member = self.chance.choice(logs)
        with expected(self.is_open()):
            log = StudyLog.objects.get(key=key)
            study_logs.reverse(log, reason="不实", by=self.city.by, at=self.tick())
            self.paper.write(key, [member], [])
            self.did("reverse log")

    # --- Samples: none of it changes anybody's hours -----------------------------------------

    def draw_sample(self, rate: int) -> None:
        """Among confirmed logs that nobody was asked about before."""
        confirmed = {place[0] for place in self.paper.lines if is_log(place)}
        free = confirmed - self.drawn.keys()
        with expected(bool(free)):
            sample = samples.draw(
                self.programme, self.city.root, first=days_ago(3), last=days_ago(1), rate=rate,
                reason="抽查自学", due_on=cast.TODAY, by=self.official(), at=self.tick(),
            )  # fmt: skip
            found = set(sample.items.values_list("log__key", flat=True))
            assert sample.population == len(free)
            assert len(found) == -(-len(free) * rate // 1000)
            assert found <= free
            assert sample_drawing.redraw(sample).agrees
            self.drawn |= dict.fromkeys(found, "asked")
            self.did("draw")

    def answer_sample(self, own: bool) -> None:
        """Whoever was drawn says what it was; until it is judged, anew; nobody else can."""
        item = self.item()
        who = self.ids.index(item.member_id)
        by = self.own(who if own else (who + 1) % 6)
        with expected(own and self.drawn[item.log.key] in ("asked", "answered")):
            samples.answer(item, "读了两章", by=by, at=self.tick())
            self.drawn[item.log.key] = "answered"
            self.did("answer")

    def judge_sample(self, in_order: bool, own: bool) -> None:
        """Once, after the answer, and not by whoever had confirmed it."""
        item = self.item("answered")
        by = self.city.by if own else self.official()
        with expected(not own and self.drawn[item.log.key] == "answered"):
            samples.judge(item, in_order=in_order, feedback="没有笔记", by=by, at=self.tick())
            self.drawn[item.log.key] = "in_order" if in_order else "not_in_order"
            self.did("judge")

    def item(self, *states: str) -> SampleItem:
        """One that was drawn, in one of these states if there is one."""
        fit = [key for key, state in self.drawn.items() if state in states] or list(self.drawn)
        rows = SampleItem.objects.select_related("log", "sample", "member")
        return rows.get(log__key=self.chance.choice(sorted(fit)))

    # --- The end ------------------------------------------------------------------------------

    def sweep(self) -> None:
        """What was asked although the books are closed ends as well; of open books nothing."""
        expiry.sweep(at=self.tick())
        if self.state() == "closed":
            self.books_closed()
            self.did("sweep")

    def books_closed(self) -> None:
        """Nobody decides any more about what was pending."""
        for place, said in self.plans.items():
            self.plans[place] = said.replace("pending:", "expired:")
        for place, state in self.walk_ins.items():
            self.walk_ins[place] = "expired" if state == "asked" else state
        for place, (state, source) in self.attested.items():
            self.attested[place] = "expired" if state == "waiting" else state, source
        self.queries.clear()
        self.expired |= self.pending
        self.pending.clear()
        self.did("expire")

    def try_to_post(self, organiser: int, at: datetime) -> None:
        """The last sheet comes too late."""
        for key in KEYS:
            if self.rolls[key].state == "open":
                with pytest.raises(Refusal):
                    roll_call.close(
                        self.session(key), {}, by=self.city.by, at=at, not_yet_becomes="absent"
                    )

    # --- What must stand ----------------------------------------------------------------------

    def check_more(self, lines: list[Entry], live: list[Entry]) -> None:
        names = ("session__key", "member", "status", "leave", "made_up_on", "guest", "scanned")
        rows = list(Attendance.objects.values_list(*names))
        assert len({row[:2] for row in rows}) == len(rows), "one row a person and session"
        on_paper = {
            (key, member): (r.status, r.leave, r.made_up, r.guest, r.scanned)
            for key, roll in self.rolls.items()
            for member, r in roll.rows.items()
        }
        found = {row[:2]: (*row[2:4], bool(row[4]), *row[5:]) for row in rows}
        assert found == on_paper, "marks"
        places = ("attendance__session__key", "attendance__member", "state", "hours")
        credits_ = list(AttendanceCredit.objects.values_list(*places))
        given = {row[:2]: row[3] for row in credits_ if row[2] == "credited"}
        hours = {place: h for place, h in self.paper.hours.items() if place[0] in KEYS}
        assert given == hours, "what stands beside the marks"
        refused = {row[:2] for row in credits_ if row[2] == "refused"}
        assert refused == {(k, m) for k, roll in self.rolls.items() for m in roll.refused}
        said = AttendancePlan.objects.values_list("session__key", "member", "state", "leave")
        assert {
            (key, member): f"{state}:{leave}" if leave else state
            for key, member, state, leave in said
        } == self.plans, "plans"
        asked = WalkIn.objects.values_list("session__key", "member", "state")
        assert {row[:2]: row[2] for row in asked} == self.walk_ins, "walk-ins"
        logs = StudyLog.objects.filter(state__in=["pending", "confirmed"])
        logs_due = dict.fromkeys(self.pending, "pending")
        logs_due |= {place[0]: "confirmed" for place in self.paper.lines if is_log(place)}
        assert dict(logs.values_list("key", "state")) == logs_due, "logs"
        told = HostAttendance.objects.order_by("pk").values_list(
            "session__key", "member", "state", "key", "hours"
        )
        newest = {row[:2]: row[2:] for row in told}
        assert newest == {
            place: (state, source, self.paper.hours.get((source, place[1]), 0))
            for place, (state, source) in self.attested.items()
        }, "what hosts attested"
        assert dict(SampleItem.objects.values_list("log__key", "state")) == self.drawn, "samples"
        open_ = LineQuery.objects.open().values_list("key", "member", "entry")
        assert {row[:2] for row in open_} == self.queries.keys(), "questions"
        lives = {line.pk: (line.key, line.member) for line in live}
        for key, member, line in open_:
            if self.rolls[key].state == "closed":
                assert lives.get(line) == (key, member), "a question about a line that is gone"


def is_log(place: tuple[str, int]) -> bool:
    """Whether a place on paper is a log's; keys of what hosts attest are random, and longer."""
    return place[0].startswith("log") and len(place[0]) < 8


def closed(machine: CourseMachine) -> bool:
    return any(roll.state == "closed" for roll in machine.rolls.values())


def rolls_open(machine: CourseMachine) -> bool:
    return any(machine.rolls[key].state == "open" for key in CLASS)


def waits(machine: CourseMachine) -> bool:
    return any(state == "waiting" for state, _ in machine.attested.values())


def recognised(machine: CourseMachine) -> bool:
    return any(state == "recognised" for state, _ in machine.attested.values())


DEEDS: list[Deed] = [
    ("sign_up", always, picks(2)),
    ("ask_leave", always, both(picks(2), one("sick", "personal"))),
    ("ask_leave", always, both(picks(2), one("sick", "personal"))),
    ("take_back", lambda m: bool(m.plans), picks(2)),
    ("decide", lambda m: any(p.startswith("pending") for p in m.plans.values()), YES),
    ("decide", lambda m: any(p.startswith("pending") for p in m.plans.values()), YES),
    ("open_roll", always, picks(1)),
    ("scan", lambda m: any(r.by_code and r.state == "open" for r in m.rolls.values()), picks(2)),
    ("walk_in", always, lambda c: (c.randrange(20), c.randrange(6))),
    *[("answer_walk_in", lambda m: bool(m.walk_ins), YES)] * 3,
    ("add_guest", always, picks(2)),
    ("add_guest", closed, picks(2)),
    ("mark", always, lambda c: (c.randrange(20), {*picks(3)(c)}, c.choice(MARKS))),
    *[("save_class", rolls_open, lambda c: ({*picks(12)(c)}, c.choice(MARKS), c.random() < 0.2))]
    * 2,
    *[("attest", closed, picks(2))] * 2,
    *[("decide_host", waits, one("recognise", "recognise", "decline", "withdraw"))] * 3,
    *[("reverse_host", recognised, nothing)] * 2,
    ("close_roll", always, both(picks(1), one("", "absent", "present"))),
    ("close_roll", always, both(picks(1), one("", "absent", "present"))),
    ("reopen_roll", closed, picks(1)),
    ("make_up", closed, picks(2)),
    ("make_up", closed, picks(2)),
    *[("credit_now", lambda m: any(r.refused for r in m.rolls.values()), picks(1))] * 3,
    *[("call_off", lambda m: m.checked > 20, picks(1))] * 2,
    ("move", closed, both(picks(4), YES)),
    ("move", closed, both(picks(4), one(True))),
    ("move", closed, both(picks(4), one(False))),
    ("move", closed, both(picks(4), one(False))),
    ("move", closed, both(picks(4), one(False))),
    ("ask_about", lambda m: any(key in KEYS for key, _ in m.paper.lines), nothing),
    *[("end_query", lambda m: bool(m.queries), YES)] * 3,
    ("study", lambda m: m.logs < 5, both(lambda c: (c.randrange(6),), one(45, 90))),
    ("study", lambda m: m.logs < 3, both(lambda c: (c.randrange(6),), one(45, 90))),
    *[("study", lambda m: m.state() == "closing", both(lambda c: (c.randrange(6),), one(45)))] * 4,
    *[("confirm_logs", lambda m: bool(m.pending), nothing)] * 2,
    ("draw_sample", lambda m: bool(m.logs), one(30, 200)),
    *[("answer_sample", lambda m: "asked" in m.drawn.values(), one(True, True, False))] * 5,
    ("judge_sample", lambda m: bool(m.drawn), both(YES, one(True, False, False))),
    *[("judge_sample", lambda m: "answered" in m.drawn.values(), both(YES, one(False)))] * 8,
    *[("sweep", lambda m: m.state() == "closed", nothing)] * 8,
    ("reverse_log", lambda m: any(map(is_log, m.paper.lines)), nothing),
    *[("hand_in_again", lambda m: bool(m.expired), nothing)] * 6,
    *CITY_DEEDS,
]
CourseMachine.deeds = DEEDS


def drive(examples: int) -> None:
    CourseMachine.city = city = cast.lay_out_city()
    CourseMachine.opened = programme = cast.open_programme(city, "sm", permit="members", **SMALL)
    by, at = city.by, moment(days_ago(9))
    plans: list[list[Plan]] = [[], []]
    for key, branch, day, hour, minutes, by_code in SESSIONS:
        starts = moment(days_ago(day), hour)
        plan = Plan(
            f"第 {key} 次", "seminar", starts, starts + timedelta(minutes=minutes), "reform",
            method="check_in" if by_code else "roll_call", key=key,
        )  # fmt: skip
        plans[branch].append(plan)
    reading_classes.found(
        programme, city.jia, name="读书班", plans=plans[0], starts=days_ago(9), ends=cast.TODAY,
        key="sm", by=by, at=at,
    )  # fmt: skip
    for plan in plans[1]:
        sessions.schedule(city.yi, [programme], plan, by=by, at=at)
    for name, host in (("gao", city.yi), ("xun", city.jia)):
        away = Away(days_ago(200), "辽宁省沈阳市", "work", host)
        mobile_stays.register(city.people[name], away, by=by, at=at)
    run_deeds(CourseMachine, examples, verbs=39)


@pytest.mark.both
@pytest.mark.django_db
def test_every_verb_does_what_the_rules_say_and_everything_adds_up():
    drive(EXAMPLES)
    assert Job.objects.count() == 0


@pytest.mark.both
@pytest.mark.django_db
def test_without_following_the_questions_the_machine_fails(monkeypatch):
    monkeypatch.setattr(line_queries, "follow", lambda *_, **__: [])

    with pytest.raises(AssertionError, match="question"):
        drive(EXAMPLES)


@pytest.mark.both
@pytest.mark.django_db
def test_without_the_check_of_a_move_the_machine_fails(monkeypatch):
    monkeypatch.setattr(moves, "_check_refused", lambda *_: None)

    with pytest.raises(AssertionError, match="done although it must be refused"):
        drive(EXAMPLES)
