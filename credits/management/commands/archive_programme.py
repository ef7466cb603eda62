"""manage.py archive_programme CODE: verify a closed programme and put it into the archive."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from credits import partitions, programmes
from credits.models import Programme
from portal.audit import Actor
from portal.refusals import Refusal

SYSTEM = Actor(None, "system")  # type: ignore[arg-type] # a command is nobody's act


class Command(BaseCommand):
    help = "归档：核验已封账的专题教育，记下各账簿末号和校验值；PostgreSQL 上把明细移出账目表。"
    requires_system_checks = []  # whatever is wrong with a page, this must work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", metavar="CODE", help="专题教育的代码")
        parser.add_argument("--reason", default="封账期满", help="归档的理由")

    def handle(self, *args: Any, code: str, reason: str, **options: Any) -> None:
        programme = Programme.objects.filter(code=code).first()
        if programme is None:
            raise CommandError(f"没有代码为 {code} 的专题教育。")
        try:
            programme = programmes.archive(programme, reason=reason, by=SYSTEM, at=timezone.now())
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        record = programme.archive
        self.stdout.write(f"{programme}已归档：{record.postings} 笔、{record.entries} 行。")
        self.stdout.write(f"归档记录校验值 {record.digest}")
        for table in partitions.archived_tables(connection, programme) if record.moved else ():
            self.stdout.write(f"明细移到 {table}")
