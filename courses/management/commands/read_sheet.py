"""manage.py read_sheet: what the preview of an uploaded sheet would show; writes nothing."""

import json
from argparse import ArgumentParser
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from courses.sheets.rosters import BranchRoster
from courses.sheets.sheet_reading import Reading, read
from courses.sheets.sheet_reading.model import LABELS
from portal import people_in, workbooks
from portal.models import Organization
from portal.workbook_refusals import WorkbookRefusal


class Command(BaseCommand):
    help = "读一张考勤表（或党员、党组织名册），输出预览会显示的内容；不写入任何数据。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="表格文件：.xlsx、.xls 或 .csv")
        parser.add_argument("--branch", default="", metavar="CODE", help="党支部编码")
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")
        kinds = ["attendance", "members", "organisations"]
        parser.add_argument("--kind", choices=kinds, default="attendance", help="表格的种类")
        parser.add_argument("--at", type=day, metavar="DATE", help="按哪一天读，默认今天")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(f"打不开文件：{options['file']}（{error.strerror}）。") from error
        at = options["at"] or timezone.localdate()
        name = options["file"].name
        if options["kind"] == "attendance":
            found = attendance(data, name, options["branch"], at)
            shown, text = found.as_json(), spoken(found)
        else:
            moment = timezone.make_aware(datetime.combine(at, time(12)))
            people = people_in.preview(data, name, options["kind"], scope=None, at=moment)
            shown, text = people.as_json(), listed(people)
        self.stdout.write(
            json.dumps(shown, ensure_ascii=False, indent=2) if options["json"] else text
        )


def day(text: str) -> date:
    """A day of the command line."""
    return date.fromisoformat(text)


def attendance(data: bytes, filename: str, code: str, at: date) -> Reading:
    """The reading of an attendance sheet for the branch of that code."""
    branches = Organization.objects.using(settings.SNAPSHOT)
    branch = branches.filter(code=code).first()
    if branch is None:
        raise CommandError(
            f"没有编码为 {code} 的党组织。" if code else "请用 --branch 写明党支部。"
        )
    try:
        book = workbooks.read(data, filename)
    except WorkbookRefusal as refusal:
        return Reading("refuse", refusal.message)
    return read(book, roster=BranchRoster(branch, using=settings.SNAPSHOT), at=at)


def spoken(reading: Reading) -> str:
    """A reading as a person reads it."""
    lines = [reading.message]
    for session in reading.sessions:
        when = f"{session.date or '日期未定'} {session.start or ''}"
        counts = "，".join(f"{LABELS[status]} {n}" for status, n in session.counts.items())
        lines.append(f"\n【{session.sheet}】{session.title or ''} {when.strip()}：{counts}")
        for row in session.rows:
            status = LABELS.get(row.status or "", "待确认")
            told = [status, row.leave or "", row.remark or ""]
            lines.append(
                f"  第 {row.row} 行 {row.name}（{row.member or '未对上'}）{' '.join(told).strip()}"
            )
    lines += [f"\n需要确认：{question.text}" for question in reading.questions]
    lines += [f"注意：{warning}" for warning in reading.warnings]
    return "\n".join(lines)


def listed(preview: people_in.Preview) -> str:
    """A list of people or organisations as a person reads it."""
    lines = [preview.message]
    lines += [f"第 {e.row} 行 {e.column}：{e.message}" for e in preview.errors]
    lines += [f"注意：{warning}" for warning in preview.warnings]
    return "\n".join(lines)
