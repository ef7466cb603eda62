"""Who may stand in a branch's sheet, as the reader of sheets needs to know them.

Read from one database alias, so that a command can read the snapshot and write nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date

from courses.models import Attendance
from courses.sheet_reading import Person
from portal.models import Member, Membership, Organization
from portal.querysets import below

MOST = 6  # namesakes of other branches that a question shows; the nearest in the tree first


class BranchRoster:
    """The people of one branch now and ever, and look-ups for all others."""

    def __init__(self, branch: Organization, *, using: str = "default") -> None:
        self.organization, self.using = branch, using
        self.branch, self.branch_name = branch.code, branch.name
        memberships = Membership.objects.using(using).select_related("member", "branch")
        rows = memberships.filter(below(branch.path, lookup="branch__path")).order_by("since", "pk")
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

    def _people(self, rows: Iterable[Membership]) -> list[Person]:
        found: dict[str, Person] = {}
        for row in rows:
            earlier = found.get(row.member.number)
            found[row.member.number] = Person(
                row.member.number,
                row.member.name,
                self.branch,
                row.branch.name,
                row.group,
                row.member.status,
                earlier.since if earlier else self._since(row),
                row.until,
            )
        return list(found.values())

    def _since(self, row: Membership) -> date | None:
        """Since when somebody belonged here. Whoever stands in the register since its first day
        was a member before: a register is begun late, and the sheets of before are right."""
        if row.since != self.begins or row.began != Membership.Began.ENROLLED:
            return row.since
        return row.member.joined_on if row.member.joined_on else None

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
