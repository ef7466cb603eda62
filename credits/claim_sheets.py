"""The sheet of stated hours that goes out: a branch's members, to be filled in and sent back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from credits import rule_book
from credits.models import Form, HoursClaim, Programme
from credits.rule_sets import Rules
from portal import audit
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.exporting import Export, find
from portal.models import AuditEvent, Member, Organization
from portal.spreadsheets import Book

COLUMNS = {
    "党员编号": 16, "姓名": 12, "来源": 14, "学习方式": 12, "历史时期": 26, "截至日期": 14,
    "学时": 8, "依据": 40,
}  # fmt: skip
SPARE = 200  # rows behind the members in which lists are offered


def template_asked(
    scope: Scope, *, by: Actor, at: datetime, programme: int, organization: int
) -> Export:
    """The order of a branch's sheet."""
    branch = find(Organization.objects.all(), scope, Capability.EXEMPT, organization)
    return template(Programme.objects.get(pk=programme), branch, by=by, at=at)


def template(programme: Programme, branch: Organization, *, by: Actor, at: datetime) -> Export:
    """The sheet to be filled in: one row a member, number and name filled in; for several lines
    of one member the office copies the row."""
    name = f"{branch.short_name}期初和外单位学时"
    people = list(Member.objects.in_branch(branch).order_by("name", "number"))
    rules = rule_book.of(programme).current.rules
    audit.record(
        AuditEvent.Event.EXPORT,
        by=by,
        at=at,
        on=branch,
        subject=f"{name}（样表）",
        detail={"rows": len(people)},
    )

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("期初和外单位学时", list(COLUMNS.values()))
        sheet.title(f"{branch.name}期初和外单位学时")
        sheet.note(
            f"{programme} · {timezone.localtime(at):%Y-%m-%d} 导出。没有学时的行留空不填；"
            "一人有几行的，复制整行再填。填好后在“期初学时”里传回，上级批准后记入。"
        )
        sheet.note(
            f"来源：{'、'.join(HoursClaim.Kind.labels)}。学习方式：{'、'.join(forms(rules))}。"
        )
        sheet.note(
            f"历史时期：{'、'.join(periods(rules))}；不分时期的留空。依据写登记簿名称或出具单位。"
        )
        sheet.header(list(COLUMNS))
        first = sheet.row
        for number, person in enumerate(people, 1):
            sheet.line([person.number, person.name, HoursClaim.Kind.OPENING.label, *[""] * 5])
            yield number
        _offer(sheet.sheet, first, len(people) + SPARE, rules)

    return Export(name, len(people), write)


def forms(rules: Rules) -> dict[str, str]:
    """The admitted forms by their label."""
    return {Form(f.code).label: f.code for f in rules.forms if f.cap != 0}


def periods(rules: Rules) -> dict[str, str]:
    """The history periods by their name."""
    return {p.name: p.code for p in rules.periods}


def _offer(sheet: Any, first: int, rows: int, rules: Rules) -> None:
    """Lists to choose from, where the office's program knows them."""
    chosen = {2: HoursClaim.Kind.labels, 3: list(forms(rules)), 4: list(periods(rules))}
    for column, source in chosen.items():
        if len(",".join(source)) <= 255:  # what the file format holds
            options = {"validate": "list", "source": source, "ignore_blank": True}
            sheet.data_validation(first, column, first + rows, column, options)
