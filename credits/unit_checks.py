"""Units check a draft's figures before it is published: sent as a snapshot, confirmed or objected
to line by line until a deadline, each objection ended by a correction or a reasoned reply.

A correction is made in the ledger like any other; here it is only named, and proved by the figure
that has changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from credits import bulletins, draft_lock, unit_check_states
from credits.models import (
    BulletinDraft,
    Measure,
    ObjectionReply,
    UnitAnswer,
    UnitFigures,
    UnitLook,
    UnitsCheck,
)
from credits.unit_check_states import OBJECTED
from portal import audit, messages
from portal.audit import Actor
from portal.messages import Letter
from portal.models import AuditEvent, Message
from portal.refusals import NotAllowed, Refusal

COPIED = (
    "unit_id", "unit_code", "unit_name", "cohort", "due", "exempt", "completed", "hours", "points",
    "sessions", "rank",
)  # fmt: skip
LONGEST = timedelta(days=30)  # from sending to the deadline
NOTICE = Message.Kind.NOTICE


class TooLate(Refusal):
    """The deadline is over, the draft published, or newer figures were sent."""


@transaction.atomic
def send(draft: BulletinDraft, *, deadline: datetime, by: Actor, at: datetime) -> UnitsCheck:
    """Send a draft's figures as they are now to its units, and tell who is to check them.

    Raises Refusal for a deadline that is over or a month away, NotADraft, NotPermitted,
    ObjectionsOpen while an objection to the last figures waits.
    """
    draft = _locked(draft)
    bulletins.check_writable(draft.programme)
    if not at < deadline <= at + LONGEST:
        raise Refusal("截止时间要晚于现在，最长三十天。", field="deadline")
    unit_check_states.check_answered(draft)
    last = unit_check_states.latest(draft)
    check = UnitsCheck.objects.create(
        draft=draft,
        turn=last.turn + 1 if last else 1,
        sent_by=by.member,
        sent_at=at,
        deadline=deadline,
    )
    found = bulletins.figures_of(draft)
    rows = [
        UnitFigures(units_check=check, **{name: getattr(row, name) for name in COPIED})
        for row in found.rows
    ]
    UnitFigures.objects.bulk_create(rows)
    sent = {row.unit_id: row for row in check.rows.all()}
    messages.send_many(
        [
            Letter(
                member, NOTICE, f"unit-check:{sent[unit].pk}", "请核对积分通报数据",
                f"《{draft.title}》送核{sent[unit].unit_name}的数据，请于{_moment(deadline)}前"
                "逐项核对；逾期未答复的，按未查看计。",
                f"/bulletins/checks/{sent[unit].pk}/",
                mail=False,
            )
            for unit, member in sorted(unit_check_states.checkers(sent, at=at))
        ],
        at=at,
    )  # fmt: skip
    _record(draft, f"送核：{draft.title}", {"units": len(rows), "turn": check.turn}, by=by, at=at)
    return check


@transaction.atomic
def look(row: UnitFigures, *, by: Actor, at: datetime) -> None:
    """Note that somebody of the unit opened its figures; the first time counts.

    Raises NotAllowed for whoever is not appointed at the unit.
    """
    _check_own(row, by, at=at)
    UnitLook.objects.bulk_create([UnitLook(row=row, by=by.member, at=at)], ignore_conflicts=True)


@transaction.atomic
def answer(
    row: UnitFigures, objections: Mapping[str, str], *, by: Actor, at: datetime
) -> list[UnitAnswer]:
    """Object to lines, each for a reason, and confirm all others; returns what is new.

    The same answer a second time changes nothing. Raises NotAllowed, TooLate, Refusal for a line
    that does not exist or an objection without a reason (field: the measure).
    """
    draft = _locked(row.units_check.draft)
    _check_own(row, by, at=at)
    newer = unit_check_states.latest(draft)
    if newer is None or newer.pk != row.units_check_id:
        raise TooLate("这份数据之后又送核过一次，请核对新的一份。")
    if unit_check_states.is_late(newer, at=at):
        raise TooLate(f"核对已于{_moment(newer.deadline)}截止，不能再答复。")
    if set(objections) - set(Measure.values):
        raise Refusal("没有这一项数据。")
    for measure, reason in objections.items():
        if not reason.strip():
            raise Refusal(f"{Measure(measure).label}：请写明异议的理由。", field=measure)
    said = unit_check_states.newest(row.answers.all()).get(row.pk, {})
    made = []
    for measure in Measure.values:
        reason = objections.get(measure, "").strip()[:200]
        says = OBJECTED if measure in objections else UnitAnswer.Says.CONFIRMED
        old = said.get(measure)
        if old is None or (old.says, old.reason) != (says, reason):
            made.append(
                UnitAnswer(row=row, measure=measure, says=says, reason=reason, by=by.member, at=at)
            )
    UnitAnswer.objects.bulk_create(made)
    UnitLook.objects.bulk_create([UnitLook(row=row, by=by.member, at=at)], ignore_conflicts=True)
    new = [one for one in made if one.says == OBJECTED]
    if new:
        last = row.answers.order_by("-pk").values_list("pk", flat=True)[0]
        text = f"{row.unit_name}对 {len(new)} 项送核数据提出异议，请更正或答复。"
        link = f"/bulletins/drafts/{draft.pk}/check/"
        letter = Letter(
            newer.sent_by_id, NOTICE, f"objected:{last}", "单位提出异议", text, link, mail=False
        )
        messages.send_many([letter], at=at)
    if made:
        subject = f"核对通报数据：{'有异议' if new else '无误'}"
        detail = {"row": row.pk, "objections": len(new)}
        audit.record(
            AuditEvent.Event.BULLETIN, by=by, at=at, on=row.unit, subject=subject, detail=detail
        )
    return made


def correct(objection: UnitAnswer, *, what: str, by: Actor, at: datetime) -> ObjectionReply:
    """End an objection by naming what was corrected; the figure counted now must differ.

    Raises Refusal where it does not, and as `explain` does.
    """
    return _reply(objection, ObjectionReply.Kind.CORRECTED, what, by=by, at=at)


def explain(objection: UnitAnswer, *, why: str, by: Actor, at: datetime) -> ObjectionReply:
    """End an objection by saying why the figure stays.

    Raises Refusal without a reason, for one that was answered or taken back, NotAllowed for
    whoever objected.
    """
    return _reply(objection, ObjectionReply.Kind.EXPLAINED, why, by=by, at=at)


@transaction.atomic
def _reply(
    objection: UnitAnswer, kind: str, text: str, *, by: Actor, at: datetime
) -> ObjectionReply:
    row = objection.row
    draft = _locked(row.units_check.draft)
    if not text.strip():
        raise Refusal("请写明更正了什么，或维持原数的理由。", field="text")
    if by.member.pk == objection.by_id:
        raise NotAllowed("不能答复自己提出的异议，请由他人办理。")
    if not unit_check_states.open_objections(draft).filter(pk=objection.pk).exists():
        raise Refusal("这条异议已经答复，或单位已经收回。")
    was = now = None
    if kind == ObjectionReply.Kind.CORRECTED:
        was, now = getattr(row, objection.measure), _now(draft, row, objection.measure)
        if was == now:
            label = Measure(objection.measure).label
            raise Refusal(
                f"重新统计后，{row.unit_name}的{label}没有变化。请先更正，或改为说明理由。",
                field="text",
            )
    reply = ObjectionReply.objects.create(
        objection=objection, kind=kind, text=text.strip()[:200], was=was, now=now,
        objected_by_id=objection.by_id, by=by.member, at=at,
    )  # fmt: skip
    told = unit_check_states.checkers([row.unit_id], at=at)
    said = f"对“{Measure(objection.measure).label}”的异议已有答复：{reply.get_kind_display()}。"
    link = f"/bulletins/checks/{row.pk}/"
    messages.send_many(
        [
            Letter(m, NOTICE, f"replied:{reply.pk}", "异议已答复", said, link, mail=False)
            for _, m in sorted(told)
        ],
        at=at,
    )
    subject = f"答复异议：{row.unit_name} {Measure(objection.measure).label}"
    _record(draft, subject, {"kind": kind, "was": was, "now": now}, by=by, at=at)
    return reply


def _now(draft: BulletinDraft, row: UnitFigures, measure: str) -> int:
    """The figure as the bulletin would say it now; a unit that is gone has nothing."""
    found = bulletins.figures_of(draft)
    return next((getattr(r, measure) for r in found.rows if r.unit_id == row.unit_id), 0)


def _locked(draft: BulletinDraft) -> BulletinDraft:
    return draft_lock.locked(draft, published="这份通报已经发布，核对已结束。")


def _check_own(row: UnitFigures, by: Actor, *, at: datetime) -> None:
    if (row.unit_id, by.member.pk) not in unit_check_states.checkers([row.unit_id], at=at):
        raise NotAllowed("只能核对本单位的数据。")


def _moment(value: datetime) -> str:
    return f"{timezone.localtime(value):%-m月%-d日 %H:%M}"


def _record(draft: BulletinDraft, subject: str, detail: Mapping[str, object], *, by: Actor,
            at: datetime) -> None:  # fmt: skip
    audit.record(
        AuditEvent.Event.BULLETIN, by=by, at=at, on=draft.programme.organiser, subject=subject,
        detail=detail,
    )  # fmt: skip
