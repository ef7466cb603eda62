"""Spreadsheets of members and organisations, in the columns that the import reads back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.utils import timezone

from portal import audit, jobs, spreadsheets
from portal.access import Capability, Scope, scope_of
from portal.audit import Actor
from portal.jobs import Progress
from portal.models import AuditEvent, Job, Member, Membership, Organization
from portal.refusals import Refusal

MEMBER_COLUMNS = {
    "党员编号": 16, "姓名": 12, "所在党支部": 36, "支部编码": 14, "党小组": 12, "党员类别": 12,
    "人员类别": 10, "手机号码": 15, "入党时间": 13,
}  # fmt: skip
TREE_COLUMNS = {
    "编码": 14, "党组织名称": 40, "简称": 24, "类别": 12, "系统": 12, "上级党组织": 36,
    "上级编码": 14, "成立日期": 13,
}  # fmt: skip
CHUNK = 2000
LONG = 5000  # people from whom on a worker writes the file


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
    with spreadsheets.book() as book:
        for _ in _write_members(book, people, name, at=at):
            pass
    return spreadsheets.answer(book.data, name)


def asked_for(scope: Scope, *, text: str, mobile: bool) -> tuple[QuerySet[Member], str]:
    """The people that the list shows of those one manages, and how that is said."""
    found = Member.objects.within(scope, Capability.MANAGE_PEOPLE).active().search(text)
    asked = [f"查找：{text}"] if text else []
    if mobile:
        found = found.mobile()
        asked.append("流动党员")
    return found.order_by("number"), "，".join(asked)


def members_later(
    *, text: str, mobile: bool, by: Actor, at: datetime, on: Organization | None, back_url: str
) -> Job:
    """Have a worker write a long register into a file."""
    return jobs.start(
        "portal.people_out.write_members",
        title=f"导出{on.short_name if on else ''}党员名册"[:120],
        by=by,
        at=at,
        arguments={"text": text, "mobile": mobile},
        back_url=back_url,
        resumes=3,
    )


def write_members(progress: Progress, *, text: str, mobile: bool) -> dict[str, Any]:
    """Write the register that somebody asked for into a file, in the background."""
    by, at = progress.by, progress.at
    scope = scope_of(by.member, at=at, active_id=None)
    if not scope.has(Capability.MANAGE_PEOPLE):
        raise Refusal("您已没有导出名册的权限。")
    people, filter_ = asked_for(scope, text=text, mobile=mobile)
    on = next(iter(scope.organizations(Capability.MANAGE_PEOPLE)), None)
    name, total = f"{on.short_name if on else ''}党员名册", people.count()
    _record(name, total, by=by, at=at, on=on, filter_=filter_)
    with spreadsheets.book(jobs.file_for(progress, f"{name}.xlsx")) as book:
        for count in _write_members(book, people, name, at=at):
            if count % CHUNK == 0:
                progress.step(count, total, "正在写入表格。")
    progress.step(total, total, f"已导出 {total} 人，一天之内可以下载。")
    return {"rows": total}


def _write_members(
    book: spreadsheets.Book, people: QuerySet[Member], name: str, *, at: datetime
) -> Iterator[int]:
    """Write the sheet row by row, giving the number of each row."""
    sheet = book.sheet("党员名册", list(MEMBER_COLUMNS.values()))
    sheet.title(name)
    sheet.note(f"截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。改好后可在“党员—导入”里传回。")
    sheet.header(list(MEMBER_COLUMNS))
    statuses, categories = dict(Member.Status.choices), dict(Member.Category.choices)
    group = Membership.objects.filter(member=OuterRef("pk"), until=None).values("group")[:1]
    rows = people.annotate(group=Subquery(group)).values_list(
        "number", "name", "branch__name", "branch__code", "group", "status", "category", "phone",
        "joined_on",
    )  # fmt: skip
    for count, row in enumerate(rows.iterator(chunk_size=CHUNK), 1):
        number, person, branch, code, group_, status, category, phone, joined_on = row
        sheet.line(
            [
                number,
                person,
                branch or "",
                code or "",
                group_ or "",
                statuses[status],
                categories[category],
                phone,
                joined_on,
            ]
        )
        yield count


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
