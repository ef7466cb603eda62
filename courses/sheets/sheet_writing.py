"""Writing what a sheet tells of sessions, through the verbs.

A record says what was written: the session's state before, and each person's mark before and
after; sheet_undoing.py takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from courses import corrections, marks, meeting_links, roll_call, sessions
from courses.marks import Mark, Wish
from courses.models import Attendance, SheetImport, SheetRecord, Status, StudySession
from courses.roll_call import Closing
from courses.sessions import Plan
from courses.sheets import sheet_asks
from courses.sheets.sheet_plans import Change, Moved, SessionPlan, State
from credits.models import Programme
from portal import set_wise
from portal.audit import Actor
from portal.models import Organization
from portal.refusals import Refusal

SessionState = StudySession.State
CREATED = "none"  # the session was not there before


def write(
    plans: Sequence[SessionPlan], sheet: SheetImport, *, reason: str, by: Actor, at: datetime
) -> None:
    """Write marks inside the caller's transaction, set-wise, with a record of each session.

    Raises Moved where, as the locks find it, a roll is no longer as it was when it was planned.
    """
    was = [plan.session.state if plan.session else CREATED for plan in plans]
    there = [plan.session or _schedule(plan, sheet.organization, by=by, at=at) for plan in plans]
    rolls = [
        Roll(plan, session, {})
        for plan, session in zip(plans, sessions.lock_many(there), strict=True)
    ]
    for roll in rolls:
        if roll.session.is_called_off:
            state = roll.session.get_state_display()
            raise Refusal(f"{roll.session.title}：活动{state}，不能导入考勤。")
    before = {
        pk: {member: State.of(row) for member, row in rows.items()}
        for pk, rows in marks.locked_many(there).items()
    }
    for roll in rolls:
        _check_unmoved(roll, before[roll.session.pk])
    open_ = [roll for roll in rolls if not roll.session.is_closed]
    _mark(open_, by=by, at=at)
    for roll in rolls:
        if roll not in open_:
            _correct(roll.session, roll.plan, reason=reason, by=by, at=at)
            roll.rows = marks.locked(roll.session)
    after = StudySession.objects.in_bulk([session.pk for session in there])
    for place, (roll, then) in enumerate(zip(rolls, was, strict=True)):
        session = after[roll.session.pk]
        rows = _changed(roll.rows, before[session.pk])
        SheetRecord.objects.create(
            sheet=sheet, place=place, session=session, title=session.title, day=session.day,
            was=then, state=session.state, people=len(rows), rows=rows,
        )  # fmt: skip


@dataclass(eq=False)
class Roll:
    """A locked session with what is to be written of it, and its locked marks."""

    plan: SessionPlan
    session: StudySession
    rows: dict[int, Attendance]


def _check_unmoved(roll: Roll, marks_: Mapping[int, State]) -> None:
    """Whoever scans or is corrected between planning and locking is not written over unseen."""
    planned = roll.plan.session
    if planned and (planned.version != roll.session.version or marks_ != roll.plan.stood):
        raise Moved


def _schedule(plan: SessionPlan, branch: Organization, *, by: Actor, at: datetime) -> StudySession:
    told, answer = plan.told, plan.answer
    start = told.start or sheet_asks.clock(answer("start"))
    end = told.end or sheet_asks.clock(answer("end"))
    if told.date is None or start is None or end is None:
        raise Refusal("请先回答活动的日期和起止时间。")
    link = meeting_links.told(told.link)
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
        link=link,
        method=StudySession.Method.ROLL_CALL if link else StudySession.Method.PAPER,
    )
    return sessions.schedule(branch, _programmes(plan), made, by=by, at=at)


def _programmes(plan: SessionPlan) -> list[Programme]:
    found = sheet_asks.counted_in(plan.programmes, plan.answer("programme"))
    if not found:
        raise Refusal("本支部没有正在进行的专题教育，不能导入考勤。")
    return found


def _mark(rolls: Sequence[Roll], *, by: Actor, at: datetime) -> None:
    """Fill rolls; close those that are over and in which everybody has a mark. At a distance
    somebody has to compare the list with the meeting first."""
    if not rolls:
        return
    fresh = {roll.session.pk for roll in rolls if roll.session.state == SessionState.PLANNED}
    opened = roll_call.open_many([(roll.session, by) for roll in rolls], at=at)
    found = marks.locked_many(opened)
    for roll, session in zip(rolls, opened, strict=True):
        roll.session, roll.rows = session, found[session.pk]
        if session.pk in fresh and roll.rows.keys() != roll.plan.due:
            raise Moved  # somebody came or left since it was planned
        strangers = [c for c in roll.plan.changes if c.member.pk not in roll.rows]
        if strangers:
            people = [(change.member, _added_as(change)) for change in strangers]
            roll_call.add_many(session, people, by=by, at=at)
            roll.rows = marks.locked(session)
    wished = (
        (roll.session, roll.rows, _wishes(roll, fresh=roll.session.pk in fresh)) for roll in rolls
    )
    roll_call.save_many(wished, by=by, at=at)
    _complete(rolls, at=at)
    whole = [roll for roll in rolls if _is_whole(roll, fresh=roll.session.pk in fresh)]
    ended = [r for r in whole if r.session.ends_at <= at and not r.session.link]
    if ended:
        closings = [Closing(roll.session, {}, by) for roll in ended]
        roll_call.close_many(closings, at=at, rolls={r.session.pk: r.rows for r in ended})


def _wishes(roll: Roll, *, fresh: bool) -> dict[int, Wish]:
    told = {change.member.pk: change.after for change in roll.plan.changes}
    unlisted = Status.ABSENT if roll.plan.answer("unlisted") == "absent" else Status.NOT_YET
    wishes = {}
    for pk, row in roll.rows.items():
        kept = not fresh or row.status == Status.LEAVE  # approved before
        seen = Mark.of(row)
        wanted = told[pk].mark if pk in told else seen if kept else Mark(unlisted)
        wishes[pk] = Wish(seen, wanted)
    return wishes


def _is_whole(roll: Roll, *, fresh: bool) -> bool:
    """Whether the sheet speaks of everybody due, and nobody is without a mark."""
    waiting = {pk for pk, row in roll.rows.items() if row.status == Status.NOT_YET}
    due = {pk for pk, row in roll.rows.items() if not row.guest}
    return not waiting and (fresh or due <= roll.plan.listed)


def _added_as(change: Change) -> str:
    return Status.OBSERVER if change.after.status == Status.OBSERVER else Status.PRESENT


def _complete(rolls: Sequence[Roll], *, at: datetime) -> None:
    """Remarks and make-ups, which are no part of a mark."""
    changed = []
    for roll in rolls:
        makes_up = any(change.after.made_up_on for change in roll.plan.changes)
        window = corrections.make_up_window(roll.session) if makes_up else 0
        for change in roll.plan.changes:
            row, state = roll.rows[change.member.pk], change.after
            made_up_on = date.fromisoformat(state.made_up_on) if state.made_up_on else None
            if (state.remark, made_up_on) == (row.remark, row.made_up_on):
                continue
            if made_up_on and made_up_on != row.made_up_on:
                corrections.check_make_up(roll.session, row, on=made_up_on, at=at, window=window)
            row.remark, row.made_up_on = state.remark, made_up_on
            changed.append((row.remark, row.made_up_on, row.pk))
    set_wise.update_by_id(Attendance, ["remark", "made_up_on"], changed)


def _correct(
    session: StudySession, plan: SessionPlan, *, reason: str, by: Actor, at: datetime
) -> None:
    """Correct a closed roll: one revision for additions, one for marks and one for make-ups."""
    added = [(c.member, _added_as(c)) for c in plan.changes if c.before is None]
    if added:
        corrections.add_many(session, added, reason=reason, by=by, at=at)
    seen = {c.member.pk: c.before.mark if c.before else Mark(_added_as(c)) for c in plan.changes}
    wishes = {
        change.member.pk: Wish(seen[change.member.pk], change.after.mark)
        for change in plan.changes
        if seen[change.member.pk] != change.after.mark
    }
    if wishes:
        corrections.correct(session, wishes, reason=reason, by=by, at=at)
    days = {
        change.member.pk: date.fromisoformat(change.after.made_up_on)
        for change in plan.changes
        if change.after.made_up_on
        and (change.before is None or change.before.made_up_on != change.after.made_up_on)
    }
    if days:
        corrections.make_up_many(session, days, reason=reason, by=by, at=at)
    rows = marks.locked(session)
    remarks = [(change.after.remark, rows[change.member.pk].pk) for change in plan.changes]
    set_wise.update_by_id(Attendance, ["remark"], remarks)


def _changed(rows: Mapping[int, Attendance], before: Mapping[int, State]) -> list[dict[str, Any]]:
    """Whose marks are no longer as they were, with what they said and say."""
    people = []
    for pk, row in rows.items():
        then, now = before.get(pk), State.of(row)
        if then != now:
            people.append(
                {
                    "member": pk,
                    "name": row.member.name,
                    "extra": row.guest or row.status == Status.OBSERVER,
                    "before": then and then.told,
                    "after": now.told,
                }
            )
    return people
