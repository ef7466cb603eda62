"""Taking back what a sheet wrote of one session, by reversals; what was edited since is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from courses import crediting, marks, sessions
from courses.models import Attendance, AttendanceCredit, Status, StudySession
from courses.sheet_plans import State
from courses.sheet_writing import CREATED
from portal import set_wise
from portal.audit import Actor

SessionState = StudySession.State
CHUNK = 1000  # marks deleted at once


def take_back(record: dict[str, Any], *, reason: str, by: Actor, at: datetime) -> list[str]:
    """Undo one record by reversals; returns the names of what was edited since and is kept."""
    session = sessions.lock(StudySession.objects.get(pk=record["session"]))
    if session.is_called_off:
        return [f"{session.title}（活动{session.get_state_display()}）"]
    rows = marks.locked(session)
    told = {saved["member"]: saved for saved in record["rows"]}
    fresh = record["was"] in (CREATED, SessionState.PLANNED)
    edited = [
        row
        for pk, row in rows.items()
        if (vars(State.of(row)) != told[pk]["after"] if pk in told else fresh)
    ]
    if not edited and _withdraw(session, record, reason=reason, by=by, at=at):
        return []
    kept = {row.pk for row in edited}
    back = [row for pk, row in rows.items() if pk in told and row.pk not in kept]
    _put_back(back, told, by=by, at=at)
    session.refresh_from_db()
    if session.is_closed and back:
        sessions.note(session, "撤销导入", reason=reason, by=by, at=at)
        crediting.revise(session, back, reason=reason, by=by, at=at)
    came = [
        row.pk
        for row in back
        if told[row.member_id]["before"] is None and told[row.member_id]["extra"]
    ]
    _remove(came)
    return [f"{row.member.name}（{session.title}）" for row in edited]


def _withdraw(
    session: StudySession, record: dict[str, Any], *, reason: str, by: Actor, at: datetime
) -> bool:
    """Set a whole session back to what it was before the import, if the import opened or closed
    it and nothing was edited since."""
    if record["was"] == CREATED:
        sessions.cancel(session, reason=reason, by=by, at=at)
        return True
    if record["was"] in (SessionState.CLOSED, SessionState.CORRECTED):
        return False
    if session.is_closed:
        sessions.reverse_all(session, reason=reason, by=by, at=at)
    elif record["was"] == SessionState.OPEN:
        return False
    sessions.note(session, "撤销导入", reason=reason, by=by, at=at)
    if record["was"] == SessionState.PLANNED:
        sessions.answer_queries(session, by=by, at=at)
        session.attendances.all().delete()
        session.state, session.opened_at = SessionState.PLANNED, None
    else:
        told = {saved["member"]: saved for saved in record["rows"]}
        rows = [row for pk, row in marks.locked(session).items() if pk in told]
        _put_back(rows, told, by=by, at=at)
        _remove([row.pk for row in rows if told[row.member_id]["before"] is None])
        session.state = SessionState.OPEN
    session.closed_at = None
    session.version += 1
    session.save(update_fields=["state", "opened_at", "closed_at", "version"])
    return True


def _put_back(
    rows: Sequence[Attendance], told: Mapping[int, Mapping[str, Any]], *, by: Actor, at: datetime
) -> None:
    """Give rows the marks they had; who had none is "not yet", which earns nothing."""
    for row in rows:
        before = told[row.member_id]["before"]
        state = State(**before) if before else State(Status.NOT_YET)
        marks.give(row, state.mark, by=by, at=at)
        row.remark = state.remark
        row.made_up_on = date.fromisoformat(state.made_up_on) if state.made_up_on else None
    marks.write(rows)
    remarks = [(row.remark, row.pk) for row in rows]
    set_wise.update_by_id(Attendance, ["remark"], remarks)


def _remove(rows: Sequence[int]) -> None:
    """Delete marks by id, some at a time, with what came of them."""
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        AttendanceCredit.objects.filter(attendance__in=some).delete()
        Attendance.objects.filter(pk__in=some).delete()
