"""The annex of a bulletin as .xlsx: the same cells as in print, numbers as numbers."""

from __future__ import annotations

from pathlib import Path

from credits.bulletins import Figures
from credits.models import BulletinRow
from credits.papers import HEADINGS, Paper, movement
from portal import spreadsheets
from portal.spreadsheets import Share

WIDTHS = [7, 7, 34, 10, 9, 9, 9, 11, 9]


def write(paper: Paper, found: Figures, target: Path) -> None:
    """Write one sheet for each cohort."""
    with spreadsheets.book() as book:
        for annex, (label, rows) in zip(paper.annexes, found.cohorts, strict=True):
            sheet = book.sheet(label, WIDTHS)
            sheet.title(f"{paper.filename}：{annex.title}")
            sheet.note(f"免学人员不计入应学；名次相同的并列。{paper.foot}")
            sheet.header(HEADINGS)
            for row in rows:
                sheet.line(_cells(row))
    target.write_bytes(book.data)


def _cells(row: BulletinRow) -> list[object]:
    mean = row.mean_hours
    return [
        row.rank,
        movement(row),
        row.unit_name,
        "—" if row.rate is None else Share(row.rate),
        row.completed,
        row.due,
        row.exempt,
        "—" if mean is None else round(mean / 100, 1),
        row.sessions,
    ]
