"""What the child answers: the cells of a file, at once or bit by bit, within limits."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from portal.workbook_child import cells, long_sheets, markup, texts
from portal.workbook_child.kinds import kind_of
from portal.workbook_child.unreadable import Unreadable

BIT = 500  # rows


def whole(data: bytes, max_rows: int, max_columns: int) -> dict[str, Any]:
    """All of a file: {"kind": …, "sheets": …}."""
    kind = kind_of(data)
    if kind == "xlsx":
        sheets = markup.xlsx_sheets(data)
    elif kind == "xls":
        sheets = cells.all_sheets(data)
    elif kind == "csv":
        sheets = [{"name": "csv", "rows": texts.csv_rows(data)}]
    else:
        raise Unreadable("foreign", kind)
    count = 0
    for sheet in sheets:
        sheet["rows"] = trimmed(sheet["rows"], max_rows, max_columns)
        count += sum(map(len, sheet["rows"]))
        if count > cells.MAX_CELLS:
            raise Unreadable("too_large", str(count))
    return {"kind": kind, "sheets": sheets}


def bit_by_bit(data: bytes, max_rows: int, max_columns: int) -> Iterator[Any]:
    """The same bit by bit: of a long sheet only some rows are in memory at a time."""
    kind = kind_of(data)
    surveys = long_sheets.surveyed(data) if kind == "xlsx" else None
    if surveys is None:
        answer = whole(data, max_rows, max_columns)
        yield {"kind": kind, "sheets": len(answer["sheets"])}
        for sheet in answer["sheets"]:
            rows = sheet.pop("rows")
            yield {"sheet": sheet}
            yield from (rows[start : start + BIT] for start in range(0, len(rows), BIT))
        return
    book = cells.opened(io.BytesIO(data))
    metas = cells.worksheets(book)
    parts = markup.sheet_parts(zipfile.ZipFile(io.BytesIO(data)), [meta.name for meta in metas])
    yield {"kind": kind, "sheets": len(metas)}
    count = 0
    for meta, part in zip(metas, parts, strict=True):
        survey = surveys.get(part)
        if survey and survey.is_long:
            book = None  # its texts are read again with each piece
            head = cells.named(meta, survey.merged, survey.height)
            lazy = long_sheets.rows_of(data, part, meta.name)
        else:
            book = book or cells.opened(io.BytesIO(data))
            sheet = book.get_sheet_by_name(meta.name)
            head, lazy = cells.head_of(meta, sheet), cells.rows_of(sheet)
        yield {"sheet": head}
        for bit in _in_bits(trimmed_bit_by_bit(lazy, max_rows, max_columns)):
            count += sum(map(len, bit))
            if count > cells.MAX_CELLS:
                raise Unreadable("too_large", str(count))
            yield bit


def _in_bits(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    while bit := list(islice(rows, BIT)):
        yield bit


def trimmed(rows: Iterable[list[Any]], max_rows: int, max_columns: int) -> list[list[Any]]:
    """Without blank tails; too many rows or columns that hold something are refused."""
    kept = []
    for row in rows:
        end = len(row)
        while end and row[end - 1] is None:
            end -= 1
        kept.append(row[:end])
        if end > max_columns:
            raise Unreadable("too_wide", str(end))
    while kept and not kept[-1]:
        kept.pop()
    if len(kept) > max_rows:
        raise Unreadable("too_long", str(len(kept)))
    return kept


def trimmed_bit_by_bit(
    rows: Iterable[list[Any]], max_rows: int, max_columns: int
) -> Iterator[list[Any]]:
    """As `trimmed`, row by row: blank rows are held back until one follows that says something."""
    count = blank = 0
    for row in rows:
        end = len(row)
        while end and row[end - 1] is None:
            end -= 1
        if not end:
            blank += 1
            continue
        if end > max_columns:
            raise Unreadable("too_wide", str(end))
        count += blank + 1
        if count > max_rows:
            raise Unreadable("too_long", str(count))
        yield from ([] for _ in range(blank))
        blank = 0
        yield row[:end]
