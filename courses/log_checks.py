"""What stands in the way of a piece of own study before it is handed in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Sum

from courses.models import Lesson, StudyLog
from credits import ledger, rule_book
from credits import rules as arithmetic
from credits.ledger import Credit, Request, Source
from credits.models import Form, LedgerEntry, Programme, Standing
from portal.models import Member
from portal.refusals import Refusal

# Forms that somebody can study alone; the others are sessions with a roll.
OWN_FORMS = (Form.SELF_STUDY, Form.ONLINE, Form.IMMERSIVE, Form.ON_SITE)
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


class CannotLog(Refusal):
    """Something stands in the way of this study; the message says what, with the numbers."""


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


def check(programme: Programme, member: Member, study: Study, *, at: datetime) -> None:
    """Raise CannotLog when this study could not be credited as things stand; writes nothing."""
    check_many(programme, [(member, study)], at=at)


def check_many(
    programme: Programme, studies: Sequence[tuple[Member, Study]], *, at: datetime
) -> None:
    """The same for one study each of several members; the first that cannot be raises."""
    if not programme.takes_postings:
        raise CannotLog(f"{programme}{programme.get_state_display()}，不能再记学习。")
    people = [member.pk for member, _ in studies]
    roll = Standing.objects.filter(programme=programme, member__in=people, on_roll=True)
    on_roll = set(roll.values_list("member_id", flat=True))
    _check_lessons([study for _, study in studies])
    requests = []
    for member, study in studies:
        _check_words(programme, member, study, on_roll)
        credit = _credit_of(member, study)
        organiser = member.branch or programme.organiser
        requests.append(Request(Source("log", "", study.topic), organiser, [credit]))
    for refused in ledger.preview(programme, requests, at=at):
        if refused:
            raise CannotLog(refused[0].message, field=_FIELDS.get(refused[0].code))
    _check_pending(programme, studies)


def check_again(programme: Programme, member: Member, study: Study) -> None:
    """Raise CannotLog when a log that was handed in before may not wait for a decision again. Days
    and the ledger were judged when it was handed in, and are once more when it is confirmed."""
    if not programme.takes_postings:
        raise CannotLog(f"{programme}{programme.get_state_display()}，不能再记学习。")
    roll = Standing.objects.filter(programme=programme, member=member, on_roll=True)
    _check_words(programme, member, study, set(roll.values_list("member_id", flat=True)))
    _check_lessons([study])
    _check_pending(programme, [(member, study)])


def _check_words(
    programme: Programme, member: Member, study: Study, on_roll: Collection[int]
) -> None:
    """What is wrong with a log whatever the ledger holds."""
    if programme.state == Programme.State.CLOSING and study.day > programme.ends:
        raise CannotLog(f"{programme}已于 {programme.ends} 结束学习。", field="day")
    if study.form not in OWN_FORMS:
        raise CannotLog("这种学习方式要由支部组织活动、点名记学时。", field="form")
    if member.pk not in on_roll:
        raise CannotLog(f"{member.name}不在{programme}的学习名单上。")
    if not study.topic.strip():
        raise CannotLog("请写明学了什么。", field="topic")


def _check_lessons(studies: Sequence[Study]) -> None:
    """Raise CannotLog for a lesson whose hours come from its questions."""
    contents = {study.content for study in studies if study.content.startswith("lesson:")}
    if not contents:
        return
    keys = {content.partition(":")[2] for content in contents}
    if found := Lesson.objects.filter(key__in=keys).exclude(band=0).first():
        said = f"《{found}》在移动课堂答题，通过后自动记学时，不用登记。"
        raise CannotLog(said, field="content")


def _credit_of(member: Member, study: Study) -> Credit:
    return Credit(
        member,
        study.form,
        study.day,
        study.minutes,
        study.period,
        study.content,
        start=study.start,
        end=study.end,
    )


def _check_pending(programme: Programme, studies: Sequence[tuple[Member, Study]]) -> None:
    """What hangs unconfirmed counts as if it were confirmed, so that no log is accepted twice."""
    people = [member.pk for member, _ in studies]
    pending: dict[int, list[StudyLog]] = defaultdict(list)
    rows = StudyLog.objects.filter(
        programme=programme, member__in=people, state=StudyLog.State.PENDING
    )
    for log in rows.order_by("pk"):
        pending[log.member_id].append(log)
    credited = _credited_on(programme, people, {study.day for _, study in studies})
    book = rule_book.of(programme)
    for member, study in studies:
        _check_against(pending[member.pk], study)
        rules = book.on(study.day).rules
        same_day = [log for log in pending[member.pk] if log.day == study.day]
        waiting_hours = sum(arithmetic.worth(log.minutes, rules) for log in same_day)
        already = credited.get((member.pk, study.day), 0)
        hours = _credit_of(member, study).worth(rules)
        if already + waiting_hours + hours > rules.daily_cap:
            raise CannotLog(
                f"{study.day} 已记 {already / 100:g} 学时、待确认 {waiting_hours / 100:g} 学时，"
                f"再记 {hours / 100:g} 学时就超过每日上限 {rules.daily_cap / 100:g} 学时。",
                field="minutes",
            )


def _check_against(pending: Sequence[StudyLog], study: Study) -> None:
    """Raise CannotLog for a study that repeats or overlaps a member's own pending logs."""
    if study.content and any(log.content == study.content for log in pending):
        raise CannotLog("同一内容已经提交过，正在等待确认，不用再记。", field="content")
    for other in pending:
        if not (study.start and study.end and other.start):
            continue
        end = other.start + timedelta(minutes=other.minutes)
        if other.start < study.end and study.start < end:
            raise CannotLog(f"与待确认的“{other.topic}”时间重叠。", field="start")


def _credited_on(
    programme: Programme, members: Sequence[int], days: Collection[date]
) -> dict[tuple[int, date], int]:
    lines = LedgerEntry.objects.filter(programme=programme, member__in=members, day__in=days)
    sums = lines.order_by().values_list("member", "day").annotate(n=Sum("hours"))
    return {(member, day): hours for member, day, hours in sums}
