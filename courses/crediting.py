"""From marks to hours: what a roll asks of the ledger, and what came of it beside each mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from courses import marks, sessions
from courses.marks import Wish
from courses.models import Attendance, AttendanceCredit, StudySession
from courses.sessions import NotNow
from credits import ledger, rule_book
from credits.ledger import Credit, Posted, Refused, Request
from credits.models import Programme
from credits.rules import Rules
from portal.audit import Actor

State = StudySession.State


@transaction.atomic
def credit_now(session: StudySession, *, by: Actor, at: datetime) -> list[Posted]:
    """Try once more to credit those whom something stood in the way of."""
    session = sessions.lock_closed(session)
    refused = AttendanceCredit.objects.filter(
        attendance__session=session, state=AttendanceCredit.State.REFUSED
    )
    members = set(refused.values_list("attendance__member_id", flat=True))
    rows = [row for pk, row in marks.locked(session).items() if pk in members]
    if not rows:
        return []
    posted = revise(session, rows, reason="冲突解除，补记学时", by=by, at=at)
    given = sum(len(p.lines) for p in posted)
    sessions.note(session, f"补记学时：{given} 人", by=by, at=at)
    return posted


def cannot_be_credited(
    session: StudySession, wishes: Mapping[int, Wish], *, at: datetime
) -> list[tuple[Programme, Refused]]:
    """Who could not be credited if the roll were closed like this, and why. Writes nothing."""
    rows = {a.member_id: a for a in session.attendances.select_related("member")}
    for member, wish in wishes.items():
        if member in rows:
            rows[member].status, rows[member].leave = wish.wanted.status, wish.wanted.leave
    earning = [row for row in rows.values() if row.earns]
    refused = []
    for programme in session.programmes.order_by("pk"):
        request = Request(
            sessions.source_of(session),
            session.organiser,
            _credits(session, earning, programme),
        )
        [found] = ledger.preview(programme, [request], at=at)
        refused += [(programme, r) for r in found]
    return refused


def _credits(
    session: StudySession, rows: Sequence[Attendance], programme: Programme
) -> list[Credit]:
    """What marks ask for, in one programme."""
    book = rule_book.of(programme)
    return [credit for row in rows if (credit := _credit(session, row, book.on(session.day).rules))]


def _credit(session: StudySession, row: Attendance, rules: Rules) -> Credit | None:
    status = "made_up" if row.made_up_on else row.status
    share = rules.share(status) if row.earns else 0
    if not share:
        return None
    return Credit(
        row.member,
        session.form,
        row.made_up_on or session.day,
        session.minutes if row.minutes is None else row.minutes,
        session.period,
        session.content,
        start=None if row.made_up_on else session.starts_at,
        end=None if row.made_up_on else session.ends_at,
        band=session.band,  # type: ignore[arg-type] # its choices are the bands
        share=share,
        ceiling=session.ceiling,
    )


def post(
    session: StudySession, rows: Sequence[Attendance], *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """Post what marks earned in each programme: the first time, or anew after reopening."""
    posted = []
    source = sessions.source_of(session)
    for programme in session.programmes.order_by("pk"):
        revision = ledger.next_revision(programme, source)
        request = Request(
            source, session.organiser, _credits(session, rows, programme), revision, reason=reason
        )
        [result] = ledger.post_many(programme, [request], by=by, at=at)
        _keep(programme, {row.member_id: row for row in rows}, result)
        posted.append(result)
    return posted


def revise(
    session: StudySession, rows: Sequence[Attendance], *, reason: str, by: Actor, at: datetime
) -> list[Posted]:
    """Replace what these people's marks earned, in each programme."""
    posted = []
    source = sessions.source_of(session)
    for programme in session.programmes.order_by("pk"):
        result = ledger.correct(
            programme,
            source,
            revision=ledger.next_revision(programme, source),
            organiser=session.organiser,
            withdraw=[row.member for row in rows],
            credits=_credits(session, [row for row in rows if row.earns], programme),
            reason=reason,
            by=by,
            at=at,
        )
        _keep(programme, {row.member_id: row for row in rows}, result)
        posted.append(result)
    session.state = State.CORRECTED
    session.version += 1
    session.save(update_fields=["state", "version"])
    return posted


def _keep(programme: Programme, rows: Mapping[int, Attendance], posted: Posted) -> None:
    """Note beside each mark what came of it in this programme."""
    AttendanceCredit.objects.filter(programme=programme, attendance__in=rows.values()).delete()
    states = AttendanceCredit.State
    AttendanceCredit.objects.bulk_create(
        [
            AttendanceCredit(
                attendance=rows[line.member],
                programme=programme,
                state=states.CREDITED,
                hours=line.hours,
            )
            for line in posted.lines
            if line.hours > 0
        ]
        + [
            AttendanceCredit(
                attendance=rows[r.credit.member.pk],
                programme=programme,
                state=states.REFUSED,
                code=r.code,
                reason=r.message[:200],
            )
            for r in posted.refused
        ]
    )


def check_not_too_late(session: StudySession, *, at: datetime) -> None:
    """Raise NotNow beyond the back-dating limit, unless it was credited before."""
    today = timezone.localdate(at)
    for programme in session.programmes.all():
        limit = rule_book.of(programme).on(session.day).rules.back_dating
        if ledger.next_revision(programme, sessions.source_of(session)) == 1 and (
            (today - session.day).days > limit
        ):
            raise NotNow(f"活动已过去 {(today - session.day).days} 天，超过了补记期限 {limit} 天。")
