"""What passing a lesson earns: credited once in each programme, or waiting with the reason; and
taken back by the branch."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from courses import reversals
from courses.models import Lesson, LessonAttempt, LessonCredit, LessonVersion
from credits import ledger, rule_book
from credits.ledger import Credit, Request, Source
from credits.models import Programme, Standing
from credits.querysets import ProgrammeQuerySet
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member
from portal.refusals import Refusal

State = LessonCredit.State


class NotYourself(Refusal):
    """Nobody decides about their own hours."""

    message = "不能冲销自己的学时，请由组织委员或上级办理。"


def pass_(attempt: LessonAttempt, *, by: Actor, at: datetime) -> LessonAttempt:
    """Save a passing attempt and credit it in every programme that is open to its member. The
    caller holds the member. Raises Refusal for somebody who belongs to no branch."""
    member, version = attempt.member, attempt.version
    if member.branch is None:
        raise Refusal("您现在不在任何党支部的名册上，不能记学时。")
    waiting = _programmes(attempt.lesson, member) if version.band else Programme.objects.none()
    credits = [
        LessonCredit(
            key=key_of(attempt.lesson, member),
            programme=programme,
            lesson=attempt.lesson,
            member=member,
            branch=member.branch,
        )
        for programme in waiting.order_by("pk")
    ]
    for credit in credits:
        _post(credit, version, timezone.localdate(at), by=by, at=at)
    attempt.state, attempt.message = _told(attempt, credits)
    attempt.save(force_insert=True)
    for credit in credits:
        credit.attempt = attempt
    LessonCredit.objects.bulk_create(credits)
    return attempt


@transaction.atomic
def credit_now(credit: LessonCredit, *, by: Actor, at: datetime) -> LessonCredit:
    """Try once more to credit what waits, or what ended with the books that are open again.

    It counts on the day of `at`; after the programme's last day on that on which it was passed.
    Raises Refusal while something still stands in the way; what is credited stays as it is.
    """
    Member.objects.select_for_update(no_key=True, of=("self",)).get(pk=credit.member_id)
    row = _locked(credit)
    if row.state == State.CREDITED:
        return row
    if row.state not in (State.WAITING, State.EXPIRED):
        raise Refusal(f"这一课的学时{row.get_state_display()}，不能再计入。")
    today = timezone.localdate(at)
    day = today if today <= row.programme.ends else row.attempt.day
    _post(row, row.attempt.version, day, by=by, at=at)
    if row.state != State.CREDITED:
        raise Refusal(f"还不能计入：{row.reason}")
    row.decided_at = None
    row.save(update_fields=["state", "day", "hours", "reason", "decided_at"])
    return row


@transaction.atomic
def reverse(credit: LessonCredit, *, reason: str, by: Actor, at: datetime) -> LessonCredit:
    """Take a lesson's hours back, with a reason; its member may study and answer it again."""
    row = _locked(credit)
    if row.state != State.CREDITED:
        raise Refusal(f"这一课的学时{row.get_state_display()}，不能冲销。")
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
    row.save(update_fields=["state", "reason", "hours", "decided_by", "decided_at"])
    audit.record(
        AuditEvent.Event.CORRECTION,
        by=by,
        at=at,
        on=row.branch,
        subject=f"冲销微党课：{row.lesson}",
        detail={"reason": reason},
    )
    return row


def is_done(lesson: Lesson, member: Member) -> bool:
    """Whether answering once more could earn somebody nothing: passed, and credited or waiting in
    every programme that is open to them."""
    attempts = LessonAttempt.objects.filter(lesson=lesson, member=member)
    passed = attempts.exclude(state=LessonAttempt.State.FAILED).exists()
    return passed and not (lesson.band and _programmes(lesson, member).exists())


def key_of(lesson: Lesson, member: Member) -> str:
    """How the ledger names somebody's passing of a lesson, whichever attempt it was."""
    return sha256(f"{lesson.key}:{member.key}".encode()).hexdigest()[:20]


def source_of(credit: LessonCredit) -> Source:
    """How the ledger names a credit."""
    return Source("lesson", credit.key, credit.lesson.title)


def _programmes(lesson: Lesson, member: Member) -> ProgrammeQuerySet:
    """Open programmes on whose roll somebody is and in which the lesson gave them nothing yet."""
    roll = Standing.objects.filter(programme=OuterRef("pk"), member=member, on_roll=True)
    given = LessonCredit.objects.standing().filter(
        programme=OuterRef("pk"), member=member, lesson=lesson
    )
    return Programme.objects.open().filter(Exists(roll), ~Exists(given))


def _post(
    credit: LessonCredit, version: LessonVersion, day: date, *, by: Actor, at: datetime
) -> None:
    """Post a credit on the day on which it counts; says in it what came of it, saves nothing."""
    programme, source = credit.programme, source_of(credit)
    rules = rule_book.of(programme).on(day).rules
    asked = Credit(
        credit.member,
        version.form,
        day,
        version.band,
        version.period if rules.periods else "",
        credit.lesson.content,
    )
    # What was refused or taken back has a posting: what follows is a revision.
    turn = ledger.next_revision(programme, source)
    credit.state = State.WAITING
    try:
        # Crediting it late is not the member's delay.
        request = Request(source, credit.branch, [asked], turn, claimed=day)
        with transaction.atomic():
            [posted] = ledger.post_many(programme, [request], by=by, at=at)
    except ledger.ProgrammeClosed as closed:
        credit.reason = closed.message[:200]
        return
    if posted.refused:
        credit.reason = posted.refused[0].message[:200]
        return
    credit.state, credit.day, credit.reason = State.CREDITED, day, ""
    credit.hours = sum(line.hours for line in posted.lines)


def _told(attempt: LessonAttempt, credits: list[LessonCredit]) -> tuple[str, str]:
    """What is said to somebody who passed."""
    said = f"答对 {attempt.right} 题（共 {attempt.asked} 题），已通过。"
    credited = [credit for credit in credits if credit.state == State.CREDITED]
    waiting = [credit for credit in credits if credit.state == State.WAITING]
    for credit in credited:
        said += f"记入{credit.programme} {credit.hours / 100:g} 学时。"
    for credit in waiting:
        said += f"{credit.programme}暂未记入学时：{credit.reason}"
    if not credits:
        why = "您不在进行中的专题教育名单上" if attempt.version.band else "这一课不凭答题记学时"
        said += f"{why}，这次不记学时。"
    states = LessonAttempt.State
    if credited:
        return states.CREDITED, said[:300]
    return (states.WAITING if waiting else states.PASSED), said[:300]


def _locked(credit: LessonCredit) -> LessonCredit:
    rows = LessonCredit.objects.select_for_update(of=("self",))
    related = ("programme", "lesson", "branch", "member", "attempt__version")
    return rows.select_related(*related).get(pk=credit.pk)
