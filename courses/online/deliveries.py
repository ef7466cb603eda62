"""Robots' deliveries, sent by the background worker: marked before they are sent, never sent twice
by themselves.

An attempt is written and committed before its request. A worker that dies in between leaves it
without an ending; later it is called 结果不明, and a person decides. Only what the service surely
did not take is tried again, with growing waits. Locks: robot → delivery.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from courses.models import Attempt, Delivery, GroupRobot
from courses.online import group_robots, pushes, robot_services
from courses.online.robot_calls import Caller, Result
from courses.online.robot_services import Text
from portal import sealed

WAITS = [timedelta(minutes=n) for n in (1, 5, 15, 30, 60)]  # after the first, second … try
DEAD = timedelta(minutes=2)  # being sent this long: its worker died; a request lasts 30 seconds
STALE = timedelta(days=3)  # what waited this long is no news
AT_ONCE = 300  # deliveries a run and service; the next run is a minute later
LONGEST = 40.0  # seconds a run, for other work waits meanwhile
SILENT = 3  # times in a row that a service did not answer: left alone until the next run
State, Outcome = Delivery.State, Attempt.Outcome
log = logging.getLogger(__name__)


def send_waiting(*, at: datetime) -> int:
    """Periodic: send what is due; returns how many went out. Must not run in a transaction."""
    began = time.monotonic()

    def now() -> datetime:
        return at + timedelta(seconds=time.monotonic() - began)

    find_lost(at=at)
    caller, silent, sent = Caller(), Counter[str](), 0
    try:
        for pk, service in _due(at):
            if time.monotonic() - began > LONGEST or pushes.awake(now()) > now():
                break
            if silent[service] >= SILENT:
                continue
            attempt = claim(pk, at=now())
            if attempt is None:
                continue
            result = _call(attempt, caller)
            note(attempt, result, at=now())
            silent[service] = 0 if result.reached else silent[service] + 1
            sent += result.outcome == Outcome.SENT
    finally:
        caller.close()
    return sent


def _due(at: datetime) -> list[tuple[int, str]]:
    """What to send in a run, with its service, the oldest first. So many of each service: behind
    what waits for one that is silent, the others do not wait as well."""
    rows: list[tuple[Any, int, str]] = []
    for service in GroupRobot.Service.values:
        own = Delivery.objects.due(at).filter(robot__service=service)
        rows += own.values_list("due_at", "pk", "robot__service")[:AT_ONCE]
    return [(pk, service) for _, pk, service in sorted(rows)]


@transaction.atomic
def find_lost(*, at: datetime) -> int:
    """Call 结果不明 what a dead worker was sending, and give up what waited too long; returns how
    many answers were lost."""
    old = Delivery.objects.filter(state=State.WAITING, asked_by=None, push__at__lt=at - STALE)
    old.update(state=State.DROPPED, due_at=None, changed_at=at, answer="超过三天没有发出")
    dead = Delivery.objects.filter(state=State.SENDING, changed_at__lt=at - DEAD)
    lost = list(dead.select_for_update(of=("self",)).order_by("pk"))
    said = "后台程序中断，不知道发出没有"
    open_ = Attempt.objects.filter(delivery__in=lost, outcome=Outcome.SENDING)
    open_.update(outcome=Outcome.UNKNOWN, ended_at=at, answer=said)
    same = Delivery.objects.filter(pk__in=[row.pk for row in lost])
    return same.update(state=State.UNKNOWN, changed_at=at, answer=said)


@transaction.atomic
def claim(pk: int, *, at: datetime) -> Attempt | None:
    """Mark a delivery as being sent; None where another worker has it, it is not due, or its robot
    has had its share, which puts it off."""
    robots = GroupRobot.objects.select_for_update(of=("self",), no_key=True)
    robot = robots.alive().filter(deliveries=pk).first()
    if robot is None:
        return None
    own = Delivery.objects.filter(pk=pk, state=State.WAITING, due_at__lte=at)
    free = _free(robot, at)
    if free > at:
        own.update(due_at=free)
        return None
    if not own.update(
        state=State.SENDING, due_at=None, changed_at=at, turn=F("turn") + 1, tries=F("tries") + 1
    ):
        return None
    row = Delivery.objects.select_related("push", "group__organiser").get(pk=pk)
    row.robot = robot
    return Attempt.objects.create(
        delivery=row, robot=robot, turn=row.turn, began_at=at, outcome=Outcome.SENDING,
        asked_by_id=row.asked_by_id,
    )  # fmt: skip


@transaction.atomic
def note(attempt: Attempt, result: Result, *, at: datetime) -> None:
    """Write what became of an attempt. One that was given up as lost meanwhile is known now, unless
    a person has already asked for another."""
    row = Delivery.objects.select_for_update(of=("self",)).get(pk=attempt.delivery_id)
    at = max(at, attempt.began_at)
    Attempt.objects.filter(pk=attempt.pk).update(
        outcome=result.outcome, ended_at=at, answer=result.words
    )
    if result.outcome != Outcome.SENT:
        log.warning("delivery %s: %s %s", row.pk, result.outcome, result.words)
    if row.turn != attempt.turn or row.state not in (State.SENDING, State.UNKNOWN):
        return
    row.answer, row.changed_at, row.due_at = result.words, at, None
    if result.outcome != Outcome.AGAIN:
        row.state = State(result.outcome)
    elif row.tries > len(WAITS):
        row.state, row.answer = State.FAILED, f"试了 {row.tries} 次：{result.words}"
    else:
        row.state, row.due_at = State.WAITING, pushes.awake(at + WAITS[row.tries - 1])
    row.save(update_fields=["state", "answer", "changed_at", "due_at"])


def _free(robot: GroupRobot, at: datetime) -> datetime:
    """When a robot may speak again, by the log of all workers."""
    free = at
    for most, span in robot_services.RATES[GroupRobot.Service(robot.service)]:
        began = Attempt.objects.filter(robot=robot, began_at__gt=at - span).order_by("-began_at")
        last = list(began.values_list("began_at", flat=True)[:most])
        if len(last) == most:
            free = max(free, last[-1] + span)
    return free


def _call(attempt: Attempt, caller: Caller) -> Result:
    """Send one; never raises: what cannot be written is a failure, and nothing was sent."""
    robot = attempt.robot
    try:
        address, secret = group_robots.address_of(robot)
        letter = robot_services.letter(
            robot.service,
            robot_services.checked(robot.service, address),
            secret,
            _text(attempt.delivery),
            seconds=attempt.began_at.timestamp(),
        )
    except sealed.Unreadable:
        return Result(Outcome.FAILED, "机器人的地址读不出来，请移除后重新添加")
    except robot_services.BadAddress:
        return Result(Outcome.FAILED, "机器人的地址不再允许，请移除后重新添加")
    return caller.call(robot.service, letter)


def _text(delivery: Delivery) -> Text:
    push, site = delivery.push, settings.SITE_ADDRESS
    url = f"{site}{pushes.short_link(push)}" if site else ""
    by = f"来自：{delivery.group.organiser.name}（{robot_services.KEYWORD}教育）"
    lines = [push.sentence, by]
    if not url:
        lines.append("请登录党史学习教育平台，在“消息”里打开。")
    return Text(pushes.heading(push), tuple(line for line in lines if line), url)
