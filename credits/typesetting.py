"""Papers set by WeasyPrint from templates/credits/papers/: one template with one style each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from PIL import ImageFile

from portal.refusals import Refusal


class NoTypesetter(Refusal):
    """The machine lacks what WeasyPrint sets type with."""

    message = "这台服务器还不能生成 PDF：缺少 Pango 排版库，请管理员按维护手册安装后再试。"


def write(template: str, context: Mapping[str, Any], target: Path) -> None:
    """Write a template, in the style beside it (.css), as an accessible PDF with embedded fonts.

    Raises NoTypesetter where Pango is not installed.
    """
    typesetter = _weasyprint()
    html = render_to_string(template, dict(context))
    sheet = (settings.BASE_DIR / "templates" / template).with_suffix(".css")
    style = typesetter.CSS(filename=sheet)
    document = typesetter.HTML(string=html, url_fetcher=_fetch_nothing)
    document.write_pdf(target, stylesheets=[style], pdf_variant="pdf/ua-1")


def _weasyprint() -> Any:
    """Loaded when it is needed: it takes a second and libraries that not every machine has.

    It makes Pillow take damaged pictures for whole ones, in the whole process: that is taken back.
    """
    try:
        import weasyprint
    except OSError as error:
        raise NoTypesetter from error
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return weasyprint


def _fetch_nothing(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"A paper fetches nothing, not even {url}.")
