"""The cells of an Excel file as calamine reads them, ready for JSON."""

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import IO, Any

from portal.workbook_child.unreadable import Unreadable

MAX_CELLS = 6_000_000


def all_sheets(data: bytes) -> list[dict[str, Any]]:
    """Every worksheet with its rows."""
    book, found = opened(io.BytesIO(data)), []
    for meta in worksheets(book):
        sheet = book.get_sheet_by_name(meta.name)
        found.append({**head_of(meta, sheet), "rows": list(rows_of(sheet))})
    return found


def opened(file: IO[bytes]) -> Any:
    """A workbook as calamine has it."""
    import python_calamine  # slow to load, and not needed for text files

    try:
        return python_calamine.CalamineWorkbook.from_filelike(file)
    except python_calamine.PasswordError as error:
        raise Unreadable("encrypted") from error
    except python_calamine.CalamineError as error:
        raise Unreadable("encrypted" if "assword" in str(error) else "broken") from error


def worksheets(book: Any) -> list[Any]:
    """What calamine knows of each sheet before it reads it; charts have no cells."""
    found = []
    for meta in book.sheets_metadata:
        kind = str(meta.typ).rsplit(".", 1)[-1]
        if kind == "MacroSheet":
            raise Unreadable("macros")
        if kind in ("WorkSheet", "Vba"):
            found.append(meta)
    return found


def head_of(meta: Any, sheet: Any) -> dict[str, Any]:
    """What is to be said of a sheet besides its rows."""
    merged = [[*first, *last] for first, last in sheet.merged_cell_ranges or ()]
    return named(meta, merged, sheet.end[0] + 1 if sheet.end else 0)


def named(meta: Any, merged: list[list[int]], height: int) -> dict[str, Any]:
    visible = str(meta.visible).endswith(".Visible")
    return {"name": meta.name, "merged": merged, "visible": visible, "height": height}


def rows_of(sheet: Any, done: int = 0) -> Iterator[list[Any]]:
    """Rows from the spreadsheet's own row 1 and column A, values ready for JSON; behind the first
    `done`, where none of these says anything."""
    if sheet.start is None:
        return
    if (sheet.end[0] + 1) * (sheet.end[1] + 1) > MAX_CELLS * 4:
        raise Unreadable("too_large", str(sheet.end[0] + 1))
    top, left = sheet.start
    lead: list[Any] = [None] * left
    yield from ([] for _ in range(done, top))
    # The lazy walk begins with row 1 whatever stands there: behind many rows it takes long.
    used = sheet.to_python(skip_empty_area=True) if done else islice(sheet.iter_rows(), top, None)
    for row in used:
        yield lead + [plain(value) for value in row]


def plain(value: Any) -> Any:
    """The cell's value for JSON: whole numbers as int, moments tagged with their kind."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, datetime):
        return tagged("datetime", value, value.year)
    if isinstance(value, date):
        return tagged("date", value, value.year)
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds() // 60)
        return f"{minutes // 60}:{minutes % 60:02d}"
    return {"time": value.isoformat()} if isinstance(value, time) else value


def tagged(kind: str, value: date, year: int) -> Any:
    # The reader shifts odd serials (negative ones, 29 February 1900): such a date is only text.
    return {kind: value.isoformat()} if 1905 <= year <= 2199 else value.isoformat()
