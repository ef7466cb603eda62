"""Spreadsheets of members and organisations, in the columns that the import reads back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from portal import audit
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.exporting import Export, NotGiven, place_of
from portal.models import AuditEvent, Member, Membership, Organization
from portal.spreadsheets import Book

MEMBER_COLUMNS = {
    "党员编号": 16, "姓名": 12, "所在党支部": 36, "支部编码": 14, "党小组": 12, "党员类别": 12,
    "人员类别": 10, "手机号码": 15, "入党时间": 13,
}  # fmt: skip
TREE_COLUMNS = {
    "编码": 14, "党组织名称": 40, "简称": 24, "类别": 12, "系统": 12, "上级党组织": 36,
    "上级编码": 14, "成立日期": 13,
}  # fmt: skip
CHUNK = 2000
PEOPLE, TREE = Capability.MANAGE_PEOPLE, Capability.MANAGE_ORGANISATIONS


def members_asked(scope: Scope, *, by: Actor, at: datetime, text: str, mobile: bool) -> Export:
    """The order of the register, as the list shows it of those one manages."""
    if not scope.has(PEOPLE):
        raise NotGiven
    people, filter_ = asked_for(scope, text=text, mobile=mobile)
    return members(people, by=by, at=at, on=place_of(scope, PEOPLE), filter_=filter_)


def organizations_asked(scope: Scope, *, by: Actor, at: datetime, text: str) -> Export:
    """The order of the tree, as the list shows it of the organisations one manages."""
    if not scope.has(TREE):
        raise NotGiven
    found, filter_ = organizations_asked_for(scope, text=text)
    return organizations(found, by=by, at=at, on=place_of(scope, TREE), filter_=filter_)


def members(
    people: QuerySet[Member],
    *,
    by: Actor,
    at: datetime,
    on: Organization | None,
    filter_: str,
) -> Export:
    """The register of the people asked for, with whole phone numbers: for those who manage it."""
    name, total = _members_name(on), people.count()
    _record(name, total, by=by, at=at, on=on, filter_=filter_)
    return Export(name, total, lambda book: _write_members(book, people, name, at=at))


def asked_for(scope: Scope, *, text: str, mobile: bool) -> tuple[QuerySet[Member], str]:
    """The people that the list shows of those one manages, and how that is said."""
    found = Member.objects.within(scope, Capability.MANAGE_PEOPLE).active().search(text)
    asked = [f"查找：{text}"] if text else []
    if mobile:
        found = found.mobile()
        asked.append("流动党员")
    return found.order_by("number"), "，".join(asked)


def organizations_asked_for(scope: Scope, *, text: str) -> tuple[QuerySet[Organization], str]:
    """The organisations that the list shows of those one manages, and how that is said."""
    found = Organization.objects.within(scope, TREE).standing()
    return (found.named(text), f"查找：{text}") if text else (found, "")


def members_name(scope: Scope) -> str:
    return _members_name(place_of(scope, PEOPLE))


def organizations_name(scope: Scope) -> str:
    return _organizations_name(place_of(scope, TREE))


def _members_name(on: Organization | None) -> str:
    return f"{on.short_name if on else ''}党员名册"


def _organizations_name(on: Organization | None) -> str:
    return f"{on.short_name if on else ''}党组织名册"


def _write_members(
    book: Book, people: QuerySet[Member], name: str, *, at: datetime
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
) -> Export:
    """The organisations asked for, parents before children."""
    name, total = _organizations_name(on), found.count()
    _record(name, total, by=by, at=at, on=on, filter_=filter_)
    rows = found.annotate(above=F("parent__name"), above_code=F("parent__code")).order_by("path")

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("党组织名册", list(TREE_COLUMNS.values()))
        sheet.title(name)
        sheet.note(f"截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。改好后可在“党组织—导入”里传回。")
        sheet.header(list(TREE_COLUMNS))
        for count, row in enumerate(rows.iterator(chunk_size=CHUNK), 1):
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
            yield count

    return Export(name, total, write)


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
