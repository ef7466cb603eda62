"""Attendance spreadsheets out: one session's sheet, and its scans.

Each is read in one snapshot, then written to the audit trail, and only then are there any bytes.
The branch matrix and the committee's summary are in matrices_out.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from courses import marks, who_is_due
from courses.marks import Counts
from courses.models import Attendance, Status, StudySession
from credits import rule_book
from portal import audit
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.exporting import Export, find
from portal.models import AuditEvent, Member, Membership, Organization, OrganizationName
from portal.spreadsheets import Book, Share

COLUMNS = [
    "序号", "姓名", "党小组", "正式/预备", "签到", "出勤情况", "请假事由", "补学", "备注",
    "党员编号", "所在党支部",
]  # fmt: skip
WIDTHS = [6, 12, 12, 10, 7, 10, 11, 12, 22, 14, 30]
BLOCKS = ["", "客人（不计入应到）", "列席人员（不计入应到）"]
RECORD = Capability.RECORD_ATTENDANCE
SESSIONS = StudySession.objects.select_related("organiser", "reading_class")
SCAN_COLUMNS = ["序号", "时间", "姓名", "党员编号", "结果", "原因"]


def session_asked(scope: Scope, *, by: Actor, at: datetime, session: int) -> Export:
    """The order of a session's sheet."""
    return session_sheet(find(SESSIONS.all(), scope, RECORD, session), by=by, at=at)


def scans_asked(scope: Scope, *, by: Actor, at: datetime, session: int) -> Export:
    """The order of a session's scans."""
    return scans(find(SESSIONS.all(), scope, RECORD, session), by=by, at=at)


def session_sheet(found: StudySession, *, by: Actor, at: datetime) -> Export:
    """One session's attendance sheet; read back, it changes nothing."""
    with snapshot() as using:
        rows = list(Attendance.objects.using(using).filter(session=found).by_name())
        people: list[tuple[Member, Organization, Attendance | None]]
        ordered = sorted(rows, key=lambda row: BLOCKS.index(_block(row)))
        people = [(row.member, row.home, row) for row in ordered]
        if not rows:
            due = sorted(who_is_due.members_of(found), key=lambda p: (p[0].name, p[0].number))
            people = [(member, home, None) for member, home in due]
        groups = groups_of(found, [member for member, _, _ in people], using=using)
        heading = _heading(found, marks.count(rows), bool(rows), using)
    name = f"{found.title}考勤表（{found.day}）"
    record(name, found.organiser, len(people), {"session": found.key}, by=by, at=at)

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("考勤表", WIDTHS)
        sheet.title(f"{found.title}考勤表")
        sheet.pairs(heading, each=3)
        sheet.header(COLUMNS)
        block = ""
        for number, (member, home, mark) in enumerate(people, 1):
            if mark and block != _block(mark):
                block = _block(mark)
                sheet.note(block)
            sheet.line([number, *_person(member, home, mark, groups)])
            yield number
        recorder, today = found.recorder or "", timezone.localdate(at).isoformat()
        sheet.pairs([("支部书记", ""), ("记录人", recorder), ("填表日期", today)], each=3)

    return Export(name, len(people), write)


def scans(found: StudySession, *, by: Actor, at: datetime) -> Export:
    """Every scan of a session, accepted or refused, in the order in which they came."""
    with snapshot() as using:
        rows = list(found.scans.using(using).select_related("member").order_by("pk"))
    name = f"{found.title}扫码记录（{found.day}）"
    record(name, found.organiser, len(rows), {"session": found.key}, by=by, at=at)

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("扫码记录", [7, 20, 14, 16, 12, 60])
        sheet.title(f"{found.title}扫码记录")
        sheet.note(f"{_span(found)}，共 {len(rows)} 次扫码。")
        sheet.header(SCAN_COLUMNS)
        for number, scan in enumerate(rows, 1):
            who = (scan.member.name, scan.member.number) if scan.member else ("未登录", "")
            when = f"{timezone.localtime(scan.at):%Y-%m-%d %H:%M:%S}"
            told = "通过" if scan.accepted else "拒绝"
            sheet.line([number, when, *who, told, scan.reason])
            yield number

    return Export(name, len(rows), write)


@contextmanager
def snapshot() -> Iterator[str]:
    """One consistent view of the database, which holds up no writer."""
    with transaction.atomic(using=settings.SNAPSHOT):
        yield settings.SNAPSHOT


def record(
    name: str, on: Organization, rows: int, detail: dict[str, Any], *, by: Actor, at: datetime
) -> None:
    audit.record(
        AuditEvent.Event.EXPORT, by=by, at=at, on=on, subject=name, detail=detail | {"rows": rows}
    )


def worth_of(found: StudySession) -> float | str:
    """Hours that full presence earns, by the rules of the first programme on that day."""
    programme = found.programmes.order_by("pk").first()
    if programme is None:
        return ""
    return found.worth(rule_book.of(programme).on(found.day).rules) / 100


def groups_of(
    found: StudySession, people: Sequence[Member], *, using: str = "default"
) -> dict[int, str]:
    """党小组 of the day of the session."""
    rows = Membership.objects.using(using).on(found.day).filter(member__in=people)
    return dict(rows.order_by("pk").values_list("member", "group"))


def _heading(
    found: StudySession, counts: Counts, marked: bool, using: str
) -> list[tuple[str, Any]]:
    """The heading block; sums that nobody has taken yet stay empty."""
    organiser = found.organiser
    names = OrganizationName.objects.using(using).filter(
        organization=organiser, since__lte=found.day
    )
    then = names.order_by("-since").first()
    period = _period_name(found)
    return [
        ("党组织全称", then.name if then else organiser.name),
        ("主题", found.title),
        ("类别", found.get_occasion_display()),
        ("形式", found.get_form_display()),
        ("起止时间", _span(found)),
        ("地点", found.place),
        ("主持人", found.host),
        ("主讲人", found.lecturer),
        ("记录人", found.recorder),
        ("历史时期", period),
        ("时长", f"{found.minutes} 分钟"),
        ("学时", worth_of(found)),
        ("应到", counts.due if marked else ""),
        ("实到", counts.there if marked else ""),
        ("请假", counts.leave if marked else ""),
        ("缺席", counts.absent if marked else ""),
        ("列席", counts.observers if marked else ""),
        ("出勤率", Share(counts.rate) if marked and counts.rate is not None else ""),
        ("活动编号", found.key),
        *([("会议链接", found.link)] if found.link else []),
    ]


def _span(found: StudySession) -> str:
    starts, ends = timezone.localtime(found.starts_at), timezone.localtime(found.ends_at)
    day = f"{starts.year}年{starts.month}月{starts.day}日"
    until = "" if ends.date() == starts.date() else f"{ends.month}月{ends.day}日"
    return f"{day} {starts:%H:%M}–{until}{ends:%H:%M}"


def _period_name(found: StudySession) -> str:
    programme = found.programmes.order_by("pk").first()
    if not found.period or programme is None:
        return ""
    period = rule_book.of(programme).on(found.day).rules.period(found.period)
    return period.name if period else ""


def _block(mark: Attendance) -> str:
    """Guests and observers stand in blocks of their own, behind those who are due."""
    if mark.status == Status.OBSERVER:
        return BLOCKS[2]
    return BLOCKS[1] if mark.guest else BLOCKS[0]


def _person(
    member: Member, home: Organization, mark: Attendance | None, groups: dict[int, str]
) -> list[Any]:
    standing = "预备" if member.status == Member.Status.PROBATIONARY else "正式"
    named = [member.name, groups.get(member.pk, ""), standing]
    if mark is None:
        return [*named, "", "", "", "", "", member.number, home.name]
    return [
        *named,
        "√" if mark.is_there else "",
        mark.get_status_display(),
        mark.get_leave_display() if mark.leave else "",
        mark.made_up_on.isoformat() if mark.made_up_on else "",
        mark.remark,
        member.number,
        home.name,
    ]
