"""From a preview to its confirmation: the rows read wait for the same person to confirm them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.db import transaction

from portal import jobs, people_in
from portal.access import Capability, Scope, scope_of
from portal.audit import Actor
from portal.models import Job, Upload
from portal.people_in import long_lists
from portal.people_in.cells import masked
from portal.people_in.long_shown import LongPreview
from portal.people_in.model import (
    KINDS,
    MEMBERS,
    ORGANISATIONS,
    STAYS,
    Preview,
    Table,
    said,
)
from portal.progress import Progress
from portal.refusals import Conflict, Refusal

KEPT = timedelta(days=1)
MANY = 300  # rows to change; from here on a worker writes them, with progress
NEEDED = {
    MEMBERS: Capability.MANAGE_PEOPLE,
    ORGANISATIONS: Capability.MANAGE_ORGANISATIONS,
    STAYS: Capability.MANAGE_PEOPLE,
}


class Changed(Conflict):
    """What would be written is no longer what was shown."""

    message = "名册刚刚有变动，下面是重新核对的结果，请看过后再确认。"


class Over(Refusal):
    """The sheet was imported already, or waited too long."""

    message = "这份表格已经导入过了，没有重复写入。"


def stage(data: bytes, filename: str, kind: str, *, by: Actor, at: datetime) -> Upload:
    """Read a file and keep its rows for confirming. Raises a Refusal when it cannot be read."""
    table = people_in.read(data, filename, kind)
    name = masked(filename.replace("\\", "/").rsplit("/", 1)[-1])[:120]
    return Upload.objects.create(
        by=by.member,
        kind=kind,
        filename=name,
        digest=hashlib.sha256(data).hexdigest(),
        table=table.as_json(),
        at=at,
    )


class NotYet(Refusal):
    """A long list that a worker has not read yet."""

    message = "这份表格还在核对，请稍候。"


def look(upload: Upload, *, scope: Scope, at: datetime) -> Preview | LongPreview:
    """What the page shows of a staged list. Raises Over once it is imported, NotYet while a
    worker reads it."""
    if not upload.is_long or upload.applied_at:
        return preview(upload, scope=scope, at=at)
    if upload.checked_at is None:
        raise NotYet
    return LongPreview(upload)


def preview(upload: Upload, *, scope: Scope, at: datetime) -> Preview:
    """What the staged rows would change now. Raises Over once they are imported."""
    if upload.applied_at:
        raise Over
    return people_in.plan(Table.of_json(upload.table), scope=scope, at=at)


def is_many(upload: Upload, found: Preview | LongPreview) -> bool:
    """Whether a worker writes it."""
    return upload.is_long or found.change_count > MANY


@transaction.atomic
def confirm(
    upload: Upload, *, fingerprint: str, scope: Scope, by: Actor, at: datetime
) -> dict[str, int]:
    """Write the staged rows if they still mean what was shown; returns how many of each act.

    Raises Changed when they do not, Over the second time.
    """
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    if upload.is_long:
        raise Changed
    found = preview(upload, scope=scope, at=at)
    if found.fingerprint != fingerprint:
        raise Changed
    on = next(iter(scope.organizations(NEEDED[upload.kind])), None)
    counts = people_in.apply(found, by=by, at=at, name=upload.filename, on=on, digest=upload.digest)
    upload.table, upload.applied_at = {}, at
    upload.save(update_fields=["table", "applied_at"])
    return counts


def confirm_later(
    upload: Upload, *, fingerprint: str, by: Actor, at: datetime, back_url: str
) -> Job:
    """Have a worker confirm a large sheet."""
    if upload.is_long:
        return long_lists.write_later(upload, by=by, at=at, back_url=back_url)
    return jobs.start(
        "portal.people_in.staging.work",
        title=f"导入{KINDS[upload.kind]}：{upload.filename}"[:120],
        by=by,
        at=at,
        arguments={"upload": upload.pk, "fingerprint": fingerprint},
        back_url=back_url,
    )


def work(progress: Progress, *, upload: int, fingerprint: str) -> dict[str, int]:
    """Confirm a staged sheet in the background; all of it or, when cancelled before, nothing."""
    staged = Upload.objects.filter(pk=upload).first()
    if staged is None:
        raise Over("这份表格已经过期，请重新上传。")
    scope = scope_of(progress.by.member, at=progress.at, active_id=None)
    if not scope.has(NEEDED[staged.kind]):
        raise Refusal("您已没有导入的权限。")
    progress.step(0, 1, "正在核对并写入，请稍候。")
    counts = confirm(staged, fingerprint=fingerprint, scope=scope, by=progress.by, at=progress.at)
    progress.finished(said(counts, staged.kind))
    return counts


def expire(*, at: datetime) -> int:
    """Delete staged sheets that nobody confirmed; returns how many. Periodic work."""
    old = Upload.objects.filter(at__lt=at - KEPT)
    for upload in old.filter(is_long=True):
        long_lists.forget_lines(upload)
    count, _ = old.delete()
    return count
