"""Verbs on roles: appoint, end, act for (代管)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from portal import audit
from portal.audit import Actor
from portal.models import Appointment, AuditEvent, Member, Organization, Role
from portal.querysets import AppointmentQuerySet
from portal.refusals import Refusal

BRANCH_ROLES = frozenset({Role.HELPER, Role.ORGANISER, Role.SECRETARY})


class BadAppointment(Refusal):
    """The role does not fit the organisation or the person."""


@transaction.atomic
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
    """Give a person a role in an organisation from `since` on.

    A second call for the same role changes nothing. Raises BadAppointment when a helper has
    nobody to help, or the person has left, or the organisation is dissolved.
    """
    organization = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if not member.is_active:
        raise BadAppointment(f"{member.name}已不在册，不能任职。", field="member")
    if organization.dissolved_on:
        raise BadAppointment(f"{organization}已撤销。", field="organization")
    if role is Role.HELPER and not helped:
        raise BadAppointment("帮学人要写明帮助哪些党员。", field="helped")
    return _appoint(member, role, organization, since=since, by=by, at=at, helped=helped)


@transaction.atomic
def act_for(
    member: Member, branch: Organization, *, since: date, by: Actor, at: datetime
) -> Appointment:
    """代管: somebody of the parent acts as secretary of a branch that has none.

    Raises BadAppointment when the branch has a secretary, or the person's own organisation does
    not stand below the branch's parent.
    """
    branch = Organization.objects.select_for_update(no_key=True).get(pk=branch.pk)
    if not branch.is_branch or branch.dissolved_on:
        raise BadAppointment(f"{branch}不是现有的党支部，不能代管。", field="organization")
    if secretaries(branch, on=since).exists():
        raise BadAppointment(f"{branch}现有支部书记，不需要代管。", field="organization")
    parent = branch.parent
    if parent is None or not (member.branch and member.branch.path.startswith(parent.path)):
        raise BadAppointment(f"{member.name}不在{branch}的上级党组织，不能代管。", field="member")
    return _appoint(member, Role.SECRETARY, branch, since=since, by=by, at=at, acting=True)


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
    member: Member,
    role: Role,
    organization: Organization,
    *,
    since: date,
    by: Actor,
    at: datetime,
    helped: Collection[Member] = (),
    acting: bool = False,
) -> Appointment:
    appointment, made = Appointment.objects.get_or_create(
        member=member,
        role=role,
        organization=organization,
        until=None,
        defaults={"since": since, "acting": acting},
    )
    if helped:
        appointment.helped.add(*helped)
    if made:
        audit.record(
            AuditEvent.Event.APPOINT,
            by=by,
            at=at,
            on=organization,
            subject=str(appointment),
            detail={"since": since.isoformat(), "today": timezone.localdate(at).isoformat()},
        )
    return appointment
