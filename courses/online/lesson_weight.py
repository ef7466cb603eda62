"""What a lesson weighs: its text and its questions, compressed as they go over the air."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.html import format_html_join

from courses.models import LessonFile, Question
from courses.online import lesson_markdown

# Bytes; with its frame the page then has some 8 KB. Who opens a lesson fetches it twice, to read
# and to keep: both together, with what the browser asks beside, stay within the 20 KB of a visit.
MOST = 6_000
LEVEL = 6  # of Django's gzip_page


@dataclass(frozen=True)
class Weight:
    """size: in bytes; characters: how many of text and questions make it up."""

    size: int
    characters: int

    @property
    def is_too_heavy(self) -> bool:
        return self.size > MOST

    @property
    def said(self) -> str:
        """How much it is and how much it may be, for who writes."""
        has, room = -(-self.size // 100) / 10, MOST / 1000
        about = self.characters * MOST // self.size // 100 * 100
        said = f"正文和题目压缩后约 {has:g} KB，最多 {room:g} KB"
        if self.is_too_heavy:
            return f"{said}（照这样写，正文和题目合起来约 {about} 字），请分成几课。"
        return f"{said}。"


def weigh(
    body: str, files: Iterable[LessonFile], bank: Iterable[Question], asked: int
) -> Weight:  # fmt: skip
    """Weigh a text with its figures, the questions of its bank that weigh most, as many as are
    drawn, and what is said to who answers them all wrongly."""
    questions = list(bank)
    drawn = sorted(questions, key=lambda one: len(_asked(one)), reverse=True)[:asked]
    hints = sorted((one.explanation for one in questions), key=len, reverse=True)[:asked]
    parts = [
        lesson_markdown.html_of(body, files),
        render_to_string("courses/_lesson_questions.html", {"questions": drawn}),
        format_html_join("", "<li>{}</li>", ((hint,) for hint in hints)),
    ]
    words = [lesson_markdown.plain(body), *map(_asked, drawn), *hints]
    return Weight(
        size=len(gzip.compress("".join(parts).encode(), LEVEL)),
        characters=sum(len("".join(text.split())) for text in words),
    )


def _asked(question: Question) -> str:
    return "".join([question.text, *question.choices])
