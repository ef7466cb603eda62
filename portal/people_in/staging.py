"""From a preview to its confirmation: the rows read wait for the same person to confirm them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portal import jobs, people_in
from portal.access import Capability, Scope, scope_of
from portal.audit import Actor
from portal.jobs import Progress
from portal.models import Job, Upload
from portal.people_in.cells import masked
from portal.people_in.model import KINDS, MEMBERS, Preview, Table
from portal.refusals import Conflict, Refusal

KEPT = timedelta(days=1)
MANY = 300  # rows to change; from here on a worker writes them, with progress
NEEDED = {
    MEMBERS: Capability.MANAGE_PEOPLE,
    "organisations": Capability.MANAGE_ORGANISATIONS,
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
        by=by.member, kind=kind, filename=name, table=table.as_json(), at=at
    )


def preview(upload: Upload, *, scope: Scope, at: datetime) -> Preview:
    """What the staged rows would change now. Raises Over once they are imported."""
    if upload.applied_at:
        raise Over
    return people_in.plan(Table.of_json(upload.table), scope=scope, at=at)


@transaction.atomic
def confirm(
    upload: Upload, *, fingerprint: str, scope: Scope, by: Actor, at: datetime
) -> dict[str, int]:
    """Write the staged rows if they still mean what was shown; returns how many of each act.

    Raises Changed when they do not, Over the second time.
    """
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    found = preview(upload, scope=scope, at=at)
    if found.fingerprint != fingerprint:
        raise Changed
    on = next(iter(scope.organizations(NEEDED[upload.kind])), None)
    counts = people_in.apply(found, by=by, at=at, name=upload.filename, on=on)
    upload.table, upload.applied_at = {}, at
    upload.save(update_fields=["table", "applied_at"])
    return counts


def confirm_later(
    upload: Upload, *, fingerprint: str, by: Actor, at: datetime, back_url: str
) -> Job:
    """Have a worker confirm a large sheet."""
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
    progress.step(1, 1, said(counts, staged.kind))
    return counts


def said(counts: dict[str, int], kind: str) -> str:
    """What was written, in one sentence."""
    unit = "人" if kind == MEMBERS else "个"
    acts = {a: n for a, n in counts.items() if a != "same" and n}
    if not acts:
        return "没有需要改动的内容。"
    listed = "、".join(f"{people_in.ACTIONS[a]} {n} {unit}" for a, n in acts.items())
    return f"已导入：{listed}。"


def expire(*, at: datetime) -> int:
    """Delete staged sheets that nobody confirmed; returns how many. Periodic work."""
    count, _ = Upload.objects.filter(at__lt=at - KEPT).delete()
    return count
