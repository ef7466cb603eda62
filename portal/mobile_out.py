"""The spreadsheet of mobile members, in the columns that the import reads back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from django.utils import timezone

from portal import audit, mobile_stays
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.exporting import Export, NotGiven, place_of
from portal.models import AuditEvent, Member, MobileStay
from portal.querysets import MobileStayQuerySet
from portal.spreadsheets import Book

COLUMNS = {
    "党员编号": 16, "姓名": 12, "所在党支部": 30, "外出时间": 13, "流入地": 26, "外出原因": 12,
    "流入地党组织": 36, "联系人编号": 16, "最近联系": 13, "报到日期": 13, "预计返回": 13,
    "返回时间": 13, "结束": 14,
}  # fmt: skip
SHOWN = {"": "在外", "quiet": "三个月未联系", "ended": "已结束"}  # what a list may show
CHUNK = 2000
MANAGE = Capability.MANAGE_PEOPLE


def chosen(
    scope: Scope, capability: Capability, *, show: str, text: str, today: date
) -> MobileStayQuerySet:
    """The stays that a list shows, the longest without contact first."""
    rows = MobileStay.objects.within(scope, capability)
    if show == "ended":
        rows = rows.exclude(until=None).order_by("-until", "pk")
    else:
        rows = rows.quiet(today - mobile_stays.QUARTER) if show == "quiet" else rows.open()
        rows = rows.longest_quiet_first()
    if text:
        rows = rows.filter(member__in=Member.objects.search(text))
    return rows.select_related("member__branch", "contact")


def stays(scope: Scope, *, by: Actor, at: datetime, show: str, text: str) -> Export:
    """The order of what the list shows, of those one manages: one row a stay."""
    if not scope.has(MANAGE):
        raise NotGiven
    rows = chosen(scope, MANAGE, show=show, text=text, today=timezone.localdate(at))
    filter_ = "，".join(filter(None, [SHOWN[show], f"查找：{text}" if text else ""]))
    name, count = name_of(scope), rows.count()
    audit.record(
        AuditEvent.Event.EXPORT,
        by=by,
        at=at,
        on=place_of(scope, MANAGE),
        subject=name,
        detail={"filter": filter_, "rows": count},
    )
    return Export(name, count, lambda book: _write(book, rows, name, filter_, at=at))


def name_of(scope: Scope) -> str:
    on = place_of(scope, MANAGE)
    return f"{on.short_name if on else ''}流动党员名册"


def _write(
    book: Book, rows: MobileStayQuerySet, name: str, filter_: str, *, at: datetime
) -> Iterator[int]:
    """Write the sheet row by row, giving the number of each row."""
    sheet = book.sheet("流动党员名册", list(COLUMNS.values()))
    sheet.title(name)
    sheet.note(
        f"{filter_}。截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。"
        "改好后可在“流动党员—导入”里传回。"
    )
    sheet.header(list(COLUMNS))
    for count, stay in enumerate(rows.iterator(chunk_size=CHUNK), 1):
        sheet.line(
            [
                stay.member.number,
                stay.member.name,
                stay.member.branch.name if stay.member.branch else "",
                stay.since,
                stay.region,
                stay.get_reason_display(),
                stay.host_name,
                stay.contact.number if stay.contact else "",
                stay.last_contact_on,
                stay.reported_on,
                stay.expected_until,
                stay.until,
                stay.get_ended_display(),
            ]
        )
        yield count
