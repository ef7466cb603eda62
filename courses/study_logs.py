"""Own study: submitted by members, confirmed or returned by somebody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from courses import log_checks, reversals
from courses.log_checks import OWN_FORMS, CannotLog, Study, check
from courses.models import Course, Lesson, StudyLog
from credits import ledger
from credits.ledger import Credit, Request, Source
from credits.models import Programme
from portal import audit, set_wise
from portal.audit import Actor
from portal.models import AuditEvent, Member
from portal.refusals import Refusal

__all__ = [
    "OWN_FORMS",
    "Approval",
    "CannotLog",
    "Handing",
    "NotYourself",
    "Outcome",
    "Study",
    "check",
    "confirm",
    "confirm_many",
    "named",
    "return_",
    "reverse",
    "source_of",
    "submit",
    "submit_many",
    "withdraw",
]
State = StudyLog.State


class NotYourself(Refusal):
    """Nobody confirms their own study."""

    message = "不能确认自己的学习记录，请由组织委员或上级代为确认。"


@dataclass(frozen=True)
class Outcome:
    """What came of confirming one log: its hours, or why it could not be credited."""

    log: StudyLog
    hours: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Handing:
    """One log handed in: whose, what, by whom; the same key again changes nothing."""

    member: Member
    study: Study
    by: Actor
    key: str = field(default_factory=lambda: get_random_string(20))


@dataclass(frozen=True)
class Approval:
    """Logs that one person confirms."""

    logs: Sequence[StudyLog]
    by: Actor


def submit(
    programme: Programme, member: Member, study: Study, *, by: Actor, at: datetime, key: str = ""
) -> StudyLog:
    """Hand in a piece of own study, by the member or by the secretary for them.

    Refused with the reason and the numbers: what overlaps, lies in the future, exceeds the daily
    cap (pending logs counted in), repeats the same material, or lies outside the programme or the
    back-dating limit. A repeated submission with the same key changes nothing.
    """
    handing = Handing(member, study, by, key) if key else Handing(member, study, by)
    return submit_many(programme, [handing], at=at)[0]


@transaction.atomic
def submit_many(
    programme: Programme, handings: Sequence[Handing], *, at: datetime
) -> list[StudyLog]:
    """Hand in logs, all or none; several of one member are judged one after the other."""
    people = Member.objects.select_for_update(no_key=True).order_by("pk")
    list(people.filter(pk__in={h.member.pk for h in handings}).values_list("pk"))
    made: dict[str, StudyLog] = {}
    waiting = list(handings)
    while waiting:
        first = {h.member.pk: h for h in reversed(waiting)}
        turn = [h for h in waiting if first[h.member.pk] is h]
        waiting = [h for h in waiting if first[h.member.pk] is not h]
        made |= _submit_one_each(programme, turn, at=at)
    return [made[handing.key] for handing in handings]


def _submit_one_each(
    programme: Programme, handings: Sequence[Handing], *, at: datetime
) -> dict[str, StudyLog]:
    """Judge and write one log each of several members, who are locked; returns logs by key."""
    there = StudyLog.objects.filter(key__in=[h.key for h in handings]).in_bulk(field_name="key")
    known = {h.key: there[h.key] for h in handings if _is_own(there.get(h.key), h)}
    fresh = [h for h in handings if h.key not in known]
    log_checks.check_many(programme, [(h.member, h.study) for h in fresh], at=at)
    logs = []
    for handing in fresh:
        member, study = handing.member, handing.study
        if member.branch is None:
            raise CannotLog(f"{member.name}已不在册。")
        logs.append(
            StudyLog(
                key=handing.key,
                programme=programme,
                member=member,
                branch=member.branch,
                form=study.form,
                period=study.period,
                content=study.content,
                topic=study.topic.strip()[:80],
                day=study.day,
                minutes=study.minutes,
                start=study.start,
                entered_by=handing.by.member,
                entered_at=at,
            )
        )
    StudyLog.objects.bulk_create(logs, batch_size=1000)
    return known | {log.key: log for log in logs}


def _is_own(log: StudyLog | None, handing: Handing) -> bool:
    return log is not None and log.member_id == handing.member.pk


def confirm(logs: Sequence[StudyLog], *, by: Actor, at: datetime) -> list[Outcome]:
    """Confirm one person's choice of logs; see `confirm_many`."""
    return confirm_many([Approval(logs, by)], at=at)


@transaction.atomic
def confirm_many(approvals: Sequence[Approval], *, at: datetime) -> list[Outcome]:
    """Confirm logs in bulk: exactly these, each credited or left pending with its reason.

    Raises NotYourself when one is the confirmer's own; logs already decided are left alone.
    """
    deciders = {log.pk: approval.by for approval in approvals for log in approval.logs}
    rows = _lock_pending([log for approval in approvals for log in approval.logs])
    if any(log.member_id == deciders[log.pk].member.pk for log in rows):
        raise NotYourself
    outcomes: list[Outcome] = []
    for programme in sorted({log.programme for log in rows}, key=lambda p: p.pk):
        own = [log for log in rows if log.programme_id == programme.pk]
        # A log that was refused before has a posting without lines: what follows is a revision.
        turns = ledger.next_revisions(programme, [source_of(log) for log in own])
        requests = [_request(log, turns[log.key], deciders[log.pk]) for log in own]
        posted = ledger.post_many(programme, requests, by=deciders[own[0].pk], at=at)
        for log, result in zip(own, posted, strict=True):
            if result.refused:
                outcomes.append(Outcome(log, 0, result.refused[0].message))
                continue
            log.state, log.decided_by = State.CONFIRMED, deciders[log.pk].member
            log.decided_at, log.hours = at, sum(line.hours for line in result.lines)
            outcomes.append(Outcome(log, log.hours))
    set_wise.update_by_id(
        StudyLog,
        ["state", "decided_by", "decided_at", "hours"],
        [
            (State.CONFIRMED, deciders[o.log.pk].member.pk, at, o.hours, o.log.pk)
            for o in outcomes
            if not o.reason
        ],
    )
    given = Counter((o.log.branch, deciders[o.log.pk]) for o in outcomes if not o.reason)
    audit.record_many(
        audit.event(
            AuditEvent.Event.STUDY,
            by=by,
            at=at,
            on=branch,
            subject=f"确认学习记录 {given[branch, by]} 条",
        )
        for branch, by in dict.fromkeys((log.branch, deciders[log.pk]) for log in rows)
    )
    return outcomes


@transaction.atomic
def return_(logs: Sequence[StudyLog], *, reason: str, by: Actor, at: datetime) -> int:
    """Return logs to their members with a reason; returns how many were still pending."""
    if not reason.strip():
        raise Refusal("请写明退回的理由。", field="reason")
    rows = _lock_pending(logs)
    if any(log.member_id == by.member.pk for log in rows):
        raise NotYourself
    StudyLog.objects.filter(pk__in=[log.pk for log in rows]).update(
        state=State.RETURNED, decided_by=by.member, decided_at=at, reason=reason.strip()[:200]
    )
    audit.record_many(
        audit.event(
            AuditEvent.Event.STUDY, by=by, at=at, on=log.branch, subject=f"退回：{log.topic}"
        )
        for log in rows
    )
    return len(rows)


@transaction.atomic
def withdraw(log: StudyLog, *, by: Actor, at: datetime) -> StudyLog:
    """Take one's own pending log back."""
    rows = _lock_pending([log])
    if not rows:
        raise Refusal("这条学习记录已经处理，不能撤回。")
    row = rows[0]
    row.state = State.WITHDRAWN
    row.save(update_fields=["state"])
    return row


@transaction.atomic
def reverse(log: StudyLog, *, reason: str, by: Actor, at: datetime) -> StudyLog:
    """Take a confirmed log's hours back, with a reason, in the book where they were posted."""
    row = StudyLog.objects.select_for_update(of=("self",)).get(pk=log.pk)
    if row.state != State.CONFIRMED:
        raise Refusal(f"这条学习记录{row.get_state_display()}，不能冲销。")
    if not reason.strip():
        raise Refusal("请写明冲销的理由。", field="reason")
    if row.member_id == by.member.pk:
        raise NotYourself
    reversals.take_back(
        row.programme, source_of(row), row.member, organiser=row.branch, reason=reason, by=by,
        at=at,
    )  # fmt: skip
    row.state, row.reason, row.hours = State.REVERSED, reason.strip()[:200], 0
    row.decided_by, row.decided_at = by.member, at
    row.save()
    audit.record(
        AuditEvent.Event.CORRECTION,
        by=by,
        at=at,
        on=row.branch,
        subject=f"冲销学习记录：{row.topic}",
        detail={"reason": reason},
    )
    return row


def source_of(log: StudyLog) -> Source:
    """How the ledger names a log."""
    return Source("log", log.key, log.topic)


def named(content: str) -> Course | Lesson | None:
    """The course or lesson behind a content key."""
    kind, _, key = content.partition(":")
    if kind == "course":
        return Course.objects.filter(key=key).first()
    return Lesson.objects.filter(key=key).first() if kind == "lesson" else None


def _lock_pending(logs: Sequence[StudyLog]) -> list[StudyLog]:
    rows = StudyLog.objects.filter(pk__in=[log.pk for log in logs], state=State.PENDING)
    locked = rows.select_for_update(of=("self",)).order_by("pk")
    return list(locked.select_related("member__branch", "branch", "programme"))


def _request(log: StudyLog, revision: int, by: Actor) -> Request:
    end = log.start + timedelta(minutes=log.minutes) if log.start else None
    credit = Credit(
        log.member,
        log.form,
        log.day,
        log.minutes,
        log.period,
        log.content,
        start=log.start,
        end=end,
    )
    claimed = timezone.localdate(log.entered_at)
    return Request(source_of(log), log.branch, [credit], revision, claimed=claimed, by=by)
