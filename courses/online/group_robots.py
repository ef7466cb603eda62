"""Robots of study groups: added with their address, which nobody ever sees again, and removed."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses.models import Delivery, GroupRobot, StudyGroup
from courses.online import robot_services, study_groups
from portal import audit, sealed
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Refusal

PURPOSE = "group-robot"
MOST = 5  # robots of a group


class AlreadyThere(Refusal):
    """A robot's address stands in a group already."""


@transaction.atomic
def add(
    group: StudyGroup, service: str, address: str, secret: str = "", *, by: Actor, at: datetime
) -> GroupRobot:
    """Add a robot. Raises robot_services.BadAddress, AlreadyThere, Refusal for too many or for a
    secret that is none; study_groups.GroupEnded."""
    row = study_groups.locked(group)
    address, secret = robot_services.checked(service, address), secret.strip()
    if secret and service == GroupRobot.Service.WECHAT_WORK:
        raise Refusal("企业微信的群机器人没有加签密钥，请留空。", field="secret")
    if secret and not (secret.isascii() and secret.isalnum() and 8 <= len(secret) <= 120):
        raise Refusal("加签密钥不完整，请重新复制。", field="secret")
    marks = sealed.marks(address, purpose=PURPOSE)
    there = GroupRobot.objects.alive().filter(mark__in=marks).select_related("group").first()
    if there is not None:
        where = "本群" if there.group_id == row.pk else "另一个学习群"
        raise AlreadyThere(
            f"{where}已经添加过这个机器人，再添加一次，群里会收到两遍。", field="address"
        )
    if row.robots.alive().count() >= MOST:
        raise Refusal(f"一个学习群最多添加 {MOST} 个机器人。")
    robot = GroupRobot.objects.create(
        group=row,
        service=service,
        address=sealed.seal(address, purpose=PURPOSE),
        secret=sealed.seal(secret, purpose=PURPOSE) if secret else "",
        tail=address[-4:],
        mark=marks[0],
        added_by=by.member,
        added_at=at,
    )
    _record(robot, "添加", by=by, at=at)
    return robot


@transaction.atomic
def remove(robot: GroupRobot, *, by: Actor, at: datetime) -> GroupRobot:
    """Remove a robot and forget its address; what waits for it is not sent any more."""
    rows = GroupRobot.objects.select_for_update(of=("self",)).select_related("group__organiser")
    row = rows.get(pk=robot.pk)
    if row.removed_at:
        return row
    study_groups.drop_waiting(Delivery.objects.filter(robot=row), "机器人已经移除", at=at)
    row.removed_at, row.address, row.secret = at, "", ""
    row.save(update_fields=["removed_at", "address", "secret"])
    _record(row, "移除", by=by, at=at)
    return row


def address_of(robot: GroupRobot) -> tuple[str, str]:
    """Address and signing secret of a robot. Raises sealed.Unreadable."""
    secret = sealed.unseal(robot.secret, purpose=PURPOSE) if robot.secret else ""
    return sealed.unseal(robot.address, purpose=PURPOSE), secret


@transaction.atomic
def seal_anew(*, at: datetime) -> int:
    """Seal every address with the present key, so that former keys can be taken out of the
    settings; returns how many. Raises sealed.Unreadable where one is lost already."""
    rows = list(GroupRobot.objects.alive().select_for_update().order_by("pk"))
    for row in rows:
        address, _ = address_of(row)
        row.address = sealed.sealed_anew(row.address, purpose=PURPOSE)
        row.secret = sealed.sealed_anew(row.secret, purpose=PURPOSE) if row.secret else ""
        row.mark = sealed.marks(address, purpose=PURPOSE)[0]
        row.save(update_fields=["address", "secret", "mark"])
    audit.record(
        AuditEvent.Event.STUDY, by=None, at=at, subject=f"群机器人地址重新加密：{len(rows)} 个"
    )
    return len(rows)


def _record(robot: GroupRobot, what: str, *, by: Actor, at: datetime) -> None:
    group = robot.group
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=group.organiser,
        subject=f"学习群“{group.name}”：{what}{robot.get_service_display()}机器人",
        detail={"group": group.pk, "robot": robot.pk},
    )
