"""Suggestions and complaints: handed in by members, answered by an official and thereby closed.

The trail says by number alone what was done. What its author did is on no organisation's trail:
administrators read those, and an author's name is for the official who answers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, Suggestion
from portal.refusals import Refusal

OPEN_AT_ONCE = 10
ANSWER_WITHIN = timedelta(days=15)
State = Suggestion.State


class TooManyOpen(Refusal):
    """Somebody waits for too many answers at once."""

    message = f"您已有 {OPEN_AT_ONCE} 条意见在等待答复，请等答复后再提，或先撤回一条。"


class NotYourself(Refusal):
    """Nobody answers their own suggestion."""

    message = "不能答复自己提出的意见，请由其他同志或上级答复。"


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
    waiting = Suggestion.objects.filter(member=member, state=State.OPEN)
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
def answer(suggestion: Suggestion, text: str, *, by: Actor, at: datetime) -> Suggestion:
    """Answer something and close it; the answer is shown to its author.

    Raises NotYourself, IsClosed, and Refusal for an empty or overlong answer.
    """
    text = _said(text, Suggestion.LONGEST_ANSWER, field="answer", empty="请写明答复。")
    row = _locked(suggestion)
    if row.member_id == by.member.pk:
        raise NotYourself
    if row.state != State.OPEN:
        raise IsClosed(row)
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
    rows = Suggestion.objects.select_for_update(of=("self",)).select_related("branch")
    return rows.get(pk=suggestion.pk)


def _said(text: str, longest: int, *, field: str, empty: str) -> str:
    """The text without blank ends, its lines as one system ends them."""
    said = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not said:
        raise Refusal(empty, field=field)
    if len(said) > longest:
        raise Refusal(f"最多写 {longest} 个字，现在有 {len(said)} 个字，请写短一些。", field=field)
    return said
