"""Study groups (流动党员学习群): set up, joined, left, handed over and ended.

Only mobile members are in one: those at home in what stands below its organisation, or hosted
there. A stay that ends takes nobody out; the page says so, and the organisation decides. Locks:
group → its robots → deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from courses.models import Delivery, GroupMember, StudyGroup
from courses.online_querysets import DeliveryQuerySet
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, MobileStay, Organization
from portal.querysets import MemberQuerySet, at_and_above, below
from portal.refusals import NotAllowed, Refusal

MOST = 500  # people of a group: as many as a chat group holds


class BadGroup(Refusal):
    """The group cannot be like that."""


class GroupEnded(Refusal):
    """The group has ended and takes nothing new."""

    message = "这个学习群已经结束，请刷新后再看。"


class NotMobileHere(Refusal):
    """Somebody is no mobile member, or none of this organisation's."""


@transaction.atomic
def set_up(
    organiser: Organization, *, name: str, leader: Member, plan: str = "", by: Actor, at: datetime
) -> StudyGroup:
    """Set up a group without people. Raises BadGroup."""
    if organiser.dissolved_on:
        raise BadGroup(f"{organiser}已经撤销，不能建群。")
    name, plan = _checked(organiser, name, plan)
    _check_leader(organiser, leader)
    group = StudyGroup.objects.create(
        organiser=organiser, name=name, leader=leader, plan=plan, made_by=by.member, made_at=at
    )
    _record(group, "建立", by=by, at=at, leader=leader.number)
    return group


@transaction.atomic
def mend(
    group: StudyGroup, *, name: str, leader: Member, plan: str, by: Actor, at: datetime
) -> StudyGroup:
    """Give a group another name, contact person or plan. Raises BadGroup, GroupEnded."""
    row = locked(group)
    name, plan = _checked(row.organiser, name, plan, but=row.pk)
    if leader.pk != row.leader_id:
        _check_leader(row.organiser.heir, leader)
    row.name, row.leader, row.plan = name, leader, plan
    row.save(update_fields=["name", "leader", "plan"])
    _record(row, "修改", by=by, at=at, leader=leader.number)
    return row


@transaction.atomic
def add(group: StudyGroup, members: Sequence[Member], *, by: Actor, at: datetime) -> int:
    """Take mobile members in, all or none; returns how many were not in already.

    Raises NotMobileHere by name, BadGroup where the group would be too large, GroupEnded.
    """
    row = locked(group)
    wanted = {member.pk: member for member in members}
    fit = set(candidates(row).filter(pk__in=wanted).values_list("pk", flat=True))
    strays = [member.name for pk, member in wanted.items() if pk not in fit]
    if strays:
        raise NotMobileHere(
            f"{'、'.join(strays[:5])}不是本组织管理或流入的流动党员，请先登记外出，再加入学习群。"
        )
    there = set(row.people.now().values_list("member", flat=True))
    fresh = [member for pk, member in wanted.items() if pk not in there]
    if len(there) + len(fresh) > MOST:
        raise BadGroup(f"一个学习群最多 {MOST} 人，请另建一个群。")
    GroupMember.objects.bulk_create(
        [GroupMember(group=row, member=member, since=at) for member in fresh]
    )
    if fresh:
        numbers = sorted(member.number for member in fresh)
        _record(row, f"加入 {len(fresh)} 人", by=by, at=at, members=numbers)
    return len(fresh)


@transaction.atomic
def take_out(rows: Sequence[GroupMember], *, by: Actor, at: datetime) -> int:
    """Take people out of a group; returns how many were in. Raises GroupEnded."""
    gone = 0
    for group in sorted({row.group for row in rows}, key=lambda g: g.pk):
        held = locked(group)
        own = held.people.now().filter(pk__in=[row.pk for row in rows])
        numbers = sorted(own.values_list("member__number", flat=True))
        if own.update(until=at):
            gone += len(numbers)
            _record(held, f"移出 {len(numbers)} 人", by=by, at=at, members=numbers)
    return gone


@transaction.atomic
def join(group: StudyGroup, *, by: Actor, at: datetime) -> StudyGroup:
    """Join a group by oneself; once is enough. Raises NotMobileHere, BadGroup, GroupEnded."""
    row = locked(group)
    if not candidates(row).filter(pk=by.member.pk).exists():
        raise NotMobileHere("只有登记了外出、由这个党组织管理或流入的流动党员可以加入。")
    there = row.people.now()
    if there.filter(member=by.member).exists():
        return row
    if there.count() >= MOST:
        raise BadGroup(f"{row}已满 {MOST} 人，请联系{row.leader.name}。")
    row.people.create(member=by.member, since=at)
    _record(row, "本人加入", by=by, at=at)
    return row


@transaction.atomic
def leave(group: StudyGroup, *, by: Actor, at: datetime) -> StudyGroup:
    """Leave a group by oneself; who has left already stays out."""
    row = locked(group)
    if row.people.now().filter(member=by.member).update(until=at):
        _record(row, "本人退出", by=by, at=at)
    return row


@transaction.atomic
def hand_over(group: StudyGroup, to: Member, *, by: Actor, at: datetime) -> StudyGroup:
    """The contact person hands the group over to somebody of it.

    Raises NotAllowed for anybody else, BadGroup for somebody who is not in it, GroupEnded.
    """
    row = locked(group)
    if row.leader_id != by.member.pk:
        raise NotAllowed("只有联系人自己可以把学习群交给别人。")
    if not row.people.now().filter(member=to, member__is_active=True).exists():
        raise BadGroup(f"{to.name}不在这个群里。", field="to")
    row.leader = to
    row.save(update_fields=["leader"])
    _record(row, "交接联系人", by=by, at=at, leader=to.number)
    return row


@transaction.atomic
def end(group: StudyGroup, *, by: Actor, at: datetime) -> StudyGroup:
    """End a group: nobody is in it any more, its robots are forgotten, what waits is not sent."""
    row = locked(group)
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    row.people.now().update(until=at)
    row.robots.alive().update(removed_at=at, address="", secret="")
    drop_waiting(Delivery.objects.filter(group=row), "学习群已经结束", at=at)
    _record(row, "结束", by=by, at=at)
    return row


def drop_waiting(rows: DeliveryQuerySet, why: str, *, at: datetime) -> None:
    """What waits among deliveries is not sent any more."""
    waiting = rows.filter(state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.DROPPED, due_at=None, changed_at=at, answer=why)


def candidates(group: StudyGroup) -> MemberQuerySet:
    """Members who may be in a group: away now, and at home or hosted below its organisation."""
    path = group.organiser.heir.path
    stays = MobileStay.objects.open().filter(
        below(path, lookup="member__branch__path") | below(path, lookup="host__path")
    )
    return Member.objects.active().filter(pk__in=stays.values("member"))


def open_to(member: Member) -> list[StudyGroup]:
    """The living groups that a member may join: of what stands above their branch or their host,
    the nearest first; none for who is not away."""
    stay = member.mobile_stays.open().select_related("host").first()
    if stay is None or member.branch is None:
        return []
    above = Q(organiser__path__in=at_and_above(member.branch.path))
    if stay.host:
        above |= Q(organiser__path__in=at_and_above(stay.host.path))
    rows = StudyGroup.objects.alive().filter(above).select_related("organiser", "leader__branch")
    rows = rows.exclude(pk__in=StudyGroup.objects.with_member(member).values("pk"))
    return sorted(rows[:50], key=lambda g: (-len(g.organiser.path), g.name))


def back_home(group: StudyGroup) -> set[int]:
    """Ids of those in a group who are not away any more."""
    people = group.people.now().values_list("member", flat=True)
    away = MobileStay.objects.open().filter(member__in=people).values_list("member", flat=True)
    return set(people) - set(away)


def locked(group: StudyGroup) -> StudyGroup:
    """The group as it is now, its row locked. Raises GroupEnded."""
    rows = StudyGroup.objects.select_for_update(of=("self",))
    row = rows.select_related("organiser", "leader").get(pk=group.pk)
    if not row.is_alive:
        raise GroupEnded
    return row


def _checked(organiser: Organization, name: str, plan: str, *, but: int = 0) -> tuple[str, str]:
    name, plan = " ".join(name.split()), plan.strip()
    if not name:
        raise BadGroup("请写学习群的名称。", field="name")
    if len(name) > 40:
        raise BadGroup(f"名称最多 40 个字，现在有 {len(name)} 个字。", field="name")
    if len(plan) > 2000:
        raise BadGroup(f"每周计划最多 2000 个字，现在有 {len(plan)} 个字。", field="plan")
    same = StudyGroup.objects.alive().filter(organiser=organiser, name=name)
    if same.exclude(pk=but).exists():
        raise BadGroup(f"{organiser}已经有“{name}”，请换一个名称。", field="name")
    return name, plan


def _check_leader(organiser: Organization, leader: Member) -> None:
    here = Member.objects.active().filter(pk=leader.pk)
    stays = MobileStay.objects.open().filter(below(organiser.path, lookup="host__path"))
    if not here.filter(below(organiser.path, lookup="branch__path")).exists() and not (
        here.filter(pk__in=stays.values("member")).exists()
    ):
        raise BadGroup(f"联系人要是{organiser}的在册党员或流入党员。", field="leader")


def _record(group: StudyGroup, what: str, *, by: Actor, at: datetime, **detail: object) -> None:
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=group.organiser,
        subject=f"学习群“{group.name}”：{what}",
        detail={"group": group.pk, **detail},
    )
