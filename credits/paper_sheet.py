"""The annex of a bulletin as .xlsx: the same cells as in print, numbers as numbers."""

from __future__ import annotations

from pathlib import Path

from credits.bulletins import Figures
from credits.papers import Paper
from portal import spreadsheets


def write(paper: Paper, found: Figures, target: Path) -> None:
    """Write one sheet for each cohort."""
    with spreadsheets.book() as book:
        for annex, (label, rows) in zip(paper.annexes, found.listed, strict=True):
            sheet = book.sheet(label, [column.characters for column in found.columns])
            sheet.title(f"{paper.filename}：{annex.title}")
            sheet.note(f"{paper.notes}{paper.foot}")
            sheet.header(paper.headings)
            for row in rows:
                sheet.line([column.cell(row) for column in found.columns])
    target.write_bytes(book.data)
