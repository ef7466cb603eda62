"""What forecasts need to know of many members at once: a fixed number of queries.

Who is due in a session is the rule of courses/roll_call.py: enrolled or below the organiser on its
day, never exempt; on an open roll, what the roll says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from courses import forecasts, meetings
from courses.forecasts import Forecast, Meeting, Person
from courses.meetings import Calendar
from courses.models import Attendance, AttendancePlan, Enrolment, Status, StudySession
from credits import rule_book
from credits.models import (
    CreditedContent,
    CreditedTime,
    CreditTotal,
    LedgerEntry,
    Programme,
    Standing,
)
from credits.rule_sets import Rules
from portal.models import PATH_STEP, Membership, Organization
from portal.querysets import at_and_above

AWAY = {Status.LEAVE, Status.ABSENT, Status.OBSERVER}


class Outlook:
    """What lies ahead of those who are short, in one programme at one moment.

    rows: standings with their `branch`; those that are complete, exempt or off the roll are passed
    over, for nobody warns of them.
    """

    def __init__(self, programme: Programme, rows: Iterable[Standing], *, at: datetime) -> None:
        self.programme, self.at = programme, at
        self.rows = {r.member_id: r for r in rows if r.on_roll and not r.exempt and r.shortfall > 0}
        book = rule_book.of(programme)
        self.rules: Rules = book.current.rules
        self.calendar = Calendar(programme, book, at)
        # What is over and not yet recorded may still earn, as long as it may be recorded.
        self.first_day = timezone.localdate(at) - timedelta(days=self.rules.back_dating)

    def forecast(self, member: int, *, proposals: bool = True) -> Forecast | None:
        """How a member will stand; None for one who is not short."""
        person = self.people.get(member)
        if person is None:
            return None
        near = self._nearest(person) if proposals else None
        return forecasts.of(person, self.rules, near)

    @cached_property
    def people(self) -> dict[int, Person]:
        """Everything about each of those who are short: eleven queries."""
        if not self.rows:
            return {}
        earned = self._earned()
        due, away = self._expected()
        times, contents, days = self._taken()
        return {
            pk: Person(
                pk,
                row.branch.path,
                row.target,
                row.full_target,
                earned[pk],
                due[pk],
                away[pk],
                times[pk],
                frozenset(contents[pk]),
                days[pk],
            )
            for pk, row in self.rows.items()
        }

    def _earned(self) -> dict[int, dict[tuple[str, str], int]]:
        found: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
        totals = CreditTotal.objects.filter(programme=self.programme, member__in=self.rows)
        for member, period, form, hours in totals.values_list("member", "period", "form", "earned"):
            found[member][period, form] = hours
        return found

    def _expected(self) -> tuple[dict[int, list[Meeting]], dict[int, list[Meeting]]]:
        """In which sessions each is expected, and for which they are excused."""
        due: dict[int, list[Meeting]] = defaultdict(list)
        away: dict[int, list[Meeting]] = defaultdict(list)
        places = Enrolment.objects.filter(member__in=self.rows)
        places = places.exclude(until__lte=self.first_day)
        enrolled = _spans(places.values_list("member", "reading_class", "since", "until"))
        held = Membership.objects.filter(member__in=self.rows).exclude(until__lte=self.first_day)
        homes = _spans(held.values_list("member", "branch__path", "since", "until"))
        paths = {span[0] for spans in homes.values() for span in spans}
        above = {place for path in paths for place in at_and_above(path)}
        classes = {span[0] for spans in enrolled.values() for span in spans}
        ahead = self.calendar.of(above, classes, since=self.first_day)
        said, barred = self._said(ahead), self._barred(ahead)
        by_place: dict[Any, list[Meeting]] = defaultdict(list)  # path or class
        for m in ahead:
            by_place[m.path if m.reading_class is None else m.reading_class].append(m)
        for member in self.rows:
            found: dict[int, Meeting] = {}
            for path, *span in homes[member]:
                for place in at_and_above(path):
                    found |= {m.pk: m for m in by_place[place] if _covers(span, m.day)}
            for reading_class, *span in enrolled[member]:
                for m in by_place[reading_class]:
                    if _covers(span, m.day) and any(_covers(s[1:], m.day) for s in homes[member]):
                        found[m.pk] = m
            found = {pk: m for pk, m in found.items() if (pk, member) not in barred}
            for m, there in said[member]:
                found.pop(m.pk, None)
                if there:
                    found[m.pk] = m
                else:
                    away[member].append(m)
            due[member] = sorted(found.values(), key=meetings.by_start)
        return due, away

    def _said(self, ahead: Sequence[Meeting]) -> dict[int, list[tuple[Meeting, bool]]]:
        """Of each member, where an open roll or approved leave says that they are there or not."""
        by_pk = {m.pk: m for m in ahead}
        opened = [m.pk for m in ahead if m.state == StudySession.State.OPEN]
        granted = AttendancePlan.objects.filter(
            session__in=by_pk, member__in=self.rows, state=AttendancePlan.State.APPROVED
        )
        there = dict.fromkeys(granted.values_list("member", "session"), False)
        marks = Attendance.objects.filter(session__in=opened, member__in=self.rows)
        for member, session, status in marks.values_list("member", "session", "status"):
            there[member, session] = status not in AWAY
        said: dict[int, list[tuple[Meeting, bool]]] = defaultdict(list)
        for (member, session), is_there in there.items():
            said[member].append((by_pk[session], is_there))
        return said

    def _barred(self, ahead: Sequence[Meeting]) -> set[tuple[int, int]]:
        """(session, member) where the member is exempt in one of the session's programmes."""
        exempt = Standing.objects.filter(member__in=self.rows, exempt=True, on_roll=True)
        by_programme: dict[int, list[int]] = defaultdict(list)
        for programme, member in exempt.values_list("programme", "member"):
            by_programme[programme].append(member)
        through = StudySession.programmes.through.objects.filter(
            studysession__in=[m.pk for m in ahead]
        )
        pairs = through.values_list("studysession_id", "programme_id")
        return {(session, m) for session, programme in pairs for m in by_programme[programme]}

    def _taken(self) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
        """Times, contents and hours by day with which they have been credited."""
        times: dict[int, list[Any]] = defaultdict(list)
        contents: dict[int, set[str]] = defaultdict(set)
        days: dict[int, dict[date, int]] = defaultdict(dict)
        own = {"programme": self.programme, "member__in": self.rows}
        since = self.at - timedelta(days=self.rules.back_dating + 1)
        occupied = CreditedTime.objects.filter(**own, end__gt=since)
        for member, start, end in occupied.values_list("member", "start", "end"):
            times[member].append((start, end))
        studied = CreditedContent.objects.filter(**own)
        for member, content in studied.values_list("member", "content"):
            contents[member].add(content)
        lines = LedgerEntry.objects.filter(**own, day__gte=self.first_day).order_by()
        for member, day, n in lines.values_list("member", "day").annotate(n=Sum("hours")):
            days[member][day] = n
        return times, contents, days

    @cached_property
    def _branches(self) -> list[Organization]:
        return list({row.branch_id: row.branch for row in self.rows.values()}.values())

    @cached_property
    def _candidates(self) -> list[Meeting]:
        return self.calendar.near(self._branches)

    @cached_property
    def _unit_paths(self) -> dict[int, str]:
        return meetings.unit_paths(self._branches)

    def _nearest(self, person: Person) -> list[Meeting]:
        """Candidates in a person's reach: their own branch's, their committee's, their unit's."""
        branch = self.rows[person.member].branch
        unit = self._unit_paths[branch.unit_id or branch.pk]
        parent = branch.path[:-PATH_STEP] if len(branch.path) > len(unit) else branch.path
        inside = [m for m in self._candidates if m.path.startswith(unit)]
        return sorted(
            inside, key=lambda m: (m.path != branch.path, not m.path.startswith(parent), m.start)
        )


Span = tuple[Any, date, date | None]


def _spans(rows: Iterable[tuple[int, Any, date, date | None]]) -> dict[int, list[Span]]:
    """Where each member is, since and until when."""
    found: dict[int, list[Span]] = defaultdict(list)
    for member, *span in rows:
        found[member].append(tuple(span))
    return found


def _covers(span: Sequence[Any], day: date) -> bool:
    since, until = span
    return bool(since <= day and (until is None or until > day))
