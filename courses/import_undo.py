"""Undo of a member list: takes back everything that nobody has touched since, keeps the rest by
name with the reason.

It stands here because hours and rolls decide: whoever has either stays on the register, so that no
sheet, statement or rate of the past changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from courses.models import Attendance, Enrolment, HostAttendance, StudyLog
from credits.models import Exemption, LedgerEntry
from portal import audit, jobs
from portal.access import Capability, scope_of
from portal.audit import Actor
from portal.models import AuditEvent, Job, PeopleImport, PeopleImportLine
from portal.people_in import undoing
from portal.people_in.undoing import ARRIVED, Beside, Outcome
from portal.progress import Progress
from portal.refusals import Refusal

CHUNK = 300  # lines taken back in one transaction by a worker
MANY = 300  # from here on a worker does it


def is_many(receipt: PeopleImport) -> bool:
    """Whether a worker takes it back."""
    counts: dict[str, int] = receipt.counts
    return sum(n for action, n in counts.items() if action != "same") > MANY


@transaction.atomic
def undo(receipt: PeopleImport, *, by: Actor, at: datetime) -> dict[str, int]:
    """Take a list back at once; returns how many lines were undone and kept.

    Raises Undone the second time.
    """
    receipt = undoing.claim(receipt, by=by, at=at)
    lines = list(receipt.lines.filter(outcome="").order_by("pk"))
    if lines:
        _take_back(receipt, lines, by=by, at=at)
    return _record(receipt, by=by, at=at)


@transaction.atomic
def undo_later(receipt: PeopleImport, *, by: Actor, at: datetime, back_url: str) -> Job:
    """Have a worker take a long list back. Raises Undone the second time."""
    receipt = undoing.claim(receipt, by=by, at=at)
    return jobs.start(
        "courses.import_undo.work",
        title=f"撤销导入：{receipt}"[:120],
        by=by,
        at=at,
        arguments={"receipt": receipt.pk},
        back_url=back_url,
        resumes=3,
    )


def work(progress: Progress, *, receipt: int) -> dict[str, int]:
    """Take back what is left of a list, some lines at a time; taken up again, it goes on."""
    found = PeopleImport.objects.select_related("organization").get(pk=receipt)
    scope = scope_of(progress.by.member, at=progress.at, active_id=None)
    if not scope.can(Capability.MANAGE_PEOPLE, found.scope_path):
        raise Refusal("您已没有撤销这次导入的权限。")
    total, left = found.lines.count(), found.lines.filter(outcome="").order_by("pk")
    done, last = total - left.count(), 0
    while done < total:
        progress.step(done, total, "正在逐行核对并撤销。")
        with transaction.atomic():
            PeopleImport.objects.select_for_update().get(pk=found.pk)
            lines = list(left.filter(pk__gt=last)[:CHUNK])
            if not lines:
                break  # another worker was first
            _take_back(found, lines, by=progress.by, at=progress.at)
        done, last = done + len(lines), lines[-1].pk
        jobs.give_way()
    with transaction.atomic():
        return _record(found, by=progress.by, at=progress.at)


def _take_back(
    receipt: PeopleImport, lines: Sequence[PeopleImportLine], *, by: Actor, at: datetime
) -> None:
    found = undoing.look(lines)
    kept = _witnessed(found, receipt.at)
    kept |= undoing.touched(found, since=receipt.at, on=receipt.organization)
    undoing.take_back([s for s in found if s.line.pk not in kept], by=by, at=at)
    undoing.note(lines, kept)


def _witnessed(found: Sequence[Beside], since: datetime) -> dict[int, str]:
    """Why people who came by the list stay: what they did where it put them, by line id."""
    here = {s.member.pk: s for s in found if s.line.action in ARRIVED and s.here}
    if not here:
        return {}
    first = min(s.here.since for s in here.values() if s.here)
    midnight = timezone.make_aware(datetime.combine(first, time()))
    seen: dict[int, str] = {}

    def note(member: int, branch: int, day: object, reason: str) -> None:
        belongs = here[member].here
        if belongs and branch == belongs.branch_id and str(day) >= str(belongs.since):
            seen.setdefault(here[member].line.pk, reason)

    entries = LedgerEntry.objects.filter(member__in=here, day__gte=first)
    for member, branch, day in entries.values_list("member", "home", "day").distinct():
        note(member, branch, day, "已有学时")
    marks = Attendance.objects.filter(member__in=here, session__starts_at__gte=midnight)
    for member, branch, start in marks.values_list("member", "home", "session__starts_at"):
        note(member, branch, timezone.localdate(start), "已在考勤名单中")
    logs = StudyLog.objects.filter(member__in=here, day__gte=first)
    for member, branch, day in logs.values_list("member", "branch", "day"):
        note(member, branch, day, "已有学习记录")
    attested = HostAttendance.objects.filter(member__in=here, session__starts_at__gte=midnight)
    for member, branch, start in attested.values_list("member", "branch", "session__starts_at"):
        note(member, branch, timezone.localdate(start), "已有流入地活动的证明")
    places = Enrolment.objects.filter(member__in=here, until=None, since__gte=first)
    for member, day in places.values_list("member", "since"):
        note(member, getattr(here[member].here, "branch_id", 0), day, "已编入读书班")
    asked = Exemption.objects.filter(member__in=here, asked_at__gte=since)
    for member in asked.values_list("member", flat=True):
        seen.setdefault(here[member].line.pk, "已申报减免")
    return seen


def _record(receipt: PeopleImport, *, by: Actor, at: datetime) -> dict[str, int]:
    outcomes = receipt.lines.order_by().values_list("outcome").annotate(n=Count("pk"))
    counted = dict(outcomes)
    counts = {"undone": counted.get(Outcome.UNDONE, 0), "kept": counted.get(Outcome.KEPT, 0)}
    audit.record(
        AuditEvent.Event.IMPORT,
        by=by,
        at=at,
        on=receipt.organization,
        subject=f"撤销导入：{receipt}",
        detail={"receipt": receipt.pk, **counts},
    )
    return counts
