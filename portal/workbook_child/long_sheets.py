"""Long sheets of an .xlsx, read piece by piece.

Calamine holds all cells of a worksheet at once, and a whole city's members are 170 MB of them. So
of a long sheet it gets a package in which the sheet has some of its rows, then one with the next:
it reads each cell as it would have, and no more than `PIECE` of the sheet's XML is at hand.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from portal.workbook_child import cells, markup
from portal.workbook_child.unreadable import Unreadable

PIECE = 4 << 20  # bytes of XML
CHUNK = 1 << 18
TELLING = re.compile(rb'hidden="(?:1|true)"|t="e"')
WORKSHEET = re.compile(rb"<(\w+:)?worksheet\b")
NUMBER = re.compile(rb'\br="(\d+)"')
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*\bref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"')
BEGINS = re.compile(rb"<(\w+:)?sheetData\b[^>/]*>")


@dataclass
class Survey:
    """What can be told of a sheet without its cells.

    height: the number of its last row. in_order: every row says its number, each a higher one than
    the row before, so that it can be cut between rows. rows: finds their tags.
    """

    size: int
    height: int = 0
    in_order: bool = True
    rows: re.Pattern[bytes] | None = None
    merged: list[list[int]] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        return self.in_order and self.height > 0 and self.size > PIECE


def surveyed(data: bytes) -> dict[str, Survey] | None:
    """Each worksheet part of a package, looked through without unpacking a long one at once. None
    where calamine does not tell everything of it: something hidden, struck or padded, error values,
    pictures."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    if markup.padded_styles(archive) or markup.struck_styles(archive):
        return None
    if any(name.startswith("xl/media/") for name in archive.namelist()):
        return None
    found = {}
    for entry in archive.infolist():
        if entry.filename.startswith("xl/worksheets/"):
            survey = _survey(archive, entry)
            if survey is None:
                return None
            found[entry.filename] = survey
    return found


def _survey(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Survey | None:
    found, rest = Survey(entry.file_size), b""
    with archive.open(entry) as part:
        while chunk := part.read(CHUNK):
            rest += chunk
            end = rest.rfind(b"<")  # a tag that is not complete waits for the next chunk
            text, rest = rest[:end], rest[end:]
            if not _looked_through(found, text):
                return None
    return found if _looked_through(found, rest) else None


def _looked_through(found: Survey, text: bytes) -> bool:
    if TELLING.search(text):
        return False
    if not found.rows and (root := WORKSHEET.search(text)):
        # With the prefix written out this is found many times as fast as with one that may be.
        found.rows = re.compile(rb"<%brow\b[^>]*>" % (root[1] or b""))
    for tag in found.rows.findall(text) if found.rows else ():
        number = NUMBER.search(tag)
        if number is None or int(number[1]) <= found.height:
            found.in_order = False
        else:
            found.height = int(number[1])
    for left, top, right, bottom in MERGED.findall(text) if b"mergeCell" in text else ():
        first = [int(top) - 1, markup.column_index(left)]
        found.merged.append([*first, int(bottom) - 1, markup.column_index(right)])
    return True


def rows_of(data: bytes, part: str, name: str) -> Iterator[list[Any]]:
    """The rows of a long sheet, from row 1 and column A on, as `cells.rows_of` has them.

    part: the sheet's part of the package. name: by which the workbook knows it.
    """
    archive, done = zipfile.ZipFile(io.BytesIO(data)), 0
    for package in _pieces(archive, part):
        sheet = cells.opened(package).get_sheet_by_name(name)
        package.close()
        for row in cells.rows_of(sheet, done):
            yield row
            done += 1
        del sheet  # before the next is read


def _without_worksheets(archive: zipfile.ZipFile) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for entry in archive.infolist():
            if not entry.filename.startswith("xl/worksheets/"):
                copy.writestr(entry.filename, archive.read(entry))
    return package.getvalue()


def _pieces(archive: zipfile.ZipFile, part: str) -> Iterator[io.BytesIO]:
    """The package with some rows of a sheet, then with the next."""
    others = _without_worksheets(archive)
    with archive.open(part) as xml:
        body, begins = bytearray(), None
        while begins is None:
            chunk = xml.read(CHUNK)
            if not chunk:
                raise Unreadable("broken", "sheet")
            body += chunk
            begins = BEGINS.search(body)
        head, prefix = bytes(body[: begins.end()]), begins[1] or b""
        del body[: begins.end()]
        row_end, end = b"</%brow>" % prefix, b"</%bsheetData>" % prefix
        tail = b"%b</%bworksheet>" % (end, prefix)
        cut = -1
        while cut < 0:
            chunk = xml.read(CHUNK)
            body += chunk
            if chunk and len(body) < PIECE:
                continue
            cut = body.find(end)
            if cut < 0:
                if not chunk:
                    raise Unreadable("broken", "sheet")
                rows = body.rfind(row_end) + len(row_end)
                if rows >= len(row_end):
                    yield _package(others, part, head, body[:rows], tail)
                    del body[:rows]
        yield _package(others, part, head, body[:cut], tail)


def _package(others: bytes, part: str, *xml: bytes | bytearray) -> io.BytesIO:
    package = io.BytesIO()
    package.write(others)
    with zipfile.ZipFile(package, "a") as made, made.open(part, "w") as written:
        for some in xml:
            written.write(some)
    package.seek(0)
    return package
