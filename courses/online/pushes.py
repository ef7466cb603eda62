"""Pushes (推送): one thing sent to study groups, as messages at once and to their robots by the
background worker (deliveries.py). Locks: groups by id → robots by id → deliveries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from courses.models import Delivery, GroupMember, GroupRobot, Push, StudyGroup
from courses.online.push_kinds import KINDS, Thing
from portal import audit, messages
from portal.audit import Actor
from portal.messages import Letter
from portal.models import AuditEvent, Message
from portal.refusals import Conflict, Refusal

State = Delivery.State
CODE = re.compile(r"[a-z0-9]{8,12}")
MOST = 200  # groups of one push
FRESH = timedelta(days=14)  # so long people are asked to see to what did not arrive
EVENING, MORNING = 22, 7  # local hours between which no chat is disturbed


class CannotPush(Refusal):
    """It cannot be pushed like that."""


@transaction.atomic
def push(
    thing: Thing,
    groups: Sequence[StudyGroup],
    *,
    sentence: str,
    code: str,
    by: Actor,
    at: datetime,
) -> Push:
    """Send one thing to groups: a message to each member, and what their robots will say.

    code: of the short link, made with the form, so that a form sent twice pushes once. Raises
    CannotPush, naming groups that have ended; Conflict for a code under which somebody else, or
    something else, was pushed: the form came back with the browser's Back and was changed.
    """
    if not CODE.fullmatch(code):
        raise CannotPush("页面已过期，请重新打开推送页再试。")
    wanted = StudyGroup.objects.filter(pk__in={group.pk for group in groups}).order_by("pk")
    rows = list(wanted.select_for_update(of=("self",)).select_related("organiser"))
    there = Push.objects.filter(code=code).first()
    sentence = " ".join(sentence.split())
    if there is not None:
        if there.by_id != by.member.pk or (there.kind, there.target) != (thing.kind, thing.pk):
            raise Conflict("这个页面已经推送过别的内容，请重新打开推送页。")
        before = there.deliveries.filter(robot=None).values_list("group", flat=True)
        if {row.pk for row in rows} != set(before) or there.sentence != sentence:
            raise Conflict(
                "这个页面已经推送过，群或附言不同，所以这一次没有推送。"
                "还要推送的，请重新打开推送页，只勾选还没有收到的群。"
            )
        return there
    if not rows:
        raise CannotPush("请勾选要推送到的学习群。", field="groups")
    if ended := [row.name for row in rows if not row.is_alive]:
        raise CannotPush(f"{'、'.join(ended[:3])}已经结束，请刷新后再选。", field="groups")
    if len(rows) > MOST:
        raise CannotPush(f"一次最多推送到 {MOST} 个群。", field="groups")
    if len(sentence) > 200:
        raise CannotPush(f"附言最多 200 个字，现在有 {len(sentence)} 个字。", field="sentence")
    made = Push.objects.create(
        code=code, kind=thing.kind, target=thing.pk, title=thing.title, link=thing.link,
        sentence=sentence, by=by.member, at=at,
    )  # fmt: skip
    told = _tell(made, rows, at=at)
    # Held until this is committed: nothing will wait for a robot that is removed meanwhile.
    robots = GroupRobot.objects.alive().filter(group__in=rows).order_by("pk")
    robots = robots.select_for_update(of=("self",), no_key=True)
    due = awake(at)
    Delivery.objects.bulk_create(
        [
            *(_by_message(made, row, told[row.pk], at=at) for row in rows),
            *(
                Delivery(
                    push=made, group_id=robot.group_id, robot=robot, state=State.WAITING,
                    due_at=due, changed_at=at,
                )
                for robot in robots
            ),
        ]
    )  # fmt: skip
    audit.record_many(
        audit.event(
            AuditEvent.Event.STUDY, by=by, at=at, on=row.organiser,
            subject=f"推送到学习群“{row.name}”：{made.title}",
            detail={"group": row.pk, "push": made.code, "people": told[row.pk]},
        )
        for row in rows
    )  # fmt: skip
    return made


@transaction.atomic
def ask_again(delivery: Delivery, *, by: Actor, at: datetime) -> Delivery:
    """Have a delivery whose answer was lost, that failed or was dropped sent once more.

    Raises CannotPush for one in any other state, or whose robot or group is no more.
    """
    assert delivery.robot_id is not None  # noqa: S101 - messages are sent, nobody asks for them
    robot = GroupRobot.objects.select_for_update(of=("self",), no_key=True).get(
        pk=delivery.robot_id
    )
    row = _locked(delivery)
    if not row.may_be_asked_again:
        raise CannotPush(f"这一条{row.get_state_display()}，不用重发。")
    if robot.removed_at or not row.group.is_alive:
        raise CannotPush("机器人已经移除，或学习群已经结束，不能重发。")
    before = row.get_state_display()
    row.state, row.due_at, row.changed_at = State.WAITING, awake(at), at
    row.tries, row.answer, row.asked_by = 0, "", by.member
    row.save(update_fields=["state", "due_at", "changed_at", "tries", "answer", "asked_by"])
    _note("重发推送到", row, by=by, at=at, before=before)
    return row


@transaction.atomic
def arrived(delivery: Delivery, *, by: Actor, at: datetime) -> Delivery:
    """Say of a delivery whose answer was lost that the chat has it. Raises CannotPush for one in
    any other state."""
    row = _locked(delivery)
    if row.state != State.UNKNOWN:
        raise CannotPush(f"这一条{row.get_state_display()}，不用核实。")
    row.state, row.changed_at = State.SENT, at
    row.answer = f"{by.member.name}核实群里已收到"
    row.save(update_fields=["state", "changed_at", "answer"])
    _note("核实推送已到", row, by=by, at=at)
    return row


def _locked(delivery: Delivery) -> Delivery:
    """A delivery as it is now, its row locked."""
    rows = Delivery.objects.select_for_update(of=("self",))
    return rows.select_related("push", "group__organiser").get(pk=delivery.pk)


def _note(what: str, row: Delivery, *, by: Actor, at: datetime, **more: object) -> None:
    """Note what a person did about a delivery."""
    detail = {"group": row.group_id, "push": row.push.code, "robot": row.robot_id}
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=row.group.organiser,
        subject=f"{what}学习群“{row.group.name}”：{row.push.title}",
        detail=detail | more,
    )


def awake(at: datetime) -> datetime:
    """The moment itself, or the morning after it where it lies in the night."""
    local = timezone.localtime(at)
    if MORNING <= local.hour < EVENING:
        return at
    day = local.date() + timedelta(days=local.hour >= EVENING)
    return datetime.combine(day, time(MORNING), tzinfo=local.tzinfo)


def heading(push: Push) -> str:
    """What a push is, in one line."""
    label = KINDS[push.kind].label if push.kind in KINDS else "推送"
    return f"【{label}】{push.title}"


def short_link(push: Push) -> str:
    """The address of ours that leads to what was pushed."""
    return f"/p/{push.code}/"


def copied(push: Push, site: str) -> str:
    """What is copied into an ordinary chat group; site: our own origin."""
    return "\n".join(
        line for line in (heading(push), push.sentence, f"{site}{short_link(push)}") if line
    )


def _tell(push: Push, groups: Sequence[StudyGroup], *, at: datetime) -> Counter[int]:
    """Write each member's message, one a push whoever is in several groups; how many a group."""
    rows = GroupMember.objects.now().filter(group__in=groups, member__is_active=True)
    places = list(rows.order_by("pk").values_list("group_id", "member_id"))
    text = "\n".join(line for line in (heading(push), push.sentence) if line)
    letters = [
        Letter(member, Message.Kind.NOTICE, f"push:{push.code}", "学习群推送", text,
               short_link(push))
        for member in dict.fromkeys(member for _, member in places)
    ]  # fmt: skip
    messages.send_many(letters, at=at)
    return Counter(group for group, _ in places)


def _by_message(push: Push, group: StudyGroup, people: int, *, at: datetime) -> Delivery:
    return Delivery(push=push, group=group, state=State.SENT, changed_at=at, people=people)
