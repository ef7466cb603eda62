"""A class's whole roll as a spreadsheet; read back, it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from courses import class_rolls
from courses.class_rolls import Line
from courses.models import Attendance, Leave, ReadingClass, StudySession
from courses.sheets.sheets_out import record, snapshot
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.exporting import Export, find
from portal.spreadsheets import Book

NOT_DUE = "—"
GUIDE = (
    "可填：√、迟到、早退、缺席、病假、事假、公出、请假（其他）。没有填的不改动；"
    "“活动编号”一行请保留。已记学时的列有改动的，导入时作为更正列出。"
)


def sheet_asked(scope: Scope, *, by: Actor, at: datetime, reading_class: int) -> Export:
    """The order of a class's roll."""
    rows = ReadingClass.objects.select_related("organiser", "programme")
    return sheet(find(rows, scope, Capability.RECORD_ATTENDANCE, reading_class), by=by, at=at)


def sheet(reading_class: ReadingClass, *, by: Actor, at: datetime) -> Export:
    """Members × the class's sessions, each column with its day, clock and key."""
    with snapshot() as using:
        found = class_rolls.roll(reading_class, using=using)
    name = f"{reading_class.name}考勤总表"
    detail = {"class": reading_class.key, "sessions": len(found.sessions)}
    record(name, reading_class.organiser, len(found.lines), detail, by=by, at=at)

    def write(book: Book) -> Iterator[int]:
        page = book.sheet("考勤总表", [6, 11, 14, *[13] * max(4, len(found.sessions))])
        page.title(name)
        page.note(GUIDE)
        page.pairs([("党组织全称", reading_class.organiser.name)], each=1)
        page.header(["序号", "姓名", "党员编号", *map(_heading, found.sessions)])
        page.line(["", "活动编号", "", *(session.key for session in found.sessions)])
        for number, line in enumerate(found.lines, 1):
            cells = [_cell(line, session) for session in found.sessions]
            page.line([number, line.member.name, line.member.number, *cells])
            yield number
        today = timezone.localdate(at).isoformat()
        page.pairs([("支部书记", ""), ("填表日期", today)], each=2)

    return Export(name, len(found.lines), write)


def _heading(session: StudySession) -> str:
    starts, ends = timezone.localtime(session.starts_at), timezone.localtime(session.ends_at)
    return f"{starts:%Y-%m-%d} {starts:%H:%M}–{ends:%H:%M}"


def _cell(line: Line, session: StudySession) -> str:
    mark = line.marks.get(session.pk)
    if mark is not None:
        return _word(mark)
    return "" if session.pk in line.due else NOT_DUE


def _word(mark: Attendance) -> str:
    plain = mark.leave not in (Leave.OTHER, Leave.UNSTATED)
    word = "√" if mark.status == "present" else mark.word if plain else f"请假（{mark.word}）"
    return f"{word}（{mark.made_up_on}补学）" if mark.made_up_on else word
