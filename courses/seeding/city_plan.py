"""What the branches of a whole city study, drawn by lot: meetings of 5 to 200, and own study.

Nothing is written here. Everything follows from the seed, the programme and the stable keys of
branches and members, so that a seed taken up again goes on exactly where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from random import Random

from courses.seeding.calendar import Calendar
from courses.seeding.files import load
from courses.seeding.world import key_of
from credits.models import Programme
from portal.audit import Actor
from portal.models import Member, Organization

FIRST = date(2021, 3, 1)  # the Monday on which the programme of the data files begins
WEEKS = 12  # in which meetings and own study lie
OWN_STUDY = 0.33  # share of the entries
LEAST, MOST = 5, 200  # people in a meeting
PER_MEMBER = 40  # entries that fit into these weeks


@dataclass(frozen=True)
class Group:
    """Branches that meet together now and then, at most 200 people; planned and written at once.

    entries: how many lines of the ledger are theirs.
    """

    host: Organization
    branches: tuple[Organization, ...]
    people: dict[int, list[Member]]  # branch id → members by number
    secretaries: dict[int, Actor]
    entries: int

    @property
    def everybody(self) -> list[Member]:
        return [member for branch in self.branches for member in self.people[branch.pk]]


@dataclass(frozen=True)
class Meeting:
    """One meeting: who came, and of whom else it was expected."""

    key: str
    organiser: Organization
    title: str
    form: str
    period: str
    starts: datetime
    minutes: int
    came: list[Member]
    missing: list[Member]
    by: Actor
    at: datetime

    @property
    def ends(self) -> datetime:
        return self.starts + timedelta(minutes=self.minutes)

    @property
    def lines(self) -> int:
        return len(self.came)


@dataclass(frozen=True)
class OwnStudy:
    """One piece of own study, handed in on its evening and confirmed on the Friday after."""

    key: str
    member: Member
    branch: Organization
    topic: str
    form: str
    period: str
    day: date
    minutes: int
    handed_in: datetime
    by: Actor
    at: datetime
    lines: int = 1


Act = Meeting | OwnStudy


@dataclass
class Draw:
    """One group's lot: its acts so far, and how many entries are still to be drawn."""

    programme: Programme
    calendar: Calendar
    group: Group
    lot: Random
    left: int
    acts: list[Act] = field(default_factory=list)
    periods: list[str] = field(default_factory=list)


def acts(programme: Programme, calendar: Calendar, group: Group, seed: int) -> list[Act]:
    """Everything that a group does in a programme, in the order of its moments."""
    lot = Random(f"{seed}:{programme.code}:{group.host.code}:{group.branches[0].code}")  # noqa: S311 - repeatable on purpose
    draw = Draw(programme, calendar, group, lot, group.entries)
    draw.periods = [p["code"] for p in load("fushun-2021")["history_periods"]]
    studies = _studies(draw)
    wanted = -(-int(group.entries * OWN_STUDY * 100) // 100)
    meant = list(islice(studies, wanted))
    draw.left -= len(meant)
    _assemblies(draw)
    _meetings(draw)
    rest = list(islice(studies, draw.left))
    draw.acts += [*meant, *rest]
    return sorted(draw.acts, key=lambda act: (act.at, act.key))


def _assemblies(draw: Draw) -> None:
    """Two meetings of the whole group, on Mondays."""
    people = draw.group.everybody[:MOST]
    for number, week in enumerate((2, 9)):
        by = next(iter(draw.group.secretaries.values()))
        _meet(draw, draw.group.host, people, (week, 0, 14), f"大课{number + 1}", 0.9, by, number)


def _meetings(draw: Draw) -> None:
    """Meetings of each branch from Tuesdays to Fridays, week by week, until nothing is left."""
    branches = [b for b in draw.group.branches if len(draw.group.people[b.pk]) >= LEAST]
    paces = {b.pk: 0.7 + 0.29 * draw.lot.random() for b in branches}
    for number in range(WEEKS * 4):
        week, day = divmod(number * 5 % (WEEKS * 4), 4)
        for branch in branches:
            if draw.left < LEAST:
                return
            people, by = draw.group.people[branch.pk][:MOST], draw.group.secretaries[branch.pk]
            when = week, 1 + day, draw.lot.choice((9, 14))
            _meet(draw, branch, people, when, "专题研讨", paces[branch.pk], by, number)


def _meet(
    draw: Draw,
    organiser: Organization,
    people: Sequence[Member],
    when: tuple[int, int, int],
    title: str,
    coming: float,
    by: Actor,
    number: int,
) -> None:
    came = [member for member in people if draw.lot.random() < coming]
    if len(came) < LEAST:
        came = list(people)
    came = came[: draw.left]
    if len(came) < LEAST:
        return
    there = {member.pk for member in came}
    week, weekday, hour = when
    starts = draw.calendar.at(FIRST + timedelta(weeks=week, days=weekday), hour)
    minutes = draw.lot.choice((45, 60, 90, 90))
    form = draw.lot.choices(("seminar", "lecture", "site", "immersive"), (6, 3, 1, 1))[0]
    draw.left -= len(came)
    draw.acts.append(
        Meeting(
            key_of("meeting", draw.programme.code, organiser.code, title, number),
            organiser,
            f"第{number + 1}次{title}",
            form,
            draw.periods[number % len(draw.periods)],
            starts,
            minutes,
            came,
            [member for member in people if member.pk not in there],
            by,
            starts + timedelta(minutes=minutes + 30),
        )
    )


def _studies(draw: Draw) -> Iterator[OwnStudy]:
    """Own study of the members in turn, on ever other days of the weekends; secretaries, who
    confirm it, have none."""
    data, at_home = load("sessions")["logs"], []
    for branch in draw.group.branches:
        by = draw.group.secretaries[branch.pk]
        mine = [m for m in draw.group.people[branch.pk] if m.pk != by.member.pk]
        at_home += [(member, branch, by) for member in mine]
    for number in range(WEEKS * 2):
        week, day = divmod(number * 7 % (WEEKS * 2), 2)
        for member, branch, by in at_home:
            on = FIRST + timedelta(weeks=week, days=5 + day)
            entry = draw.lot.choice(data)
            yield OwnStudy(
                key_of("log", draw.programme.code, member.key, number),
                member,
                branch,
                entry["topic"],
                entry["form"],
                draw.lot.choice(draw.periods),
                draw.calendar.on(on),
                draw.lot.choice(entry["minutes"]),
                draw.calendar.at(on, 20, 30),
                by,
                draw.calendar.at(on + timedelta(days=11 - on.weekday()), 17),
            )
