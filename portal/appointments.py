"""Verbs on roles: appoint, end, hand over, act for (代管).

No standing branch is left without a secretary: who ends the last one names the successor, or the
parent acts for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from portal import audit
from portal.audit import Actor
from portal.models import PATH_STEP, Appointment, AuditEvent, Member, Organization, Role
from portal.querysets import AppointmentQuerySet
from portal.refusals import Refusal

BATCH = 500  # rows read or written at once
BRANCH_ROLES = frozenset({Role.HELPER, Role.ORGANISER, Role.SECRETARY})


class BadAppointment(Refusal):
    """The role does not fit the organisation or the person."""


class LastSecretary(BadAppointment):
    """A branch that stands would be left without a secretary."""


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
    made = _appoint(wanted, since=since, by=by, at=at)
    seated = {w.organization.pk for w in wanted if w.role is Role.SECRETARY}
    if seated:  # the parent acts no longer where there is a secretary
        acting = Appointment.objects.filter(acting=True, organization__in=seated, since__lte=since)
        _end_rows(acting.filter(until=None), on=since, by=by, at=at)
    return made


def _locked(organizations: Iterable[Organization]) -> dict[int, Organization]:
    rows = Organization.objects.select_for_update(no_key=True).order_by("pk")
    return rows.in_bulk(sorted({organization.pk for organization in organizations}))


@transaction.atomic
def act_for(
    member: Member, branch: Organization, *, since: date, by: Actor, at: datetime
) -> Appointment:
    """代管: somebody of the parent acts as secretary of a branch that has none.

    Raises BadAppointment when the branch has a secretary, or the person neither belongs below the
    branch's parent nor is an official of what stands above the branch.
    """
    branch = _locked([branch])[branch.pk]
    if not branch.is_branch or branch.dissolved_on:
        raise BadAppointment(f"{branch}不是现有的党支部，不能代管。", field="organization")
    if secretaries(branch, on=since).exists():
        raise BadAppointment(f"{branch}现有支部书记，不需要代管。", field="organization")
    parent = branch.parent
    near = parent and member.branch and member.branch.path.startswith(parent.path)
    if not (member.is_active and (near or officials_above(branch).filter(member=member).exists())):
        raise BadAppointment(f"{member.name}不在{branch}的上级党组织，不能代管。", field="member")
    wanted = Wanted(member, Role.SECRETARY, branch)
    return _appoint([wanted], since=since, by=by, at=at, acting=True)[0]


@transaction.atomic
def act_again(
    member: Member, branch: Organization, *, since: date, by: Actor, at: datetime
) -> Appointment:
    """代管 as before: instead of whoever acts for the branch now. The caller has seen to it that
    it has no secretary of its own."""
    branch = _locked([branch])[branch.pk]
    acting = Appointment.objects.filter(organization=branch, acting=True, until=None)
    _end_rows(acting.exclude(member=member), on=since, by=by, at=at)
    wanted = Wanted(member, Role.SECRETARY, branch)
    return _appoint([wanted], since=since, by=by, at=at, acting=True)[0]


@transaction.atomic
def end(appointment: Appointment, *, on: date, by: Actor, at: datetime) -> Appointment:
    """End an appointment: `on` is the first day without it.

    Raises LastSecretary when a branch that stands would be left without one.
    """
    _lock_secretaries([appointment.organization_id])
    appointment.refresh_from_db(fields=["until"])
    if appointment.until is not None:
        return appointment
    where, day = appointment.organization, max(on, appointment.since)
    if appointment.role == Role.SECRETARY and _bereft(where, day, without=appointment):
        raise LastSecretary(
            f"{where}只有这一位支部书记，请办理交接：同日任命接任者，或由上级代管。"
        )
    _end_rows(Appointment.objects.filter(pk=appointment.pk), on=on, by=by, at=at)
    appointment.refresh_from_db(fields=["until"])
    return appointment


@transaction.atomic
def hand_over(
    appointment: Appointment,
    successor: Member,
    *,
    on: date,
    by: Actor,
    at: datetime,
    acting: bool = False,
) -> Appointment:
    """End a secretary's appointment and appoint the successor, or who acts for the branch (代管),
    on the same day. Returns the new appointment.

    Raises BadAppointment when it is over already, or for a day before it began.
    """
    where = _locked([appointment.organization])[appointment.organization_id]
    _lock_secretaries([where.pk])
    appointment.refresh_from_db(fields=["until"])
    if appointment.role != Role.SECRETARY or appointment.until is not None:
        raise BadAppointment(f"{appointment}已经免去，不需要交接。")
    if on < appointment.since:
        raise BadAppointment(f"{appointment.since} 才任职，交接日期不能更早。", field="on")
    if successor.pk == appointment.member_id and acting == appointment.acting:
        raise BadAppointment("接任者就是现任书记本人。", field="member")
    _end_rows(Appointment.objects.filter(pk=appointment.pk), on=on, by=by, at=at)
    if acting:
        return act_for(successor, where, since=on, by=by, at=at)
    made = appoint(successor, Role.SECRETARY, where, since=on, by=by, at=at)
    if made.since > on:
        raise BadAppointment(
            f"{successor.name}自 {made.since} 起才任书记，请改交接日期。", field="on"
        )
    return made


def end_all(
    held: AppointmentQuerySet, *, on: date, by: Actor, at: datetime, stand_in: bool = True
) -> None:
    """End open appointments, because the person or the organisation goes: `on` is the first day
    without them, or the day on which a later one began.

    stand_in: an official of what stands above acts for each branch that is left without a
    secretary. Raises LastSecretary where there is none.
    """
    places = held.filter(until=None, role=Role.SECRETARY).values_list("organization", flat=True)
    _lock_secretaries(list(places))
    ended = _end_rows(held.filter(until=None), on=on, by=by, at=at)
    left = {a.organization_id: a for a in ended if a.role == Role.SECRETARY and stand_in}
    for appointment in left.values():
        if _bereft(appointment.organization, on, without=appointment):
            _stand_in(appointment.organization, on=on, by=by, at=at)


def _end_rows(rows: AppointmentQuerySet, *, on: date, by: Actor, at: datetime) -> list[Appointment]:
    found = list(rows.select_related("organization", "member").order_by("pk"))
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
    return found


def _lock_secretaries(organizations: Collection[int]) -> None:
    """Of two secretaries of one branch who end at the same moment, the second sees the first gone.
    No organisation is locked here: what follows a transfer locks the programmes after this."""
    held = Appointment.objects.filter(organization__in=organizations, role=Role.SECRETARY)
    list(held.filter(until=None).select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def _bereft(where: Organization, day: date, *, without: Appointment) -> bool:
    """Whether a standing branch would have no secretary from `day` on."""
    if not where.is_branch or where.dissolved_on:
        return False
    others = Appointment.objects.filter(organization=where, role=Role.SECRETARY, until=None)
    return not others.filter(since__lte=day).exclude(pk=without.pk).exists()


def officials_above(branch: Organization) -> AppointmentQuerySet:
    """Open appointments of officials of what stands above a branch."""
    above = [branch.path[:n] for n in range(PATH_STEP, len(branch.path), PATH_STEP)]
    held = Appointment.objects.filter(role=Role.OFFICIAL, until=None, member__is_active=True)
    held = held.filter(organization__path__in=above)
    return held.select_related("member", "organization").order_by("-organization__path", "pk")


def _stand_in(branch: Organization, *, on: date, by: Actor, at: datetime) -> Appointment:
    """代管 by the nearest official above, rather another than who acts just now."""
    officials = officials_above(branch).filter(since__lte=timezone.localdate(at))
    own = getattr(by.member, "pk", 0)  # commands act for nobody
    nearest = sorted(
        officials,
        key=lambda a: (-len(a.organization.path), a.member_id == own, a.pk),
    )
    if not nearest:
        raise LastSecretary(
            f"{branch}将没有支部书记，上级也没有机关干部可以代管；请先在{branch}的页面任命接任者。"
        )
    wanted = Wanted(nearest[0].member, Role.SECRETARY, branch)
    return _appoint([wanted], since=on, by=by, at=at, acting=True)[0]


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
