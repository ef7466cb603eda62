"""Host sessions (流入地活动): the host attests that mobile members took part, their home branch
recognises it (courses/host_decisions.py).

Only then is it credited, once, in the home branch's book, as the session credits its own guests.
Locks: sessions by id → rows by id → what the ledger locks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.crypto import get_random_string

from courses import sessions
from courses.models import Attendance, HostAttendance, StudySession
from credits import dates
from credits.dates import Windows
from credits.models import Programme, Standing
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, MobileStay
from portal.refusals import Refusal

State = HostAttendance.State


class CannotAttest(Refusal):
    """The host cannot say this of somebody; the message says of whom, and why."""


class NotYourself(Refusal):
    """Nobody attests or decides for themselves, and one person does not do both."""

    message = "不能为自己证明或认定，请由组织委员或上级代为办理。"


def new_key(session: StudySession, member: Member, programme: Programme) -> str:
    """How the ledger will name what is attested: by chance, and never again."""
    return get_random_string(20)


@transaction.atomic
def attest(
    session: StudySession,
    stays: Sequence[MobileStay],
    *,
    by: Actor,
    at: datetime,
    key_of: Callable[[StudySession, Member, Programme], str] = new_key,
) -> list[HostAttendance]:
    """Say that mobile members took part in a session that one's organisation held; all or none.

    Returns what waits now, a row for each of the session's programmes that has the member on its
    roll and takes postings; what waited or counts already is left as it is. What ended with books
    that are open again waits once more, with the day on which it was attested. Raises CannotAttest
    for whoever was not here on that day or stands on the session's own roll, and when it is too
    late; NotYourself; sessions.NotNow for a session without a closed roll.
    """
    session = sessions.lock(session)
    if not session.is_closed or session.ends_at > at:
        raise sessions.NotNow(f"活动{session.get_state_display()}，记了学时以后才能证明参加。")
    rows = MobileStay.objects.filter(pk__in=[stay.pk for stay in stays]).order_by("pk")
    found = list(rows.select_related("member__branch", "host"))
    people = [stay.member_id for stay in found]
    rolls = Attendance.objects.filter(session=session, member__in=people)
    marks = {mark.member_id: mark for mark in rolls}
    for stay in found:
        _check(session, stay, marks.get(stay.member_id), by=by)
    made = _fresh(session, found, key_of, by=by, at=at)
    again = HostAttendance.objects.filter(pk__in=[row.pk for row in made if row.pk])
    again.update(state=State.WAITING, decided_at=None, reason="")
    HostAttendance.objects.bulk_create([row for row in made if not row.pk])
    if made:
        audit.record(
            AuditEvent.Event.ATTENDANCE,
            by=by,
            at=at,
            on=session.organiser,
            subject=f"证明流动党员参加：{session}（{len({row.member_id for row in made})} 人）",
            detail={"session": session.key, "members": sorted({r.member.number for r in made})},
        )
    return made


def _check(session: StudySession, stay: MobileStay, mark: Attendance | None, *, by: Actor) -> None:
    member, day = stay.member, session.day
    if member.pk == by.member.pk:
        raise NotYourself
    if not stay.is_with(session.organiser):
        raise CannotAttest(f"{member.name}登记的流入地党组织不是{session.organiser}。")
    if not stay.was_away_on(day):
        raise CannotAttest(f"{member.name}在 {day} 没有流动在外，不能证明。")
    if member.branch is None:
        raise CannotAttest(f"{member.name}已不在任何党支部的名册里。")
    if mark is not None:
        raise CannotAttest(
            f"{member.name}在这次活动的名单上（{mark.word}），由点名记学时，不用再证明。"
        )


def _fresh(
    session: StudySession,
    stays: Sequence[MobileStay],
    key_of: Callable[[StudySession, Member, Programme], str],
    *,
    by: Actor,
    at: datetime,
) -> list[HostAttendance]:
    """The rows to be written for people of whom it may be said."""
    people = [stay.member_id for stay in stays]
    programmes = [p for p in session.programmes.order_by("pk") if p.takes_postings]
    rolls = Standing.objects.filter(programme__in=programmes, member__in=people, on_roll=True)
    on_roll = set(rolls.values_list("programme_id", "member_id"))
    known = HostAttendance.objects.filter(session=session, member__in=people)
    known = known.select_related("member")
    there = set(known.standing().values_list("programme_id", "member_id"))
    ended = {(r.programme_id, r.member_id): r for r in known.filter(state=State.EXPIRED)}
    windows = {p.pk: Windows(p) for p in programmes}
    made = []
    for stay in stays:
        member, branch = stay.member, stay.member.branch
        assert branch is not None  # noqa: S101 - checked before
        taking = [p for p in programmes if (p.pk, member.pk) in on_roll]
        if not taking:
            raise CannotAttest(f"{member.name}不在这次活动所属专题教育的学习名单上，或已经封账。")
        for programme in taking:
            if (programme.pk, member.pk) in there:
                continue
            if before := ended.get((programme.pk, member.pk)):
                made.append(before)
                continue
            why = dates.late(
                programme, session.day, [branch.path, session.organiser.path], at=at,
                windows=windows[programme.pk], what="活动",
            )  # fmt: skip
            if why:
                raise CannotAttest(why)
            made.append(
                HostAttendance(
                    key=key_of(session, member, programme),
                    programme=programme,
                    stay=stay,
                    member=member,
                    branch=branch,
                    session=session,
                    attested_by=by.member,
                    attested_at=at,
                )
            )
    return made


@transaction.atomic
def withdraw(row: HostAttendance, *, by: Actor, at: datetime) -> HostAttendance:
    """Take back what one's organisation attested, as long as nobody has decided about it."""
    found = lock([row])[0]
    if found.state != State.WAITING:
        raise Refusal(f"{found.member.name}的证明{found.get_state_display()}，不能撤回。")
    found.state, found.decided_at = State.WITHDRAWN, at
    found.save(update_fields=["state", "decided_at"])
    audit.record(
        AuditEvent.Event.ATTENDANCE,
        by=by,
        at=at,
        on=found.session.organiser,
        subject=f"撤回证明：{found.session}（{found.member.name}）",
    )
    return found


def lock(rows: Sequence[HostAttendance]) -> list[HostAttendance]:
    """Lock rows by id, their sessions before them, and read both anew."""
    held = {s.pk: s for s in sessions.lock_many([row.session for row in rows])}
    locked = HostAttendance.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    locked = locked.select_for_update(of=("self",))
    found = list(locked.select_related("member__branch", "branch", "programme"))
    for row in found:
        row.session = held[row.session_id]
    return found


def of_member(member: Member) -> list[HostAttendance]:
    """What was attested of somebody, the newest first, but for what was taken back unseen."""
    rows = HostAttendance.objects.filter(member=member).exclude(state=State.WITHDRAWN, reason="")
    rows = rows.select_related("session__organiser", "decided_by", "programme")
    return list(rows.order_by("-session__starts_at", "-pk")[:50])
