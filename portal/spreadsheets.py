"""Writing spreadsheets that offices can print: real .xlsx, text stays text, numbers are numbers.

One place sets the safety options (no formulas, no links out of text) and the paper; exports of
every app use it, and answer with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from io import BytesIO
from typing import Any
from urllib.parse import quote

import xlsxwriter
from django.http import HttpResponse

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Share(float):
    """A share of something, shown as a percentage."""


class Sheet:
    """One worksheet for A4, with Chinese-wide columns, in the styles that all sheets share."""

    def __init__(
        self, book: Any, name: str, widths: Sequence[float], *, landscape: bool = True
    ) -> None:
        self.book = book
        self.sheet = book.add_worksheet(name[:31])
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
        self.sheet.set_row(self.row, 30)
        self.row += 1

    def note(self, text: str) -> None:
        """A merged line of small print."""
        self.sheet.merge_range(self.row, 0, self.row, self.columns - 1, "", self._format("note"))
        self.sheet.write_string(self.row, 0, text, self._format("note"))
        self.row += 1

    def pairs(self, pairs: Sequence[tuple[str, Any]], *, each: int = 2) -> None:
        """Label and value side by side, `each` pairs a line, spread over the columns."""
        for start in range(0, len(pairs), each):
            chunk = pairs[start : start + each]
            width = self.columns // each
            for index, (label, value) in enumerate(chunk):
                first = index * width
                last = self.columns - 1 if index == each - 1 else first + width - 1
                self.sheet.write_string(self.row, first, label, self._format("label"))
                if last > first + 1:
                    self.sheet.merge_range(
                        self.row, first + 1, self.row, last, "", self._format("value")
                    )
                self._write(self.row, first + 1, value, "value")
            self.row += 1

    def header(self, names: Sequence[str]) -> None:
        """The heading row: repeated on every page, frozen on the screen."""
        for index, name in enumerate(names):
            self.sheet.write_string(self.row, index, name, self._format("header"))
        self.sheet.repeat_rows(self.row)
        self.sheet.freeze_panes(self.row + 1, 0)
        self.sheet.set_row(self.row, 22)
        self.row += 1

    def line(self, values: Sequence[Any], *, bold: bool = False) -> None:
        """One row of the table."""
        for index, value in enumerate(values):
            self._write(self.row, index, value, "bold" if bold else "cell")
        self.row += 1

    def _write(self, row: int, column: int, value: Any, style: str) -> None:
        if value is None or value == "":
            self.sheet.write_blank(row, column, None, self._format(style))
        elif isinstance(value, bool):
            self.sheet.write_boolean(row, column, value, self._format(style))
        elif isinstance(value, Share):
            self.sheet.write_number(row, column, value, self._format(f"{style}-percent"))
        elif isinstance(value, int | float):
            self.sheet.write_number(row, column, value, self._format(f"{style}-number"))
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
    "number": {"num_format": "0.##;-0.##;0"},
    "date": {"num_format": "yyyy-mm-dd"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm"},
    "percent": {"num_format": "0.0%"},
}


class Book:
    """A workbook being written; `data` is the file once it is closed."""

    def __init__(self) -> None:
        self._buffer = BytesIO()
        self._book = xlsxwriter.Workbook(
            self._buffer,
            {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
        )

    def sheet(self, name: str, widths: Sequence[float], *, landscape: bool = True) -> Sheet:
        return Sheet(self._book, name, widths, landscape=landscape)

    @property
    def data(self) -> bytes:
        return self._buffer.getvalue()


@contextmanager
def book() -> Iterator[Book]:
    """Write a workbook: `with spreadsheets.book() as b: …`, then `b.data`."""
    made = Book()
    yield made
    made._book.close()


def answer(data: bytes, name: str) -> HttpResponse:
    """A download of a workbook under a Chinese file name."""
    response = HttpResponse(data, content_type=XLSX)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.xlsx"
    response["Cache-Control"] = "no-store"
    return response
