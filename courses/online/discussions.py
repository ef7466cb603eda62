"""Discussions (专题讨论) of a study group: asked, closed, cancelled; who is in the group.

Answers and replies: answers.py. What is hidden: moderation.py. What is credited: recognition.py.
Locks: group → discussion → answers by id → what the ledger locks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import get_random_string

from courses.models import Answer, Discussion, StudyGroup
from courses.online import mentions, study_groups
from credits import rule_book
from credits import rules as arithmetic
from credits.models import Form, Programme
from portal import audit, messages
from portal.audit import Actor
from portal.messages import Letter
from portal.models import AuditEvent, Member, Message, Organization
from portal.refusals import Refusal

State = Discussion.State
# A discussion is carried on in writing, from afar or as the group's seminar.
FORMS = (Form.ONLINE, Form.SEMINAR)


class CannotDiscuss(Refusal):
    """The question cannot be asked, or the discussion not be carried on, like that."""


class NotYourself(Refusal):
    """Nobody recognises or judges what they wrote themselves."""

    message = "不能处理自己写的内容，请由建群党组织的书记、组织委员或上级代为处理。"


@dataclass(frozen=True)
class Question:
    """What is asked. minutes: what one recognised answer counts as; first_day, last_day: when it
    may be answered."""

    title: str
    first_day: date
    last_day: date
    minutes: int
    form: str
    period: str = ""
    text: str = ""


@transaction.atomic
def ask(
    group: StudyGroup,
    programme: Programme,
    question: Question,
    *,
    by: Actor,
    at: datetime,
    key: str = "",
) -> Discussion:
    """Put a question to a group, whose members are told.

    Raises study_groups.GroupEnded, and CannotDiscuss for what the programme's dates and rules do
    not admit: its form, its period, more or fewer minutes than can be credited, or so long a time
    that the first answers could no longer be entered at its end.
    """
    place = study_groups.locked(group)
    organiser = place.organiser.heir
    _check(organiser, programme, question, at=at)
    made = Discussion.objects.create(
        key=key or get_random_string(20),
        group=place,
        organiser=organiser,
        programme=programme,
        title=question.title.strip(),
        text=question.text.strip(),
        form=question.form,
        period=question.period,
        minutes=question.minutes,
        first_day=question.first_day,
        last_day=question.last_day,
        asked_by=by.member,
        asked_at=at,
    )
    told = f"{place}的新讨论：{made.title}。请在 {made.last_day} 以前回答。"
    messages.send_many(
        [
            Letter(
                person.pk, Message.Kind.NOTICE, f"discussion:{made.key}", "新的专题讨论", told,
                mentions.address(made), mail=False,
            )
            for person in people_of(place)
            if person.pk != by.member.pk
        ],
        at=at,
    )  # fmt: skip
    record("发起讨论", made, by=by, at=at)
    return made


@transaction.atomic
def close(discussion: Discussion, *, by: Actor, at: datetime) -> Discussion:
    """End a discussion: no more answers, and they can be recognised. Closing it again changes
    nothing. Raises CannotDiscuss for one that has not begun or was cancelled."""
    row = lock(discussion)
    if row.is_closed:
        return row
    if not row.is_open:
        raise CannotDiscuss(f"这次讨论{row.get_state_display()}，不能结束。")
    if timezone.localdate(at) < row.first_day:
        raise CannotDiscuss(f"这次讨论 {row.first_day} 才开始；不需要的话请取消。")
    row.state, row.ended_by, row.ended_at = State.CLOSED, by.member, at
    row.save(update_fields=["state", "ended_by", "ended_at"])
    record("结束讨论", row, by=by, at=at)
    return row


@transaction.atomic
def cancel(discussion: Discussion, *, reason: str, by: Actor, at: datetime) -> Discussion:
    """Call a discussion off, with a reason that whoever answered is told. Raises CannotDiscuss
    once an answer has been recognised: its hours are taken back first."""
    reason = said(reason, 200, "取消的原因", "reason")
    row = lock(discussion)
    if row.state == State.CANCELLED:
        return row
    if row.answers.filter(state=Answer.State.RECOGNISED).exists():
        raise CannotDiscuss("已经有回答记了学时，不能取消；请先逐个收回。")
    row.state, row.reason, row.ended_by, row.ended_at = State.CANCELLED, reason, by.member, at
    row.save(update_fields=["state", "reason", "ended_by", "ended_at"])
    messages.send_many(
        [
            Letter(
                member, Message.Kind.NOTICE, f"discussion-off:{row.key}", "专题讨论已取消",
                f"您回答过的讨论“{row.title}”已取消：{reason}", mentions.address(row), mail=False,
            )
            for member in row.answers.values_list("member", flat=True)
        ],
        at=at,
    )  # fmt: skip
    record("取消讨论", row, by=by, at=at, reason=reason)
    return row


def close_replies(discussion: Discussion, *, by: Actor, at: datetime) -> Discussion:
    """Take no more replies; answers go on."""
    return _let_reply(discussion, "关闭回复", wanted=False, by=by, at=at)


def open_replies(discussion: Discussion, *, by: Actor, at: datetime) -> Discussion:
    """Take replies again."""
    return _let_reply(discussion, "开放回复", wanted=True, by=by, at=at)


@transaction.atomic
def _let_reply(
    discussion: Discussion, what: str, *, wanted: bool, by: Actor, at: datetime
) -> Discussion:
    row = lock(discussion)
    if not row.is_open:
        raise CannotDiscuss(f"这次讨论{row.get_state_display()}，不再有回复。")
    if row.replies_open != wanted:
        row.replies_open = wanted
        row.save(update_fields=["replies_open"])
        record(what, row, by=by, at=at)
    return row


def people_of(group: StudyGroup) -> list[Member]:
    """Who is in a group now, and its leader."""
    inside = Q(group_rows__group=group, group_rows__until=None)
    people = Member.objects.filter(inside | Q(pk=group.leader_id)).filter(is_active=True)
    return list(people.distinct().order_by("pk"))


def is_in(group: StudyGroup, member: Member) -> bool:
    """Whether somebody is in a group now or leads it."""
    return member.pk == group.leader_id or group.people.now().filter(member=member).exists()


def lock(discussion: Discussion) -> Discussion:
    """Lock a discussion and read it anew."""
    rows = Discussion.objects.select_for_update(of=("self",))
    return rows.select_related("group", "organiser", "programme").get(pk=discussion.pk)


def said(text: str, longest: int, what: str, field: str) -> str:
    """A text without the blanks around it. Raises Refusal where nothing or too much is said."""
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise Refusal(f"请写明{what}。", field=field)
    if len(text) > longest:
        raise Refusal(f"{what}最多 {longest} 字，现在有 {len(text)} 字。", field=field)
    return text


def _check(
    organiser: Organization, programme: Programme, question: Question, *, at: datetime
) -> None:
    said(question.title, 80, "题目", "title")
    if len(question.text.strip()) > 2000:
        raise CannotDiscuss("说明最多 2000 字。", field="text")
    counts = Programme.objects.open().taking_part(organiser.path)
    if not counts.filter(pk=programme.pk).exists():
        raise CannotDiscuss(f"{organiser}现在不能为{programme}记学时。")
    _check_days(programme, question, at=at)
    rules = rule_book.of(programme).on(question.first_day).rules
    if question.form not in FORMS or rules.form(question.form) is None:
        raise CannotDiscuss("这个专题教育不计这种学习方式的学时。", field="form")
    if rules.periods and rules.period(question.period) is None:
        raise CannotDiscuss("请选择讨论的是哪个历史时期。", field="period")
    hours = arithmetic.worth(question.minutes, rules)
    if hours <= 0:
        least = -(-rules.step * rules.minutes_per_hour // 100)
        raise CannotDiscuss(f"至少 {least} 分钟才能记学时。", field="minutes")
    if hours > rules.daily_cap:
        most = f"超过每日上限 {rules.daily_cap / 100:g} 学时"
        text = f"{question.minutes} 分钟合 {hours / 100:g} 学时，{most}。"
        raise CannotDiscuss(text, field="minutes")


def _check_days(programme: Programme, question: Question, *, at: datetime) -> None:
    first, last = question.first_day, question.last_day
    if first < timezone.localdate(at):
        raise CannotDiscuss("开始日期不能早于今天。", field="first_day")
    if last < first:
        raise CannotDiscuss("截止日期不能早于开始日期。", field="last_day")
    if first < programme.starts or last > programme.ends:
        text = f"{programme}从 {programme.starts} 到 {programme.ends}，讨论要在这段时间里。"
        raise CannotDiscuss(text, field="last_day" if last > programme.ends else "first_day")
    longest = rule_book.of(programme).on(first).rules.back_dating
    if (last - first).days > longest:
        raise CannotDiscuss(f"一次讨论最长 {longest} 天，到期才能记学时。", field="last_day")


def record(what: str, row: Discussion, *, by: Actor, at: datetime, **detail: str) -> None:
    """Write an act on a discussion into the audit trail, without a word of what was said in it."""
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=row.organiser,
        subject=f"{what}：{row.title}",
        detail={"discussion": row.key, "group": row.group.name, **detail},
    )
