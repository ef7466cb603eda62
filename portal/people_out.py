"""Spreadsheets of members and organisations, in the columns that the import reads back."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone

from portal import audit, spreadsheets
from portal.audit import Actor
from portal.models import AuditEvent, Member, Membership, Organization

MEMBER_COLUMNS = {
    "党员编号": 16, "姓名": 12, "所在党支部": 36, "支部编码": 14, "党小组": 12, "党员类别": 12,
    "人员类别": 10, "手机号码": 15, "入党时间": 13,
}  # fmt: skip
TREE_COLUMNS = {
    "编码": 14, "党组织名称": 40, "简称": 24, "类别": 12, "系统": 12, "上级党组织": 36,
    "上级编码": 14, "成立日期": 13,
}  # fmt: skip
CHUNK = 2000


def members(
    people: QuerySet[Member],
    *,
    by: Actor,
    at: datetime,
    on: Organization | None,
    filter_: str,
) -> HttpResponse:
    """The register of the people asked for, with whole phone numbers: for those who manage it."""
    name = f"{on.short_name if on else ''}党员名册"
    _record(name, people.count(), by=by, at=at, on=on, filter_=filter_)
    groups = Membership.objects.filter(until=None)
    with spreadsheets.book() as book:
        sheet = book.sheet("党员名册", list(MEMBER_COLUMNS.values()))
        sheet.title(name)
        sheet.note(f"截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。改好后可在“党员—导入”里传回。")
        sheet.header(list(MEMBER_COLUMNS))
        rows = people.select_related("branch").iterator(chunk_size=CHUNK)
        group_of = dict(
            groups.filter(~Q(group=""), member__in=people.order_by().values("pk")).values_list(
                "member_id", "group"
            )
        )
        for person in rows:
            sheet.line(
                [
                    person.number,
                    person.name,
                    person.branch.name if person.branch else "",
                    person.branch.code if person.branch else "",
                    group_of.get(person.pk, ""),
                    person.get_status_display(),
                    person.get_category_display(),
                    person.phone,
                    person.joined_on,
                ]
            )
    return spreadsheets.answer(book.data, name)


def organizations(
    found: QuerySet[Organization],
    *,
    by: Actor,
    at: datetime,
    on: Organization | None,
    filter_: str,
) -> HttpResponse:
    """The organisations asked for, parents before children."""
    name = f"{on.short_name if on else ''}党组织名册"
    _record(name, found.count(), by=by, at=at, on=on, filter_=filter_)
    rows = found.annotate(above=F("parent__name"), above_code=F("parent__code")).order_by("path")
    with spreadsheets.book() as book:
        sheet = book.sheet("党组织名册", list(TREE_COLUMNS.values()))
        sheet.title(name)
        sheet.note(f"截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。改好后可在“党组织—导入”里传回。")
        sheet.header(list(TREE_COLUMNS))
        for row in rows.iterator(chunk_size=CHUNK):
            sheet.line(
                [
                    row.code,
                    row.name,
                    row.short_name,
                    row.get_kind_display(),
                    row.get_cohort_display() if row.cohort else "",
                    row.above or "",
                    row.above_code or "",
                    row.founded_on,
                ]
            )
    return spreadsheets.answer(book.data, name)


def _record(
    name: str, rows: int, *, by: Actor, at: datetime, on: Organization | None, filter_: str
) -> None:
    """Write who takes what, before the first byte of it."""
    audit.record(
        AuditEvent.Event.EXPORT,
        by=by,
        at=at,
        on=on,
        subject=name,
        detail={"filter": filter_, "rows": rows},
    )
