"""Random samples of own study (抽查): drawn by an official, answered by whoever was drawn, judged.

Only who is drawn is asked for anything, and nobody else can send anything. What is found not in
order is not reversed by itself: that is the branch's decision (study_logs.reverse).
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from courses import sample_drawing, sample_photos
from courses.models import Sample, SampleItem, SamplePhoto, StudyLog
from courses.querysets import StudyLogQuerySet
from credits.models import Programme
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Organization
from portal.querysets import below
from portal.refusals import Refusal

State = SampleItem.State
USUAL_RATE = 30  # thousandths
USUAL_DAYS = 10  # for an answer
PHOTOS_KEPT = timedelta(days=180)  # after the judgement, or after the sample was closed


class CannotDraw(Refusal):
    """There is nothing to draw from, or the drawing contradicts itself."""


class CannotAnswer(Refusal):
    """Nothing is asked of this person here, or no longer."""


class NotYourself(Refusal):
    """Nobody judges their own study, or what they confirmed."""

    message = "不能核查自己的学习记录，也不能核查自己确认过的记录，请由其他同志或上级核查。"


def population(
    programme: Programme, organization: Organization, first: date, last: date
) -> StudyLogQuerySet:
    """The confirmed logs of a subtree's branches on a range of days; nobody is asked about the
    same log twice."""
    drawn = SampleItem.objects.filter(log=OuterRef("pk"))
    logs = StudyLog.objects.filter(~Exists(drawn), below(organization.path, lookup="branch__path"))
    return logs.filter(
        programme=programme, state=StudyLog.State.CONFIRMED, day__range=(first, last)
    )


@transaction.atomic
def draw(
    programme: Programme,
    organization: Organization,
    *,
    first: date,
    last: date,
    reason: str,
    due_on: date,
    by: Actor,
    at: datetime,
    rate: int = USUAL_RATE,
    key: str = "",
) -> Sample:
    """Draw a sample among the confirmed logs of a subtree; rate in thousandths.

    The same key again is the sample that is there. Raises CannotDraw.
    """
    key = key or secrets.token_hex(10)
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    there = Sample.objects.filter(key=key).first()
    if there is not None and there.by_id == by.member.pk:
        return there
    if there is not None:
        raise CannotDraw("请重新打开本页再抽取。")
    if last < first:
        raise CannotDraw("结束日期要不早于开始日期。", field="last")
    if not reason.strip():
        raise CannotDraw("请写明抽查事由。", field="reason")
    if not 1 <= rate <= Sample.HIGHEST_RATE:
        text = f"抽查比例要在 0.1% 到 {Sample.HIGHEST_RATE // 10}% 之间：抽查不是要求人人交材料。"
        raise CannotDraw(text, field="rate")
    if due_on < timezone.localdate(at):
        raise CannotDraw("答复期限不能早于今天。", field="due_on")
    rows = population(programme, organization, first, last).order_by("pk")
    logs = dict(rows.values_list("key", "pk"))
    if not logs:
        raise CannotDraw(
            f"{organization}在这些日期没有已记入、又没有抽过的个人学习记录，没有可抽查的。"
        )
    size, seed = sample_drawing.size_of(len(logs), rate), secrets.token_hex(16)
    sample = Sample.objects.create(
        key=key,
        programme=programme,
        organization=organization,
        first=first,
        last=last,
        rate=rate,
        reason=reason.strip()[:200],
        due_on=due_on,
        seed=seed,
        population=len(logs),
        listed=sample_drawing.pack(sorted(logs.values())),
        digest=sample_drawing.digest_of(logs),
        size=size,
        by=by.member,
        at=at,
    )
    chosen = [logs[name] for name in sample_drawing.draw(seed, logs, size)]
    drawn = StudyLog.objects.in_bulk(chosen)
    SampleItem.objects.bulk_create(
        SampleItem(sample=sample, log=log, member_id=log.member_id, confirmed_by_id=decider)
        for log in (drawn[pk] for pk in chosen)
        if (decider := log.decided_by_id)  # a confirmed log has one: study_log_decided_has_who
    )
    detail = {"seed": seed, "digest": sample.digest, "population": len(logs), "size": size,
              "days": [str(first), str(last)], "reason": sample.reason}  # fmt: skip
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=organization,
        subject=f"{sample}：{len(logs)} 条中抽 {size} 条",
        detail=detail,
    )
    return sample


def answer(
    item: SampleItem, note: str, photo: bytes | None = None, *, by: Actor, at: datetime
) -> SampleItem:
    """Say what one's study was, in words, by a photo or both; until it is judged it may be said
    anew, and a photo that was sent stays unless another is sent.

    Raises CannotAnswer, BadPhoto.
    """
    said = note.strip()
    if len(said) > SampleItem.LONGEST:
        text = f"最多写 {SampleItem.LONGEST} 个字，现在有 {len(said)} 个字。"
        raise CannotAnswer(text, field="note")
    if item.member_id != by.member.pk:
        raise CannotAnswer("只有被抽到的本人可以说明。")
    content = None if photo is None else sample_photos.made_anew(photo)  # before anything is locked
    return _answer(item, said, content, by=by, at=at)


@transaction.atomic
def _answer(
    item: SampleItem, said: str, content: bytes | None, *, by: Actor, at: datetime
) -> SampleItem:
    row = _locked(item)
    if row.is_judged or not row.sample.is_open:
        raise CannotAnswer("这次抽查已经核查完，不能再改。")
    if not said and content is None and not SamplePhoto.objects.filter(item=row).exists():
        raise CannotAnswer("请写几句说明，或拍一张照片。", field="note")
    if content is not None:
        SamplePhoto.objects.update_or_create(item=row, defaults={"content": content, "at": at})
    row.note, row.state, row.answered_at = said, State.ANSWERED, at
    row.save(update_fields=["note", "state", "answered_at"])
    _record("说明", row, by=by, at=at, photo=content is not None)
    return row


@transaction.atomic
def judge(
    item: SampleItem, *, in_order: bool, feedback: str = "", by: Actor, at: datetime
) -> SampleItem:
    """Say what was found, once; the member and the branch read the feedback.

    Raises NotYourself; Refusal before an answer, twice, or without feedback where not in order.
    """
    row, feedback = _locked(item), feedback.strip()[:200]
    if by.member.pk in (row.member_id, row.confirmed_by_id):
        raise NotYourself
    if row.is_judged:
        raise Refusal(f"这一条已经核查过了：{row.get_state_display()}。")
    if row.state != State.ANSWERED:
        raise Refusal("本人还没有说明，不能核查。")
    if not row.sample.is_open:
        raise Refusal("这次抽查已经办结。")
    if not in_order and not feedback:
        raise Refusal("请写明哪里不属实，本人和支部会看到。", field="feedback")
    row.state = State.IN_ORDER if in_order else State.NOT_IN_ORDER
    row.feedback, row.decided_by, row.decided_at = feedback, by.member, at
    row.save(update_fields=["state", "feedback", "decided_by", "decided_at"])
    _record(str(row.get_state_display()), row, by=by, at=at, feedback=feedback)
    return row


@transaction.atomic
def close(sample: Sample, *, by: Actor, at: datetime) -> Sample:
    """End a sample: nothing more is asked or judged. Closing again changes nothing."""
    row = Sample.objects.select_for_update(of=("self",)).get(pk=sample.pk)
    if not row.is_open:
        return row
    waiting = row.items.filter(state=State.ANSWERED).count()
    if waiting:
        raise Refusal(f"还有 {waiting} 条已说明、待核查，核查完再办结。")
    row.closed_by, row.closed_at = by.member, at
    row.save(update_fields=["closed_by", "closed_at"])
    audit.record(AuditEvent.Event.STUDY, by=by, at=at, on=row.organization, subject=f"办结{row}")
    return row


def expire(*, at: datetime) -> int:
    """Remove photos long judged, or of samples long closed; returns how many."""
    before = at - PHOTOS_KEPT
    old = Q(item__decided_at__lt=before) | Q(item__sample__closed_at__lt=before)
    count, _ = SamplePhoto.objects.filter(old).delete()
    return count


def _locked(item: SampleItem) -> SampleItem:
    """The sample first (shared with its closing), then the item."""
    Sample.objects.select_for_update(no_key=True).only("pk").get(pk=item.sample_id)
    rows = SampleItem.objects.select_for_update(of=("self",)).defer("sample__listed")
    return rows.select_related("sample", "member", "log__branch").get(pk=item.pk)


def _record(what: str, row: SampleItem, *, by: Actor, at: datetime, **detail: object) -> None:
    audit.record(
        AuditEvent.Event.STUDY,
        by=by,
        at=at,
        on=row.log.branch,
        subject=f"{row.sample} {row.member.name} {row.log.day}：{what}",
        detail={"item": row.pk, **detail},
    )
