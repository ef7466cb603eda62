"""manage.py rebuild_standings: set every sum to what the ledger sums to."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from credits import rebuilding
from credits.models import Programme


class Command(BaseCommand):
    help = "按学时明细重新计算合计、学习进度、支部和月度数据（可在使用中运行）。"
    requires_system_checks = []  # whatever is wrong with a page, this must work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--programme", help="只算一个专题教育（代码）")

    def handle(self, *args: Any, **options: Any) -> None:
        programmes = Programme.objects.begun().order_by("pk")
        if options["programme"]:
            programmes = programmes.filter(code=options["programme"])
        for programme in programmes:
            mended = rebuilding.rebuild(programme)
            self.stdout.write(f"{programme}：更正 {mended} 人。")
