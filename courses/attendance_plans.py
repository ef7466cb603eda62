"""What members say before a session: that they come, or ask for leave; and the decision about it.

Nothing said here makes anybody present. An opened roll is filled in with the leave approved by
then; leave approved later changes the mark while the roll is open, and corrects it once it is
closed. Locks: session → its plans → its marks → the ledger's own.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses import corrections, marks, session_history, sessions, who_is_due
from courses.marks import Mark
from courses.models import LEAVES, Attendance, AttendancePlan, Leave, Status, StudySession
from courses.sessions import NotNow
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Conflict, Refusal

State = AttendancePlan.State
STAND = frozenset({Status.NOT_YET, Status.ABSENT, Status.LEAVE})  # what leave may take the place of


class NotDue(Refusal):
    """Whoever is not due in a session has nothing to answer."""

    message = "您不在这次活动的应到名单上，不用报名或请假；想参加请联系主办支部。"


class NotYourself(Refusal):
    """Nobody decides about their own leave."""

    message = "不能批准自己的请假，请由组织委员或上级办理。"


@transaction.atomic
def sign_up(session: StudySession, *, by: Actor, at: datetime) -> AttendancePlan:
    """Say that one will come; takes the place of leave asked for before.

    Raises NotNow once the roll is open or the session over, NotDue.
    """
    session = sessions.lock(session)
    if session.state != StudySession.State.PLANNED:
        raise NotNow(f"活动{session.get_state_display()}，不用再报名。")
    if session.ends_at <= at:
        raise NotNow("活动已经结束，不能再报名。")
    _check_due(session, by)
    return _say(session, State.COMING, by=by, at=at)


@transaction.atomic
def ask_leave(
    session: StudySession, leave: str, *, by: Actor, at: datetime, reason: str = ""
) -> AttendancePlan:
    """Ask for leave of a kind; takes the place of what was said before, its decision, too.

    While the roll is open only the first time, and not once one is marked as there; after closing
    by whoever is marked absent. Raises NotNow, NotDue; Refusal for what is no kind of leave.
    """
    if leave not in LEAVES:
        raise Refusal("请选择请假的种类：病假、事假、公出或其他。", field="leave")
    session = sessions.lock(session)
    if session.state == StudySession.State.PLANNED:
        _check_due(session, by)
    else:
        _check_may_ask_late(session, by)
    return _say(session, State.PENDING, Leave(leave), reason.strip()[:100], by=by, at=at)


@transaction.atomic
def take_back(session: StudySession, *, by: Actor, at: datetime) -> AttendancePlan:
    """Take back what one has said: before the roll is opened anything, later only leave that
    nobody has decided about."""
    session = sessions.lock(session)
    plan = _of(session, by)
    if plan is None:
        raise Refusal("您还没有报名或请假，不用撤回。")
    planned = session.state == StudySession.State.PLANNED
    if plan.state != State.TAKEN_BACK and not planned and plan.state != State.PENDING:
        raise NotNow(f"活动{session.get_state_display()}，不能再撤回；有变化请告诉支部书记。")
    return _say(session, State.TAKEN_BACK, by=by, at=at)


@transaction.atomic
def decide(
    plan: AttendancePlan,
    *,
    approve: bool,
    by: Actor,
    at: datetime,
    seen: str = "",
    reply: str = "",
) -> AttendancePlan:
    """Approve leave or decline it, once; the same decision again changes nothing.

    seen: the kind of leave that the page showed. Approved while the roll is open, it becomes the
    mark of whoever nobody has marked as there; approved after closing, it corrects the mark, and
    what that had earned is reversed. Raises NotYourself, Conflict when the member has meanwhile
    said something else, NotNow for a session that was called off, Refusal when somebody decided
    otherwise.
    """
    session = sessions.lock(plan.session)
    rows = AttendancePlan.objects.select_for_update(of=("self",)).select_related("member")
    plan = rows.get(pk=plan.pk)
    if plan.member_id == by.member.pk:
        raise NotYourself
    if not plan.leave or (seen and seen != plan.leave):
        raise Conflict(f"{plan.member.name}刚刚改为“{plan.word}”，请核对。")
    wanted = State.APPROVED if approve else State.DECLINED
    if plan.state == wanted:
        return plan
    if plan.state != State.PENDING:
        raise Refusal(f"{plan.member.name}的{plan.word}，不能再改；如有变化请改考勤标记。")
    if session.is_called_off:
        raise NotNow(f"活动{session.get_state_display()}，不用再批假。")
    plan.state, plan.reply = wanted, reply.strip()[:100]
    plan.decided_by, plan.decided_at = by.member, at
    plan.save(update_fields=["state", "reply", "decided_by", "decided_at"])
    what = f"{plan.get_leave_display()}{'获准' if approve else '未获准'}"
    session_history.note(session, what, reason=plan.reply, by=by, at=at, member=plan.member)
    if approve:
        _carry_out(session, plan, by=by, at=at)
    return plan


def may_ask_late(session: StudySession, mark: Attendance | None) -> bool:
    """Whether leave may still be asked for with this mark of an open or a closed roll."""
    if mark is None:
        return False
    if session.is_closed:
        return mark.status == Status.ABSENT and not _books_are_closed(session)
    return session.state == StudySession.State.OPEN and _is_free(mark)


def _carry_out(session: StudySession, plan: AttendancePlan, *, by: Actor, at: datetime) -> None:
    """Bring approved leave onto the roll, if that was opened before."""
    if session.is_closed:
        kind = plan.get_leave_display()
        corrections.excuse(session, plan.member, plan.leave, reason=f"补批{kind}", by=by, at=at)
    elif session.state == StudySession.State.OPEN:
        row = marks.locked(session).get(plan.member_id)
        if row is not None and _is_free(row):
            marks.mark(row, Mark(Status.LEAVE, plan.leave), by=by, at=at)
            session.version += 1
            session.save(update_fields=["version"])


def _is_free(row: Attendance) -> bool:
    """Whether leave may take the place of a mark of an open roll: nobody said that they are there,
    neither they themselves by a scan nor whoever calls the roll."""
    return row.status in STAND or (row.status == Status.PRESENT and row.marked_by_id is None)


def _check_due(session: StudySession, by: Actor) -> None:
    if not who_is_due.is_due(session, by.member):
        raise NotDue


def _check_may_ask_late(session: StudySession, by: Actor) -> None:
    said = session.get_state_display()
    if session.is_called_off:
        raise NotNow(f"活动{said}，不用请假。")
    mark = Attendance.objects.filter(session=session, member=by.member).first()
    if mark is None:
        raise NotDue
    if not may_ask_late(session, mark):
        if session.is_closed and mark.status == Status.ABSENT:
            raise NotNow("专题教育已经封账，不能再补假。")
        raise NotNow(f"活动{said}，您已登记为“{mark.word}”，不用请假；有误请告诉支部书记。")
    plan = _of(session, by)
    asked = plan is not None and plan.leave and plan.state != State.EXPIRED
    if session.state == StudySession.State.OPEN and asked:
        raise NotNow("点名已经开始，请假不能再改；有变化请告诉支部书记。")


def _books_are_closed(session: StudySession) -> bool:
    return any(programme.is_over for programme in session.programmes.all())


def _of(session: StudySession, by: Actor) -> AttendancePlan | None:
    return AttendancePlan.objects.filter(session=session, member=by.member).first()


def _say(
    session: StudySession,
    state: State,
    leave: Leave = Leave.NONE,
    reason: str = "",
    *,
    by: Actor,
    at: datetime,
) -> AttendancePlan:
    """Write one's answer to a locked session; the same again changes nothing."""
    member, plan = by.member, _of(session, by)
    if plan is not None and (plan.leave, plan.reason) == (leave, reason):
        settled = plan.state == State.APPROVED and session.state == StudySession.State.PLANNED
        if plan.state == state or (state == State.PENDING and settled):
            return plan
    plan = plan or AttendancePlan(session=session, member=member)
    if member.branch is None:
        raise NotDue
    plan.home, plan.state, plan.leave, plan.reason = member.branch, state, leave, reason
    plan.said_at, plan.reply = at, ""
    plan.decided_by, plan.decided_at = None, None
    plan.save()
    audit.record(
        AuditEvent.Event.ATTENDANCE,
        by=by,
        at=at,
        on=session.organiser,
        subject=f"{session}：{plan.word}",
        detail={"session": session.key},
    )
    return plan
