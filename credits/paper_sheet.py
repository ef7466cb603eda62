"""The annexes of a bulletin as .xlsx, and the figures of its charts: the same cells as in print,
numbers as numbers."""

from __future__ import annotations

from pathlib import Path

from credits.bulletins import Figures
from credits.papers import Paper
from portal import spreadsheets

WIDTHS = (34, 12, 12, 12, 12, 12)


def write(paper: Paper, found: Figures, target: Path) -> None:
    """Write one sheet for each cohort, then one for each view whose chart has a table."""
    with spreadsheets.book() as book:
        for annex, (label, rows) in zip(paper.annexes, found.listed, strict=True):
            sheet = book.sheet(label, [column.characters for column in found.columns])
            sheet.title(f"{paper.filename}：{annex.title}")
            sheet.note(f"{paper.notes}{paper.foot}")
            sheet.header(paper.headings)
            for row in rows:
                sheet.line([column.cell(row) for column in found.columns])
        for section in paper.sections:
            if section.table:
                sheet = book.sheet(section.name, WIDTHS)
                sheet.title(f"{paper.filename}：{section.title}")
                sheet.header(section.table.headings)
                for cells in section.table.rows:
                    sheet.line([cell.value for cell in cells])
    target.write_bytes(book.data)
