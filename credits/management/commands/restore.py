"""manage.py restore FILE: a backup, verified, in the present database's place."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from credits import backups
from portal.refusals import Refusal


class Command(BaseCommand):
    help = "恢复：先在旁边核验备份，再换上；原数据库保留。请先停下网站和后台程序。"
    requires_system_checks = []  # whatever is wrong with a page, this must work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--replace", action="store_true", help="现在的数据库中有数据也换上")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = backups.restore(
                options["file"].absolute(), replace=options["replace"], at=timezone.now()
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        made_at = timezone.localtime(done.made_at)
        self.stdout.write(
            f"账目核验相符（{done.verdict['postings']} 笔、{done.verdict['entries']} 行），"
            f"已恢复 {made_at:%Y-%m-%d %H:%M} 的备份，党员 {done.members} 名。"
        )
        self.stdout.write(f"原来的数据库保留在：{done.aside}")
