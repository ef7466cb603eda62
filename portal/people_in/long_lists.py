"""Long member lists, by a worker: checked in chunks into staging, then written set-wise.

Three steps, each a queued job's or a part of it: `stage` keeps the file, `check` reads it row by
row and stages what each would do (progress and cancel here), `write` enters the newcomers in one
transaction and then indexes their names. A killed step is taken up again where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction

from portal import audit, followers, jobs, name_index
from portal.access import Capability, Scope, scope_of
from portal.audit import Actor
from portal.models import AuditEvent, Job, Organization, StagedLine, Upload
from portal.people_in import applying, long_sql, receipts
from portal.people_in.cells import masked
from portal.people_in.long_check import Checker, entry_of
from portal.people_in.member_lines import MemberReader
from portal.people_in.model import KINDS, MEMBERS, MemberLine, NotImportable, Table, said
from portal.progress import Cancelled, Progress
from portal.refusals import Refusal

LONG = 200_000  # bytes of a file that a worker reads: about 4,000 rows
CHUNK = 1000  # rows checked and staged at once
INDEXED = 2000  # people indexed at once
RESUMES = 3


class Moved(Refusal):
    """The register changed since the list was checked."""


def stage(
    data: bytes, filename: str, *, by: Actor, at: datetime, address: Callable[[int], str]
) -> Job:
    """Keep a long file until a worker has read it; the job is where its user waits. `address`
    gives the page on which an upload's preview is seen."""
    name = masked(filename.replace("\\", "/").rsplit("/", 1)[-1])[:120]
    with transaction.atomic():
        upload = Upload.objects.create(
            by=by.member,
            kind=MEMBERS,
            filename=name,
            digest=hashlib.sha256(data).hexdigest(),
            file=data,
            is_long=True,
            at=at,
        )
        return jobs.start(
            "portal.people_in.long_lists.check",
            title=f"核对{KINDS[MEMBERS]}名册：{name}"[:120],
            by=by,
            at=at,
            arguments={"upload": upload.pk},
            back_url=address(upload.pk),
            resumes=RESUMES,
        )


def check(progress: Progress, *, upload: int) -> dict[str, Any]:
    """Read a staged file and stage what its rows would do. Begins anew when taken up again."""
    staged, scope = _held(progress, upload)
    if staged.checked_at:  # before its worker died
        progress.finished(staged.said["message"], rows=staged.said["rows"])
        return {"rows": staged.said["rows"]}
    forget_lines(staged)
    reader = Checker(staged, scope, progress.at)
    done = 0
    try:
        for chunk in _chunks(reader.entries()):
            reader.take(chunk, hold=progress.hold)
            done = chunk[-1].row
            progress.step(done, max(done, reader.height), "正在读取并核对。")
        found = reader.result()
    except (Refusal, Cancelled):  # what is not wanted or cannot be read is not kept
        if progress.own.exists():
            forget_lines(staged)
            staged.delete()
        raise
    staged.said, staged.checked_at, staged.file = found, progress.at, b""
    with transaction.atomic():
        progress.hold()
        staged.save(update_fields=["said", "checked_at", "file"])
    progress.finished(found["message"], rows=done)
    return {"rows": found["rows"]}


def write_later(upload: Upload, *, by: Actor, at: datetime, back_url: str) -> Job:
    """Have a worker write a checked list. Raises NotImportable while there are errors."""
    if upload.said["wrong"]:
        raise NotImportable(upload.said["message"])
    return jobs.start(
        "portal.people_in.long_lists.write",
        title=f"导入{KINDS[MEMBERS]}：{upload.filename}"[:120],
        by=by,
        at=at,
        arguments={"upload": upload.pk},
        back_url=back_url,
        resumes=RESUMES,
    )


def write(progress: Progress, *, upload: int) -> dict[str, int]:
    """Write a checked list: all of it or nothing; then index the newcomers' names, some at a
    time. Taken up again, it goes on where it was."""
    staged, scope = _held(progress, upload)
    counts: dict[str, int] = staged.said.get("counts", {})
    total = counts.get("create", 0)
    if staged.applied_at is None:
        told = "正在写入名册，请稍候；写入是一次完成的，中途不能取消。"
        progress.step(0, total or 1, told, too_late=True)
        apply(staged, scope=scope, by=progress.by, at=progress.at)
    progress.committed()
    done = total - StagedLine.objects.filter(upload=staged, action="create").count()
    while count := _index(staged):
        done += count
        progress.step(done, total, "名册已写入，正在编制姓名检索。")
    forget_lines(staged)
    progress.finished(said(counts, MEMBERS), rows=total or 1)
    return counts


def apply(upload: Upload, *, scope: Scope, by: Actor, at: datetime) -> None:
    """Write a checked list in one transaction, set-wise; its lines stay for the index.

    Raises Moved when the register changed since the check in what the list bears on.
    """
    try:
        with transaction.atomic():
            upload = Upload.objects.select_for_update().get(pk=upload.pk)
            if upload.applied_at:
                return
            _check_unmoved(upload, scope)
            others = StagedLine.objects.filter(upload=upload).exclude(action__in=["create", "same"])
            on = next(iter(scope.organizations(Capability.MANAGE_PEOPLE)), None)
            receipt = receipts.open_(
                name=upload.filename,
                digest=upload.digest,
                counts=upload.said.get("counts", {}),
                on=on,
                by=by,
                at=at,
            )
            for lines in _again(upload, others, scope, at):
                before = receipts.look(lines)
                applying.write_people(lines, by=by, at=at)
                receipts.record(receipt, lines, before)
            ids = long_sql.enter(upload)
            long_sql.note_lines(upload, receipt)
            long_sql.note_entered(upload, by=by, at=at)
            if ids:
                followers.tell([followers.PeopleEntered(ids)], by=by, at=at)
            audit.record(
                AuditEvent.Event.IMPORT,
                by=by,
                at=at,
                on=on,
                subject=f"导入{KINDS[MEMBERS]}：{upload.filename}",
                detail={"rows": upload.said.get("rows", 0), **upload.said.get("counts", {})},
            )
            upload.applied_at = at
            upload.save(update_fields=["applied_at"])
    except IntegrityError as error:
        numbers = "、".join(long_sql.taken(upload))
        said_ = f"核对之后，编号 {numbers} 已经入册" if numbers else "名册刚刚有变动"
        raise Moved(f"{said_}，什么也没有写入；请重新上传，再核对一次。") from error


def _held(progress: Progress, upload: int) -> tuple[Upload, Scope]:
    staged = Upload.objects.filter(pk=upload).first()
    if staged is None:
        raise Refusal("这份表格已经过期，请重新上传。")
    scope = scope_of(progress.by.member, at=progress.at, active_id=None)
    if not scope.has(Capability.MANAGE_PEOPLE):
        raise Refusal("您已没有导入的权限。")
    return staged, scope


def _check_unmoved(upload: Upload, scope: Scope) -> None:
    """Whether the newcomers' branches still take people. That they are still new is held by the
    database, which is asked who is not only when it refuses."""
    lines = StagedLine.objects.filter(upload=upload, action="create")
    branches = Organization.objects.filter(pk__in=lines.values("branch"))
    for branch in branches.only("name", "path", "kind", "dissolved_on"):
        gone = branch.dissolved_on or not branch.is_branch
        if gone or not scope.can(Capability.MANAGE_PEOPLE, branch.path):
            raise Moved(
                f"核对之后，{branch.name}有了变动，不能编入。什么也没有写入，请重新上传核对。"
            )


def _again(upload: Upload, lines: Any, scope: Scope, at: datetime) -> Iterator[list[MemberLine]]:
    """What rows about people in the register mean now, which must be what was shown; some at a
    time, so that no more of them are in memory. Nobody stands in two of them."""
    told = upload.said
    table = Table(MEMBERS, (), told["headings"], told["titles"], (), told["sheets"])
    reader = MemberReader(table, scope, at)
    for chunk in _chunks(lines.order_by("pk").iterator(chunk_size=CHUNK)):
        entries = [entry_of(json.loads(x.entry)) for x in chunk]
        now = reader.lines(list(reader.parsed(entries)))
        meant = [json.dumps(x.as_json(), ensure_ascii=False, sort_keys=True) for x in now]
        if meant != [x.shown for x in chunk]:
            raise Moved("名册在核对之后有变动，什么也没有写入；请重新上传，再核对一次。")
        yield now


def _index(upload: Upload) -> int:
    """Index the next newcomers and let their lines go; returns how many.

    What can be done before the transaction is, and others get their turn after it: they wait for
    SQLite's only write lock no longer than for one chunk.
    """
    rows = long_sql.first_entered(upload, INDEXED)
    if not rows:
        return 0
    terms = name_index.terms_of((pk, name, number) for _, pk, name, number in rows)
    with transaction.atomic():
        Upload.objects.select_for_update().get(pk=upload.pk)
        lines = StagedLine.objects.filter(upload=upload, action="create")
        lines = lines.filter(pk__gte=rows[0][0], pk__lte=rows[-1][0])
        if lines.count() == len(rows):  # or another worker was first
            name_index.write_terms(terms)
            lines._raw_delete("default")
    jobs.give_way()
    return len(rows)


def forget_lines(upload: Upload) -> None:
    """Delete an upload's lines, some at a time."""
    lines = StagedLine.objects.filter(upload=upload)
    while first := list(lines.order_by("pk").values_list("pk", flat=True)[:5000]):
        lines.filter(pk__gte=first[0], pk__lte=first[-1])._raw_delete("default")
        jobs.give_way()


def _chunks(items: Iterator[Any]) -> Iterator[list[Any]]:
    items = iter(items)
    while chunk := list(islice(items, CHUNK)):
        yield chunk
