"""A book bag as it goes out: the readings in order, the EPUB, and the pages to keep offline."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from django.utils.html import escape

from courses.models import BookBag, BookBagItem, Lesson
from courses.online import epub, lesson_markdown
from courses.online_querysets import BookBagItemQuerySet

PART = 11_000  # bytes of text on a page to keep, so that its HTML stays below 15 KB
SENTENCE = re.compile(r"[^。！？；]{0,800}[。！？；]{1,80}[”’」』）]{0,9}|[^。！？；]{1,800}")
NAMESPACE = uuid.UUID("8d0a2c0e-64f5-4a0e-9a53-5f1f0b7c2d11")  # of the identifiers of our books


@dataclass(frozen=True)
class Reading:
    """One reading as it is shown: `pk` of the item, the chapter, and its text cut into pages."""

    pk: int
    chapter: epub.Chapter
    pages: tuple[tuple[str, ...], ...]


def items_of(bag: BookBag) -> BookBagItemQuerySet:
    """The items of a bag with all that their text takes: one query."""
    return BookBagItem.objects.filter(bag=bag).told()


def readings_of(bag: BookBag) -> list[Reading]:
    """The readings of a bag in their order: one query."""
    return [reading_of(item) for item in items_of(bag)]


def reading_of(item: BookBagItem) -> Reading:
    """One reading of a bag, in the words to which there is a right."""
    title, body = item.told_title, item.told_body  # type: ignore[attr-defined] # by `told`
    right = item.right
    found = right.reading
    note = found.course.title if found.course.title != title else ""
    if isinstance(found, Lesson) and found.kind:
        note = f"{note} · {found.kind}" if note else found.kind
    rests_on = f"传播依据：{right.get_kind_display()}。{right.source}"
    is_lesson = isinstance(found, Lesson)
    text = lesson_markdown.plain(body) if is_lesson else body
    paragraphs = epub.paragraphs_of(text)
    chapter = epub.Chapter(title, note, paragraphs, rests_on)
    return Reading(item.pk, chapter, pages_of(paragraphs))


def pages_of(paragraphs: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Paragraphs shared out to pages of at most `PART` bytes; a longer one is cut at a sentence."""
    pages: list[list[str]] = [[]]
    room = PART
    for piece in (piece for paragraph in paragraphs for piece in _pieces(paragraph)):
        size = _size(piece)
        if size > room and pages[-1]:
            pages.append([])
            room = PART
        pages[-1].append(piece)
        room -= size
    return tuple(tuple(page) for page in pages)


@lru_cache(maxsize=64)
def transcript_pages(transcript: str) -> tuple[tuple[str, ...], ...]:
    """What is said in a sound or film of a lesson, cut into pages. A lesson's page counts them
    each time it is opened; the longest takes 12 ms to cut."""
    return pages_of(epub.paragraphs_of(transcript))


def book_of(bag: BookBag, readings: list[Reading]) -> epub.Book:
    """The bag as a book. Its identifier hangs on organiser and slug, which never change."""
    name = f"{bag.organiser.code}/{bag.slug}"
    return epub.Book(
        identifier=f"urn:uuid:{uuid.uuid5(NAMESPACE, name)}",
        title=bag.title,
        summary=bag.summary,
        publisher=bag.organiser.name,
        modified=bag.changed_at,
        chapters=tuple(reading.chapter for reading in readings),
    )


def version_of(content: bytes) -> str:
    """A short name of exactly this content: of the file for an ETag, of the pages to keep."""
    return sha256(content).hexdigest()[:16]


def _pieces(paragraph: str) -> list[str]:
    """A paragraph, or its runs of sentences where it is longer than a page."""
    if _size(paragraph) <= PART:
        return [paragraph]
    pieces = [""]
    for sentence in SENTENCE.findall(paragraph):
        if _size(pieces[-1] + sentence) > PART:
            pieces.append("")
        pieces[-1] += sentence
    return [piece for piece in pieces if piece]


def _size(text: str) -> int:
    """Bytes of a paragraph in HTML, where some characters are written as several."""
    return len(escape(text).encode()) + len("<p></p>\n")
