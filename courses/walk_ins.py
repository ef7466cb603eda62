"""Walk-ins: who scans without standing on the roll asks to be added, and the secretary confirms.

A confirmed walk-in is a guest: credited in the organiser's book with the own branch as home, and
not due.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses import check_in, marks, sessions
from courses.check_in import ScanRefused
from courses.models import Attendance, Status, StudySession, WalkIn
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member
from portal.refusals import Refusal

State = WalkIn.State


@transaction.atomic
def ask(session: StudySession, member: Member, *, scanned_at: datetime) -> WalkIn:
    """Ask to be added, by a scan proven at `scanned_at`; asking again is the request that is there.

    A request that nobody decided before the books were closed is asked anew, once they are open
    again. Raises ScanRefused outside the window, for whoever stands on the roll or is a mobile
    member of the organiser, after a no, and while the books stay closed on a request that ended
    with them.
    """
    check_in.check_window(session, scanned_at)
    if session.attendances.filter(member=member).exists():
        raise ScanRefused("您已在名单上，请重新扫码签到。")
    if member.branch_id is None:
        raise ScanRefused("您的组织关系已不在册，请联系支部书记。")
    check_in.check_not_hosted(session, member)
    request, _ = WalkIn.objects.get_or_create(
        session=session, member=member, defaults={"scanned_at": scanned_at}
    )
    if request.state == State.DECLINED:
        raise ScanRefused("支部没有同意加入名单，请当面联系支部书记。")
    if request.state == State.EXPIRED:
        return _ask_anew(request, scanned_at=scanned_at)
    return request


@transaction.atomic
def admit(request: WalkIn, *, by: Actor, at: datetime) -> Attendance:
    """Put a walk-in on the open roll as a present guest; once, however often it is confirmed.

    Raises Refusal for oneself, after a no, and when the roll is not open; hosting.HostedHere.
    """
    session, request = _locked(request)
    there = Attendance.objects.filter(session=session, member=request.member_id).first()
    if request.state == State.ADMITTED and there:
        return there
    _check(request, session, by)
    if there is None:
        there = marks.add(session, request.member, Status.PRESENT, by=by, at=at)
    elif not there.is_there:  # added by hand meanwhile, as an observer
        raise Refusal(f"{request.member.name}已在名单上，记为“{there.word}”，请在点名页修改。")
    there.scanned = True
    there.save(update_fields=["scanned"])
    _decide(request, State.ADMITTED, by=by, at=at)
    return there


@transaction.atomic
def decline(request: WalkIn, *, by: Actor, at: datetime) -> None:
    """Say no to a walk-in; once. Raises Refusal as `admit` does, and after a yes."""
    session, request = _locked(request)
    if request.state == State.DECLINED:
        return
    if request.state == State.ADMITTED:
        raise Refusal(f"{request.member.name}已加入名单，请在点名页修改。")
    _check(request, session, by)
    _decide(request, State.DECLINED, by=by, at=at)


def _ask_anew(request: WalkIn, *, scanned_at: datetime) -> WalkIn:
    row = (
        WalkIn.objects.select_for_update(of=("self",)).select_related("session").get(pk=request.pk)
    )
    if row.state != State.EXPIRED:
        return row
    if not any(programme.takes_postings for programme in row.session.programmes.all()):
        raise ScanRefused("专题教育已经封账，不能再加入名单。")
    row.state, row.scanned_at, row.decided_at = State.ASKED, scanned_at, None
    row.save(update_fields=["state", "scanned_at", "decided_at"])
    return row


def _locked(request: WalkIn) -> tuple[StudySession, WalkIn]:
    """The session first, as everybody who changes its roll locks it."""
    session = sessions.lock(request.session)
    rows = WalkIn.objects.select_for_update(of=("self",)).select_related("member__branch")
    return session, rows.get(pk=request.pk)


def _check(request: WalkIn, session: StudySession, by: Actor) -> None:
    if request.member_id == by.member.pk:
        raise Refusal("不能确认自己，请由支部其他负责人确认。")
    if request.state == State.DECLINED:
        raise Refusal(f"已答复过{request.member.name}：未同意加入名单。")
    if session.state != StudySession.State.OPEN:
        raise Refusal(f"活动{session.get_state_display()}，不能再加入名单。")


def _decide(request: WalkIn, state: State, *, by: Actor, at: datetime) -> None:
    request.state, request.decided_by, request.decided_at = state, by.member, at
    request.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(
        AuditEvent.Event.ATTENDANCE,
        by=by,
        at=at,
        on=request.session.organiser,
        subject=f"{request.session}：{request.member.name} 请求加入名单，{state.label}"[:120],
    )
