"""Comma-separated text files, in whichever encoding an office program left them."""

import csv
import io
import re
from collections import Counter
from typing import Any

from portal.workbook_child.unreadable import Unreadable


def decoded(data: bytes) -> str | None:
    """The text of a comma-separated file, or None where the bytes are no text."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if data.startswith(mark):
            return strictly(data[len(mark) :], encoding)
    if b"\x00" in data[:2000]:
        return None
    # Any text that is valid UTF-8 and not ASCII is UTF-8: GB18030 hardly ever looks like it.
    return strictly(data, "utf-8") or strictly(data, "gb18030")


def strictly(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0e-\x1f]", text) else text


def csv_rows(data: bytes) -> list[list[Any]]:
    text = decoded(data) or ""
    named = re.match(r"sep=(.)\r?\n", text)
    if named:
        text = text[named.end() :]
    delimiter = named[1] if named else delimiter_of(text)
    csv.field_size_limit(100_000)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise Unreadable("quotes") from error
    if any(field.count("\n") > 50 for row in rows for field in row):
        raise Unreadable("quotes")
    return [[csv_value(field) for field in row] for row in rows]


def delimiter_of(text: str) -> str:
    """The separator that cuts most lines into the same number of fields."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:60]
    best, best_score = ",", 0
    for delimiter in (",", "\t", ";"):
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        score = max((count for width, count in counts.items() if width > 1), default=0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def csv_value(field: str) -> str | None:
    """Excel's tricks against its own conversions (="0011", '=1+1) taken off again."""
    if field.startswith('="') and field.endswith('"') and len(field) > 2:
        field = field[2:-1]
    elif re.match(r"'[=+\-@\t]", field):
        field = field[1:]
    return field if field and not field.isspace() else None
