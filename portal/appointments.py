"""Verbs on roles: appoint, end, act for (代管)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from portal import audit
from portal.audit import Actor
from portal.models import Appointment, AuditEvent, Member, Organization, Role
from portal.querysets import AppointmentQuerySet
from portal.refusals import Refusal

BATCH = 500  # rows read or written at once
BRANCH_ROLES = frozenset({Role.HELPER, Role.ORGANISER, Role.SECRETARY})


class BadAppointment(Refusal):
    """The role does not fit the organisation or the person."""


def appoint(
    member: Member,
    role: Role,
    organization: Organization,
    *,
    since: date,
    by: Actor,
    at: datetime,
    helped: Collection[Member] = (),
) -> Appointment:
    """Give a person a role in an organisation from `since` on; see `appoint_many`."""
    wanted = Wanted(member, role, organization, helped)
    return appoint_many([wanted], since=since, by=by, at=at)[0]


@dataclass(frozen=True)
class Wanted:
    """An appointment to be made; `helped` are those whom a helper helps."""

    member: Member
    role: Role
    organization: Organization
    helped: Collection[Member] = ()

    @property
    def place(self) -> tuple[int, str, int]:
        return self.member.pk, self.role, self.organization.pk


@transaction.atomic
def appoint_many(
    wanted: Sequence[Wanted], *, since: date, by: Actor, at: datetime
) -> list[Appointment]:
    """Give people roles in organisations from `since` on, all or none, in the order given.

    A second call for the same role changes nothing. Raises BadAppointment when a helper has
    nobody to help, or a person has left, or an organisation is dissolved.
    """
    locked = _locked(w.organization for w in wanted)
    for each in wanted:
        if not each.member.is_active:
            raise BadAppointment(f"{each.member.name}已不在册，不能任职。", field="member")
        if locked[each.organization.pk].dissolved_on:
            raise BadAppointment(f"{each.organization}已撤销。", field="organization")
        if each.role is Role.HELPER and not each.helped:
            raise BadAppointment("帮学人要写明帮助哪些党员。", field="helped")
    return _appoint(wanted, since=since, by=by, at=at)


def _locked(organizations: Iterable[Organization]) -> dict[int, Organization]:
    rows = Organization.objects.select_for_update(no_key=True).order_by("pk")
    return rows.in_bulk(sorted({organization.pk for organization in organizations}))


@transaction.atomic
def act_for(
    member: Member, branch: Organization, *, since: date, by: Actor, at: datetime
) -> Appointment:
    """代管: somebody of the parent acts as secretary of a branch that has none.

    Raises BadAppointment when the branch has a secretary, or the person's own organisation does
    not stand below the branch's parent.
    """
    branch = _locked([branch])[branch.pk]
    if not branch.is_branch or branch.dissolved_on:
        raise BadAppointment(f"{branch}不是现有的党支部，不能代管。", field="organization")
    if secretaries(branch, on=since).exists():
        raise BadAppointment(f"{branch}现有支部书记，不需要代管。", field="organization")
    parent = branch.parent
    if parent is None or not (member.branch and member.branch.path.startswith(parent.path)):
        raise BadAppointment(f"{member.name}不在{branch}的上级党组织，不能代管。", field="member")
    wanted = Wanted(member, Role.SECRETARY, branch)
    return _appoint([wanted], since=since, by=by, at=at, acting=True)[0]


@transaction.atomic
def end(appointment: Appointment, *, on: date, by: Actor, at: datetime) -> Appointment:
    """End an appointment: `on` is the first day without it."""
    if appointment.until is not None:
        return appointment
    appointment.until = max(on, appointment.since)
    appointment.save(update_fields=["until"])
    audit.record(
        AuditEvent.Event.APPOINTMENT_ENDED,
        by=by,
        at=at,
        on=appointment.organization,
        subject=str(appointment),
    )
    return appointment


def end_all(held: AppointmentQuerySet, *, on: date, by: Actor, at: datetime) -> None:
    """End open appointments, because the person or the organisation goes: `on` is the first day
    without them, or the day on which a later one began."""
    found = list(held.filter(until=None).select_related("organization", "member").order_by("pk"))
    for appointment in found:
        appointment.until = max(on, appointment.since)
    Appointment.objects.bulk_update(found, ["until"], batch_size=500)
    audit.record_many(
        audit.event(
            AuditEvent.Event.APPOINTMENT_ENDED,
            by=by,
            at=at,
            on=appointment.organization,
            subject=str(appointment),
        )
        for appointment in found
    )


def secretaries(organization: Organization, *, on: date) -> AppointmentQuerySet:
    """Appointments of those who run the organisation on a day, acting ones included."""
    return (
        Appointment.objects.on(on)
        .filter(organization=organization, role=Role.SECRETARY)
        .select_related("member")
    )


def _appoint(
    wanted: Sequence[Wanted], *, since: date, by: Actor, at: datetime, acting: bool = False
) -> list[Appointment]:
    """Make the appointments that are not there, in locked organisations."""
    held = Appointment.objects.filter(until=None)
    people = sorted({w.member.pk for w in wanted})
    found: dict[tuple[int, str, int], Appointment] = {}
    for start in range(0, len(people), BATCH):
        rows = held.filter(member__in=people[start : start + BATCH])
        found |= {(a.member_id, a.role, a.organization_id): a for a in rows}
    fresh: dict[tuple[int, str, int], Appointment] = {}
    for w in wanted:
        if w.place not in found:
            fresh[w.place] = Appointment(
                member=w.member,
                role=w.role,
                organization=w.organization,
                since=since,
                acting=acting,
            )
    Appointment.objects.bulk_create(fresh.values(), batch_size=BATCH)
    found |= fresh
    for w in wanted:
        if w.helped:
            found[w.place].helped.add(*w.helped)
    days = {"since": since.isoformat(), "today": timezone.localdate(at).isoformat()}
    audit.record_many(
        audit.event(
            AuditEvent.Event.APPOINT, by=by, at=at, on=made.organization, subject=str(made),
            detail=days,
        )
        for made in fresh.values()
    )  # fmt: skip
    return [found[w.place] for w in wanted]
