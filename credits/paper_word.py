"""A bulletin as .docx: docxtpl fills the template that scripts/word_template.py makes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from docx.oxml.ns import qn
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage

from credits import bulletin_columns, check_codes
from credits.bulletin_columns import Column
from credits.papers import Paper

TEMPLATE = Path("templates", "credits", "papers", "bulletin.docx")
CODE = Mm(22)  # the side of the picture that leads to the check


def write(paper: Paper, target: Path, *, copies: str = "") -> None:
    """Write the paper as .docx. copies: as for the PDF."""
    document = DocxTemplate(settings.BASE_DIR / TEMPLATE)
    *_, annex = document.get_docx().tables
    _shape(annex, paper.columns)
    code = check_codes.png_of_number(paper.year, paper.number, paper.code) if paper.code else None
    image = InlineImage(document, code, width=CODE) if code else None
    document.render({"paper": paper, "copies": copies, "image": image}, autoescape=True)
    document.save(target)


def _shape(table: Any, columns: Sequence[Column]) -> None:
    """Give the table of an annex the paper's columns: its own have the styles of all others."""
    widths = [Mm(width) for width in bulletin_columns.widths(columns)]
    grid = table._tbl.tblGrid
    for row in (grid, *(row._tr for row in table.rows)):
        tag = qn("w:gridCol") if row is grid else qn("w:tc")
        cells = row.findall(tag)
        for cell in cells[len(columns) :]:
            row.remove(cell)
        for _ in columns[len(cells) :]:
            row.append(copy.deepcopy(cells[-1]))
    for place, (column, width) in enumerate(zip(columns, widths, strict=True)):
        for number, text in ((0, column.heading), (2, f"{{{{ row[{place}] }}}}")):
            table.cell(number, place).paragraphs[0].runs[0].text = text
        for row in table.rows:
            row.cells[place].width = width
        grid.gridCol_lst[place].w = width
