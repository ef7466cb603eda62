"""The spreadsheet of mobile members, in the columns that the import reads back."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from django.utils import timezone

from portal import audit, spreadsheets
from portal.audit import Actor
from portal.models import AuditEvent, Organization
from portal.querysets import MobileStayQuerySet

COLUMNS = {
    "党员编号": 16, "姓名": 12, "所在党支部": 30, "外出时间": 13, "流入地": 26, "外出原因": 12,
    "流入地党组织": 36, "联系人编号": 16, "最近联系": 13, "报到日期": 13, "返回时间": 13,
    "结束": 14,
}  # fmt: skip
CHUNK = 2000


def stays(
    rows: MobileStayQuerySet,
    *,
    by: Actor,
    at: datetime,
    on: Organization | None,
    filter_: str,
) -> HttpResponse:
    """The stays asked for, one row each."""
    name = f"{on.short_name if on else ''}流动党员名册"
    audit.record(
        AuditEvent.Event.EXPORT,
        by=by,
        at=at,
        on=on,
        subject=name,
        detail={"filter": filter_, "rows": rows.count()},
    )
    with spreadsheets.book() as book:
        sheet = book.sheet("流动党员名册", list(COLUMNS.values()))
        sheet.title(name)
        sheet.note(
            f"{filter_}。截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。"
            "改好后可在“流动党员—导入”里传回。"
        )
        sheet.header(list(COLUMNS))
        for stay in rows.iterator(chunk_size=CHUNK):
            branch = stay.member.branch
            sheet.line(
                [
                    stay.member.number,
                    stay.member.name,
                    branch.name if branch else "",
                    stay.since,
                    stay.region,
                    stay.get_reason_display(),
                    stay.host_name,
                    stay.contact.number if stay.contact else "",
                    stay.last_contact_on,
                    stay.reported_on,
                    stay.until,
                    stay.get_ended_display(),
                ]
            )
    return spreadsheets.answer(book.data, name)
