"""What is still pending when a programme's books are closed ends, and says so: nobody decides it.
Once the books are open again it may be asked for anew.

Logs, requests for leave or to be added, what hosts attested, lessons that could not be credited
and answers are locked by their verbs before the programme is shared, so they end before it is
locked (`BooksAhead`); line queries are locked after it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from courses import log_checks
from courses.log_checks import Study
from courses.models import (
    Answer,
    AttendancePlan,
    Discussion,
    HostAttendance,
    LessonCredit,
    LineQuery,
    StudyLog,
    StudySession,
    WalkIn,
)
from credits.books import BooksAhead, Closing
from credits.models import Programme
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member
from portal.refusals import Refusal

LOG = "封账时还没有确认，未记学时。"
HOST = "封账时流出地还没有认定，未记学时。"
LESSON = "封账时还没有能记入，未记学时。"
ANSWER = "封账时还没有认定，未记学时。"
QUERY = "封账时还没有处理，账目按封账时的记录为准。"
STRAGGLERS = timedelta(days=2)  # how long after a closing somebody's act may still come to an end


def follow(closing: Closing, *, by: Actor, at: datetime) -> None:
    """Follower of `programmes.close_books`."""
    programme = closing.programme
    if isinstance(closing, BooksAhead):
        told = _end_asked(programme, at=at)
        parts = [f"{ASKED[name].noun}{count} 条" for name, count in told.items() if count]
        if parts:
            audit.record(
                AuditEvent.Event.PROGRAMME,
                by=by,
                at=at,
                on=programme.organiser,
                subject=f"{programme}：封账时未办的{'、'.join(parts)}已终止",
                detail=told,
            )
    else:
        _end_queries(programme, at=at)


def sweep(*, at: datetime) -> None:
    """Periodic: end what was handed in, or was just being decided, while the books were closed."""
    lately = Programme.objects.filter(state="closed", state_since__gte=at - STRAGGLERS)
    for programme in lately:
        with transaction.atomic():
            _end_asked(programme, at=at)
            _end_queries(programme, at=at)


@transaction.atomic
def hand_in_again(log: StudyLog, *, by: Actor, at: datetime) -> StudyLog:
    """Have a log wait again that nobody had decided when the books were closed, once they are open
    again: as it was, with the day on which it was handed in, so that no back-dating limit that it
    kept then stops it now. Once; raises CannotLog, and Refusal for a log in another state.

    It does not wait again by itself: books are opened anew for one purpose, and what was let go
    with notice shall not fill every secretary's list.
    """
    Member.objects.select_for_update(no_key=True).get(pk=log.member_id)
    rows = StudyLog.objects.select_for_update(of=("self",))
    row = rows.select_related("programme", "branch", "member").get(pk=log.pk)
    if row.state == StudyLog.State.PENDING:
        return row
    if row.state != StudyLog.State.EXPIRED:
        raise Refusal(f"这条学习记录{row.get_state_display()}，不能再次提交。")
    study = Study(
        row.form, row.day, row.minutes, row.topic, row.period, row.content, start=row.start
    )
    log_checks.check_again(row.programme, row.member, study)
    row.state, row.reason, row.decided_at = StudyLog.State.PENDING, "", None
    row.save(update_fields=["state", "reason", "decided_at"])
    audit.record(
        AuditEvent.Event.STUDY, by=by, at=at, on=row.branch, subject=f"再次提交：{row.topic}"
    )
    return row


def pending(programme: Programme) -> dict[str, int]:
    """How many of each kind would end if the books were closed now."""
    return {name: kind.rows(programme).count() for name, kind in KINDS.items()}


def _end_asked(programme: Programme, *, at: datetime) -> dict[str, int]:
    """All that `ASKED` names, and how many of each; what was ended before stays."""
    # Whoever recognises answers holds their discussion before the answers, one after the other.
    talks = Discussion.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    list(talks.filter(pk__in=_answers(programme).order_by().values("discussion")).values("pk"))
    return {name: kind.end(programme, at=at) for name, kind in ASKED.items()}


def _end_queries(programme: Programme, *, at: datetime) -> int:
    return KINDS["queries"].end(programme, at=at)


def _logs(programme: Programme) -> QuerySet[StudyLog]:
    return StudyLog.objects.pending().filter(programme=programme)


def _hosts(programme: Programme) -> QuerySet[HostAttendance]:
    return HostAttendance.objects.waiting().filter(programme=programme)


def _lessons(programme: Programme) -> QuerySet[LessonCredit]:
    return LessonCredit.objects.waiting().filter(programme=programme)


def _answers(programme: Programme) -> QuerySet[Answer]:
    return Answer.objects.waiting().filter(discussion__programme=programme)


def _queries(programme: Programme) -> QuerySet[LineQuery]:
    return LineQuery.objects.open().filter(programme=programme)


def _leave(programme: Programme) -> QuerySet[AttendancePlan]:
    asked = AttendancePlan.objects.filter(state=AttendancePlan.State.PENDING)
    return asked.filter(session__in=_last_of(programme))


def _walk_ins(programme: Programme) -> QuerySet[WalkIn]:
    asked = WalkIn.objects.filter(state=WalkIn.State.ASKED)
    return asked.filter(session__in=_last_of(programme))


def _last_of(programme: Programme) -> QuerySet[Any, Any]:
    """Sessions of a programme that count in no other one whose books are not closed."""
    through = StudySession.programmes.through._default_manager
    others = through.filter(studysession=OuterRef("pk")).exclude(programme=programme)
    alive = others.filter(~Q(programme__state__in=["closed", "archived"]))
    rows = StudySession.objects.filter(programmes=programme)
    return rows.filter(~Exists(alive)).order_by().values("pk")


class Kind(NamedTuple):
    """One kind of what waits. noun, waiting: in words, ended and before; notice: what a row says
    from then on."""

    noun: str
    waiting: str
    rows: Callable[[Programme], QuerySet[Any]]
    notice: dict[str, str] = {}

    def end(self, programme: Programme, *, at: datetime) -> int:
        return self.rows(programme).update(state="expired", decided_at=at, **self.notice)


KINDS = {
    "logs": Kind("学习记录", "待确认的学习记录", _logs, {"reason": LOG}),
    "queries": Kind("疑问", "待核对的疑问", _queries, {"reply": QUERY}),
    "leave": Kind("请假", "待批的请假", _leave),
    "walk_ins": Kind("加入名单", "待确认的加入请求", _walk_ins),
    "hosts": Kind("流入地活动", "待认定的流入地活动", _hosts, {"reason": HOST}),
    "lessons": Kind("微党课学时", "暂未记入的微党课", _lessons, {"reason": LESSON}),
    "answers": Kind("讨论回答", "待认定的讨论回答", _answers, {"reason": ANSWER}),
}
ASKED = {name: kind for name, kind in KINDS.items() if name != "queries"}  # before the lock
