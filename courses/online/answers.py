"""What the members of a group say in a discussion: answers, rewritten answers, replies.

Saying something earns nothing: hours come from recognition (recognition.py) alone.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses.models import Answer, AnswerVersion, Discussion, Reply
from courses.online import discussions, mentions
from courses.online.discussions import CannotDiscuss, said
from portal.audit import Actor
from portal.models import Role
from portal.refusals import Conflict

ANSWER, REPLY = 2000, 500  # characters at most
ARRANGERS = {Role.SECRETARY, Role.ORGANISER}  # who reads and replies without being in the group


@transaction.atomic
def answer(discussion: Discussion, text: str, *, by: Actor, at: datetime) -> Answer:
    """Answer a question, once; the same text sent again changes nothing.

    Raises CannotDiscuss for whoever is not in the group, outside the discussion's days, and for a
    second answer: the first is rewritten instead.
    """
    text = said(text, ANSWER, "您的回答", "text")
    row = discussions.lock(discussion)
    _check_inside(row, by)
    there = row.answers.filter(member=by.member).first()
    if there is not None and there.text == text:
        return there
    _check_days(row, at)
    if there is not None:
        raise CannotDiscuss("您已经回答过，请在原来的回答上修改。", field="text")
    made = Answer.objects.create(discussion=row, member=by.member, text=text, said_at=at)
    mentions.tell(row, made, discussions.people_of(row.group), at=at)
    return made


@transaction.atomic
def edit(found: Answer, text: str, *, seen: int, by: Actor, at: datetime) -> Answer:
    """Rewrite one's own answer while the discussion runs; the text before stays to be read.

    seen: how often it had been rewritten when the form was opened. Raises Conflict when it was
    since, and CannotDiscuss as `answer`, and for a hidden answer.
    """
    text = said(text, ANSWER, "您的回答", "text")
    row = discussions.lock(found.discussion)
    own = row.answers.select_for_update(of=("self",)).get(pk=found.pk)
    if own.member_id != by.member.pk:
        raise CannotDiscuss("只能修改自己的回答。")
    _check_inside(row, by)
    if own.text == text:
        return own
    _check_days(row, at)
    if own.is_hidden:
        raise CannotDiscuss("这个回答已被隐藏，不能修改；有意见请找联系人。")
    if own.edits != seen:
        raise Conflict("您在另一个页面上刚改过这个回答，请核对后再保存。")
    AnswerVersion.objects.create(
        answer=own, number=own.edits + 1, text=own.text, since=own.edited_at or own.said_at,
        until=at,
    )  # fmt: skip
    own.text, own.edits, own.edited_at = text, own.edits + 1, at
    own.save(update_fields=["text", "edits", "edited_at"])
    mentions.tell(row, own, discussions.people_of(row.group), at=at)
    return own


@transaction.atomic
def reply(found: Answer, text: str, *, by: Actor, at: datetime) -> Reply:
    """Reply to an answer; the same words by the same person once more change nothing.

    Raises CannotDiscuss for outsiders, when replies are closed, and for a hidden answer.
    """
    text = said(text, REPLY, "您的回复", "text")
    row = discussions.lock(found.discussion)
    if by.role not in ARRANGERS:
        _check_inside(row, by)
    answered = row.answers.get(pk=found.pk)
    there = answered.replies.filter(member=by.member, text=text).first()
    if there is not None:
        return there
    _check_days(row, at)
    if not row.replies_open:
        raise CannotDiscuss("联系人已关闭回复。", field="text")
    if answered.is_hidden:
        raise CannotDiscuss("这个回答已被隐藏，不能回复。", field="text")
    made = Reply.objects.create(answer=answered, member=by.member, text=text, said_at=at)
    mentions.tell(row, made, discussions.people_of(row.group), at=at)
    return made


def _check_inside(row: Discussion, by: Actor) -> None:
    if not discussions.is_in(row.group, by.member):
        raise CannotDiscuss("您不在这个学习群里，不能参加讨论。")


def _check_days(row: Discussion, at: datetime) -> None:
    if row.takes_answers(at):
        return
    if not row.is_open:
        raise CannotDiscuss(f"这次讨论{row.get_state_display()}，不能再写。", field="text")
    text = f"这次讨论从 {row.first_day} 到 {row.last_day}，现在不能写。"
    raise CannotDiscuss(text, field="text")
