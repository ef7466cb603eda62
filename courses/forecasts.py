"""Looking ahead: what somebody will have with the sessions planned, and which others would help.

Pure functions over what courses/outlooks.py has read. Hours are hundredths of an hour; what they
are worth together is decided by credits.rules.recognise alone, so caps and minimums count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from credits import rules
from credits.rule_sets import Rules
from credits.rules import Recognised

MOST = 3  # sessions proposed to one person


@dataclass(frozen=True)
class Meeting:
    """A session as a forecast needs it. worth: what being there earns; daily_cap: of its day."""

    pk: int
    title: str
    place: str
    organiser: str
    path: str
    reading_class: int | None
    form: str
    period: str
    content: str
    state: str
    start: datetime
    end: datetime
    day: date
    worth: int
    daily_cap: int
    counts: bool = True  # in the programme in question

    def meets(self, start: datetime, end: datetime) -> bool:
        """Whether the times overlap; touching ends do not."""
        return self.start < end and start < self.end


@dataclass(frozen=True)
class Person:
    """What is known of one member: the standing, what they have, and where they will be.

    due: sessions in which they are due and not excused, earliest first; away: those for which they
    have leave. times, contents: occupied by what they have been credited with; days: hours by day.
    """

    member: int
    branch_path: str
    target: int
    full_target: int
    earned: Mapping[tuple[str, str], int]
    due: Sequence[Meeting] = ()
    away: Sequence[Meeting] = ()
    times: Sequence[tuple[datetime, datetime]] = ()
    contents: frozenset[str] = frozenset()
    days: Mapping[date, int] | None = None


@dataclass(frozen=True)
class Forecast:
    """How a member stands once everything planned for them has been held, and what would help.

    missing: hours that they will lack even then; 0: they can reach the target. coming: sessions
    that will earn something. lacking: names of the periods whose minimum is the matter.
    """

    member: int
    missing: int
    coming: tuple[Meeting, ...]
    lacking: tuple[tuple[str, int], ...] = ()
    proposals: tuple[Meeting, ...] = ()
    left: int = 0  # what would be missing even with the proposals


class _Course:
    """A member's hours as they come in, under the ledger's own refusals: nothing twice at a time,
    no content twice, nothing beyond the daily cap (credits/conflicts.py)."""

    def __init__(self, person: Person, rules_: Rules) -> None:
        self.person, self.rules = person, rules_
        self.earned = dict(person.earned)
        self.times = list(person.times)
        self.contents = set(person.contents)
        self.days = dict(person.days or {})

    def takes(self, meeting: Meeting) -> bool:
        """Whether being there would be credited."""
        if not meeting.counts or meeting.worth <= 0 or self.rules.form(meeting.form) is None:
            return False
        if meeting.content and meeting.content in self.contents:
            return False
        if self.days.get(meeting.day, 0) + meeting.worth > meeting.daily_cap:
            return False
        return not any(meeting.meets(start, end) for start, end in self.times)

    def take(self, meeting: Meeting) -> None:
        key = meeting.period, meeting.form
        self.earned[key] = self.earned.get(key, 0) + meeting.worth
        self.days[meeting.day] = self.days.get(meeting.day, 0) + meeting.worth
        self.times.append((meeting.start, meeting.end))
        if meeting.content:
            self.contents.add(meeting.content)

    def outcome(self, extra: Meeting | None = None) -> Recognised:
        earned = self.earned
        if extra is not None:
            key = extra.period, extra.form
            earned = {**earned, key: earned.get(key, 0) + extra.worth}
        return rules.recognise(earned, self.rules, self.person.target, self.person.full_target)


def of(person: Person, rules_: Rules, candidates: Sequence[Meeting] | None = None) -> Forecast:
    """What will be missing with full presence in everything planned; with candidates (the nearest
    first) also which of them would close the gap, chosen greedily: each time the one that helps
    most, at most `MOST`."""
    course = _Course(person, rules_)
    coming = []
    for meeting in person.due:
        if course.takes(meeting):
            course.take(meeting)
            coming.append(meeting)
    found = course.outcome()
    names = {p.code: p.name for p in rules_.periods}
    lacking = tuple((names[code], lack) for code, lack in found.missing.items())
    proposals: list[Meeting] = []
    left = found
    if found.shortfall and candidates:
        for meeting in (*person.due, *person.away):  # they are expected there, credited or not
            course.times.append((meeting.start, meeting.end))
        left = _propose(course, person, candidates, proposals)
    return Forecast(
        person.member, found.shortfall, tuple(coming), lacking, tuple(proposals), left.shortfall
    )


def _propose(
    course: _Course, person: Person, candidates: Sequence[Meeting], chosen: list[Meeting]
) -> Recognised:
    expected = {meeting.pk for meeting in (*person.due, *person.away)}
    free = [m for m in candidates if m.pk not in expected]
    now = course.outcome()
    while now.shortfall and len(chosen) < MOST:
        best, reached = None, now
        tried: set[tuple[str, str, int]] = set()
        for meeting in free:
            kind = meeting.period, meeting.form, meeting.worth
            if kind in tried or not course.takes(meeting):
                continue
            tried.add(kind)  # all of a kind help equally; the nearest stands first
            after = course.outcome(meeting)
            if _need(after, person.target) < _need(reached, person.target):
                best, reached = meeting, after
        if best is None:
            break
        course.take(best)
        chosen.append(best)
        now = reached
    return now


def _need(found: Recognised, target: int) -> tuple[int, int]:
    """What is missing, then all that is: where target and periods lack alike, either is a step."""
    return found.shortfall, max(0, target - found.hours) + sum(found.missing.values())
