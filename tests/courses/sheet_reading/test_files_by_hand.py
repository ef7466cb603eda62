"""Habits that live in the file itself: fonts, formats, pictures, calendars, text files."""

from __future__ import annotations

import struct
import zlib
from datetime import date, datetime
from io import BytesIO
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.styles import Font, PatternFill
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from courses.sheets.sheet_reading import read
from portal import workbook_refusals, workbooks

from .world import SCHOOL, TODAY, Town, about, names, only, row, said, status

N = names()
ROWS: list[list[Any]] = [["签到表"], ["2021年6月2日"], ["序号", "姓名", "签到"]]
ROWS += [[at, name, {1: "病假", 7: "×"}.get(at - 1, "√")] for at, name in enumerate(N, 1)]
USUAL = {**dict.fromkeys(N, "present"), N[1]: "leave", N[7]: "absent"}


def opened(data, name="表.xlsx", **more):
    return read(workbooks.read(data, name), roster=Town(SCHOOL), at=TODAY, **more)


def saved(change=None, rows=ROWS):
    book = openpyxl.Workbook()
    for line in rows:
        book.active.append(line)
    if change:
        change(book.active)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_name_that_is_struck_through_is_asked_about():
    def strike(page):
        page["B6"].font = Font(strike=True)
        page["C7"].font = Font(strike=False)

    result = opened(saved(strike))

    [question] = result.questions
    assert (question.row, question.column, question.about) == (6, "B", "struck")
    assert row(only(result), N[2]).member is None
    kept = opened(saved(strike), answers={question.key: "00310003"})
    assert (kept.outcome, status(only(kept))) == ("read", USUAL)
    left = opened(saved(strike), answers={question.key: "skip"})
    assert N[2] not in status(only(left))


def test_a_coloured_cell_without_a_mark_is_asked_about():
    def colour(page):
        page["C6"].fill = PatternFill("solid", fgColor="FF0000")
        page["C6"] = None

    assert about(opened(saved(colour))) == ["blank"]


def test_a_workbook_of_pictures_has_its_own_message():
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(b"\x00\xff\x00\x00")), (b"IEND", b"")]
    image = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        image += struct.pack(">I", len(body)) + kind + body
        image += struct.pack(">I", zlib.crc32(kind + body))
    file = BytesIO()
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet().insert_image("A1", "scan.png", {"image_data": BytesIO(image)})

    with pytest.raises(workbook_refusals.OnlyPictures, match="只有图片"):
        opened(file.getvalue())


def test_real_dates_mean_the_same_in_the_calendar_of_1904():
    head = [["考勤表"], ["姓名", date(2021, 6, 2), datetime(2021, 6, 9, 14, 30)]]

    def of_1904(page):
        page.parent.epoch = CALENDAR_MAC_1904

    for change in (None, of_1904):
        result = opened(saved(change, [*head, *([n, "√", "√"] for n in N)]))
        assert [str(s.date) for s in result.sessions] == ["2021-06-02", "2021-06-09"]


def test_comments_filters_protection_and_rich_text_are_no_hindrance():
    file = BytesIO()
    with xlsxwriter.Workbook(file) as book:
        book.add_chartsheet()
        page = book.add_worksheet("签到")
        page.protect("secret")
        for at, line in enumerate(ROWS):
            page.write_row(at, 0, line)
        page.autofilter("A3:C13")
        page.write_rich_string("B4", book.add_format({"bold": True}), N[0][:1], N[0][1:])
        page.write_comment("C5", "电话请假")

    result = opened(file.getvalue())

    assert (result.outcome, status(only(result))) == ("read", USUAL)


def test_a_hidden_column_is_read_like_the_others():
    def hide(page):
        page["D3"], page["D4"] = "备注", "迟到"
        page.column_dimensions["D"].hidden = True

    assert row(only(opened(saved(hide))), N[0]).status == "late"


def test_day_numbers_in_a_text_file_are_days():
    lines = ["考勤表", "姓名,44349,44356", *(f"{n},√,√" for n in N)]

    result = opened("\n".join(lines).encode("gb18030"), "考勤.csv")

    assert [str(s.date) for s in result.sessions] == ["2021-06-02", "2021-06-09"]


def test_a_spreadsheet_under_another_extension_is_read_and_that_is_said():
    for name in ("表.xls", "表.csv"):
        result = opened(saved(), name)
        assert (result.outcome, status(only(result))) == ("read", USUAL)
        assert "实际内容是 .xlsx" in said(result)


def test_a_copy_of_a_sheet_that_was_left_behind_is_said():
    def copy(page):
        page.parent.copy_worksheet(page)

    result = opened(saved(copy))

    assert len(result.sessions) == 2
    assert "请核对是否重复" in said(result)
