"""The attendance sheets of the benchmarks, and the names of those who stand in them."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter
from django.utils import timezone

from courses.models import StudySession
from portal.models import Member

FAMILY, GIVEN = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗",
    "建国明华志强秀英丽娟伟芳敏静磊洋艳勇军杰涛",
)
MEETINGS = 10


def name_of(n: int) -> str:
    return FAMILY[n % len(FAMILY)] + GIVEN[n % len(GIVEN)] + GIVEN[n // len(GIVEN) % len(GIVEN)]


def write_attendance(path: Path, sessions: list[StudySession], people: list[Member]) -> bytes:
    """A worksheet for each meeting, everybody of the branch in it; one in twenty was away."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    for number, session in enumerate(sessions):
        sheet, day = book.add_worksheet(f"第{number + 1}次"), timezone.localtime(session.starts_at)
        sheet.write(0, 0, "青川县甲支部签到表")
        sheet.write(1, 0, f"时间：{day.year}年{day.month}月{day.day}日 20:00-21:00")
        sheet.write_row(2, 0, ["序号", "党员编号", "姓名", "签到", "备注"])
        for n, person in enumerate(people):
            mark = "病假" if (n + number) % 20 == 0 else "√"
            sheet.write_row(n + 3, 0, [n + 1, person.number, person.name, mark, ""])
    book.close()
    return path.read_bytes()
