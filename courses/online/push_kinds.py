"""What can be pushed to a study group: how it is found, what it is called, where it leads.

A new kind is one entry of KINDS; nothing else names the kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from courses.models import BookBag, Discussion, Lesson, Push, StudySession
from portal.access import Capability, Scope
from portal.form_names import named
from portal.templatetags.portal import clock, day

MOST = 200  # of a kind, offered on a page


@dataclass(frozen=True)
class Thing:
    """One thing that can be pushed. link: an address of ours."""

    kind: str
    pk: int
    title: str
    link: str

    @property
    def name(self) -> str:
        """How a form names it."""
        return f"{self.kind}-{self.pk}"


@dataclass(frozen=True)
class Kind:
    """label: its name. rows: what somebody may push now. called: the title of one. link: where it
    leads. opens: those that somebody may open there. otherwise: where one leads somebody else, by
    its id (empty: nowhere)."""

    label: str
    rows: Callable[[Scope, datetime], QuerySet[Any]]
    called: Callable[[Any], str]
    link: Callable[[Any], str]
    opens: Callable[[Scope], QuerySet[Any]]
    otherwise: Callable[[int, Scope, datetime], str] = lambda pk, scope, at: ""

    def offered(self, code: str, scope: Scope, at: datetime) -> list[Thing]:
        return [self.thing(code, one) for one in self.rows(scope, at)[:MOST]]

    def thing(self, code: str, one: Any) -> Thing:
        return Thing(code, one.pk, self.called(one)[:120], self.link(one))


def _lessons(scope: Scope, at: datetime) -> QuerySet[Lesson]:
    return Lesson.objects.published().order_by("course__order", "course", "order", "pk")


def _sessions(scope: Scope, at: datetime) -> QuerySet[StudySession]:
    rows = StudySession.objects.within(scope, Capability.RUN_GROUPS).to_come(at)
    return rows.order_by("starts_at", "pk")


def _sessions_seen(scope: Scope) -> QuerySet[StudySession]:
    seen = scope.condition(Capability.SEE_FIGURES, "organiser__path", None)
    return StudySession.objects.filter(seen) | StudySession.objects.for_member(scope.member)


def _visit(pk: int, scope: Scope, at: datetime) -> str:
    """The page of a session for whoever may go to it as a guest, such as its host's people."""
    rows = StudySession.objects.open_to(scope.member, at)
    return f"/sessions/{pk}/visit/" if rows.filter(pk=pk).exists() else ""


def _session_called(session: StudySession) -> str:
    where = f" · {session.place}" if session.place else ""
    return f"{day(session.starts_at)}{clock(session.starts_at)} {session.title}{where}"


def _discussions(scope: Scope, at: datetime) -> QuerySet[Discussion]:
    rows = Discussion.objects.within(scope, Capability.RUN_GROUPS).filter(state="open")
    return rows.filter(last_day__gte=timezone.localdate(at)).order_by("last_day", "pk")


KINDS: dict[str, Kind] = {
    "lesson": Kind(
        "微党课",
        _lessons,
        lambda lesson: f"《{lesson.title}》",
        lambda lesson: f"/lessons/{lesson.pk}/",
        lambda scope: Lesson.objects.published(),
    ),
    "session": Kind(
        "学习活动",
        _sessions,
        _session_called,
        lambda session: f"/sessions/{session.pk}/",
        _sessions_seen,
        _visit,
    ),
    "discussion": Kind(
        "专题讨论",
        _discussions,
        lambda talk: f"{talk.title}（{day(talk.last_day)}截止）",
        lambda talk: f"/discussions/{talk.pk}/",
        lambda scope: Discussion.objects.seen_by(scope),
    ),
    "bag": Kind(
        "红色电子书包",
        lambda scope, at: BookBag.objects.published(),
        lambda bag: f"《{bag.title}》",
        lambda bag: f"/bags/{bag.slug}/",
        lambda scope: BookBag.objects.published(),
    ),
}


def find(name: str, scope: Scope, at: datetime) -> Thing | None:
    """What a form names as `lesson-3`, if that person may push it now."""
    code, pk = named(name)
    if code not in KINDS:
        return None
    kind = KINDS[code]
    one = kind.rows(scope, at).filter(pk=pk).first()
    return kind.thing(code, one) if one is not None else None


def leads_to(push: Push, scope: Scope, at: datetime) -> str:
    """Where a push leads somebody now; empty where they get to see nothing of it."""
    kind = KINDS.get(push.kind)
    if kind is None:
        return ""
    if kind.opens(scope).filter(pk=push.target).exists():
        return push.link
    return kind.otherwise(push.target, scope, at)
