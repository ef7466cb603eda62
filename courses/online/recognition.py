"""Recognition: which answers of a closed discussion count, and what becomes of those that do not.

The ledger has one source a discussion, in its organiser's book: the first recognition posts it,
whoever is recognised later or taken back is a revision of it. Nothing but this earns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from courses import reversals
from courses.models import Answer, Discussion
from courses.online import discussions, mentions
from courses.online.discussions import CannotDiscuss, NotYourself, said
from credits import ledger, rule_book
from credits.ledger import Credit, Posted, Request, Source
from credits.models import SourceKind, Standing
from portal import audit, messages, set_wise
from portal.audit import Actor
from portal.messages import Letter
from portal.models import AuditEvent, Message
from portal.refusals import Refusal

State = Answer.State
DECLINABLE = {State.WAITING, State.REFUSED, State.EXPIRED}  # undecided, or not credited so far


@dataclass(frozen=True)
class Outcome:
    """What came of recognising one answer: its hours, or why it could not be credited."""

    answer: Answer
    hours: int = 0
    reason: str = ""


@transaction.atomic
def recognise(
    discussion: Discussion, answers: Sequence[Answer], *, by: Actor, at: datetime
) -> list[Outcome]:
    """Recognise answers: exactly these, each credited, or refused with its reason.

    One posting for all of them; what counts already is left alone. Raises NotYourself when one is
    the decider's own, CannotDiscuss before the discussion is closed.
    """
    row, rows = _locked(discussion, answers, by)
    rows = [found for found in rows if found.state != State.RECOGNISED]
    on_roll = set(
        Standing.objects.filter(
            programme=row.programme, member__in=[found.member_id for found in rows], on_roll=True
        ).values_list("member_id", flat=True)
    )
    outcomes = [
        Outcome(found, reason=why) for found in rows if (why := _against(row, found, on_roll))
    ]
    refused = {outcome.answer.pk for outcome in outcomes}
    outcomes += _post(row, [found for found in rows if found.pk not in refused], by=by, at=at)
    _keep(outcomes, by=by, at=at)
    given = sum(not outcome.reason for outcome in outcomes)
    if outcomes:
        discussions.record(f"认定讨论回答 {given} 条", row, by=by, at=at)
    return outcomes


@transaction.atomic
def decline(
    discussion: Discussion, answers: Sequence[Answer], *, reason: str, by: Actor, at: datetime
) -> int:
    """Do not recognise answers; their members are told why. Returns how many that were.

    Those that count are left alone: their hours are taken back. Raises as `recognise`; Refusal
    without a reason.
    """
    reason = said(reason, 200, "不认定的理由", "reason")
    row, rows = _locked(discussion, answers, by)
    rows = [found for found in rows if found.state in DECLINABLE]
    for found in rows:
        found.state, found.reason = State.DECLINED, reason
        found.decided_by, found.decided_at = by.member, at
        found.save(update_fields=["state", "reason", "decided_by", "decided_at"])
    _tell(row, rows, "没有认定", reason, at=at)
    if rows:
        discussions.record(f"不认定讨论回答 {len(rows)} 条", row, by=by, at=at, reason=reason)
    return len(rows)


@transaction.atomic
def take_back(
    discussion: Discussion, answers: Sequence[Answer], *, reason: str, by: Actor, at: datetime
) -> int:
    """Take recognised answers' hours back, in the book where they were posted; their members are
    told why. All or none; returns how many. Raises as `decline`, and Refusal where one of them
    does not count."""
    reason = said(reason, 200, "收回的理由", "reason")
    row, rows = _locked(discussion, answers, by)
    for found in rows:
        if found.state != State.RECOGNISED:
            raise Refusal(f"{found.member.name}的回答{found.get_state_display()}，没有记学时。")
        reversals.take_back(
            row.programme, source_of(row), found.member, organiser=row.organiser, reason=reason,
            by=by, at=at,
        )  # fmt: skip
        found.state, found.reason, found.hours = State.REVERSED, reason, 0
        found.decided_by, found.decided_at = by.member, at
        found.save(update_fields=["state", "reason", "hours", "decided_by", "decided_at"])
    _tell(row, rows, "已经收回", reason, at=at)
    audit.record_many(
        audit.event(
            AuditEvent.Event.CORRECTION,
            by=by,
            at=at,
            on=row.organiser,
            subject=f"收回讨论学时：{found.member.name} {row.title}",
            detail={"discussion": row.key, "reason": reason},
        )
        for found in rows
    )
    return len(rows)


@transaction.atomic
def ask_again(answer: Answer, text: str, *, by: Actor, at: datetime) -> Answer:
    """Ask once for one's answer to be looked at again, after it was not recognised."""
    text = said(text, 200, "请求复核的理由", "asked")
    discussions.lock(answer.discussion)
    found = Answer.objects.select_for_update(of=("self",)).get(pk=answer.pk)
    if found.member_id != by.member.pk:
        raise Refusal("只能为自己的回答请求复核。")
    if found.asked == text:
        return found
    if not found.may_ask:
        raise Refusal("这个回答不能再请求复核。", field="asked")
    found.asked, found.asked_at = text, at
    found.save(update_fields=["asked", "asked_at"])
    return found


@transaction.atomic
def respond(answer: Answer, text: str, *, by: Actor, at: datetime) -> Answer:
    """Leave it at that, and say why to the member who asked. Raises NotYourself; Refusal where
    nothing was asked or it is replied to."""
    text = said(text, 200, "复核的答复", "reason")
    row, [found] = _locked(answer.discussion, [answer], by)
    if not found.is_asking:
        raise Refusal("这个回答没有等待答复的复核请求。")
    found.replied = text
    found.save(update_fields=["replied"])
    letter = Letter(
        found.member_id, Message.Kind.NOTICE, f"answer-replied:{found.pk}", "复核已答复",
        f"您在专题讨论“{row.title}”里的回答，复核答复：{text}", mentions.address(row), mail=False,
    )  # fmt: skip
    messages.send_many([letter], at=at)
    discussions.record("答复复核", row, by=by, at=at, reason=text)
    return found


def source_of(discussion: Discussion) -> Source:
    """How the ledger names a discussion."""
    return Source(SourceKind.DISCUSSION.value, discussion.key, discussion.title)


def _locked(
    discussion: Discussion, answers: Sequence[Answer], by: Actor
) -> tuple[Discussion, list[Answer]]:
    """The discussion, closed, and its answers by id, none of which is this person's own."""
    row = discussions.lock(discussion)
    if not row.is_closed:
        raise CannotDiscuss(f"这次讨论{row.get_state_display()}，结束以后才能认定。")
    rows = row.answers.select_for_update(of=("self",)).select_related("member__branch")
    found = list(rows.filter(pk__in=[one.pk for one in answers]).order_by("pk"))
    if any(one.member_id == by.member.pk for one in found):
        raise NotYourself
    return row, found


def _against(row: Discussion, found: Answer, on_roll: set[int]) -> str:
    """What stands in the way before the ledger is asked."""
    if found.is_hidden:
        return "这个回答已被隐藏，恢复显示以后才能认定。"
    if found.member_id not in on_roll:
        return f"{found.member.name}不在{row.programme}的学习名单上。"
    return ""


def _post(row: Discussion, rows: Sequence[Answer], *, by: Actor, at: datetime) -> list[Outcome]:
    """Credit answers in one posting: what the discussion's minutes are worth, on the local day on
    which each was first given, without clock time."""
    if not rows:
        return []
    period = row.period if rule_book.of(row.programme).on(row.first_day).rules.periods else ""
    credits_ = [
        Credit(found.member, row.form, timezone.localdate(found.said_at), row.minutes, period)
        for found in rows
    ]
    source = source_of(row)
    revision = ledger.next_revision(row.programme, source)
    # Handed in on its last day at the latest: recognising it later is not the members' delay.
    request = Request(
        source, row.organiser, credits_, revision, claimed=row.last_taken,
        reason="补认讨论回答" if revision > 1 else "",
    )  # fmt: skip
    [posted] = ledger.post_many(row.programme, [request], by=by, at=at)
    return _outcomes(rows, posted)


def _outcomes(rows: Sequence[Answer], posted: Posted) -> list[Outcome]:
    hours = {line.member: line.hours for line in posted.lines}
    why = {refused.credit.member.pk: refused.message for refused in posted.refused}
    return [
        Outcome(found, hours.get(found.member_id, 0), why.get(found.member_id, ""))
        for found in rows
    ]


def _keep(outcomes: Sequence[Outcome], *, by: Actor, at: datetime) -> None:
    """Note beside each answer what came of it."""
    set_wise.update_by_id(
        Answer,
        ["state", "reason", "hours", "decided_by", "decided_at"],
        [
            (
                State.REFUSED if outcome.reason else State.RECOGNISED,
                outcome.reason[:200], outcome.hours, by.member.pk, at, outcome.answer.pk,
            )
            for outcome in outcomes
        ],
    )  # fmt: skip


def _tell(row: Discussion, rows: Sequence[Answer], what: str, why: str, *, at: datetime) -> None:
    """Tell members that their answers do not count, and why."""
    letters = [
        Letter(
            found.member_id, Message.Kind.NOTICE,
            f"answer-{found.state}:{found.pk}:{timezone.localtime(at):%Y%m%d%H%M%S}",
            "讨论回答没有记学时",
            f"您在专题讨论“{row.title}”里的回答{what}：{why}\n"
            "有不同意见，可以在回答下面请求复核一次。",
            mentions.address(row), mail=False,
        )
        for found in rows
    ]  # fmt: skip
    messages.send_many(letters, at=at)
