"""Corrections of what the register says of people; each tells the followers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from portal import audit, followers, name_index, set_wise
from portal.audit import Actor
from portal.members import lock
from portal.models import AuditEvent, Member, Membership

MENDABLE = ("name", "status", "category", "phone", "joined_on")


@dataclass(frozen=True)
class Mending:
    """One correction of the register: new values by field name, perhaps another group."""

    member: Member
    values: Mapping[str, object]
    group: str | None = None


def mend(
    member: Member, values: dict[str, object], *, by: Actor, at: datetime, group: str | None = None
) -> Member:
    """Correct what the register says of one person; see `mend_many`."""
    return mend_many([Mending(member, values, group)], by=by, at=at)[0]


@transaction.atomic
def mend_many(mendings: Sequence[Mending], *, by: Actor, at: datetime) -> list[Member]:
    """Correct what the register says of people: name, status, category, phone, day of joining.

    Certificates and bulletins already issued keep what they said.
    """
    open_ = lock([m.member for m in mendings])
    events: list[AuditEvent] = []
    renamed: list[Member] = []
    changes: list[followers.Change] = []
    memberships: list[Membership] = []
    for mending in mendings:
        member, before = mending.member, mending.member.name
        changed = _set(member, mending.values)
        membership = open_.get(member.pk)
        branch = membership.branch if membership else None
        if mending.group is not None and membership and membership.group != mending.group:
            membership.group = mending.group
            memberships.append(membership)
            changed.append("group")
        if not changed:
            continue
        subject = f"{before}更名为{member.name}" if "name" in changed else f"{before}信息更正"
        event = audit.event(AuditEvent.Event.MEMBERSHIP, by=by, at=at, on=branch, subject=subject)
        event.detail = {"fields": changed}
        events.append(event)
        renamed += [member] if "name" in changed else []
        if {"category", "joined_on"} & set(changed) and branch:
            day = timezone.localdate(at)
            changes.append(followers.PersonChange(member, branch, branch, day))
    people = [m.member for m in mendings]
    told = [(*(getattr(person, name) for name in MENDABLE), person.pk) for person in people]
    set_wise.update_by_id(Member, MENDABLE, told)
    set_wise.update_by_id(Membership, ["group"], [(m.group, m.pk) for m in memberships])
    name_index.rewrite(renamed)
    audit.record_many(events)
    followers.tell(changes, by=by, at=at)
    return people


def _set(member: Member, values: Mapping[str, object]) -> list[str]:
    """Set the mendable fields that differ; returns their names."""
    changed = [f for f in MENDABLE if f in values and getattr(member, f) != values[f]]
    for name in changed:
        setattr(member, name, values[name])
    return changed
