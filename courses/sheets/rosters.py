"""Who may stand in a branch's sheet, as the reader of sheets needs to know them.

Read from one database alias, so that a command can read the snapshot and write nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from courses.models import Attendance
from courses.sheets.sheet_reading import Person
from portal.models import Member, Membership, Organization
from portal.querysets import below

MOST = 6  # namesakes of other branches that a question shows; the nearest in the tree first


class Belonged(NamedTuple):
    """A membership as it is read here."""

    number: str
    name: str
    status: str
    joined_on: date | None
    branch: str
    group: str
    since: date
    until: date | None
    began: str


BELONGED = (
    "member__number", "member__name", "member__status", "member__joined_on", "branch__name",
    "group", "since", "until", "began",
)  # fmt: skip


class BranchRoster:
    """The people of one branch now and ever, and look-ups for all others."""

    def __init__(self, branch: Organization, *, using: str = "default") -> None:
        self.organization, self.using = branch, using
        self.branch, self.branch_name = branch.code, branch.name
        memberships = Membership.objects.using(using)
        found = memberships.filter(below(branch.path, lookup="branch__path"))
        rows = list(map(Belonged._make, found.order_by("since", "pk").values_list(*BELONGED)))
        self.begins = min((row.since for row in rows), default=None)
        self.own: Sequence[Person] = self._people(rows)

    def elsewhere(self, names: Collection[str]) -> list[Person]:
        """Active members of other branches who bear one of the names."""
        people = Member.objects.using(self.using).active().filter(name__in=names)
        found: dict[str, list[Member]] = defaultdict(list)
        for member in people.select_related("branch"):
            if member.branch and not member.branch.path.startswith(self.organization.path):
                found[member.name].append(member)
        return [
            self._stranger(member)
            for same in found.values()
            for member in sorted(same, key=self._distance)[:MOST]
        ]

    def by_number(self, numbers: Collection[str]) -> list[Person]:
        """People of other branches who stand on a roll of this branch: guests and classmates."""
        rolls = Attendance.objects.using(self.using).filter(
            below(self.organization.path, lookup="session__organiser__path"),
            member__number__in=numbers,
        )
        people = Member.objects.using(self.using).filter(pk__in=rolls.values("member"))
        own = {person.number for person in self.own}
        return [
            self._stranger(member)
            for member in people.select_related("branch")
            if member.number not in own
        ]

    def _people(self, rows: Iterable[Belonged]) -> list[Person]:
        found: dict[str, Person] = {}
        for row in rows:
            earlier = found.get(row.number)
            found[row.number] = Person(
                row.number,
                row.name,
                self.branch,
                row.branch,
                row.group,
                row.status,
                earlier.since if earlier else self._since(row),
                row.until,
            )
        return list(found.values())

    def _since(self, row: Belonged) -> date | None:
        """Since when somebody belonged here. Whoever stands in the register since its first day
        was a member before: a register is begun late, and the sheets of before are right."""
        if row.since != self.begins or row.began != Membership.Began.ENROLLED:
            return row.since
        return row.joined_on

    def _stranger(self, member: Member) -> Person:
        code, name = (member.branch.code, member.branch.name) if member.branch else ("", "")
        return Person(member.number, member.name, code, name, "", member.status)

    def _distance(self, member: Member) -> tuple[int, str]:
        path = member.branch.path if member.branch else ""
        shared = 0
        for one, other in zip(path, self.organization.path, strict=False):
            if one != other:
                break
            shared += 1
        return -shared, member.number


class Witness:
    """A roster that remembers what it was asked and what it said, so that it can be seen whether it
    would say the same by now."""

    def __init__(self, roster: BranchRoster) -> None:
        self.roster = roster
        self.branch, self.branch_name, self.own = roster.branch, roster.branch_name, roster.own
        self.names: set[str] = set()
        self.numbers: set[str] = set()
        self._said: set[Person] = set()

    def elsewhere(self, names: Collection[str]) -> list[Person]:
        self.names |= set(names)
        return self._remember(self.roster.elsewhere(names))

    def by_number(self, numbers: Collection[str]) -> list[Person]:
        self.numbers |= set(numbers)
        return self._remember(self.roster.by_number(numbers))

    def ask_again(self, names: Collection[str], numbers: Collection[str]) -> str:
        """The digest of what it says now to what was asked then."""
        if names:
            self.elsewhere(names)
        if numbers:
            self.by_number(numbers)
        return self.digest()

    def digest(self) -> str:
        """A digest of everything that was said of people."""
        people = [*map(_told, self.own), *sorted(map(_told, self._said), key=str)]
        said = json.dumps([self.branch, self.branch_name, people], default=str)
        return hashlib.sha256(said.encode()).hexdigest()

    def _remember(self, people: list[Person]) -> list[Person]:
        self._said.update(people)
        return people


def _told(person: Person) -> list[object]:
    return list(vars(person).values())
