"""Verbs that change what a branch is made of: merge, divide, dissolve.

Hours follow the person; sheets, postings and bulletins of the past stay where they were. Locks:
what follows the tree (the programmes) → organisations by id → people by id → stays by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from portal import appointments, audit, followers, members, mobile_stays, organizations
from portal.audit import Actor
from portal.models import Appointment, AuditEvent, Member, Membership, Organization, Role
from portal.organizations import CannotMove, Founding
from portal.refusals import Refusal

# 《支部工作条例（试行）》 article 5 and 《基层组织工作条例》: full members of a branch, people of a
# branch, of a general branch, of a committee. Warnings, never blocks.
FEWEST_FULL, MOST_IN_BRANCH, FEWEST_GENERAL, FEWEST_COMMITTEE = 3, 50, 50, 100


class NotEmpty(Refusal):
    """Something still hangs on the organisation."""


class BadDivision(Refusal):
    """The people chosen cannot make a branch of their own."""


@dataclass(frozen=True)
class Part:
    """A new branch made out of another: its code and name, who goes there, who leads it."""

    code: str
    name: str
    people: Sequence[Member]
    short_name: str = ""
    secretary: Member | None = None


@transaction.atomic
def merge(
    source: Organization, into: Organization, *, on: date, by: Actor, at: datetime
) -> Organization:
    """Merge one branch into another: its members move over on `on`, and the mobile members whom it
    hosts are the other branch's; then it is dissolved.

    Its sheets, postings and bulletins of the past stay as they are; what it left open is finished
    by the other branch's secretary.
    """
    if not (source.is_branch and into.is_branch) or source.pk == into.pk:
        raise CannotMove("只有两个不同的党支部可以合并。", field="into")
    followers.tell([followers.TreeAhead()], by=by, at=at)
    for each in sorted([source, into], key=lambda o: o.pk):
        organizations.check_standing(organizations.locked(each))
    _check_day(source, on, at)
    followers.tell([followers.BranchEnding(source, into)], by=by, at=at)
    _end_appointments(source, on=on, by=by, at=at)
    people = Member.objects.in_branch(source).order_by("pk")
    members.transfer_many(
        [members.Move(person, into, on, merged=True) for person in people], by=by, at=at
    )
    mobile_stays.hand_on(source, into, by=by, at=at)
    return _end(source, on=on, into=into, by=by, at=at)


@transaction.atomic
def divide(
    source: Organization, parts: Sequence[Part], *, on: date, by: Actor, at: datetime
) -> list[Organization]:
    """Make new branches out of a branch: those chosen belong to them from `on` on; whoever is not
    chosen stays, and so does all that the branch did and has open.

    Raises BadDivision for people who do not belong to it, stand in two parts, or leave nobody
    behind; CannotMove for what is no standing branch.
    """
    followers.tell([followers.TreeAhead()], by=by, at=at)
    source = organizations.locked(source)
    organizations.check_standing(source)
    if not source.is_branch or source.parent is None:
        raise CannotMove(f"{source}不是党支部，不能分设。")
    _check_day(source, on, at)
    chosen = [person.pk for part in parts for person in part.people]
    here = set(Member.objects.in_branch(source).values_list("pk", flat=True))
    if not parts or not all(part.people for part in parts):
        raise BadDivision("请勾选要编入新支部的党员。", field="people")
    if len(set(chosen)) != len(chosen) or not set(chosen) <= here:
        raise BadDivision(f"有人已不在{source}，或重复勾选，请核对。", field="people")
    if set(chosen) == here:
        raise BadDivision(f"{source}不能一个人也不留；全部转出请用更名或并入。", field="people")
    for part in parts:
        if part.secretary and part.secretary.pk not in {p.pk for p in part.people}:
            raise BadDivision("新支部的书记要在编入新支部的党员中选。", field="secretary")
    made = organizations.found_many(
        [
            Founding(
                part.code,
                part.name,
                Organization.Kind.BRANCH,
                source.parent,
                on,
                short_name=part.short_name,
            )
            for part in parts
        ],
        by=by,
        at=at,
    )
    moves = [
        members.Move(person, branch, on)
        for part, branch in zip(parts, made, strict=True)
        for person in part.people
    ]
    members.transfer_many(moves, by=by, at=at)
    for part, branch in zip(parts, made, strict=True):
        if part.secretary:
            appointments.appoint(part.secretary, Role.SECRETARY, branch, since=on, by=by, at=at)
    names = "、".join(part.name for part in parts)
    _record(source, f"{source}分设：{names}", by=by, at=at)
    return made


@transaction.atomic
def dissolve(organization: Organization, *, on: date, by: Actor, at: datetime) -> Organization:
    """Dissolve an organisation without members and without standing organisations below it.

    Raises NotEmpty with the number of what is still there; followers refuse what nobody could
    finish any more.
    """
    organizations.check_standing(organizations.locked(organization))
    _check_day(organization, on, at)
    _check_empty(organization)
    followers.tell([followers.BranchEnding(organization, None)], by=by, at=at)
    _end_appointments(organization, on=on, by=by, at=at)
    return _end(organization, on=on, into=None, by=by, at=at)


def size_warnings(name: str, kind: str, *, full: int, people: int) -> list[str]:
    """What an organisation's size would say against it, with `full` full members of `people`."""
    kinds, said = Organization.Kind, []
    if kind == kinds.BRANCH and full < FEWEST_FULL:
        said.append(f"{name}正式党员 {full} 名，不足 {FEWEST_FULL} 名，一般应联合成立党支部。")
    if kind == kinds.BRANCH and people > MOST_IN_BRANCH:
        said.append(f"{name}党员 {people} 名，超过 {MOST_IN_BRANCH} 名，一般应分设。")
    if kind == kinds.GENERAL and people < FEWEST_GENERAL:
        said.append(f"{name}党员 {people} 名，不足 {FEWEST_GENERAL} 名，一般不设党总支。")
    if kind in (kinds.COMMITTEE, kinds.WORK) and people < FEWEST_COMMITTEE:
        said.append(f"{name}党员 {people} 名，不足 {FEWEST_COMMITTEE} 名，一般不设基层党委。")
    return said


def _check_day(organization: Organization, on: date, at: datetime) -> None:
    if on > timezone.localdate(at):
        raise CannotMove(f"变动日期 {on} 还没有到。", field="on")
    if on < organization.founded_on:
        raise CannotMove(f"{organization}{organization.founded_on} 才成立。", field="on")
    later = Membership.objects.filter(branch=organization).exclude(until=None)
    last = later.filter(until__gt=on).order_by("-until").first()
    if last:
        raise CannotMove(
            f"{last.member.name}到 {last.until} 才离开{organization}，变动日期不能早于这一天。",
            field="on",
        )


def _check_empty(organization: Organization) -> None:
    people = Member.objects.in_branch(organization).count()
    if people:
        raise NotEmpty(f"{organization}还有 {people} 名党员，请先转出或合并。")
    below = Organization.objects.standing().below(organization).exclude(pk=organization.pk).count()
    if below:
        raise NotEmpty(f"{organization}下面还有 {below} 个党组织，请先划转或撤销。")


def _end_appointments(organization: Organization, *, on: date, by: Actor, at: datetime) -> None:
    held = Appointment.objects.filter(organization=organization)
    appointments.end_all(held, on=on, by=by, at=at, stand_in=False)


def _end(
    organization: Organization, *, on: date, into: Organization | None, by: Actor, at: datetime
) -> Organization:
    organization = organizations.locked(organization)
    _check_empty(organization)
    organization.dissolved_on = on
    organization.merged_into = into
    organization.save(update_fields=["dissolved_on", "merged_into"])
    what = f"并入{into}" if into else "撤销"
    _record(organization, f"{organization}{what}", by=by, at=at)
    return organization


def _record(organization: Organization, subject: str, *, by: Actor, at: datetime) -> None:
    audit.record(AuditEvent.Event.ORGANIZATION, by=by, at=at, on=organization, subject=subject)
