"""Long sheets are read piece by piece, and come to the same as read at once."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime

import pytest
import xlsxwriter

from portal import workbooks
from portal.workbook_child import answers, cells, long_sheets
from portal.workbook_child.unreadable import Unreadable

ROWS, COLUMNS = 250_000, 600


def book_of(*sheets, inline=False):
    """An .xlsx of sheets, each a function that writes it; texts shared, as Excel has them, or
    inline, as programs write them."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": inline, "in_memory": not inline})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for number, write in enumerate(sheets):
        write(book.add_worksheet(f"表{number}"), day)
    book.close()
    return file.getvalue()


def people(sheet, day):
    """Four hundred lines with a gap, some blank cells, dates, numbers and a text that repeats."""
    sheet.write_row(2, 1, ["编号", "姓名", "入党日期", "学时"])
    for n in range(400):
        row = 3 + n + (70 if n >= 200 else 0)  # nothing stands in seventy rows
        sheet.write(row, 1, f"2104{n:04d}")
        if n % 7:
            sheet.write(row, 2, f"学员{n % 50} <甲&乙>")
        sheet.write_datetime(row, 3, datetime(1990 + n % 30, 1, 1 + n % 28), day)
        sheet.write(row, 4, n / 4)


def merged(sheet, day):
    sheet.merge_range(0, 0, 0, 3, "总名册")
    people(sheet, day)
    sheet.merge_range(500, 0, 500, 3, "填表人：")


def few(sheet, day):
    sheet.write_row(0, 0, ["只有一行", date(2021, 7, 1).isoformat()])


def lazily(data):
    """Heads and rows of every sheet as the child tells them bit by bit."""
    first, *bits = answers.bit_by_bit(data, ROWS, COLUMNS)
    found = []
    for bit in bits:
        if isinstance(bit, dict):
            found.append((bit["sheet"], []))
        else:
            found[-1][1].extend(bit)
    assert first == {"kind": "xlsx", "sheets": len(found)}
    return found


def at_once(data):
    return answers.whole(data, ROWS, COLUMNS)["sheets"]


def rewritten(data, change):
    """The package with its first sheet's XML changed."""
    part, file = "xl/worksheets/sheet1.xml", io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, change(text) if name == part else text)
    return file.getvalue()


@pytest.fixture
def pieces(monkeypatch):
    """Sheets of a few kilobytes are long; what each piece held is noted."""
    seen = []
    opened = cells.opened

    def noted(file):
        seen.append(io.BytesIO(file.getvalue()))
        return opened(file)

    monkeypatch.setattr(long_sheets, "PIECE", 6_000)
    monkeypatch.setattr(long_sheets, "CHUNK", 1_000)
    monkeypatch.setattr(cells, "opened", noted)
    return seen


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("sheets", [(people,), (merged,), (few, people, merged, few)])
def test_a_long_sheet_in_pieces_comes_to_the_same_as_at_once(pieces, sheets, inline):
    data = book_of(*sheets, inline=inline)

    whole, found = at_once(data), lazily(data)

    assert len(pieces) > 5 + len(sheets)
    assert [rows for _, rows in found] == [sheet["rows"] for sheet in whole]
    assert max(len(rows) for _, rows in found) >= 473
    for (head, _), sheet in zip(found, whole, strict=True):
        assert head == {name: value for name, value in sheet.items() if name != "rows"}


def test_a_piece_holds_no_more_of_a_sheet_than_it_should(pieces):
    data = book_of(people)
    part = "xl/worksheets/sheet1.xml"
    whole = zipfile.ZipFile(io.BytesIO(data)).getinfo(part).file_size

    lazily(data)

    sizes = [zipfile.ZipFile(file).getinfo(part).file_size for file in pieces[1:]]
    assert max(sizes) < 6_000 + 2 * 1_000 < whole
    assert sum(sizes) > whole


def test_elements_may_have_a_prefix(pieces):
    def prefix(xml):
        xml = re.sub(rb"<(/?)(?=[a-z])", rb"<\1x:", xml)
        return xml.replace(b"xmlns=", b"xmlns:x=", 1)

    data = book_of(merged)

    assert [rows for _, rows in lazily(rewritten(data, prefix))] == [at_once(data)[0]["rows"]]
    assert len(pieces) > 5


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: re.sub(rb' r="[A-Z]*\d+"', b"", xml),  # rows without numbers
        lambda xml: xml.replace(b'<row r="150"', b'<row r="20"'),  # out of order
        lambda xml: xml.replace(b'<row r="9"', b'<row hidden="1" r="9"'),
    ],
)
def test_a_sheet_that_cannot_be_cut_is_read_at_once(pieces, change):
    data = rewritten(book_of(people), change)

    [(head, rows)] = lazily(data)

    assert (len(pieces) <= 2, head["name"]) == (True, "表0")
    assert rows == at_once(data)[0]["rows"]


def test_a_sheet_that_ends_in_the_middle_is_broken(pieces):
    data = rewritten(book_of(people), lambda xml: xml[: len(xml) * 2 // 3])

    with pytest.raises(Unreadable) as refused:
        lazily(data)

    assert refused.value.code == "broken"


def test_more_cells_than_anybody_needs_are_refused_in_pieces_too(pieces, monkeypatch):
    monkeypatch.setattr(cells, "MAX_CELLS", 1500)

    with pytest.raises(Unreadable) as refused:
        lazily(book_of(people))

    assert refused.value.code == "too_large"


def test_the_child_reads_a_sheet_of_many_megabytes_in_pieces():
    """As it is: in a process of its own, with pieces of eight megabytes."""

    def long(sheet, day):
        for n in range(30_000):
            sheet.write_row(n, 0, [f"7{n:07d}", "一个长一些的名字" * 3, "支部" * 8, n, "备注" * 9])

    data = book_of(long, inline=True)
    part = zipfile.ZipFile(io.BytesIO(data)).getinfo("xl/worksheets/sheet1.xml")
    assert part.file_size > long_sheets.PIECE

    book = workbooks.read_lazily(data, "名册.xlsx")
    [(grid, rows)] = [(grid, list(rows)) for grid, rows in book.sheets()]

    assert (grid.height, len(rows)) == (30_000, 30_000)
    assert rows[-1] == ("70029999", "一个长一些的名字" * 3, "支部" * 8, 29_999, "备注" * 9)
