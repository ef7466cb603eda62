"""Suggestions and complaints: handed in by members, answered by an official and thereby closed.

The trail says by number alone what was done. What its author did is on no organisation's trail:
administrators read those, and an author's name is for the official who answers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal import audit
from portal.access import GRANTS, Capability
from portal.audit import Actor
from portal.models import Appointment, AuditEvent, Member, Suggestion
from portal.querysets import at_and_above
from portal.refusals import Refusal

OPEN_AT_ONCE = 10
ASK_AGAIN_WITHIN = timedelta(days=30)
ANSWER_WITHIN = timedelta(days=15)
State = Suggestion.State


class TooManyOpen(Refusal):
    """Somebody waits for too many answers at once."""

    message = f"您已有 {OPEN_AT_ONCE} 条意见在等待答复，请等答复后再提，或先撤回一条。"


class NotYourself(Refusal):
    """Nobody answers their own suggestion."""

    message = "不能答复自己提出的意见，请由其他同志或上级答复。"


class AnotherAnswers(Refusal):
    """Whoever gave the first answer does not give the second, while somebody else can."""

    message = "上次是您答复的，再次提出的由上级或其他同志答复。"


class IsClosed(Refusal):
    """It was answered or withdrawn already."""

    def __init__(self, suggestion: Suggestion) -> None:
        super().__init__(f"这条意见{suggestion.get_state_display()}，已经办结。")


@transaction.atomic
def hand_in(kind: str, text: str, *, by: Actor, at: datetime) -> Suggestion:
    """Hand in something in one's own name, from the branch where one stands.

    The same words once more, while they wait for an answer, change nothing. Raises TooManyOpen,
    and Refusal for an empty or overlong text and for somebody without a branch.
    """
    text = _said(text, Suggestion.LONGEST, field="text", empty="请写下您的意见、投诉或遇到的问题。")
    people = Member.objects.select_for_update(of=("self",), no_key=True)
    member = people.select_related("branch").get(pk=by.member.pk)
    if member.branch is None:
        raise Refusal("您不在任何党支部的名册里，请先联系党支部。")
    waiting = Suggestion.objects.filter(member=member, state=State.OPEN, first=None)
    if there := waiting.filter(text=text).first():
        return there
    if waiting.count() >= OPEN_AT_ONCE:
        raise TooManyOpen
    made = Suggestion.objects.create(
        member=member, branch=member.branch, kind=Suggestion.Kind(kind), text=text, at=at
    )
    audit.record(AuditEvent.Event.SUGGESTION, by=by, at=at, subject=f"提出第{made.pk}号")
    return made


@transaction.atomic
def ask_again(suggestion: Suggestion, text: str, *, by: Actor, at: datetime) -> Suggestion:
    """Ask a second time about what was answered, with the reason; once, within 30 days. The first
    answer stays; another official above the branch gives the second.

    Asked again while it waits, nothing changes. Raises Refusal for anybody but its author, for
    what is not answered, after the 30 days, and a third time.
    """
    text = _said(text, Suggestion.LONGEST, field="text", empty="请写明为什么再次提出。")
    first = _locked(suggestion)
    if first.member_id != by.member.pk:
        raise Refusal("只有本人可以就自己提出的意见再次提出。")
    if first.first_id is not None:
        raise Refusal("这条已经是再次提出的，答复后不再重提；有新情况请另提一条。")
    if first.state != State.ANSWERED:
        raise Refusal(f"这条意见{first.get_state_display()}，不用再次提出。")
    there = first.second.exclude(state=State.WITHDRAWN).first()
    if there is not None:
        if there.state == State.OPEN:
            return there
        raise Refusal(f"这条意见已经再次提出过（{there}），不能第三次提出；有新情况请另提一条。")
    if not may_ask_again(first, at=at):
        days = ASK_AGAIN_WITHIN.days
        raise Refusal(f"答复已超过 {days} 天，不能再次提出；有新情况请另提一条。")
    made = Suggestion.objects.create(
        member=first.member, branch=first.branch, kind=first.kind, text=text, at=at, first=first
    )
    audit.record(
        AuditEvent.Event.SUGGESTION,
        by=by,
        at=at,
        subject=f"就第{first.pk}号再次提出第{made.pk}号",
    )
    return made


def may_ask_again(suggestion: Suggestion, *, at: datetime) -> bool:
    """Whether an answer is fresh enough to ask a second time; not whether that was done."""
    if suggestion.first_id is not None or suggestion.answered_at is None:
        return False
    return at - suggestion.answered_at <= ASK_AGAIN_WITHIN


def others_answer(suggestion: Suggestion, member: Member) -> bool:
    """Whether a second question is for somebody else than this member, who gave the first answer:
    an official who stands above the branch."""
    first = suggestion.first
    if first is None or first.answered_by_id != member.pk:
        return False
    above = at_and_above(suggestion.branch.path)
    held = Appointment.objects.filter(
        until=None, organization__path__in=above, role__in=GRANTS[Capability.APPROVE]
    )
    return held.exclude(member__in=[member.pk, suggestion.member_id]).exists()


@transaction.atomic
def answer(suggestion: Suggestion, text: str, *, by: Actor, at: datetime) -> Suggestion:
    """Answer something and close it; the answer is shown to its author.

    Raises NotYourself, IsClosed, AnotherAnswers, and Refusal for an empty or overlong answer.
    """
    text = _said(text, Suggestion.LONGEST_ANSWER, field="answer", empty="请写明答复。")
    row = _locked(suggestion)
    if row.member_id == by.member.pk:
        raise NotYourself
    if row.state != State.OPEN:
        raise IsClosed(row)
    if others_answer(row, by.member):
        raise AnotherAnswers
    row.state, row.answer = State.ANSWERED, text
    row.answered_by, row.answered_at = by.member, at
    row.save(update_fields=["state", "answer", "answered_by", "answered_at"])
    audit.record(
        AuditEvent.Event.SUGGESTION, by=by, at=at, on=row.branch, subject=f"答复第{row.pk}号"
    )
    return row


@transaction.atomic
def withdraw(suggestion: Suggestion, *, by: Actor, at: datetime) -> Suggestion:
    """Take back what one has handed in, while it waits.

    Raises IsClosed, and Refusal for anybody but its author.
    """
    row = _locked(suggestion)
    if row.member_id != by.member.pk:
        raise Refusal("只有本人可以撤回自己提出的意见。")
    if row.state != State.OPEN:
        raise IsClosed(row)
    row.state = State.WITHDRAWN
    row.save(update_fields=["state"])
    audit.record(AuditEvent.Event.SUGGESTION, by=by, at=at, subject=f"撤回第{row.pk}号")
    return row


def _locked(suggestion: Suggestion) -> Suggestion:
    rows = Suggestion.objects.select_for_update(of=("self",)).select_related("branch", "first")
    return rows.get(pk=suggestion.pk)


def _said(text: str, longest: int, *, field: str, empty: str) -> str:
    """The text without blank ends, its lines as one system ends them."""
    said = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not said:
        raise Refusal(empty, field=field)
    if len(said) > longest:
        raise Refusal(f"最多写 {longest} 个字，现在有 {len(said)} 个字，请写短一些。", field=field)
    return said
