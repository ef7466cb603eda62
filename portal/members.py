"""Verbs on people: enrol, transfer, leave, readmit; each tells the followers. What the register
says of them is mended by mending.py.

Every verb has one bulk form that does the work; the single form is a batch of one. Imports, merges
and the seed call the bulk forms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.hashers import make_password
from django.db import DEFAULT_DB_ALIAS, transaction
from django.utils import timezone

from portal import appointments, audit, followers, mobile_stays, name_index, set_wise
from portal.audit import Actor
from portal.models import (
    Appointment,
    AuditEvent,
    Member,
    Membership,
    MobileStay,
    Organization,
)
from portal.models.member import new_key
from portal.refusals import Refusal


class NumberTaken(Refusal):
    """Another member has this number."""


class NotThere(Refusal):
    """The branch takes nobody, or the member belongs to none."""


class BadDay(Refusal):
    """The day of the change does not fit what is known."""


@dataclass(frozen=True)
class Enrolment:
    """What is known of a person who enters the register on `day`.

    `password` is an encoded hash (demonstrations only); without it a slip opens the account.
    """

    number: str
    name: str
    branch: Organization
    day: date
    group: str = ""
    status: str = Member.Status.FULL
    category: str = Member.Category.EMPLOYED
    phone: str = ""
    joined_on: date | None = None
    key: str = ""
    password: str = ""


@dataclass(frozen=True)
class Move:
    """One transfer: `member` belongs to `branch` from `day` on."""

    member: Member
    branch: Organization
    day: date
    group: str = ""
    merged: bool = False


@dataclass(frozen=True)
class Departure:
    """One departure: `member` belongs nowhere from `day` on."""

    member: Member
    day: date
    how: str = Membership.Ended.LEFT


def enrol(enrolment: Enrolment, *, by: Actor, at: datetime) -> Member:
    """Enter one person into the register of a branch; see `enrol_many`."""
    return enrol_many([enrolment], by=by, at=at)[0]


@transaction.atomic
def enrol_many(
    enrolments: Sequence[Enrolment], *, by: Actor, at: datetime, audited: bool = True
) -> list[Member]:
    """Enter people into the register, all or nobody.

    Raises NumberTaken naming the numbers, NotThere for what is no standing branch, BadDay for a
    day to come.
    """
    numbers = Counter(e.number for e in enrolments)
    numbers.update(_in_chunks(list(numbers)))
    doubled = [number for number, times in numbers.items() if times > 1]
    if doubled:
        raise NumberTaken(f"党员编号已被使用：{'、'.join(sorted(doubled)[:5])}。", field="number")
    for branch in {e.branch for e in enrolments}:
        _check_branch(branch)
    _check_days((e.day for e in enrolments), at)
    people = _write(enrolments)
    name_index.write(people)
    if audited:
        audit.record_many(
            audit.event(
                AuditEvent.Event.MEMBERSHIP, by=by, at=at, on=e.branch, subject=f"{e.name}入册"
            )
            for e in enrolments
        )
    followers.tell([followers.PeopleEntered([p.pk for p in people])], by=by, at=at)
    return people


PERSON = [
    "id", "password", "key", "number", "name", "branch", "status", "category", "phone", "email",
    "joined_on", "is_active", "sessions_epoch",
]  # fmt: skip
BELONGS = ["member", "branch", "group", "since", "began", "ended"]


def _write(enrolments: Sequence[Enrolment]) -> list[Member]:
    """The rows of people and of their first memberships, a batch at once."""
    unusable = make_password(None)
    people = [
        Member(
            pk=pk,
            number=e.number,
            name=e.name,
            branch=e.branch,
            status=e.status,
            category=e.category,
            phone=e.phone,
            joined_on=e.joined_on,
            key=e.key or new_key(),
            password=e.password or unusable,
        )
        for pk, e in zip(set_wise.next_ids(Member, len(enrolments)), enrolments, strict=True)
    ]
    set_wise.insert(Member, PERSON, (_values(person) for person in people))
    began = Membership.Began.ENROLLED
    set_wise.insert(
        Membership,
        BELONGS,
        (
            (person.pk, e.branch.pk, e.group, e.day, began, "")
            for person, e in zip(people, enrolments, strict=True)
        ),
    )
    for person in people:
        person._state.adding, person._state.db = False, DEFAULT_DB_ALIAS
    return people


def _values(p: Member) -> tuple[object, ...]:
    return (
        p.pk, p.password, p.key, p.number, p.name, p.branch_id, p.status, p.category, p.phone,
        p.email, p.joined_on, p.is_active, p.sessions_epoch,
    )  # fmt: skip


def transfer(
    member: Member, branch: Organization, *, on: date, by: Actor, at: datetime, group: str = ""
) -> Member:
    """Transfer one person's membership (转接组织关系); see `transfer_many`."""
    return transfer_many([Move(member, branch, on, group)], by=by, at=at)[0]


@transaction.atomic
def transfer_many(moves: Sequence[Move], *, by: Actor, at: datetime) -> list[Member]:
    """Transfer memberships, all or none; hours follow the person, sheets of the past stay.

    Raises NotThere without an open membership or for a branch that takes nobody, BadDay before
    the present membership began or for a day to come.
    """
    open_ = lock([m.member for m in moves])
    _check_days((m.day for m in moves), at)
    for branch in {m.branch for m in moves}:
        _check_branch(branch)
    changes: list[followers.Change] = []
    ended: list[tuple[date, str, int]] = []
    for move in moves:
        membership = _open_of(open_, move.member, move.day)
        if membership.branch_id == move.branch.pk:
            raise NotThere(f"{move.member.name}已经在{move.branch}。", field="branch")
        how = Membership.Ended.MERGED if move.merged else Membership.Ended.TRANSFERRED
        ended.append((move.day, how, membership.pk))
        changes.append(
            followers.PersonChange(move.member, membership.branch, move.branch, move.day)
        )
    set_wise.update_by_id(Membership, ["until", "ended"], ended)
    Membership.objects.bulk_create(
        [
            Membership(
                member=m.member,
                branch=m.branch,
                group=m.group,
                since=m.day,
                began=Membership.Began.MERGED if m.merged else Membership.Began.TRANSFERRED,
            )
            for m in moves
        ]
    )
    _end_branch_roles(moves, open_, by=by, at=at)
    gone = {m.member.pk: m.day for m in moves if not m.merged}
    mobile_stays.end_with(gone, MobileStay.Ended.TRANSFERRED)
    for move in moves:
        move.member.branch = move.branch
    set_wise.update_by_id(Member, ["branch"], [(m.branch.pk, m.member.pk) for m in moves])
    audit.record_many(
        audit.event(
            AuditEvent.Event.MEMBERSHIP,
            by=by,
            at=at,
            on=m.branch,
            subject=f"{m.member.name}转入{m.branch.short_name}",
        )
        for m in moves
    )
    followers.tell(changes, by=by, at=at)
    return [m.member for m in moves]


def _end_branch_roles(
    moves: Sequence[Move], open_: Mapping[int, Membership], *, by: Actor, at: datetime
) -> None:
    """Who goes to another branch is no longer secretary, organiser or helper of the old one,
    unless acting for it (代管)."""
    roles = Appointment.objects.filter(
        member__in=[m.member for m in moves],
        role__in=appointments.BRANCH_ROLES,
        acting=False,
        until=None,
    )
    busy = set(roles.values_list("member_id", "organization_id"))
    for move in moves:
        left = open_[move.member.pk].branch_id
        if (move.member.pk, left) in busy:
            own = roles.filter(member=move.member, organization=left)
            appointments.end_all(own, on=move.day, by=by, at=at)


def leave(
    member: Member, *, on: date, by: Actor, at: datetime, how: str = Membership.Ended.LEFT
) -> Member:
    """Take one person off the register; see `leave_many`."""
    return leave_many([Departure(member, on, how)], by=by, at=at)[0]


@transaction.atomic
def leave_many(departures: Sequence[Departure], *, by: Actor, at: datetime) -> list[Member]:
    """End memberships and appointments; what the people studied stays in every book.

    Raises NotThere without an open membership, BadDay as for transfers.
    """
    open_ = lock([d.member for d in departures])
    _check_days((d.day for d in departures), at)
    changes: list[followers.Change] = []
    ended: list[tuple[date, str, int]] = []
    for departure in departures:
        membership = _open_of(open_, departure.member, departure.day)
        ended.append((departure.day, departure.how, membership.pk))
        departure.member.branch = None
        departure.member.is_active = False
        changes.append(
            followers.PersonChange(departure.member, membership.branch, None, departure.day)
        )
    people = [d.member for d in departures]
    set_wise.update_by_id(Membership, ["until", "ended"], ended)
    gone = [(None, False, person.pk) for person in people]
    set_wise.update_by_id(Member, ["branch", "is_active"], gone)
    mobile_stays.end_with({d.member.pk: d.day for d in departures}, MobileStay.Ended.LEFT)
    held = Appointment.objects.filter(member__in=people, until=None)
    busy = set(held.values_list("member_id", flat=True))
    for departure in departures:
        if departure.member.pk in busy:
            own = held.filter(member=departure.member)
            appointments.end_all(own, on=departure.day, by=by, at=at)
    audit.record_many(
        audit.event(
            AuditEvent.Event.MEMBERSHIP,
            by=by,
            at=at,
            on=open_[d.member.pk].branch,
            subject=f"{d.member.name}离开（{Membership.Ended(d.how).label}）",
        )
        for d in departures
    )
    followers.tell(changes, by=by, at=at)
    return people


def readmit(
    member: Member, branch: Organization, *, on: date, by: Actor, at: datetime, group: str = ""
) -> Member:
    """Enter somebody anew who had left; see `readmit_many`."""
    return readmit_many([Move(member, branch, on, group)], by=by, at=at)[0]


@transaction.atomic
def readmit_many(returns: Sequence[Move], *, by: Actor, at: datetime) -> list[Member]:
    """Enter people anew who had left, all or none; number, key and hours are the old ones.

    Raises NotThere when one still belongs somewhere or a branch takes nobody, BadDay before the
    day on which one left.
    """
    people = [r.member for r in returns]
    open_ = lock(people)
    for person in people:
        if person.pk in open_:
            raise NotThere(f"{person.name}的组织关系还在{open_[person.pk].branch}，请办理转接。")
    for branch in {r.branch for r in returns}:
        _check_branch(branch)
    _check_days((r.day for r in returns), at)
    ended = Membership.objects.filter(member__in=people).exclude(until=None)
    left = dict(ended.order_by("until").values_list("member", "until"))
    for back in returns:
        last = left.get(back.member.pk)
        if last and last > back.day:
            raise BadDay(
                f"{back.member.name}到{last}才离开原支部，不能在{back.day}重新入册。", field="on"
            )
    Membership.objects.bulk_create(
        Membership(member=r.member, branch=r.branch, group=r.group, since=r.day,
                   began=Membership.Began.ENROLLED)
        for r in returns
    )  # fmt: skip
    for back in returns:
        back.member.branch, back.member.is_active = back.branch, True
    here = [(r.branch.pk, True, r.member.pk) for r in returns]
    set_wise.update_by_id(Member, ["branch", "is_active"], here)
    audit.record_many(
        audit.event(
            AuditEvent.Event.MEMBERSHIP,
            by=by,
            at=at,
            on=r.branch,
            subject=f"{r.member.name}重新入册",
        )
        for r in returns
    )
    changes = [followers.PersonChange(r.member, None, r.branch, r.day) for r in returns]
    followers.tell(changes, by=by, at=at)
    return people


def _in_chunks(numbers: Sequence[str]) -> Iterable[str]:
    for start in range(0, len(numbers), 1000):
        chunk = numbers[start : start + 1000]
        yield from Member.objects.filter(number__in=chunk).values_list("number", flat=True)


def lock(people: Sequence[Member]) -> dict[int, Membership]:
    """Lock the people by id and return their open memberships by member id."""
    keys = sorted({p.pk for p in people})
    open_: dict[int, Membership] = {}
    for start in range(0, len(keys), 1000):
        chunk = keys[start : start + 1000]
        rows = Member.objects.select_for_update(no_key=True).filter(pk__in=chunk).order_by("pk")
        list(rows.values_list("pk"))
        found = Membership.objects.open().filter(member__in=chunk).select_related("branch")
        open_ |= {m.member_id: m for m in found}
    return open_


def _open_of(open_: dict[int, Membership], member: Member, day: date) -> Membership:
    membership = open_.get(member.pk)
    if membership is None:
        raise NotThere(f"{member.name}当前没有组织关系。")
    if day < membership.since:
        raise BadDay(
            f"{member.name}从{membership.since}起才在{membership.branch}，变动日期不能更早。",
            field="on",
        )
    return membership


def _check_branch(branch: Organization) -> None:
    if not branch.is_branch:
        raise NotThere(f"{branch}不是党支部，党员要编入党支部。", field="branch")
    if branch.dissolved_on:
        raise NotThere(f"{branch}已于{branch.dissolved_on}撤销。", field="branch")


def _check_days(days: Iterable[date], at: datetime) -> None:
    today = timezone.localdate(at)
    for day in days:
        if day > today:
            raise BadDay(f"变动日期 {day} 还没有到。", field="on")
