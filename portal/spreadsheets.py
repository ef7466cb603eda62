"""Writing spreadsheets that offices can print: real .xlsx, text stays text, numbers are numbers.

One place sets the safety options (no formulas, no links out of text) and the paper; exports of
every app use it, and answer with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from io import BytesIO
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xlsxwriter
from django.http import HttpResponse

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


ONE_LINE = 19  # points


class Share(float):
    """A share of something, shown as a percentage."""


class Sheet:
    """One worksheet for A4, with Chinese-wide columns, in the styles that all sheets share."""

    def __init__(
        self, book: Any, name: str, widths: Sequence[float], *, landscape: bool = True
    ) -> None:
        self.book = book
        self.sheet = book.add_worksheet(name[:31])
        self.widths = list(widths)
        self.columns = len(widths)
        self.row = 0
        self._formats: dict[str, Any] = {}
        for index, width in enumerate(widths):
            self.sheet.set_column(index, index, width)
        self.sheet.set_paper(9)
        if landscape:
            self.sheet.set_landscape()
        self.sheet.set_margins(left=0.6, right=0.6, top=0.7, bottom=0.7)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_footer("&C第 &P 页，共 &N 页")

    def title(self, text: str) -> None:
        """A merged heading over all columns."""
        self.sheet.merge_range(self.row, 0, self.row, self.columns - 1, "", self._format("title"))
        self.sheet.write_string(self.row, 0, text, self._format("title"))
        lines = _lines(text, sum(self.widths) * 11 / 16)  # set in 16 points, columns count in 11
        self.sheet.set_row(self.row, 8 + 22 * lines)
        self.row += 1

    def note(self, text: str) -> None:
        """A merged line of small print."""
        self.sheet.merge_range(self.row, 0, self.row, self.columns - 1, "", self._format("note"))
        self.sheet.write_string(self.row, 0, text, self._format("note"))
        self.sheet.set_row(self.row, 4 + 13 * _lines(text, sum(self.widths) * 11 / 9))
        self.row += 1

    def pairs(self, pairs: Sequence[tuple[str, Any]], *, each: int = 2) -> None:
        """Label and value side by side, `each` pairs a line; every label and value spans as many
        columns as it needs to be read on paper."""
        slots = self._slots([label for label, _ in pairs], each)
        for start in range(0, len(pairs), each):
            lines = 1
            for (label, value), (first, middle, last) in zip(
                pairs[start : start + each], slots, strict=False
            ):
                self._span(first, middle - 1, label, "label")
                self._span(middle, last, value, "value")
                lines = max(lines, _lines(value, sum(self.widths[middle : last + 1])))
            self._set_height(lines)
            self.row += 1

    def header(self, names: Sequence[str]) -> None:
        """The heading row: repeated on every page, frozen on the screen."""
        for index, name in enumerate(names):
            self.sheet.write_string(self.row, index, name, self._format("header"))
        self.sheet.repeat_rows(self.row)
        self.sheet.freeze_panes(self.row + 1, 0)
        self._set_height(self._most_lines(names))
        self.row += 1

    def line(self, values: Sequence[Any], *, bold: bool = False) -> None:
        """One row of the table."""
        style = "bold" if bold else "cell"
        row, lines = self.row, 1
        text = self._format(style)
        write = self.sheet.write_string
        self.sheet.set_row(row, ONE_LINE)
        for column, value in enumerate(values):
            if type(value) is str and value:
                write(row, column, value, text)
                if len(value) * 2 >= self.widths[column] or "\n" in value:
                    lines = max(lines, _lines(value, self.widths[column]))
            else:
                self._write(row, column, value, style)
        if lines > 1:
            self._set_height(lines)
        self.row += 1

    def _slots(self, labels: Sequence[str], each: int) -> list[tuple[int, int, int]]:
        """Where each of `each` pairs stands: first column, first column of the value, last."""
        ends, slots, first = list(accumulate(self.widths)), [], 0
        for index in range(each):
            ideal = ends[-1] * (index + 1) / each
            fits = range(first + 1, self.columns - 2 * (each - index - 1))
            last = min((abs(ends[column] - ideal), column) for column in fits)[1]
            needed = max(map(_width, labels[index::each]), default=0) + 1
            middle = first + 1
            while middle < last and sum(self.widths[first:middle]) < needed:
                middle += 1
            slots.append((first, middle, last))
            first = last + 1
        return slots

    def _span(self, first: int, last: int, value: Any, style: str) -> None:
        if last > first:
            self.sheet.merge_range(self.row, first, self.row, last, "", self._format(style))
        self._write(self.row, first, value, style)

    def _most_lines(self, values: Sequence[Any]) -> int:
        return max(map(_lines, values, self.widths), default=1)

    def _set_height(self, lines: int) -> None:
        """High enough for what is wrapped; nothing is cut off on paper."""
        self.sheet.set_row(self.row, 4 + 15 * min(lines, 20))

    def _write(self, row: int, column: int, value: Any, style: str) -> None:
        if value is None or value == "":
            self.sheet.write_blank(row, column, None, self._format(style))
        elif isinstance(value, bool):
            self.sheet.write_boolean(row, column, value, self._format(style))
        elif isinstance(value, Share):
            self.sheet.write_number(row, column, value, self._format(f"{style}-percent"))
        elif isinstance(value, int | float):
            kind = "number" if value == int(value) else "decimal"
            self.sheet.write_number(row, column, value, self._format(f"{style}-{kind}"))
        elif isinstance(value, datetime):
            self.sheet.write_datetime(
                row, column, value.replace(tzinfo=None), self._format(f"{style}-moment")
            )
        elif isinstance(value, date):
            self.sheet.write_datetime(row, column, value, self._format(f"{style}-date"))
        else:
            self.sheet.write_string(row, column, str(value), self._format(style))

    def percent(self, column: int, share: float | None) -> None:
        """A share in the row just written."""
        if share is None:
            self.sheet.write_string(self.row - 1, column, "—", self._format("cell"))
        else:
            self.sheet.write_number(self.row - 1, column, share, self._format("cell-percent"))

    def _format(self, style: str) -> Any:
        if style not in self._formats:
            base, _, kind = style.partition("-")
            look: dict[str, Any] = {"font_name": "宋体", "font_size": 11, "valign": "vcenter"}
            look |= _LOOKS[base] | _KINDS[kind]
            self._formats[style] = self.book.add_format(look)
        return self._formats[style]


def _width(text: str) -> int:
    """How many digits wide a text is: a Chinese character counts two."""
    return sum(2 if ord(char) > 0x2E7F or char in "—…·“”‘’√" else 1 for char in text)


def _lines(value: Any, width: float) -> int:
    """How many lines a value takes in a cell so wide."""
    if not isinstance(value, str) or (len(value) * 2 < width and "\n" not in value):
        return 1
    usable = max(width - 1, 2)
    return sum(max(1, ceil(_width(part) / usable)) for part in value.split("\n"))


_BOX = {"border": 1, "text_wrap": True}
_LOOKS: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 16, "align": "center", "border": 0},
    "note": {"font_size": 9, "text_wrap": True},
    "label": {**_BOX, "bold": True, "align": "center", "bg_color": "#F3EEE6"},
    "value": {**_BOX, "align": "left"},
    "header": {**_BOX, "bold": True, "align": "center", "bg_color": "#F3EEE6"},
    "cell": {**_BOX},
    "bold": {**_BOX, "bold": True},
}
_KINDS: dict[str, dict[str, Any]] = {
    "": {"num_format": "@"},
    "number": {"num_format": "0", "align": "center"},
    "decimal": {"num_format": "0.0#", "align": "center"},  # "0.##" leaves a dot behind whole ones
    "date": {"num_format": "yyyy-mm-dd"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm"},
    "percent": {"num_format": "0.0%", "align": "center"},
}


OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False}


class Book:
    """A workbook being written; `data` is the file once it is closed.

    Into `path` a long one is written row by row: what is written is not kept in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._buffer = BytesIO()
        where = {"constant_memory": True} if path else {"in_memory": True}
        self._book = xlsxwriter.Workbook(str(path) if path else self._buffer, where | OPTIONS)

    def sheet(self, name: str, widths: Sequence[float], *, landscape: bool = True) -> Sheet:
        return Sheet(self._book, name, widths, landscape=landscape)

    @property
    def data(self) -> bytes:
        return self._buffer.getvalue()


@contextmanager
def book(path: Path | None = None) -> Iterator[Book]:
    """Write a workbook: `with spreadsheets.book() as b: …`, then `b.data` or the file."""
    made = Book(path)
    yield made
    made._book.close()


def answer(data: bytes, name: str) -> HttpResponse:
    """A download of a workbook under a Chinese file name."""
    response = HttpResponse(data, content_type=XLSX)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.xlsx"
    response["Cache-Control"] = "no-store"
    return response
