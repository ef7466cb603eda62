"""Taking back what a sheet wrote, by reversals; what was edited since is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from courses import crediting, marks, session_history, sessions
from courses.models import (
    Attendance,
    AttendanceCredit,
    SheetImport,
    SheetRecord,
    Status,
    StudySession,
)
from courses.sheets.sheet_plans import State
from courses.sheets.sheet_writing import CREATED
from portal import set_wise
from portal.audit import Actor

SessionState = StudySession.State
CHUNK = 1000  # marks deleted at once


@dataclass(frozen=True)
class Written:
    """What a sheet wrote of one session, which is locked now. Marks and record are read each time
    they are asked for: of a long sheet only those of one session are in memory."""

    record: SheetRecord
    session: StudySession

    @property
    def was(self) -> str:
        """The session's state before the import."""
        return self.record.was

    def told(self) -> dict[int, Mapping[str, Any]]:
        """What the marks said before and after, by member."""
        [saved] = SheetRecord.objects.filter(pk=self.record.pk).values_list("rows", flat=True)
        return {person["member"]: person for person in saved}

    def rows(self, told: Mapping[int, Any]) -> list[Attendance]:
        """The marks that it changed, locked."""
        return [row for pk, row in marks.locked(self.session).items() if pk in told]

    def edited(self) -> list[Attendance]:
        """The marks that are not as the import left them."""
        told, fresh = self.told(), self.was in (CREATED, SessionState.PLANNED)
        return [
            row
            for pk, row in marks.locked(self.session).items()
            if (State.of(row).told != told[pk]["after"] if pk in told else fresh)
        ]

    @property
    def is_turned(self) -> bool:
        """Whether the import made the session, opened its roll or closed it."""
        if self.was == SessionState.OPEN:
            return self.session.is_closed
        return self.was not in (SessionState.CLOSED, SessionState.CORRECTED)


def take_back(sheet: SheetImport, *, reason: str, by: Actor, at: datetime) -> list[str]:
    """Undo a sheet's records, the last first, by reversals, those of whole sessions in one batch;
    returns the names of what was edited since and is kept."""
    records = list(sheet.records.order_by("-place").defer("rows").select_related("session"))
    locked = sessions.lock_many([record.session for record in records])
    kept: dict[int, list[str]] = {}
    whole, parts = [], []
    for record, session in zip(records, locked, strict=True):
        if session.is_called_off:
            kept[session.pk] = [f"{session.title}（活动{session.get_state_display()}）"]
            continue
        one = Written(record, session)
        edited = one.edited()
        kept[session.pk] = [f"{row.member.name}（{session.title}）" for row in edited]
        if not edited and one.is_turned:
            whole.append(one)
        else:
            parts.append((one, {row.pk for row in edited}))
    _withdraw(whole, reason=reason, by=by, at=at)
    for one, own in parts:
        _restore(one, own, reason=reason, by=by, at=at)
    return [name for record in records for name in kept[record.session_id]]


def _withdraw(whole: Sequence[Written], *, reason: str, by: Actor, at: datetime) -> None:
    """Set sessions in which nothing was edited since back to what they were."""
    closed = [one.session for one in whole if one.session.is_closed]
    sessions.reverse_many(closed, reason=reason, by=by, at=at)
    for session in closed:
        session.state = SessionState.OPEN
    set_wise.update_by_id(StudySession, ["state"], [(s.state, s.pk) for s in closed])
    for one in whole:
        if one.was == CREATED:
            sessions.cancel(one.session, reason=reason, by=by, at=at)
        else:
            _turn_back(one, reason=reason, by=by, at=at)


def _turn_back(one: Written, *, reason: str, by: Actor, at: datetime) -> None:
    """Open a session that the import closed, or have nobody on the roll that it opened."""
    session = one.session
    session_history.note(session, "撤销导入", reason=reason, by=by, at=at)
    if one.was == SessionState.PLANNED:
        sessions.answer_queries(session, by=by, at=at)
        # What they were credited with is gone by now; if it were not, the key would refuse this.
        session.attendances.all()._raw_delete("default")
        session.state, session.opened_at = SessionState.PLANNED, None
    else:
        told = one.told()
        rows = one.rows(told)
        _put_back(rows, told, by=by, at=at)
        _remove([row.pk for row in rows if told[row.member_id]["before"] is None])
    session.closed_at = None
    session.version += 1
    session.save(update_fields=["state", "opened_at", "closed_at", "version"])


def _restore(one: Written, kept: set[int], *, reason: str, by: Actor, at: datetime) -> None:
    """Put back the marks of a session but for those of the ids `kept`."""
    session, told = one.session, one.told()
    back = [row for row in one.rows(told) if row.pk not in kept]
    _put_back(back, told, by=by, at=at)
    if session.is_closed and back:
        session_history.note(session, "撤销导入", reason=reason, by=by, at=at)
        crediting.revise(session, back, reason=reason, by=by, at=at)
    came = [
        row.pk
        for row in back
        if told[row.member_id]["before"] is None and told[row.member_id]["extra"]
    ]
    _remove(came)


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
