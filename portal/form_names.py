"""Numbers and names of rows as forms send them: whatever comes in, no error comes of it."""

from __future__ import annotations


def number(text: str, *, digits: int = 15, otherwise: int = 0) -> int:
    """The whole number that a text of at most so many digits is; else `otherwise`."""
    return int(text) if text.isdecimal() and len(text) <= digits else otherwise


def named(text: str) -> tuple[str, int]:
    """Kind and id of what is named as `lesson-3`; the id is 0, which nothing has, where the text
    names nothing."""
    kind, _, pk = text.partition("-")
    return kind, number(pk)
