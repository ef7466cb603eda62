"""Writing what a sheet tells of one session, through the verbs; and taking it back.

A record says what was written: the session's state before, and each person's mark before and
after. It is JSON, kept in the import's receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from courses import corrections, crediting, marks, roll_call, sessions, sheet_asks
from courses.marks import Mark, Wish
from courses.models import Attendance, AttendanceCredit, Status, StudySession
from courses.sessions import Plan
from courses.sheet_plans import Change, SessionPlan, State
from credits.models import Programme
from portal import set_wise
from portal.audit import Actor
from portal.models import Organization
from portal.refusals import Refusal

SessionState = StudySession.State
CREATED = "none"  # the session was not there before


def write(
    plan: SessionPlan, branch: Organization, *, reason: str, by: Actor, at: datetime
) -> dict[str, Any]:
    """Write one session's marks inside the caller's transaction; returns the record."""
    was = plan.session.state if plan.session else CREATED
    session = plan.session or _schedule(plan, branch, by=by, at=at)
    session = sessions.lock(session)
    if session.is_called_off:
        raise Refusal(f"{session.title}：活动{session.get_state_display()}，不能导入考勤。")
    before = {pk: State.of(row) for pk, row in marks.locked(session).items()}
    if session.is_closed:
        _correct(session, plan, reason=reason, by=by, at=at)
    else:
        _mark(session, plan, by=by, at=at)
    return _record(session, was, before)


def _schedule(plan: SessionPlan, branch: Organization, *, by: Actor, at: datetime) -> StudySession:
    told, answer = plan.told, plan.answer
    start = told.start or sheet_asks.clock(answer("start"))
    end = told.end or sheet_asks.clock(answer("end"))
    if told.date is None or start is None or end is None:
        raise Refusal("请先回答活动的日期和起止时间。")
    period = sheet_asks.period_of(told, _programmes(plan)) or answer("period")
    made = Plan(
        title=sheet_asks.title_of(told) or answer("title").strip()[:80],
        form=sheet_asks.form_of(told) or answer("form"),
        occasion=sheet_asks.occasion_of(told) or answer("occasion"),
        period="" if period == "none" else period,
        starts_at=sheet_asks.local(told.date, start),
        ends_at=sheet_asks.local(told.date, end),
        place=(told.place or "")[:60],
        host=(told.host or "")[:40],
        lecturer=(told.lecturer or "")[:40],
        recorder=(told.recorder or "")[:40],
        method=StudySession.Method.PAPER,
    )
    return sessions.schedule(branch, _programmes(plan), made, by=by, at=at)


def _programmes(plan: SessionPlan) -> list[Programme]:
    found = sheet_asks.counted_in(plan.programmes, plan.answer("programme"))
    if not found:
        raise Refusal("本支部没有正在进行的专题教育，不能导入考勤。")
    return found


def _mark(session: StudySession, plan: SessionPlan, *, by: Actor, at: datetime) -> None:
    """Fill the roll; close it when the meeting is over and everybody has a mark."""
    fresh = session.state == SessionState.PLANNED
    roll_call.open_(session, by=by, at=at)
    rows = marks.locked(session)
    strangers = [change for change in plan.changes if change.member.pk not in rows]
    for change in strangers:
        _add(session, change, by=by, at=at)
    if strangers:
        rows = marks.locked(session)
    told = {change.member.pk: change.after for change in plan.changes}
    unlisted = Status.ABSENT if plan.answer("unlisted") == "absent" else Status.NOT_YET
    wishes = {}
    for pk, row in rows.items():
        kept = not fresh or row.status == Status.LEAVE  # approved before
        wanted = told[pk].mark if pk in told else Mark.of(row) if kept else Mark(unlisted)
        wishes[pk] = Wish(Mark.of(row), wanted)
    session.refresh_from_db()
    roll_call.save(session, wishes, by=by, at=at)
    rows = marks.locked(session)
    _complete(session, rows, told, at=at)
    listed = plan.listed | {pk for pk, row in rows.items() if row.status == Status.NOT_YET}
    whole = fresh or {pk for pk, row in rows.items() if not row.guest} <= listed
    waiting = any(row.status == Status.NOT_YET for row in rows.values())
    if whole and not waiting and session.ends_at <= at:
        roll_call.close(session, {}, by=by, at=at)


def _add(session: StudySession, change: Change, *, by: Actor, at: datetime) -> None:
    observing = change.after.status == Status.OBSERVER
    status = Status.OBSERVER if observing else Status.PRESENT
    roll_call.add(session, change.member, status, by=by, at=at)


def _complete(
    session: StudySession,
    rows: Mapping[int, Attendance],
    told: Mapping[int, State],
    *,
    at: datetime,
) -> None:
    """Remarks and make-ups, which are no part of a mark."""
    changed = []
    for pk, state in told.items():
        row = rows[pk]
        made_up_on = date.fromisoformat(state.made_up_on) if state.made_up_on else None
        if (state.remark, made_up_on) == (row.remark, row.made_up_on):
            continue
        if made_up_on and made_up_on != row.made_up_on:
            corrections.check_make_up(session, row, on=made_up_on, at=at)
        row.remark, row.made_up_on = state.remark, made_up_on
        changed.append((row.remark, row.made_up_on, row.pk))
    set_wise.update_by_id(Attendance, ["remark", "made_up_on"], changed)


def _correct(
    session: StudySession, plan: SessionPlan, *, reason: str, by: Actor, at: datetime
) -> None:
    """Correct a closed roll: one revision for marks, one for each addition and make-up."""
    wishes = {}
    for change in plan.changes:
        if change.before is None:
            observing = change.after.status == Status.OBSERVER
            status = Status.OBSERVER if observing else Status.PRESENT
            corrections.add(session, change.member, status, reason=reason, by=by, at=at)
            seen = Mark(status)
        else:
            seen = change.before.mark
        if seen != change.after.mark:
            wishes[change.member.pk] = Wish(seen, change.after.mark)
    if wishes:
        corrections.correct(session, wishes, reason=reason, by=by, at=at)
    for change in plan.changes:
        made_up, before = change.after.made_up_on, change.before
        if made_up and (before is None or before.made_up_on != made_up):
            on = date.fromisoformat(made_up)
            corrections.make_up(session, change.member, on=on, reason=reason, by=by, at=at)
        Attendance.objects.filter(session=session, member=change.member).update(
            remark=change.after.remark
        )


def _record(session: StudySession, was: str, before: dict[int, State]) -> dict[str, Any]:
    session.refresh_from_db()
    people = []
    for pk, row in marks.locked(session).items():
        then, now = before.get(pk), State.of(row)
        if then != now:
            people.append(
                {
                    "member": pk,
                    "name": row.member.name,
                    "extra": row.guest or row.status == Status.OBSERVER,
                    "before": asdict(then) if then else None,
                    "after": asdict(now),
                }
            )
    return {
        "session": session.pk,
        "title": session.title,
        "day": session.day.isoformat(),
        "was": was,
        "state": session.state,
        "rows": people,
    }


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
        if (asdict(State.of(row)) != told[pk]["after"] if pk in told else fresh)
    ]
    if not edited and _withdraw(session, record, reason=reason, by=by, at=at):
        return []
    back = [row for pk, row in rows.items() if pk in told and row not in edited]
    for row in back:
        _put_back(row, told[row.member_id]["before"], by=by, at=at)
    session.refresh_from_db()
    if session.is_closed and back:
        sessions.note(session, "撤销导入", reason=reason, by=by, at=at)
        crediting.revise(session, back, reason=reason, by=by, at=at)
    for row in back:
        if told[row.member_id]["before"] is None and told[row.member_id]["extra"]:
            AttendanceCredit.objects.filter(attendance=row).delete()
            row.delete()
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
        told = {saved["member"]: saved["before"] for saved in record["rows"]}
        for row in marks.locked(session).values():
            if row.member_id in told:
                _put_back(row, told[row.member_id], by=by, at=at)
        session.attendances.filter(
            member__in=[pk for pk, before in told.items() if before is None]
        ).delete()
        session.state = SessionState.OPEN
    session.closed_at = None
    session.version += 1
    session.save(update_fields=["state", "opened_at", "closed_at", "version"])
    return True


def _put_back(row: Attendance, before: dict[str, str] | None, *, by: Actor, at: datetime) -> None:
    """Give a row the mark it had; who had none is "not yet", which earns nothing."""
    state = State(**before) if before else State(Status.NOT_YET)
    row.made_up_on = None
    row.remark = state.remark
    marks.mark(row, state.mark, by=by, at=at)
    if state.made_up_on:
        row.made_up_on = date.fromisoformat(state.made_up_on)
        row.save(update_fields=["made_up_on"])
