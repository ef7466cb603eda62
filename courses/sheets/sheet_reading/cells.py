"""The cells of a sheet as text that can be compared, with merged ranges and a way to turn it."""

import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from types import MappingProxyType

from portal.workbooks import Grid, Value

INVISIBLE = dict.fromkeys(
    (
        *(0xAD, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F)),
        *(*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
        *(code for code in range(32) if code not in (9, 10, 13)),
    )
)
DASHES = "‐‑‒–—―−─━﹘﹣－"
OTHERS = {"〜": "~", "∼": "~", "∽": "~", "∶": ":", "ː": ":", "\u3164": " ", "\u2800": " "}


def _folding() -> dict[int, str]:
    """One-to-one replacements only, so that positions in folded and original text agree."""
    table = {ord(dash): "-" for dash in DASHES} | {ord(k): v for k, v in OTHERS.items()}
    for code in (*range(0xA0, 0x10000), *range(0x2F800, 0x2FA20)):
        if code in table or 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        plain = " " if character.isspace() else unicodedata.normalize("NFKC", character)
        if plain != character and len(plain) == 1:
            table[code] = plain
    return table


FOLDING = MappingProxyType(_folding() | {9: " ", 13: " "})


@lru_cache(maxsize=65536)
def clean(text: str) -> str:
    """Without invisible characters and outer space; line breaks as \\n; otherwise as written."""
    text = text.replace("_x000D_", "").replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(INVISIBLE).strip()


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Half-width, plain spaces, one kind of dash; same length as `text`."""
    return text.translate(FOLDING)


@lru_cache(maxsize=65536)
def tight(text: str) -> str:
    """Folded and without any space or line break: how headings, marks and names are compared."""
    return "".join(fold(clean(text)).split())


def shown(value: Value) -> str:
    """A cell's value as a person would read it in the sheet."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime) and value.time() != time(0):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)


@lru_cache(maxsize=1024)
def letter(column: int) -> str:
    """A, B, … Z, AA: the spreadsheet's name of a zero-based column."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


Range = tuple[int, int, int, int]


class Cells:
    """A grid's cells by zero-based row and column; everything outside is blank.

    `turned` cells have rows and columns exchanged from row `top` on; `place` always gives the
    spreadsheet's own row number and column letter.
    """

    def __init__(
        self, grid: Grid, *, turned: bool = False, top: int = 0, stop: int | None = None
    ) -> None:
        self.grid, self.is_turned, self.top = grid, turned, top
        self.name = grid.name
        rows = [[(shown(v), v) for v in row] for row in grid.rows[top:stop]]
        merged = [(a - top, b, c - top, d) for a, b, c, d in grid.merged if a >= top]
        if turned:
            width = max(map(len, rows), default=0)
            blank = ("", None)
            rows = [[row[c] if c < len(row) else blank for row in rows] for c in range(width)]
            merged = [(b, a, d, c) for a, b, c, d in merged]
        self._rows = rows
        self.height = len(rows)
        self.width = max(map(len, rows), default=0)
        self._ranges = self._spread(merged)

    def _spread(self, merged: list[Range]) -> dict[tuple[int, int], Range]:
        ranges = {}
        for area in merged:
            # A merge may reach to the sheet's last row; beyond the content it means nothing.
            bottom, right = min(area[2], self.height - 1), min(area[3], self.width + 50)
            for row in range(area[0], bottom + 1):
                for column in range(area[1], right + 1):
                    ranges[row, column] = (area[0], area[1], bottom, right)
        return ranges

    def turned(self, top: int, stop: int) -> "Cells":
        """The rows from `top` to before `stop` with rows and columns exchanged."""
        return Cells(self.grid, turned=True, top=top, stop=stop)

    def window(self, first: int, stop: int) -> "Cells":
        """Only the columns from `first` to before `stop`, and what is merged into them."""
        found = Cells(self.grid, turned=self.is_turned, top=self.top)
        blank = ("", None)
        for row, cells in enumerate(found._rows):
            for column in range(len(cells)):
                _, left, _, right = self.span(row, column)
                if right < first or left >= stop:
                    cells[column] = blank
        return found

    def text(self, row: int, column: int) -> str:
        """The cell's own text; inside a merged range only the first cell has any."""
        if 0 <= row < self.height and 0 <= column < len(self._rows[row]):
            return self._rows[row][column][0]
        return ""

    def value(self, row: int, column: int) -> Value:
        if 0 <= row < self.height and 0 <= column < len(self._rows[row]):
            return self._rows[row][column][1]
        return None

    def span(self, row: int, column: int) -> Range:
        """The merged range that holds the cell, or the cell itself."""
        return self._ranges.get((row, column), (row, column, row, column))

    def anchor(self, row: int, column: int) -> tuple[int, int]:
        """The cell that holds the value for this one."""
        return self.span(row, column)[:2]

    def spread(self, row: int, column: int) -> str:
        """The text that a reader sees at this cell: a merged range's text belongs to all of it."""
        if not self._ranges:  # as most sheets: asked for each cell, often
            return self.text(row, column)
        return self.text(*self.anchor(row, column))

    def filled(self, row: int) -> Iterator[tuple[int, str]]:
        """Column and own text of each cell of the row that holds something."""
        if 0 <= row < self.height:
            for column, (text, _) in enumerate(self._rows[row]):
                if text:
                    yield column, text

    def place(self, row: int, column: int) -> tuple[int, str]:
        """The spreadsheet's row number and column letter."""
        if self.is_turned:
            row, column = column, row
        return row + self.top + 1, letter(column)
