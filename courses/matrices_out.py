"""Spreadsheets of sums: a branch's matrix, and the summary that a committee hands up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from courses import matrices
from courses.matrices import BranchSums, Matrix, MatrixRow
from courses.models import Attendance
from courses.sheets.sheets_out import record, snapshot
from credits.models import Form, Programme
from portal.access import Capability, Scope
from portal.audit import Actor
from portal.exporting import Export, find
from portal.models import Organization
from portal.spreadsheets import Book, Share

DASH = "—"
HOURS = ["考勤学时", "补学学时", "其他学时", "所得合计", "认定学时", "应学学时", "还差学时", "状态"]
SUMMARY_COLUMNS = [
    "序号", "党支部", "编码", "应学", "免学", "学满", "学满率", "认定学时", "人均学时", "活动次数",
    "应到人次", "实到人次", "请假人次", "缺席人次", "补学人次", "出勤率",
]  # fmt: skip


def matrix_asked(
    scope: Scope, *, by: Actor, at: datetime, programme: int, organization: int
) -> Export:
    """The order of a branch's matrix."""
    branch = find(Organization.objects.all(), scope, Capability.RECORD_ATTENDANCE, organization)
    return matrix(Programme.objects.get(pk=programme), branch, by=by, at=at)


def summary_asked(
    scope: Scope, *, by: Actor, at: datetime, programme: int, organization: int
) -> Export:
    """The order of an organisation's summary."""
    where = find(Organization.objects.all(), scope, Capability.SEE_FIGURES, organization)
    return summary(Programme.objects.get(pk=programme), where, by=by, at=at)


def matrix(programme: Programme, branch: Organization, *, by: Actor, at: datetime) -> Export:
    """Members × sessions of one branch, with the hours that stand in the ledger."""
    with snapshot() as using:
        found = matrices.matrix(programme, branch, using=using)
    name = f"{branch.name}{programme.name}考勤汇总"
    detail = {"programme": programme.code, "sessions": len(found.sessions)}
    record(name, branch, len(found.rows), detail, by=by, at=at)
    labels = dict(Form.choices)
    columns = [
        *("序号", "姓名", "党员编号", "党小组"),
        *(f"{s.day} {s.title}" for s in found.sessions),
        *("应到次数", "实到次数"),
        *(labels[form] for form in found.forms),
        *HOURS,
    ]
    widths = [6, 11, 13, 11, *[10] * len(found.sessions), *[7] * (2 + len(found.forms) + 7), 9]

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("考勤汇总", widths)
        sheet.title(name)
        sheet.note(
            f"截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。{DASH} 为当次不应到；"
            "取消、未举行和还没有记学时的活动不列入。"
            "所得合计 = 考勤 + 补学 + 其他；认定学时按各形式上限计算。"
        )
        sheet.header(columns)
        for number, row in enumerate(found.rows, 1):
            sheet.line([number, *_matrix_line(row, found)])
            yield number
        for label, values in _matrix_foot(found):
            sheet.line(["", label, "", "", *values], bold=True)

    return Export(name, len(found.rows), write)


def summary(programme: Programme, organization: Organization, *, by: Actor, at: datetime) -> Export:
    """The counts of every branch below, and their sum: what a committee hands up; no names."""
    with snapshot() as using:
        rows, whole = matrices.summary(programme, organization, using=using)
    name = f"{organization.name}{programme.name}汇总表"
    record(name, organization, len(rows), {"programme": programme.code}, by=by, at=at)
    widths = [9, 41, 15, 7, 7, 7, 9, 11, 10, 10, 10, 10, 10, 10, 10, 9]

    def write(book: Book) -> Iterator[int]:
        sheet = book.sheet("汇总表", widths)
        sheet.title(name)
        sheet.note(
            f"截至 {timezone.localtime(at):%Y-%m-%d %H:%M}。比率都是合计除以合计；"
            "免学人员不计入应学；迟到、早退计入实到，补学不计入实到。"
        )
        sheet.header(SUMMARY_COLUMNS)
        for number, row in enumerate(rows, 1):
            branch = row.branch
            named = [branch.name, branch.code] if branch else ["", ""]
            sheet.line([number, *named, *_sums(row)])
            yield number
        sheet.line(["", "合计", "", *_sums(whole)], bold=True)
        sheet.pairs([("填报单位", organization.name), ("填表日期", f"{timezone.localdate(at)}")])

    return Export(name, len(rows), write)


def _matrix_line(row: MatrixRow, found: Matrix) -> list[Any]:
    cells = [_cell(mark) for mark in row.marks]
    named = [row.member.name, row.member.number, row.group]
    times = [row.due_times, row.times]
    if row.standing is None:
        return [*named, *cells, *times, *[DASH] * (len(found.forms) + 7), "不在本支部名单"]
    hours = [row.by_form.get(form, 0) for form in found.forms]
    hours += [row.attended, row.made_up, row.otherwise, row.earned]
    standing = row.standing
    hours += [standing.recognised, standing.target, standing.shortfall]
    shown: list[Any] = [value / 100 for value in hours]
    state = "免学" if standing.exempt else "学满" if standing.is_complete else "在学"
    if standing.exempt:
        shown[-2:] = [DASH, DASH]
    return [*named, *cells, *times, *shown, state]


def _cell(mark: Attendance | None) -> str:
    if mark is None:
        return DASH
    word = "√" if mark.status == "present" else mark.word
    return f"{word}（已补学）" if mark.made_up_on else word


def _matrix_foot(found: Matrix) -> Iterator[tuple[str, list[Any]]]:
    rest = [""] * (2 + len(found.forms) + 8)
    for label, name in (
        *(("应到", "due"), ("实到", "there"), ("请假", "leave"), ("缺席", "absent")),
        *(("客人", "guests"), ("列席", "observers"), ("补学", "made_up")),
    ):
        yield label, [*(getattr(c, name) for c in found.counts), *rest]
    rates = [DASH if c.rate is None else Share(c.rate) for c in found.counts]
    yield "出勤率", [*rates, *rest]


def _sums(row: BranchSums) -> list[Any]:
    mean = row.mean_hours
    return [
        *(row.due, row.exempt, row.completed, _share(row.completion), row.hours / 100),
        DASH if mean is None else round(mean / 100, 2),
        *(row.held, row.called, row.there, row.leave, row.absent, row.made_up),
        _share(row.attendance),
    ]


def _share(rate: float | None) -> Share | str:
    return DASH if rate is None else Share(rate)
