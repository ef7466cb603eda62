"""Own study: submitted by members, confirmed or returned by somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.crypto import get_random_string

from courses.models import Course, Lesson, StudyLog
from credits import ledger, rule_book
from credits.ledger import Credit, Request, Source
from credits.models import Form, LedgerEntry, Programme, Standing
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member
from portal.refusals import Refusal

# Forms that somebody can study alone; the others are sessions with a roll.
OWN_FORMS = (Form.SELF_STUDY, Form.ONLINE, Form.IMMERSIVE, Form.ON_SITE)
State = StudyLog.State


class CannotLog(Refusal):
    """Something stands in the way of this study; the message says what, with the numbers."""


class NotYourself(Refusal):
    """Nobody confirms their own study."""

    message = "不能确认自己的学习记录，请由组织委员或上级代为确认。"


@dataclass(frozen=True)
class Study:
    """What somebody says they studied. content: key of a named course or lesson, or empty."""

    form: str
    day: date
    minutes: int
    topic: str
    period: str = ""
    content: str = ""
    start: datetime | None = None

    @property
    def end(self) -> datetime | None:
        return self.start + timedelta(minutes=self.minutes) if self.start else None


@dataclass(frozen=True)
class Outcome:
    """What came of confirming one log: its hours, or why it could not be credited."""

    log: StudyLog
    hours: int = 0
    reason: str = ""


@transaction.atomic
def submit(
    programme: Programme, member: Member, study: Study, *, by: Actor, at: datetime, key: str = ""
) -> StudyLog:
    """Hand in a piece of own study, by the member or by the secretary for them.

    Refused with the reason and the numbers: what overlaps, lies in the future, exceeds the daily
    cap (pending logs counted in), repeats the same material, or lies outside the programme or the
    back-dating limit. A repeated submission with the same key changes nothing.
    """
    Member.objects.select_for_update(no_key=True).get(pk=member.pk)
    key = key or get_random_string(20)
    known = StudyLog.objects.filter(key=key, member=member).first()
    if known:
        return known
    check(programme, member, study, at=at)
    if member.branch is None:
        raise CannotLog(f"{member.name}已不在册。")
    return StudyLog.objects.create(
        key=key,
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
        entered_by=by.member,
        entered_at=at,
    )


def check(programme: Programme, member: Member, study: Study, *, at: datetime) -> None:
    """Raise CannotLog when this study could not be credited as things stand; writes nothing."""
    if not programme.takes_postings:
        raise CannotLog(f"{programme}{programme.get_state_display()}，不能再记学习。")
    if programme.state == Programme.State.CLOSING and study.day > programme.ends:
        raise CannotLog(f"{programme}已于 {programme.ends} 结束学习。", field="day")
    if study.form not in OWN_FORMS:
        raise CannotLog("这种学习方式要由支部组织活动、点名记学时。", field="form")
    standing = Standing.objects.filter(programme=programme, member=member).first()
    if standing is None or not standing.on_roll:
        raise CannotLog(f"{member.name}不在{programme}的学习名单上。")
    if not study.topic.strip():
        raise CannotLog("请写明学了什么。", field="topic")
    credit = Credit(
        member,
        study.form,
        study.day,
        study.minutes,
        study.period,
        study.content,
        start=study.start,
        end=study.end,
    )
    source = Source("log", "", study.topic)
    organiser = member.branch or programme.organiser
    [refused] = ledger.preview(programme, [Request(source, organiser, [credit])], at=at)
    if refused:
        raise CannotLog(refused[0].message, field=_FIELDS.get(refused[0].code))
    _check_pending(programme, member, study, credit)


@transaction.atomic
def confirm(logs: Sequence[StudyLog], *, by: Actor, at: datetime) -> list[Outcome]:
    """Confirm logs in bulk: exactly these, each credited or left pending with its reason.

    Raises NotYourself when one is the confirmer's own; logs already decided are left alone.
    """
    rows = _lock_pending(logs)
    if any(log.member_id == by.member.pk for log in rows):
        raise NotYourself
    outcomes: list[Outcome] = []
    for programme in sorted({log.programme for log in rows}, key=lambda p: p.pk):
        own = [log for log in rows if log.programme_id == programme.pk]
        # A log that was refused before has a posting without lines: what follows is a revision.
        turns = ledger.next_revisions(programme, [source_of(log) for log in own])
        requests = [_request(log, turns[log.key]) for log in own]
        posted = ledger.post_many(programme, requests, by=by, at=at)
        for log, result in zip(own, posted, strict=True):
            if result.refused:
                outcomes.append(Outcome(log, 0, result.refused[0].message))
                continue
            log.state, log.decided_by, log.decided_at = State.CONFIRMED, by.member, at
            log.hours = sum(line.hours for line in result.lines)
            outcomes.append(Outcome(log, log.hours))
    StudyLog.objects.bulk_update(
        [o.log for o in outcomes if not o.reason], ["state", "decided_by", "decided_at", "hours"]
    )
    for branch in {log.branch for log in rows}:
        count = sum(not o.reason for o in outcomes if o.log.branch_id == branch.pk)
        audit.record(
            AuditEvent.Event.STUDY, by=by, at=at, on=branch, subject=f"确认学习记录 {count} 条"
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
    source = source_of(row)
    ledger.correct(
        row.programme,
        source,
        revision=ledger.next_revision(row.programme, source),
        organiser=row.branch,
        withdraw=[row.member],
        credits=[],
        reason=reason,
        by=by,
        at=at,
    )
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


_FIELDS = {
    "form": "form",
    "period": "period",
    "short": "minutes",
    "future": "day",
    "outside": "day",
    "late": "day",
    "overlap": "start",
    "content": "content",
    "cap": "minutes",
}


def _check_pending(programme: Programme, member: Member, study: Study, credit: Credit) -> None:
    """What hangs unconfirmed counts as if it were confirmed, so that no log is accepted twice."""
    pending = StudyLog.objects.filter(programme=programme, member=member, state=State.PENDING)
    if study.content and pending.filter(content=study.content).exists():
        raise CannotLog("同一内容已经提交过，正在等待确认，不用再记。", field="content")
    if study.start and study.end:
        for other in pending.exclude(start=None).filter(
            Q(day__gte=study.day - timedelta(days=1), day__lte=study.day + timedelta(days=1))
        ):
            end = other.start + timedelta(minutes=other.minutes) if other.start else None
            if other.start and end and other.start < study.end and study.start < end:
                raise CannotLog(f"与待确认的“{other.topic}”时间重叠。", field="start")
    rules = rule_book.of(programme).on(study.day).rules
    waiting = pending.filter(day=study.day).aggregate(n=Sum("minutes"))["n"] or 0
    already = _credited_on(programme, member, study.day)
    hours = credit.worth(rules)
    waiting_hours = waiting * 100 // rules.minutes_per_hour
    if already + waiting_hours + hours > rules.daily_cap:
        raise CannotLog(
            f"{study.day} 已记 {already / 100:g} 学时、待确认 {waiting_hours / 100:g} 学时，"
            f"再记 {hours / 100:g} 学时就超过每日上限 {rules.daily_cap / 100:g} 学时。",
            field="minutes",
        )


def _credited_on(programme: Programme, member: Member, day: date) -> int:
    lines = LedgerEntry.objects.filter(programme=programme, member=member, day=day)
    return lines.aggregate(n=Sum("hours"))["n"] or 0


def _lock_pending(logs: Sequence[StudyLog]) -> list[StudyLog]:
    rows = StudyLog.objects.filter(pk__in=[log.pk for log in logs], state=State.PENDING)
    locked = rows.select_for_update(of=("self",)).order_by("pk")
    return list(locked.select_related("member__branch", "branch", "programme"))


def _request(log: StudyLog, revision: int) -> Request:
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
    return Request(source_of(log), log.branch, [credit], revision, claimed=claimed)
