"""What waits for a secretary, as numbers: all kinds of it by one query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Value

from courses.models import LineQuery, StudyLog
from portal.access import Capability, Scope
from portal.prepared import ByPaths, given

Rows = QuerySet[Any, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of what waits.

    of: how many of what, as the list says it; what: what about them; page, act: where it is done,
    and how that is called. waiting: its rows at organisations with these paths, without what the
    viewer (`given("member")`) may not decide.
    """

    code: str
    of: str
    what: str
    page: str
    act: str
    waiting: Callable[[Sequence[Any]], Rows]


KINDS = (
    Kind(
        "logs", "条学习记录", "等待确认", "log-list", "去确认",
        lambda paths: StudyLog.objects.pending()
        .filter(branch__path__in=paths)
        .exclude(member=given("member", int)),
    ),
    Kind(
        "queries", "条学时", "党员说不对", "query-list", "去核对",
        lambda paths: LineQuery.objects.open()
        .filter(place__path__in=paths)
        .exclude(member=given("member", int)),
    ),
)  # fmt: skip


def _counted(kind: Kind, paths: Sequence[Any]) -> Rows:
    rows = kind.waiting(paths).order_by().annotate(code=Value(kind.code)).values("code")
    counted: Rows = rows.annotate(n=Count("pk")).values_list("code", "n")
    return counted


def _all(paths: Sequence[Any]) -> Rows:
    first, *others = (_counted(kind, paths) for kind in KINDS)
    return first.union(*others, all=True)


_waiting = ByPaths(_all)
_logs = ByPaths(lambda paths: _counted(KINDS[0], paths))


def waiting(scope: Scope) -> list[tuple[Kind, int]]:
    """What waits for the viewer where they confirm study, and how much of it."""
    rows = _waiting(scope.places(Capability.CONFIRM_STUDY), member=scope.member_id)
    found = {row.code: row.n for row in rows}
    vars(scope)["pending_logs"] = found.get("logs", 0)
    return [(kind, found[kind.code]) for kind in KINDS if found.get(kind.code)]


def pending_logs(scope: Scope) -> int:
    """How many logs of others wait for the viewer; counted once a request."""
    known = vars(scope)
    if "pending_logs" not in known:
        rows = _logs(scope.places(Capability.CONFIRM_STUDY), member=scope.member_id)
        known["pending_logs"] = rows[0].n if rows else 0
    return int(known["pending_logs"])
