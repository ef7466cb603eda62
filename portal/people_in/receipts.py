"""The receipt of a member list: what it wrote, line by line, kept so that it can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portal import set_wise
from portal.audit import Actor
from portal.mending import MENDABLE
from portal.models import (
    Appointment,
    Member,
    Membership,
    Organization,
    PeopleImport,
    PeopleImportLine,
)
from portal.people_in.model import MemberLine
from portal.refusals import Refusal

CHUNK = 1000
LEAVING = ("transfer", "leave")  # acts that end a membership, and roles with it
LINE = ["receipt", "row", "sheet", "action", "member", "opened", "closed", "before", "after",
        "ended", "outcome", "reason"]  # fmt: skip
Values = dict[str, Any]


@dataclass(frozen=True)
class Before:
    """Of one person, before a list was written: the values it changes, the open membership, the
    roles held."""

    values: Values
    membership: int | None
    roles: Sequence[int] = ()


def open_(
    *,
    name: str,
    digest: str,
    counts: Mapping[str, int],
    on: Organization | None,
    by: Actor,
    at: datetime,
) -> PeopleImport:
    """Begin the receipt of a list; `on`: where the importer acts, the whole tree for commands."""
    where = on or Organization.objects.filter(parent=None).order_by("pk").first()
    if where is None:
        raise Refusal("还没有党组织，请先导入党组织。")
    return PeopleImport.objects.create(
        organization=where,
        filename=name[:120],
        digest=digest,
        by=by.member,
        at=at,
        rows=sum(counts.values()),
        counts={action: n for action, n in counts.items() if n},
    )


def look(lines: Sequence[MemberLine]) -> dict[int, Before]:
    """What stands before the lines are written, by member id."""
    found: dict[int, Before] = {}
    for chunk in _chunks([line for line in lines if line.member and line.action != "same"]):
        belongs = _open([line.member.pk for line in chunk if line.member])
        held = _held([x.member.pk for x in chunk if x.member and x.action in LEAVING])
        for line in chunk:
            if line.member is None:
                continue
            here = belongs.get(line.member.pk)
            values = _values(line.member, [f for f in MENDABLE if f in line.changes])
            if "group" in line.changes and line.action == "update" and here:
                values["group"] = here.group
            roles = held.get(line.member.pk, [])
            found[line.member.pk] = Before(values, here.pk if here else None, roles)
    return found


def record(
    receipt: PeopleImport, lines: Sequence[MemberLine], before: Mapping[int, Before]
) -> None:
    """Write what the lines did; called after them, in their transaction."""
    for chunk in _chunks([line for line in lines if line.action != "same"]):
        people = {m.number: m for m in Member.objects.filter(number__in=[x.number for x in chunk])}
        belongs = _open([m.pk for m in people.values()])
        held = _held([m.pk for m in people.values()])
        rows = []
        for line in chunk:
            member = people[line.number]
            was, now = before.get(member.pk, Before({}, None)), belongs.get(member.pk)
            fresh = line.action == "create"
            after = _values(member, MENDABLE if fresh else [f for f in was.values if f != "group"])
            if now and (fresh or "group" in was.values):
                after["group"] = now.group
            moved = line.action in ("create", "return", "transfer")
            rows.append(
                (
                    receipt.pk,
                    line.row,
                    line.sheet[:60],
                    line.action,
                    member.pk,
                    now.pk if now and moved else None,
                    was.membership if line.action in LEAVING else None,
                    json.dumps(was.values),
                    json.dumps(after),
                    json.dumps([pk for pk in was.roles if pk not in held.get(member.pk, ())]),
                    "",
                    "",
                )
            )
        set_wise.insert(PeopleImportLine, LINE, rows)


def _values(member: Member, fields: Sequence[str]) -> Values:
    return {name: plain(getattr(member, name)) for name in fields}


def plain(value: Any) -> Any:
    """A value of the register as JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else value


def _open(members: Sequence[int]) -> dict[int, Membership]:
    rows = Membership.objects.open().filter(member__in=members)
    return {m.member_id: m for m in rows}


def _held(members: Sequence[int]) -> dict[int, list[int]]:
    """Ids of the appointments that people hold."""
    found: dict[int, list[int]] = {}
    rows = Appointment.objects.filter(member__in=members, until=None).order_by("pk")
    for member, pk in rows.values_list("member", "pk"):
        found.setdefault(member, []).append(pk)
    return found


def _chunks(lines: Sequence[MemberLine]) -> Iterator[Sequence[MemberLine]]:
    for start in range(0, len(lines), CHUNK):
        yield lines[start : start + CHUNK]
