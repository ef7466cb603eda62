"""Moderation of a discussion: reports (举报) by readers, hiding with a reason, showing again.

Who runs the discussion decides, never about a text of their own. Nothing is deleted.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from courses.models import Answer, Discussion, Reply, Report
from courses.online import discussions, mentions
from courses.online.discussions import NotYourself, said
from portal import messages
from portal.access import GRANTS, Capability
from portal.audit import Actor
from portal.form_names import named
from portal.messages import Letter
from portal.models import Appointment, Message
from portal.refusals import Refusal

Text = Answer | Reply
State = Report.State


@transaction.atomic
def report(text: Text, reason: str, *, by: Actor, at: datetime) -> Report:
    """Say that a text is improper; said again while it is open, nothing changes.

    Whoever runs the discussion is told, without who reported. Raises Refusal for one's own text,
    and for one that is hidden already.
    """
    reason = said(reason, 200, "举报的理由", "reason")
    row, found = _locked(text)
    if found.member_id == by.member.pk:
        raise Refusal("不用举报自己写的内容。")
    if found.is_hidden:
        raise Refusal("这条内容已经隐藏。")
    place = _pointer(found)
    there = row.reports.open().filter(**place, by=by.member).first()
    if there is not None:
        return there
    made = Report.objects.create(discussion=row, **place, by=by.member, at=at, reason=reason)
    messages.send_many(
        [
            Letter(
                member, Message.Kind.NOTICE, f"report:{made.pk}", "讨论内容被举报",
                f"专题讨论“{row.title}”里有一条内容被举报，请处理。",
                f"/discussions/{row.pk}/reports/", mail=False,
            )
            for member in _deciders(row, found, at=at)
        ],
        at=at,
    )  # fmt: skip
    discussions.record("举报", row, by=by, at=at, reason=reason)
    return made


@transaction.atomic
def keep(reported: Report, note: str, *, by: Actor, at: datetime) -> Report:
    """Leave a reported text as it is, and say why. Raises NotYourself; Refusal without a reason,
    or for a report that is decided."""
    note = said(note, 200, "保留的理由", "reason")
    row, found = _locked(reported.said)
    own = row.reports.select_for_update(of=("self",)).get(pk=reported.pk)
    if own.state != State.OPEN:
        raise Refusal("这条举报已经处理过了。")
    if found.member_id == by.member.pk:
        raise NotYourself
    own.state, own.decided_by, own.decided_at, own.note = State.KEPT, by.member, at, note
    own.save(update_fields=["state", "decided_by", "decided_at", "note"])
    _tell_reporters(row, [own], "联系人看过，予以保留", note, at=at)
    discussions.record("举报不成立", row, by=by, at=at, reason=note)
    return own


@transaction.atomic
def hide(text: Text, reason: str, *, by: Actor, at: datetime) -> Text:
    """Take a text from the readers' sight; its author reads why. Open reports of it are thereby
    decided. Raises NotYourself; Refusal without a reason, or for what is hidden already."""
    reason = said(reason, 200, "隐藏的理由", "reason")
    row, found = _locked(text)
    if found.member_id == by.member.pk:
        raise NotYourself
    if found.is_hidden:
        raise Refusal("这条内容已经隐藏。")
    found.hidden_by, found.hidden_at, found.hidden_reason = by.member, at, reason
    found.save(update_fields=["hidden_by", "hidden_at", "hidden_reason"])
    reports = list(row.reports.open().filter(**_pointer(found)).select_for_update(of=("self",)))
    for own in reports:
        own.state, own.decided_by, own.decided_at, own.note = State.HIDDEN, by.member, at, reason
        own.save(update_fields=["state", "decided_by", "decided_at", "note"])
    _tell_reporters(row, reports, "已经隐藏", reason, at=at)
    key = f"hidden:{found.place}:{timezone.localtime(at):%Y%m%d%H%M%S}"
    letter = Letter(
        found.member_id, Message.Kind.NOTICE, key, "您写的一条内容已被隐藏",
        f"专题讨论“{row.title}”里您写的一条内容已被隐藏，别人看不到。理由：{reason}",
        mentions.address(row), mail=False,
    )  # fmt: skip
    messages.send_many([letter], at=at)
    discussions.record("隐藏内容", row, by=by, at=at, reason=reason, text=found.place)
    return found


@transaction.atomic
def show(text: Text, *, by: Actor, at: datetime) -> Text:
    """Let a hidden text be read again. Raises NotYourself; showing what is shown changes
    nothing."""
    row, found = _locked(text)
    if found.member_id == by.member.pk:
        raise NotYourself
    if found.is_hidden:
        found.hidden_by, found.hidden_at, found.hidden_reason = None, None, ""
        found.save(update_fields=["hidden_by", "hidden_at", "hidden_reason"])
        discussions.record("恢复显示", row, by=by, at=at, text=found.place)
    return found


def text_of(discussion: Discussion, name: str) -> Text | None:
    """The text that a form names, as `answer-3` or `reply-7`, if it is of this discussion."""
    kind, pk = named(name)
    if kind == "answer":
        return discussion.answers.filter(pk=pk).first()
    replies = Reply.objects.filter(answer__discussion=discussion)
    return replies.filter(pk=pk).first() if kind == "reply" else None


def _locked(text: Text) -> tuple[Discussion, Text]:
    """The discussion, locked, and the text as it is now."""
    answered = text if isinstance(text, Answer) else text.answer
    row = discussions.lock(answered.discussion)
    found = type(text)._default_manager.select_for_update(of=("self",)).get(pk=text.pk)
    return row, found


def _pointer(text: Text) -> dict[str, Text]:
    return {"answer" if isinstance(text, Answer) else "reply": text}


def _deciders(row: Discussion, text: Text, *, at: datetime) -> list[int]:
    """Who is told of a report: the leader; of the leader's own text, or where the leader has left
    the register, whoever runs the groups of the organiser or of what it was merged into."""
    leader = row.group.leader
    if leader.is_active and text.member_id != leader.pk:
        return [leader.pk]
    where = row.organiser.heir
    seats = Appointment.objects.on(timezone.localdate(at)).filter(organization=where)
    seats = seats.filter(role__in=GRANTS[Capability.RUN_GROUPS]).exclude(member=text.member_id)
    return sorted(set(seats.values_list("member", flat=True)))


def _tell_reporters(
    row: Discussion, reports: list[Report], what: str, why: str, *, at: datetime
) -> None:
    letters = [
        Letter(
            own.by_id, Message.Kind.NOTICE, f"reported:{own.pk}", "举报已处理",
            f"您在专题讨论“{row.title}”里举报的内容{what}：{why}", mentions.address(row),
            mail=False,
        )
        for own in reports
    ]  # fmt: skip
    messages.send_many(letters, at=at)
