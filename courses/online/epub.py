"""EPUB 3 written with the standard library: the same book gives the same bytes.

It knows books, not bags: a title page's facts and chapters of paragraphs. Texts pass through
templates, which escape them; characters that XML forbids are left out.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime

from django.template.loader import render_to_string

TYPE = "application/epub+zip"
FOLDER = "courses/epub/"
SOME_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The title on the cover: up to so many characters, so many on a line, at that size.
COVER_LINES = [(32, 8, 66), (60, 12, 46)]


@dataclass(frozen=True)
class Chapter:
    """One reading. note: the small line under its title; rests_on: the line at its end."""

    title: str
    note: str
    paragraphs: tuple[str, ...]
    rests_on: str


@dataclass(frozen=True)
class Book:
    """What a book holds. identifier: a URN, the same for every edition; modified: aware."""

    identifier: str
    title: str
    summary: str
    publisher: str
    modified: datetime
    chapters: tuple[Chapter, ...]


def paragraphs_of(text: str) -> tuple[str, ...]:
    """The paragraphs of a plain text: its lines, without the empty ones and without indents."""
    return tuple(stripped for line in text.splitlines() if (stripped := line.strip(" \t　")))


def write(book: Book) -> bytes:
    """The whole file. The type stands first and uncompressed, as the container format asks."""
    chapters = [
        {"name": f"text-{number:03d}.xhtml", "id": f"text-{number:03d}", "chapter": chapter}
        for number, chapter in enumerate(book.chapters, 1)
    ]
    context = {
        "book": book,
        "chapters": chapters,
        "modified": book.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cover": _cover(book.title),
    }
    parts = {
        "META-INF/container.xml": ("container.xml", {}),
        "EPUB/package.opf": ("package.opf", context),
        "EPUB/nav.xhtml": ("nav.xhtml", context),
        "EPUB/cover.xhtml": ("cover.xhtml", context),
        "EPUB/cover.svg": ("cover.svg", context),
        "EPUB/style.css": ("style.css", {}),
    }
    for entry in chapters:
        parts[f"EPUB/{entry['name']}"] = ("text.xhtml", {"chapter": entry["chapter"]})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(_entry("mimetype", zipfile.ZIP_STORED), TYPE)
        for name, (template, values) in parts.items():
            text = FORBIDDEN.sub("", render_to_string(FOLDER + template, values))
            packed.writestr(_entry(name, zipfile.ZIP_DEFLATED), text.encode())
    return file.getvalue()


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, SOME_DAY)
    entry.compress_type, entry.create_system, entry.external_attr = compression, 3, 0o644 << 16
    return entry


def _cover(title: str) -> dict[str, object]:
    """The title cut into lines for the cover, with the height of each, and the size of its type."""
    long, size = next(((n, size) for most, n, size in COVER_LINES if len(title) <= most), (12, 46))
    cut = [title[start : start + long] for start in range(0, len(title), long)]
    return {"size": size, "lines": [(330 + 92 * number, line) for number, line in enumerate(cut)]}
