"""The text of a lesson: a little Markdown, made into HTML in which only known marks survive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import nh3
from django.template.loader import render_to_string
from markdown_it import MarkdownIt

from courses.models import LessonFile

TAGS = {
    "p",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "blockquote",
    "strong",
    "em",
    "a",
    "img",
    "br",
    "hr",
}
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}}
# A file of a lesson, as an editor writes it: ![说明](file:12)
FILE = re.compile(r"file:(\d{1,15})")
ALONE = re.compile(r'<p><img src="file:(\d{1,15})" alt="[^"]*"></p>')
ANY = re.compile(rf"{ALONE.pattern}|<img [^>]*>")
READ_A_MINUTE = 300  # characters
# What writers do not mean when they indent a paragraph or underline it.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "typographer": False}).disable(
    ["code", "fence", "backticks", "html_block", "html_inline", "lheading", "reference", "autolink"]
)
# Of addresses only those of files of lessons and of plain pages pass.
_markdown.validateLink = lambda url: bool(  # type: ignore[method-assign] # meant to be replaced
    FILE.fullmatch(url) or re.match(r"https?://|/(?!/)", url, re.IGNORECASE)
)


def html_of(body: str, files: Iterable[LessonFile] = ()) -> str:
    """The HTML of a text, safe to be shown: marks that are not allowed stand as text or are gone;
    files of the lesson stand where it names them."""
    told = {file.pk: file for file in files}
    return ANY.sub(lambda found: _figure(told, int(found[1])) if found[1] else "", _clean(body))


def plain(body: str) -> str:
    """The words of a text, paragraph by paragraph, without marks and pictures."""
    lines = []
    for token in _markdown.parse(body):
        if token.type == "inline":
            words = (
                c.content if c.type == "text" else "\n" for c in token.children or () if _said(c)
            )
            lines.append("".join(words))
    return "\n".join(lines)


def minutes_of(body: str, files: Iterable[LessonFile] = ()) -> int:
    """How long a lesson takes: its text read calmly, and what plays in it."""
    length = len(re.sub(r"\s", "", plain(body)))
    return -(-length // READ_A_MINUTE) + sum(file.minutes for file in files)


def named_in(body: str) -> set[int]:
    """Ids of the files that a text shows."""
    return {int(pk) for pk in ALONE.findall(_clean(body))}


@lru_cache(maxsize=256)
def _clean(body: str) -> str:
    tokens = _markdown.parse(body)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):  # the first is the page's title
            token.tag = f"h{min(max(int(token.tag[1]), 2), 4)}"
    made = _markdown.renderer.render(tokens, _markdown.options, {})
    return nh3.clean(
        made,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "file"},
        link_rel="noopener noreferrer",
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """A picture is a file of the lesson; a link leads to a page, never to a file of the device."""
    if (tag, name) == ("img", "src"):
        return value if FILE.fullmatch(value) else None
    if name == "href":
        return value if re.match(r"https?://|/(?!/)", value, re.IGNORECASE) else None
    return value


def _figure(files: Mapping[int, LessonFile], pk: int) -> str:
    file = files.get(pk)
    return render_to_string("courses/_lesson_file.html", {"file": file}) if file else ""


def _said(child: Any) -> bool:
    return child.type in ("text", "softbreak", "hardbreak")
