"""Bulletins as files, written by a worker: PDF, Word, spreadsheet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from credits import bulletins, paper_pdf, paper_sheet, papers, rankings
from credits.bulletins import Figures
from credits.models import Bulletin, BulletinDraft
from credits.papers import Paper
from portal import audit, jobs
from portal.audit import Actor
from portal.models import AuditEvent, Job
from portal.progress import Progress
from portal.refusals import Refusal

KINDS = {"pdf": "PDF", "docx": "Word 文档", "xlsx": "附件表格"}
COPIES = 200  # characters of 抄送


def later(
    source: Bulletin | BulletinDraft, kind: str, *, copies: str, by: Actor, at: datetime,
    back_url: str,
) -> Job:  # fmt: skip
    """Have a worker write a published number or a draft as a file. copies: to whom it is sent
    besides (抄送); empty leaves the line out.

    Raises Refusal for what is no kind of file, NotPermitted where the programme does not rank.
    """
    if kind not in KINDS:
        raise Refusal("请选择 PDF、Word 文档或附件表格。")
    rankings.check_permitted(source.programme)
    if isinstance(source, BulletinDraft) and source.is_waiting:
        raise bulletins.NotComputed
    name = "bulletin" if isinstance(source, Bulletin) else "draft"
    return jobs.start(
        "credits.paper_files.write",
        title=f"{source}：生成{KINDS[kind]}"[:120],
        by=by,
        at=at,
        arguments={name: source.pk, "kind": kind, "copies": copies.strip()[:COPIES]},
        back_url=back_url,
        resumes=3,
    )


def write(
    progress: Progress, *, kind: str, copies: str, bulletin: int = 0, draft: int = 0
) -> dict[str, Any]:
    """Background work: write the file; who takes it is on record before its first byte."""
    source, paper, found = _paper(bulletin, draft, at=progress.at)
    rankings.check_permitted(source.programme)
    audit.record(
        AuditEvent.Event.EXPORT,
        by=progress.by,
        at=progress.at,
        on=source.programme.organiser,
        subject=f"{source}：{KINDS[kind]}"[:120],
        detail={"copies": copies},
    )
    to_file(paper, found, kind, jobs.file_for(progress, f"{paper.filename}.{kind}"), copies=copies)
    progress.finished("文件已生成，一天之内可以下载。")
    return {"kind": kind}


def to_file(paper: Paper, found: Figures, kind: str, target: Path, *, copies: str = "") -> None:
    """Write one kind of file. What writes Word is loaded by those who write it alone: with its
    libraries it would cost every web process and command an eighth of a second."""
    if kind == "pdf":
        paper_pdf.write(paper, target, copies=copies)
    elif kind == "docx":
        from credits import paper_word

        paper_word.write(paper, target, copies=copies)
    else:
        paper_sheet.write(paper, found, target)


def _paper(
    bulletin: int, draft: int, *, at: datetime
) -> tuple[Bulletin | BulletinDraft, Paper, Figures]:
    if bulletin:
        rows = Bulletin.objects.select_related(
            "programme__organiser", "previous", "withdrawal", "replaces", "replaced_by"
        )
        number = rows.get(pk=bulletin)
        return number, papers.of_bulletin(number), bulletins.published(number)
    found = BulletinDraft.objects.select_related("programme__organiser").get(pk=draft)
    figures = bulletins.figures_of(found)
    return found, papers.of_draft(found, figures, at=at), figures
