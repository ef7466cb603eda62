"""A bulletin as PDF in the layout of GB/T 9704-2012, by WeasyPrint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from credits.papers import Paper
from portal.refusals import Refusal

STYLE = Path("credits", "papers", "bulletin.css")


class NoTypesetter(Refusal):
    """The machine lacks what WeasyPrint sets type with."""

    message = "这台服务器还不能生成 PDF：缺少 Pango 排版库，请管理员按维护手册安装后再试。"


def write(paper: Paper, target: Path, *, copies: str = "") -> None:
    """Write the paper as PDF. copies: to whom it is sent besides (抄送), left out where empty.

    Raises NoTypesetter where Pango is not installed.
    """
    typesetter = _weasyprint()
    html = render_to_string("credits/papers/bulletin.html", {"paper": paper, "copies": copies})
    style = typesetter.CSS(filename=settings.BASE_DIR / "templates" / STYLE)
    document = typesetter.HTML(string=html, url_fetcher=_fetch_nothing)
    document.write_pdf(target, stylesheets=[style], pdf_variant="pdf/ua-1")


def _weasyprint() -> Any:
    """Loaded when it is needed: it takes a second and libraries that not every machine has."""
    try:
        import weasyprint
    except OSError as error:
        raise NoTypesetter from error
    return weasyprint


def _fetch_nothing(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"A paper fetches nothing, not even {url}.")
