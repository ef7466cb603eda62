"""`manage.py import_people FILE --kind organisations|members`: the preview, applied at once."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal import people_in
from portal.audit import Actor
from portal.people_in.model import said
from portal.refusals import Refusal

SYSTEM = Actor(None, "system")  # type: ignore[arg-type] # a command is nobody's act


class Command(BaseCommand):
    help = "导入党组织或党员名册（.xlsx、.xls、.csv），全部写入或什么也不写。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", choices=list(people_in.KINDS), required=True)
        parser.add_argument("--at", type=date.fromisoformat, help="变动日期，默认今天")

    def handle(self, *, file: Path, kind: str, at: date | None, **_: Any) -> None:
        moment = timezone.now()
        if at and at > timezone.localdate(moment):
            raise CommandError(f"日期 {at} 还没有到。")
        if at and at < timezone.localdate(moment):
            moment = timezone.make_aware(datetime.combine(at, time(12)))
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"文件打不开：{file}") from error
        preview = people_in.preview(data, file.name, kind, scope=None, at=moment)
        for warning in preview.warnings:
            self.stdout.write(f"提醒：{warning}")
        for problem in preview.errors:
            told = problem.as_json()
            self.stderr.write(
                f"第 {told['row']} 行\t{told['column']}\t{told['value']}\t{told['message']}"
            )
        if preview.outcome != "read":
            raise CommandError(preview.message)
        try:
            counts = people_in.apply(
                preview,
                by=SYSTEM,
                at=moment,
                name=file.name,
                digest=hashlib.sha256(data).hexdigest(),
            )
        except Refusal as refusal:
            raise CommandError(f"{refusal.message}什么也没有写入。") from refusal
        self.stdout.write(f"{preview.message}{said(counts, kind)}")
