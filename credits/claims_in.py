"""Sheets of stated hours in: staged, previewed, confirmed once as a whole."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.db import transaction

from credits import claim_reading, claim_rows, claims
from credits.claim_reading import Preview
from credits.claim_rows import Row
from credits.models import ClaimBatch, Programme
from portal import workbooks
from portal.audit import Actor
from portal.models import Organization, Upload
from portal.people_in.cells import masked
from portal.people_in.staging import Changed, Over
from portal.refusals import Refusal

KIND = "claims"
MOST = 2000  # rows written at once: a branch has a hundred members


def stage(
    programme: Programme,
    branch: Organization,
    data: bytes,
    filename: str,
    *,
    by: Actor,
    at: datetime,
) -> Upload:
    """Read a file and keep its rows for confirming, never the file itself. Raises a Refusal when
    it cannot be read, or was handed in already."""
    digest = hashlib.sha256(data).hexdigest()
    same = ClaimBatch.objects.filter(programme=programme, branch=branch, undone_at=None)
    if same.filter(digest=digest).exists():
        raise Refusal("同一个文件已经导入过，没有重复导入。")
    rows, warnings = claim_rows.rows_of(workbooks.read(data, filename))
    if len(rows) > MOST:
        raise Refusal(f"一份表格最多 {MOST} 行，这里有 {len(rows)} 行，请分成几份。")
    table: dict[str, Any] = {
        "programme": programme.pk,
        "branch": branch.pk,
        "digest": digest,
        "warnings": warnings,
        "rows": [[row.row, dict(row.cells), row.numeric] for row in rows],
    }
    name = masked(filename.replace("\\", "/").rsplit("/", 1)[-1])[:120]
    return Upload.objects.create(by=by.member, kind=KIND, filename=name, table=table, at=at)


def place_of(upload: Upload) -> tuple[Programme, Organization]:
    """What an upload is about. Raises Over once it was confirmed."""
    if upload.applied_at:
        raise Over
    programme = Programme.objects.get(pk=upload.table["programme"])
    return programme, Organization.objects.get(pk=upload.table["branch"])


def look(upload: Upload, *, at: datetime) -> Preview:
    """What confirming would hand in now. Writes nothing; raises Over once it was confirmed."""
    programme, branch = place_of(upload)
    rows = [Row(*values) for values in upload.table["rows"]]
    found = claim_reading.judge(rows, programme, branch, at=at)
    found.warnings = upload.table["warnings"]
    return found


@transaction.atomic
def confirm(upload: Upload, *, seen: str, by: Actor, at: datetime) -> ClaimBatch:
    """Hand in what the preview with the fingerprint `seen` showed: all of it or nothing, once.

    Raises Changed when it is no longer that, Over the second time, Refusal while a row is wrong.
    """
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    found = look(upload, at=at)
    if found.fingerprint != seen:
        raise Changed
    if found.problems:
        raise Refusal(f"还有 {len(found.problems)} 处要改，什么也没有写入。")
    programme, branch = place_of(upload)
    batch = claims.hand_in(
        programme,
        branch,
        found.lines,
        key=f"upload-{upload.pk}",
        by=by,
        at=at,
        file_name=upload.filename,
        digest=upload.table["digest"],
    )
    upload.table, upload.applied_at = {"batch": batch.pk}, at
    upload.save(update_fields=["table", "applied_at"])
    return batch
