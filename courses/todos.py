"""What waits for somebody, as numbers: all kinds of it by one query for each role."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Value
from django.utils import timezone

from courses.models import (
    Delivery,
    Discussion,
    HostAttendance,
    LessonCredit,
    LineQuery,
    Recommendation,
    Reflection,
    SampleItem,
    StudyLog,
)
from courses.online.pushes import FRESH
from credits import unit_check_states
from credits.models import Exemption, HoursClaim
from credits.unit_check_states import CHECKERS
from portal.access import Capability, Scope
from portal.models import Appointment, Message, Suggestion
from portal.prepared import ByPaths, BySubtrees, given
from portal.together import Together

Rows = QuerySet[Any, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of what waits.

    of: how many of what, as the list says it; what: what about them; page, act: where it is done,
    and how that is called. waiting: its rows, by the places of what the viewer's role reaches;
    `given("member")` is the viewer.
    """

    code: str
    of: str
    what: str
    page: str
    act: str
    waiting: Callable[[Any], Rows]


def _member() -> Any:
    return given("member", int)


def _to_finish(paths: Sequence[Any]) -> Rows:
    """The discussions that wait for whoever leads their group, and in the organisations at `paths`:
    two short lists by their own indexes."""
    rows = Discussion.objects.order_by()
    run = rows.filter(group__leader=_member()).values("pk")
    if paths:
        run = run.union(rows.filter(organiser__path__in=paths).values("pk"))
    return rows.filter(pk__in=run).to_finish(_member(), given("today", date))


def _their_own(ends: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The paths of the organisations themselves, without what stands below."""
    return [first for first, _ in ends]


MESSAGES = Kind(
    "messages", "条消息", "还没有看", "message-list", "去看",
    lambda _: Message.objects.unread().filter(member=_member()),
)  # fmt: skip
CHECKS = Kind(
    "checks", "份通报数据", "等待本单位核对", "unit-check-list", "去核对",
    lambda _: unit_check_states.waiting_at(_answered_for(), at=given("at", datetime)),
)  # fmt: skip
LESSONS = Kind(
    "lessons", "课微党课", "学时待计入", "lesson-list", "去计入",
    lambda _: LessonCredit.objects.to_try(given("today", date)).filter(member=_member()),
)  # fmt: skip
TALKS = Kind(
    "talks", "场专题讨论", "到期，等待认定", "discussion-list", "去认定", _to_finish
)  # fmt: skip
PUSHES = Kind(
    "pushes", "条群推送", "没有发到群里，或结果不明", "group-list", "去看",
    lambda paths: Delivery.objects.in_trouble(given("fresh", datetime)).filter(
        group__organiser__path__in=paths
    ),
)  # fmt: skip
OF_SECRETARY = (
    Kind(
        "logs", "条学习记录", "等待确认", "log-list", "去确认",
        lambda paths: StudyLog.objects.pending()
        .filter(branch__path__in=paths)
        .exclude(member=_member()),
    ),
    Kind(
        "hosts", "条流入地活动", "等待认定", "host-list", "去认定",
        lambda paths: HostAttendance.objects.waiting()
        .filter(branch__path__in=paths)
        .exclude(member=_member()),
    ),
    Kind(
        "called_off", "条流入地活动", "认定后被取消，请核实是否冲销", "host-decided", "去核实",
        lambda paths: HostAttendance.objects.to_reverse().filter(branch__path__in=paths),
    ),
    Kind(
        "queries", "条学时", "党员说不对", "query-list", "去核对",
        lambda paths: LineQuery.objects.open()
        .filter(place__path__in=paths)
        .exclude(member=_member()),
    ),
    Kind(
        "returned", "行学时申报", "被退回", "claim-list", "去修改",
        lambda paths: HoursClaim.objects.returned(paths),
    ),
    Kind(
        "untrue", "条学习记录", "抽查不属实，请核实是否冲销", "branch-samples", "去核实",
        lambda paths: SampleItem.objects.to_reverse().filter(log__branch__path__in=paths),
    ),
    Kind(
        "reflections", "篇心得体会", "等待阅读", "reflection-list", "去读",
        lambda paths: Reflection.objects.to_read()
        .filter(branch__path__in=paths)
        .exclude(member=_member()),
    ),
    TALKS,
    PUSHES,
    CHECKS,
    LESSONS,
    MESSAGES,
)  # fmt: skip
OF_MEMBER = (
    Kind(
        "asked", "条学习记录", "被抽查到，请说明", "my-samples", "去说明",
        lambda _: SampleItem.objects.asked().filter(member=_member()),
    ),
    Kind(
        "returned_reflections", "篇心得体会", "被退回，请修改", "my-reflections", "去改",
        lambda _: Reflection.objects.filter(member=_member(), state="returned"),
    ),
    LESSONS,
    replace(TALKS, waiting=lambda _: _to_finish([])),
    MESSAGES,
)  # fmt: skip
OF_OFFICIAL = (
    Kind(
        "exemptions", "份减免", "等待审批", "exemption-list", "去审批",
        lambda ends: Exemption.objects.filter(
            _within(ends, "member__branch__path"), state=Exemption.State.ASKED,
            programme__state__in=["running", "closing"],
        ),
    ),
    Kind(
        "claims", "行期初和外单位学时", "等待审批", "claims-waiting", "去审批",
        lambda ends: HoursClaim.objects.pending().filter(
            _within(ends, "branch__path"), programme__state__in=["running", "closing"]
        ),
    ),
    Kind(
        "samples", "条抽查", "等待核查", "sample-list", "去核查",
        lambda ends: SampleItem.objects.to_judge().filter(
            _within(ends, "sample__organization__path")
        ),
    ),
    Kind(
        "exemplars", "篇心得体会", "被推荐为典型，等待答复", "recommended-list", "去答复",
        lambda ends: Recommendation.objects.waiting()
        .filter(_within(ends, "organization__path"))
        .exclude(author=_member())
        .exclude(by=_member()),
    ),
    Kind(
        "suggestions", "条意见", "等待答复", "suggestions-received", "去答复",
        lambda ends: Suggestion.objects.open()
        .filter(_within(ends, "branch__path"))
        .exclude(member=_member()),
    ),
    replace(TALKS, waiting=lambda ends: _to_finish(_their_own(ends))),
    replace(PUSHES, waiting=lambda ends: PUSHES.waiting(_their_own(ends))),
    CHECKS,
    LESSONS,
    MESSAGES,
)  # fmt: skip


def _answered_for() -> Rows:
    """The organisations for whose figures the viewer answers: those at which they are appointed."""
    held = Appointment.objects.on(given("today", date))
    return held.filter(member=_member(), role__in=CHECKERS).values("organization")


def _within(ends: Sequence[tuple[Any, Any]], lookup: str) -> Q:
    inside = Q(pk__in=[])
    for first, beyond in ends:
        inside |= Q(**{f"{lookup}__gte": first, f"{lookup}__lt": beyond})
    return inside


def counted(kind: Kind, places: Any) -> Rows:
    """One kind of it: code and number."""
    rows = kind.waiting(places).order_by().annotate(code=Value(kind.code)).values("code")
    numbers: Rows = rows.annotate(n=Count("pk")).values_list("code", "n")
    return numbers


def waiting(kinds: Sequence[Kind], places: Any = None) -> Rows:
    """All kinds of it by one query, for pages that ask for more at once: code and number."""
    first, *others = (counted(kind, places) for kind in kinds)
    return first.union(*others, all=True)


_of_official = BySubtrees(lambda ends: waiting(OF_OFFICIAL, ends))
_logs = ByPaths(lambda paths: {"logs": counted(OF_SECRETARY[0], paths)}, into=Together)


def of_secretary(scope: Scope, rows: Sequence[Any]) -> list[tuple[Kind, int]]:
    """What waits for the viewer where they confirm study, and how much of it, from what `waiting`
    gave there."""
    keep_badge(scope, rows)
    return found(OF_SECRETARY, rows)


def keep_badge(scope: Scope, rows: Sequence[Any]) -> None:
    """Tell the menu how many logs wait, from rows of code and number."""
    vars(scope)["pending_logs"] = next((row.n for row in rows if row.code == "logs"), 0)


def of_official(scope: Scope, *, at: datetime) -> list[tuple[Kind, int]]:
    """What waits for the viewer in the subtrees in which they approve."""
    paths = [organization.path for organization in scope.organizations(Capability.APPROVE)]
    return found(OF_OFFICIAL, _of_official(paths, **viewer(scope.member_id, at)))


def pending_logs(scope: Scope) -> int:
    """How many logs of others wait for the viewer; counted once a request."""
    known = vars(scope)
    if "pending_logs" not in known:
        places = scope.places(Capability.CONFIRM_STUDY)
        keep_badge(scope, _logs(places, member=scope.member_id).rows("logs") if places else [])
    return int(known["pending_logs"])


def viewer(member: int, at: datetime) -> dict[str, Any]:
    """What `waiting` wants to know of who asks, and when."""
    return {
        "member": member,
        "at": at,
        "today": timezone.localdate(at),
        "fresh": at - FRESH,
    }


def found(kinds: Sequence[Kind], rows: Sequence[Any]) -> list[tuple[Kind, int]]:
    """The kinds of which there is any, from what `waiting` gave."""
    counts = {row.code: row.n for row in rows}
    return [(kind, counts[kind.code]) for kind in kinds if counts.get(kind.code)]
