"""manage.py backup FILE: the whole database into one file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from credits import backups
from portal.refusals import Refusal


class Command(BaseCommand):
    help = "备份：把整个数据库写进一个文件；网站可以照常使用。"
    requires_system_checks = []  # whatever is wrong with a page, this must work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = backups.backup(options["file"].absolute(), at=timezone.now())
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(
            f"已备份：{made.path}（{made.size / 1e6:.1f} MB，党员 {made.members} 名）"
        )
        self.stdout.write(f"sha256 {made.digest}")
