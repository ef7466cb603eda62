"""Roles that a member list ended, given back when it is taken back: from that day on.

What somebody else has taken over meanwhile is not taken from them: the line is kept, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from portal import appointments
from portal.appointments import Wanted
from portal.audit import Actor
from portal.models import Appointment, Member, Membership, Organization, PeopleImportLine, Role


@dataclass(frozen=True)
class Ended:
    """Roles that one line ended, with the person who held them."""

    member: Member
    roles: Sequence[Appointment]


def of(lines: Sequence[PeopleImportLine]) -> dict[int, list[Appointment]]:
    """The roles that lines ended, by line id."""
    wanted = {pk for line in lines for pk in line.ended or ()}
    rows = Appointment.objects.select_related("organization").in_bulk(wanted)
    return {line.pk: [rows[pk] for pk in line.ended or () if pk in rows] for line in lines}


def in_the_way(
    lines: Sequence[PeopleImportLine], ended: Mapping[int, Sequence[Appointment]], on: Organization
) -> dict[int, str]:
    """Why what lines ended cannot be given back, by line id. on: where the list was imported."""
    places = {role.organization_id for roles in ended.values() for role in roles}
    held = Appointment.objects.filter(organization__in=places, role=Role.SECRETARY, until=None)
    seated: dict[int, list[Appointment]] = {}
    for row in held.filter(acting=False).select_related("member").order_by("pk"):
        seated.setdefault(row.organization_id, []).append(row)
    found = {}
    for line in lines:
        for role in ended[line.pk]:
            reason = _reason(role, seated.get(role.organization_id, []), on)
            if reason:
                named = f"{role.organization.short_name}{role.get_role_display()}"
                found[line.pk] = f"免去的职务（{named}）{reason}，请逐人办理"[:100]
                break
    return found | _unknown([line for line in lines if line.ended is None])


def give_back(ended: Sequence[Ended], *, by: Actor, at: datetime) -> None:
    """Appoint people anew to what they held, from today on; whoever acts for a branch (代管) that
    gets its secretary back acts no longer."""
    today = timezone.localdate(at)
    wanted = [
        Wanted(each.member, Role(role.role), role.organization, list(_helped(role)))
        for each in ended
        for role in each.roles
        if not role.acting
    ]
    if wanted:
        appointments.appoint_many(wanted, since=today, by=by, at=at)
    for each in ended:
        for role in each.roles:
            if role.acting:
                appointments.act_again(each.member, role.organization, since=today, by=by, at=at)


def _reason(role: Appointment, seated: Sequence[Appointment], on: Organization) -> str:
    if not role.organization.path.startswith(on.path):
        return "要由上级党组织恢复"
    if role.organization.dissolved_on:
        return "所在党组织已撤销"
    if role.role == Role.HELPER and not _helped(role):
        return "没有要帮学的党员了"
    since = role.until or date.min
    others = [row for row in seated if row.since >= since and row.member_id != role.member_id]
    if role.role == Role.SECRETARY and others:
        return f"已由{others[0].member.name}接任"
    return ""


def _helped(role: Appointment) -> Sequence[Member]:
    return list(role.helped.filter(is_active=True)) if role.role == Role.HELPER else []


def _unknown(lines: Sequence[PeopleImportLine]) -> dict[int, str]:
    """Lines of receipts that do not say which roles ended, where one did on the line's day."""
    left = {line.closed: line for line in lines if line.closed}
    days = Membership.objects.filter(pk__in=left).values_list("pk", "member", "until")
    ended = Appointment.objects.filter(member__in=[line.member_id for line in left.values()])
    gone = set(ended.exclude(until=None).values_list("member", "until"))
    return {
        left[pk].pk: "旧的导入记录没有写明同日免去的职务，请逐人办理"
        for pk, member, until in days
        if (member, until) in gone
    }
