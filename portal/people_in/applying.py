"""Writing what a preview shows, through the real verbs in bulk, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from portal import audit, followers, members, mending, mobile_stays, organizations, reorganizations
from portal.audit import Actor
from portal.members import Departure, Enrolment, Move
from portal.mending import Mending
from portal.models import AuditEvent, Member, Organization
from portal.organizations import Founding
from portal.people_in import receipts
from portal.people_in.model import (
    KINDS,
    MemberLine,
    NotImportable,
    OrganizationLine,
    Preview,
    StayLine,
)


@transaction.atomic
def apply(
    preview: Preview,
    *,
    by: Actor,
    at: datetime,
    name: str = "",
    on: Organization | None = None,
    digest: str = "",
) -> dict[str, int]:
    """Write a preview; returns how many of each act. A second time nothing is left to do.

    A member list leaves a receipt; `digest` is its file's.

    Raises NotImportable while there are errors; whatever a verb refuses undoes the whole.
    """
    if preview.refusal:
        raise NotImportable(preview.refusal)
    if preview.errors:
        raise NotImportable(preview.message)
    people = [line for line in preview.lines if isinstance(line, MemberLine)]
    counts, before = dict(preview.counts), receipts.look(people)
    write_people(people, by=by, at=at)
    if preview.changing and people:
        receipt = receipts.open_(name=name, digest=digest, counts=counts, on=on, by=by, at=at)
        receipts.record(receipt, people, before)
    _write_tree([x for x in preview.lines if isinstance(x, OrganizationLine)], by=by, at=at)
    _write_stays([x for x in preview.lines if isinstance(x, StayLine)], by=by, at=at)
    if preview.changing:
        audit.record(
            AuditEvent.Event.IMPORT,
            by=by,
            at=at,
            on=on,
            subject=f"导入{KINDS[preview.kind]}：{name}" if name else f"导入{KINDS[preview.kind]}",
            detail={"rows": len(preview.lines), **counts},
        )
    return counts


def write_people(lines: Sequence[MemberLine], *, by: Actor, at: datetime) -> None:
    acts = {a: [x for x in lines if x.action == a] for a in ("create", "return", "transfer")}
    if acts["create"]:
        members.enrol_many([_enrolment(line) for line in acts["create"]], by=by, at=at)
    if acts["return"]:
        members.readmit_many(
            [Move(_of(x), _branch(x), x.day, x.group) for x in acts["return"]], by=by, at=at
        )
    if acts["transfer"]:
        members.transfer_many(
            [Move(_of(x), _branch(x), x.day, x.group) for x in acts["transfer"]], by=by, at=at
        )
    mendings = [m for line in lines if (m := _mending(line))]
    if mendings:
        mending.mend_many(mendings, by=by, at=at)
    leaving = [Departure(_of(x), x.day, x.how) for x in lines if x.action == "leave"]
    if leaving:
        members.leave_many(leaving, by=by, at=at)


def _enrolment(line: MemberLine) -> Enrolment:
    return Enrolment(
        number=line.number,
        name=line.name,
        branch=_branch(line),
        day=line.day,
        group=line.group,
        status=line.status,
        category=line.category,
        phone=line.phone,
        joined_on=line.joined_on,
    )


def _mending(line: MemberLine) -> Mending | None:
    """What is to be corrected beside the transfer or return, which bring their group themselves."""
    fields = set(line.changes) & set(mending.MENDABLE)
    values = {name: getattr(line, name) for name in sorted(fields)}
    group = line.group if "group" in line.changes and line.action == "update" else None
    if line.member is None or not (values or group is not None):
        return None
    return Mending(line.member, values, group)


def _of(line: MemberLine) -> Member:
    if line.member is None:
        raise NotImportable(f"第 {line.row} 行：名册里没有 {line.number}。")
    return line.member


def _branch(line: MemberLine) -> Organization:
    if line.branch is None:
        raise NotImportable(f"第 {line.row} 行：没有写明党支部。")
    return line.branch


def _write_tree(lines: Sequence[OrganizationLine], *, by: Actor, at: datetime) -> None:
    if lines:  # one that is renamed or merged is locked before another moves
        followers.tell([followers.TreeAhead()], by=by, at=at)
    there = {o.code: o for o in Organization.objects.all()} if lines else {}
    for line in lines:
        if line.renamed and line.organization:
            organizations.rename(
                line.organization,
                line.name,
                on=line.day,
                by=by,
                at=at,
                short_name=line.short_name,
            )
    for line in _parents_first([x for x in lines if x.action == "create"]):
        there[line.code] = organizations.found(
            Founding(
                line.code,
                line.name,
                line.kind,
                there[line.parent] if line.parent else None,
                line.day,
                short_name=line.short_name,
                cohort=line.cohort,
                is_unit=line.is_unit,
            ),
            by=by,
            at=at,
        )
    for line in lines:
        if line.action == "move":
            organizations.move(there[line.code], there[line.parent], by=by, at=at)
        elif line.action == "merge":
            reorganizations.merge(there[line.code], there[line.into], on=line.day, by=by, at=at)
    for line in lines:
        if line.action == "dissolve":
            reorganizations.dissolve(there[line.code], on=line.day, by=by, at=at)


def _write_stays(lines: Sequence[StayLine], *, by: Actor, at: datetime) -> None:
    for line in lines:
        if line.stay and line.action == "back" and line.until:
            mobile_stays.end(line.stay, on=line.until, by=by, at=at)
        if line.action not in ("create", "update"):
            continue
        if line.stay:
            stay = mobile_stays.mend(line.stay, line.away, by=by, at=at)
        else:
            stay = mobile_stays.register(line.member, line.away, by=by, at=at)
        if line.reported_on:
            mobile_stays.report_in(stay, on=line.reported_on, by=by, at=at)


def _parents_first(lines: Sequence[OrganizationLine]) -> list[OrganizationLine]:
    """Rows may stand in any order: a child is founded after its parent."""
    waiting = {line.code: line for line in lines}
    ordered: list[OrganizationLine] = []
    for line in lines:
        chain = []
        code = line.code
        while code in waiting:
            chain.append(waiting.pop(code))
            code = chain[-1].parent
        ordered += reversed(chain)
    return ordered
