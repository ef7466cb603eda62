"""Attendance spreadsheets in: staged, previewed, confirmed once as a whole, undone as one act.

An upload is kept in the database with the answers given so far; every look at it reads the file
anew, against the roster and the sessions of that moment. Nothing is written until somebody
confirms exactly what they saw. A long sheet is read and written by a worker; its preview is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from courses import sheet_asks, sheet_planning, sheet_said, sheet_writing
from courses.models import SheetImport
from courses.rosters import BranchRoster
from courses.sheet_plans import Preview
from courses.sheet_reading import read
from credits import programmes
from portal import audit, jobs, workbooks
from portal.access import Capability, scope_of
from portal.audit import Actor
from portal.jobs import Progress
from portal.models import AuditEvent, Job, Organization
from portal.refusals import Conflict, Refusal

State = SheetImport.State
STAGED = timedelta(days=7)  # how long an upload waits for confirmation
LONG = 60_000  # bytes of a file that a worker reads and writes: about 1,500 rows
CONTENT_KEPT = timedelta(days=30)  # how long a file is kept beside its receipt


class Unreadable(Refusal):
    """The file is a spreadsheet, and yet no attendance can be read from it."""


class Unanswered(Refusal):
    """Something is still to be answered before the sheet can be written."""


def stage(
    branch: Organization, data: bytes, filename: str, *, by: Actor, at: datetime
) -> SheetImport:
    """Keep an upload until it is confirmed; the same file again is the import that is there.

    A long one is read by a worker (`check_later`). Raises WorkbookRefusal for files that are no
    spreadsheet, Unreadable for other sheets.
    """
    digest = hashlib.sha256(data).hexdigest()
    same = SheetImport.objects.filter(organization=branch, digest=digest)
    known = same.filter(state=State.WRITTEN).first() or same.filter(
        state=State.READ, by=by.member
    ).first()  # fmt: skip
    if known:
        return known
    is_long = len(data) > LONG
    if not is_long:
        book = workbooks.read(data, filename)
        reading = read(book, roster=BranchRoster(branch), at=timezone.localdate(at))
        if reading.outcome == "refuse":
            raise Unreadable(reading.message, field="file")
    return SheetImport.objects.create(
        organization=branch,
        file_name=filename.replace("\\", "/").rsplit("/", 1)[-1][-120:],
        digest=digest,
        content=data,
        is_long=is_long,
        by=by.member,
        at=at,
    )


def preview(
    branch: Organization,
    data: bytes,
    filename: str,
    *,
    at: datetime,
    answers: Mapping[str, str] | None = None,
) -> Preview:
    """What the file says, what is to be asked, and what confirming would change. Writes nothing."""
    answers = answers or {}
    book, roster = workbooks.read(data, filename), BranchRoster(branch)
    day = timezone.localdate(at)
    reading = read(book, roster=roster, at=day, answers=answers)
    # What was answered stays on the page, so that it can be seen and changed.
    unanswered = read(book, roster=roster, at=day) if answers else reading
    people = [
        (person.number, f"{person.name}（{person.number}）")
        for person in sorted(roster.own, key=lambda p: (p.name, p.number))
        if person.until is None
    ]
    asked = {q.key: q for q in (*unanswered.questions, *reading.questions)}
    questions = [
        sheet_asks.of_question(
            question, people, answers.get(key, ""), is_open=question in reading.questions
        )
        for key, question in asked.items()
    ]
    plans = sheet_planning.plans_of(reading, branch, answers=answers, at=at)
    return Preview(reading, plans, questions)


def look(staged: SheetImport, *, at: datetime) -> Preview:
    """The preview of a staged upload, with the answers given so far."""
    data = bytes(staged.content)
    return preview(staged.organization, data, staged.file_name, at=at, answers=staged.answers)


@transaction.atomic
def answer(staged: SheetImport, answers: Mapping[str, str], *, by: Actor) -> SheetImport:
    """Keep answers to what is asked; an empty one takes an answer back."""
    staged = _locked(staged)
    if staged.state != State.READ:
        raise Refusal(f"这个文件{staged.get_state_display()}，不能再改。")
    merged = staged.answers | {key[:200]: value[:200] for key, value in answers.items()}
    staged.answers = {key: value for key, value in merged.items() if value}
    staged.said, staged.checked_at = {}, None
    staged.save(update_fields=["answers", "said", "checked_at"])
    return staged


def are_given(staged: SheetImport, answers: Mapping[str, str]) -> bool:
    """Whether the answers say nothing else than those kept already."""
    return all(staged.answers.get(key, "") == value for key, value in answers.items())


@transaction.atomic
def confirm(staged: SheetImport, *, seen: str, by: Actor, at: datetime) -> SheetImport:
    """Write what the preview with the fingerprint `seen` showed: all of it or nothing, once.

    Confirming again changes nothing. Raises Conflict when anything changed since the preview,
    Unanswered, and whatever the verbs refuse (limits of programme and back-dating among it).
    """
    programmes.share_all()
    branch = Organization.objects.select_for_update(no_key=True).get(pk=staged.organization_id)
    staged = _locked(staged)
    if staged.state != State.READ:
        return staged
    same = SheetImport.objects.filter(organization=branch, digest=staged.digest)
    if same.filter(state=State.WRITTEN).exists():
        raise Refusal("同一个文件已经导入过，没有重复导入。")
    found = look(staged, at=at)
    if found.open_asks:
        raise Unanswered(f"还有 {len(found.open_asks)} 处没有回答，请先回答。")
    if found.fingerprint != seen:
        raise Conflict("预览之后，名单、活动或考勤有了改动。请看过新的预览再确认。")
    reason = f"导入表格：{staged.file_name}"
    staged.wrote = [
        sheet_writing.write(plan, branch, reason=reason, by=by, at=at)
        for plan in found.plans
        if not plan.does_nothing
    ]
    staged.state, staged.written_at, staged.by = State.WRITTEN, at, by.member
    staged.save(update_fields=["wrote", "state", "written_at", "by"])
    _note("导入考勤表", staged, by=by, at=at)
    return staged


def check_later(
    staged: SheetImport,
    *,
    by: Actor,
    at: datetime,
    back_url: str,
    refused_url: str,
    answered: bool = False,
) -> Job:
    """Have a worker read a long sheet, for the preview; one that is about to be read is not read
    twice, unless it was `answered` since the reading began. refused_url: where the job leads when
    no attendance can be read, for then there is no preview."""
    states = [Job.State.WAITING] if answered else [Job.State.WAITING, Job.State.RUNNING]
    same = Job.objects.filter(
        work=f"{__name__}.check", by=by.member, state__in=states,
        arguments={"staged": staged.pk, "refused_url": refused_url},
    )  # fmt: skip
    return same.first() or _later(
        "check", "核对", staged, by=by, at=at, back_url=back_url, refused_url=refused_url
    )


def check(progress: Progress, *, staged: int, refused_url: str) -> dict[str, int]:
    """Read a staged sheet and keep its preview; a sheet that cannot be read is not kept."""
    found = _held(progress, staged)
    progress.step(0, 2, "正在读取表格，并与名册、活动和考勤核对。")
    try:
        preview = look(found, at=progress.at)
        if preview.reading.outcome == "refuse":
            raise Unreadable(preview.reading.message)
    except Refusal:
        SheetImport.objects.filter(pk=found.pk, state=State.READ).delete()
        progress.lead_to(refused_url)
        raise
    progress.step(1, 2, "正在整理核对结果。")
    said = sheet_said.told(preview)
    with transaction.atomic():
        now = _locked(found)
        if now.answers == found.answers:  # or another check follows, with the new ones
            now.said, now.checked_at = said, progress.at
            now.save(update_fields=["said", "checked_at"])
    progress.step(2, 2, preview.reading.message)
    rows = sum(len(session.rows) for session in preview.reading.sessions)
    return {"sessions": len(preview.plans), "rows": rows}


def confirm_later(staged: SheetImport, *, seen: str, by: Actor, at: datetime, back_url: str) -> Job:
    """Have a worker confirm a long sheet; it refuses what `confirm` refuses."""
    return _later("work", "导入", staged, by=by, at=at, back_url=back_url, seen=seen)


def _later(
    work: str,
    verb: str,
    staged: SheetImport,
    *,
    by: Actor,
    at: datetime,
    back_url: str,
    **arguments: str,
) -> Job:
    """Queue a piece of work on a sheet; a worker's death does not end it."""
    return jobs.start(
        f"courses.sheets_in.{work}",
        title=f"{verb}考勤表：{staged.file_name}"[:120],
        by=by,
        at=at,
        arguments={"staged": staged.pk, **arguments},
        back_url=back_url,
        resumes=3,
    )


def work(progress: Progress, *, staged: int, seen: str) -> dict[str, int]:
    """Confirm a staged sheet in the background: all of it or, when cancelled before, nothing."""
    found = _held(progress, staged)
    progress.step(0, 1, "正在核对并写入；写入是一次完成的，中途不能取消。")
    found = confirm(found, seen=seen, by=progress.by, at=progress.at)
    rows = sum(len(record["rows"]) for record in found.wrote)
    progress.step(1, 1, f"已导入 {len(found.wrote)} 次活动，改动 {rows} 人次。")
    return {"sessions": len(found.wrote), "rows": rows}


def _held(progress: Progress, staged: int) -> SheetImport:
    """The sheet of a job, as long as its user may still record attendance there."""
    found = SheetImport.objects.select_related("organization").filter(pk=staged).first()
    if found is None:
        raise Refusal("这份表格已经过期，请重新上传。")
    scope = scope_of(progress.by.member, at=progress.at, active_id=None)
    if not scope.can(Capability.RECORD_ATTENDANCE, found.organization.path):
        raise Refusal("您已没有导入的权限。")
    return found


@transaction.atomic
def undo(staged: SheetImport, *, by: Actor, at: datetime) -> list[str]:
    """Take an import back as one act, by reversals. Returns the names of what was edited since:
    that is kept. Undoing again changes nothing."""
    staged = _locked(staged)
    if staged.state != State.WRITTEN:
        return []
    reason = f"撤销导入：{staged.file_name}"
    kept: list[str] = []
    for record in reversed(staged.wrote):
        kept += sheet_writing.take_back(record, reason=reason, by=by, at=at)
    staged.state, staged.undone_at = State.UNDONE, at
    staged.save(update_fields=["state", "undone_at"])
    _note("撤销导入考勤表", staged, by=by, at=at, kept=kept)
    return kept


def expire(*, at: datetime) -> int:
    """Remove uploads that nobody confirmed for a week, and old files behind receipts.

    Returns how many uploads were removed.
    """
    old = SheetImport.objects.filter(state=State.READ, at__lt=at - STAGED)
    count, _ = old.delete()
    done = SheetImport.objects.exclude(state=State.READ).filter(at__lt=at - CONTENT_KEPT)
    done.exclude(content=b"").update(content=b"", answers={})
    return count


def _locked(staged: SheetImport) -> SheetImport:
    rows = SheetImport.objects.select_for_update(of=("self",)).select_related("organization")
    return rows.get(pk=staged.pk)


def _note(
    what: str, staged: SheetImport, *, by: Actor, at: datetime, kept: list[str] | None = None
) -> None:
    audit.record(
        AuditEvent.Event.IMPORT,
        by=by,
        at=at,
        on=staged.organization,
        subject=f"{what}：{staged.file_name}",
        detail={
            "digest": staged.digest,
            "sessions": len(staged.wrote),
            "rows": sum(len(record["rows"]) for record in staged.wrote),
            **({"kept": kept} if kept else {}),
        },
    )
