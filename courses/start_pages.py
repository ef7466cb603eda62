"""What start pages read: each list by a query that is written once, all of a page's together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from courses import reading_classes, todos
from courses.models import (
    AttendanceCredit,
    AttendancePlan,
    ReadingClass,
    StudyLog,
    StudySession,
)
from courses.querysets import of_member
from courses.sessions import LONGEST
from courses.todos import Kind
from credits import figures, statements
from credits.figures import Figure
from credits.models import Programme, Standing
from credits.rule_sets import Rules
from credits.statements import Progress
from portal.access import Capability, Scope
from portal.models import PATH_STEP, Member, Organization
from portal.prepared import ByPaths, columns, given
from portal.querysets import after
from portal.together import Found, Together

MOST = 30  # sessions to come that are counted
ASKED = 10  # requests for leave shown at once
AHEAD = timedelta(days=14)  # what a secretary sees of the sessions to come
_DEPTH = 10  # levels of a path: as many as its column holds


def _counts_for_programme() -> Exists:
    """That a session counts for the programme: asked of each session that is found (a join could
    begin with all sessions of the programme)."""
    through = StudySession.programmes.through.objects
    return Exists(through.filter(studysession=OuterRef("pk"), programme=given("programme", int)))


def _said(member: Any) -> Subquery:
    """What a member has said to each session that is found: the state and the kind of leave."""
    plans = AttendancePlan.objects.filter(session=OuterRef("pk"), member=member)
    return Subquery(plans.values(said=Concat("state", Value(":"), "leave")))


def _coming() -> QuerySet[Any, Any]:
    """The next sessions in which a member is due or takes part; `said`: what they said to it, as
    state and kind of leave (`pending:sick`), or None."""
    above = [given(f"above{n}", str) for n in range(_DEPTH)]
    return (
        StudySession.objects.filter(
            _counts_for_programme(),
            pk__in=of_member(given("member", int), above, since=given("since", datetime)),
            state__in=["planned", "open"],
            ends_at__gt=given("at", datetime),
        )
        .order_by("starts_at")
        .annotate(said=_said(given("member", int)))
        .values_list(*columns(StudySession, "said"))[:MOST]
    )


def _unsettled() -> QuerySet[Any, Any]:
    """The newest logs that earned nothing (yet)."""
    return (
        StudyLog.objects.filter(member=given("member", int), programme=given("programme", int))
        .exclude(state=StudyLog.State.CONFIRMED)
        .order_by("-entered_at")
        .values_list("topic", "day", "minutes", "reason", "state")[:4]
    )


@dataclass(frozen=True)
class Own:
    """What a member's start page says of them.

    coming: sessions with `said`. waiting: kinds and numbers. unsettled: logs that earned nothing
    yet (topic, day, minutes, reason, state); newest: lines that earned something (title, day,
    hours, is_reversed).
    """

    progress: Progress
    coming: list[StudySession]
    waiting: list[tuple[Kind, int]]
    unsettled: list[Any]
    newest: list[Any]


_own = Together(
    lambda: {
        **statements.to_ask(),
        "coming": _coming(),
        "waiting": todos.waiting(todos.OF_MEMBER),
        "unsettled": _unsettled(),
        "newest": statements.newest(),
    },
    few=["programme"],
)


def own(programme: Programme, member: Member, *, at: datetime) -> Own:
    """What concerns a member themselves: six queries, one round trip."""
    path = member.scope_path
    above = {f"above{n}": path[: (n + 1) * PATH_STEP] for n in range(_DEPTH)}
    since = at - LONGEST  # what began before is over
    found = _own(programme=programme.pk, since=since, **todos.viewer(member.pk, at), **above)
    return Own(
        statements.progress_of(programme, member, found),
        found.objects("coming"),
        todos.found(todos.OF_MEMBER, found.rows("waiting")),
        found.rows("unsettled"),
        found.rows("newest"),
    )


def planned(sessions: Sequence[StudySession], rules_: Rules) -> dict[tuple[str, str], int]:
    """What being there in all of them would earn, by (period, form)."""
    found: dict[tuple[str, str], int] = {}
    for session in sessions:
        place = session.period, session.form
        found[place] = found.get(place, 0) + session.worth(rules_)
    return found


def _at_hand(paths: Sequence[Any]) -> QuerySet[Any, Any]:
    return (
        StudySession.objects.filter(
            _counts_for_programme(),
            organiser__path__in=paths,
            state__in=["planned", "open"],
            starts_at__lt=given("soon", datetime),
        )
        .order_by("starts_at")
        .values_list("pk", "title", "place", "starts_at", "ends_at", "state", "method")
    )


def _refused(paths: Sequence[Any]) -> QuerySet[Any, Any]:
    """What nobody has settled, found among the sessions of the programme, lest a page cost more
    with every programme that is over."""
    own = StudySession.objects.order_by().filter(_counts_for_programme(), organiser__path__in=paths)
    return (
        AttendanceCredit.objects.filter(
            programme=given("programme", int),
            state=AttendanceCredit.State.REFUSED,
            settled_at=None,
            attendance__session__in=own.values("pk"),
        )
        .order_by()
        .annotate(session=F("attendance__session"), title=F("attendance__session__title"))
        .values("session", "title")
        .annotate(n=Count("pk"))
        .values_list("session", "title", "n")
    )


def _asked(paths: Sequence[Any]) -> QuerySet[Any, Any]:
    return (
        AttendancePlan.objects.filter(
            pk__in=_of_sessions(paths).union(_of_homes(paths)),
            session__state__in=["planned", "open", "closed", "corrected"],
            session__in=StudySession.programmes.through.objects.filter(
                programme=given("programme", int)
            ).values("studysession"),
        )
        .exclude(member=given("member", int))
        .order_by("session__starts_at", "pk")
        .annotate(
            name=F("member__name"), title=F("session__title"), starts_at=F("session__starts_at")
        )
        .values_list("pk", "name", "leave", "reason", "title", "starts_at")[: ASKED + 1]
    )


def _of_sessions(paths: Sequence[Any]) -> Any:
    """Leave that waits for a decision in sessions of these organisations …"""
    own = StudySession.objects.order_by().filter(organiser__path__in=paths)
    waiting = AttendancePlan.objects.order_by().filter(state="pending")
    return waiting.filter(session__in=own.values("pk")).values("pk")


def _of_homes(paths: Sequence[Any]) -> Any:
    """… and of members of these branches, wherever the session is."""
    waiting = AttendancePlan.objects.order_by().filter(state="pending")
    return waiting.filter(home__path__in=paths).values("pk")


def _running(paths: Sequence[Any]) -> QuerySet[Any, Any]:
    return (
        ReadingClass.objects.running()
        .filter(organiser__path__in=paths, programme=given("programme", int))
        .values_list("pk", "name", "organiser__path")
    )


@dataclass(frozen=True)
class Desk:
    """What lies on a secretary's desk.

    open, overdue, coming: sessions (pk, title, place, starts_at, ends_at, state, method), those of
    the next `AHEAD`. refused: session, title, n. classes: pk, name; lacking: class and how many
    newcomers it lacks. asked: leave that waits for a decision, of others (pk, name, leave, reason,
    title, starts_at); more: whether there is yet more of it. waiting: kinds and numbers. now: the
    figures of their organisation; own: their own standing.
    """

    open: list[Any]
    overdue: list[Any]
    coming: list[Any]
    refused: list[Any]
    classes: list[Any]
    lacking: list[tuple[Any, int]]
    asked: list[Any]
    more: bool
    waiting: list[tuple[Kind, int]]
    now: Figure
    own: Standing | None


_desk = ByPaths(
    lambda paths: {
        "at_hand": _at_hand(paths),
        "refused": _refused(paths),
        "asked": _asked(paths),
        "running": _running(paths),
        "waiting": todos.waiting(todos.OF_SECRETARY, paths),
        "sums": figures.sums(),
        "standing": statements.to_ask()["standing"],
    },
    into=partial(Together, few=["programme"]),
)


def desk(programme: Programme, scope: Scope, where: Organization, *, at: datetime) -> Desk:
    """What the viewer has to do where they plan and confirm study, and the figures of `where`:
    seven queries in one round trip, and one for the newcomers of classes."""
    found: Found = _desk(
        scope.places(Capability.MANAGE_CLASSES), programme=programme.pk, soon=at + AHEAD,
        path=where.path, after=after(where.path), **todos.viewer(scope.member_id, at),
    )  # fmt: skip
    sessions, classes = found.rows("at_hand"), found.rows("running")
    lacking = reading_classes.newcomer_counts([(c.pk, c.organiser__path) for c in classes])
    asked = found.rows("asked")
    return Desk(
        [s for s in sessions if s.state == "open" and s.ends_at > at],
        [s for s in sessions if s.ends_at <= at][:10],
        [s for s in sessions if s.state == "planned" and s.ends_at > at][:6],
        found.rows("refused"),
        classes,
        [(c, lacking[c.pk]) for c in classes if lacking[c.pk]],
        asked[:ASKED],
        len(asked) > ASKED,
        todos.of_secretary(scope, found.rows("waiting")),
        figures.figure(where, found.rows("sums")),
        next(iter(found.objects("standing")), None),
    )
