"""A bulletin as .docx: docxtpl fills the template that scripts/word_template.py makes."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from docxtpl import DocxTemplate

from credits.papers import Paper

TEMPLATE = Path("templates", "credits", "papers", "bulletin.docx")


def write(paper: Paper, target: Path, *, copies: str = "") -> None:
    """Write the paper as .docx. copies: as for the PDF."""
    document = DocxTemplate(settings.BASE_DIR / TEMPLATE)
    document.render({"paper": paper, "copies": copies}, autoescape=True)
    document.save(target)
