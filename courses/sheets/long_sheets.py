"""Long attendance sheets, by a worker: read and staged, previewed from there, written at once.

`check` reads the file into the staging (progress and cancel there) and keeps the preview; `write`
confirms what was seen, all of it in one transaction; `take_back` undoes a written one. A killed
worker's job is taken up again, and what it has done is not done twice.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses.models import SheetImport
from courses.sheets import sheet_said, sheet_staging, sheets_in
from courses.sheets.sheet_plans import Moved, Preview
from portal import jobs
from portal.access import Capability, scope_of
from portal.audit import Actor
from portal.models import Job
from portal.progress import Progress
from portal.refusals import Refusal

State = SheetImport.State
RESUMES = 3


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
    """Read a sheet into its staging, unless it is there and sound, and keep the preview; a sheet
    that cannot be read is not kept."""
    found = _held(progress, staged)
    if found.state != State.READ:
        return {}
    try:
        _read(progress, found)
    except Refusal:
        if progress.own.exists():
            sheet_staging.forget(found)
            SheetImport.objects.filter(pk=found.pk, state=State.READ).delete()
            progress.lead_to(refused_url)
        raise
    rows = found.told["rows"]
    progress.step(rows, rows, "正在与名册、活动和考勤核对。")
    preview = _keep_preview(found, at=progress.at)
    progress.finished(preview.reading.message, rows=rows)
    return {"sessions": len(preview.plans), "rows": rows}


def _keep_preview(found: SheetImport, *, at: datetime) -> Preview:
    preview = sheets_in.look(found, at=at)
    said = sheet_said.told(preview)
    with transaction.atomic():
        now = SheetImport.objects.select_for_update().get(pk=found.pk)
        if now.answers == found.answers:  # or another check follows, with the new ones
            now.said, now.checked_at = said, at
            now.save(update_fields=["said", "checked_at"])
    return preview


def confirm_later(staged: SheetImport, *, seen: str, by: Actor, at: datetime, back_url: str) -> Job:
    """Have a worker confirm a long sheet; it refuses what `sheets_in.confirm` refuses."""
    return _later("write", "导入", staged, by=by, at=at, back_url=back_url, seen=seen)


def write(progress: Progress, *, staged: int, seen: str) -> dict[str, int]:
    """Confirm a staged sheet in the background: all of it or, when cancelled before, nothing. Where
    something changed since the preview, the new one is kept to be seen."""
    found = _held(progress, staged)
    if found.state == State.READ:
        _read(progress, found)
        _say_at_once(progress, "写入", found.told["rows"])
    try:
        found = sheets_in.confirm(found, seen=seen, by=progress.by, at=progress.at)
    except Moved:
        _read(progress, found)
        _keep_preview(found, at=progress.at)
        raise
    progress.committed()
    sheet_staging.forget(found)
    sessions, rows = found.wrote()
    progress.finished(f"已导入 {sessions} 次活动，改动 {rows} 人次。", rows=rows)
    return {"sessions": sessions, "rows": rows}


def undo_later(staged: SheetImport, *, by: Actor, at: datetime, back_url: str) -> Job:
    """Have a worker take a long sheet back."""
    return _later("take_back", "撤销导入", staged, by=by, at=at, back_url=back_url)


def take_back(progress: Progress, *, staged: int) -> dict[str, int]:
    """Take a written sheet back in the background, as one act."""
    found = _held(progress, staged)
    if found.state == State.WRITTEN:
        _say_at_once(progress, "撤销", found.wrote()[1])
    kept = sheets_in.undo(found, by=progress.by, at=progress.at)
    names = "、".join(kept[:20]) + ("等" if len(kept) > 20 else "")
    told = f"以下 {len(kept)} 处导入后又改过，予以保留：{names}。" if kept else ""
    progress.finished(told or "已撤销导入，考勤和学时恢复到导入之前。")
    return {"kept": len(kept)}


def _say_at_once(progress: Progress, verb: str, rows: int) -> None:
    """Nobody sees the steps of a transaction before it ends: say what its time depends on."""
    how = f"{verb}是一次完成的，中途不能取消；所需时间与人数成正比。"
    progress.step(0, rows, f"正在{verb} {rows} 人次，{how}", too_late=True)


def _read(progress: Progress, found: SheetImport) -> None:
    """Have the staging say what the file says now; read anew only where that may be otherwise."""
    if sheet_staging.is_sound(found, at=progress.at):
        return

    def tell(done: int, total: int) -> None:
        progress.step(done, total, "正在读取表格。")

    progress.step(0, 0, "正在读取表格。")
    sheet_staging.take_in(found, at=progress.at, tell=tell, hold=progress.hold)


def _held(progress: Progress, staged: int) -> SheetImport:
    """The sheet of a job, as long as its user may still record attendance there."""
    found = SheetImport.objects.select_related("organization").filter(pk=staged).first()
    if found is None:
        raise Refusal("这份表格已经过期，请重新上传。")
    scope = scope_of(progress.by.member, at=progress.at, active_id=None)
    if not scope.can(Capability.RECORD_ATTENDANCE, found.organization.path):
        raise Refusal("您已没有导入的权限。")
    return found


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
        f"{__name__}.{work}",
        title=f"{verb}考勤表：{staged.file_name}"[:120],
        by=by,
        at=at,
        arguments={"staged": staged.pk, **arguments},
        back_url=back_url,
        resumes=RESUMES,
    )
