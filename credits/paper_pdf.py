"""A bulletin as PDF in the layout of GB/T 9704-2012."""

from __future__ import annotations

from pathlib import Path

from credits import check_codes, typesetting
from credits.papers import Paper


def write(paper: Paper, target: Path, *, copies: str = "") -> None:
    """Write the paper as PDF. copies: to whom it is sent besides (抄送), left out where empty.

    Raises NoTypesetter where Pango is not installed.
    """
    image = check_codes.of_number(paper.year, paper.number, paper.code) if paper.code else ""
    context = {"paper": paper, "copies": copies, "image": image}
    typesetting.write("credits/papers/bulletin.html", context, target)
