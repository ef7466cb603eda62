"""manage.py bulletin draw_up|publish|verify|export: score bulletins from the command line."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from credits import bulletin_desk
from portal.refusals import Refusal


class Command(BaseCommand):
    help = "积分通报：起草、发布、核对、导出；与网页上办理的相同，可以定时执行。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=sorted(bulletin_desk.ACTS))
        parser.add_argument("--programme", default="", metavar="CODE", help="专题教育代码")
        parser.add_argument("--by", default="", metavar="NUMBER", help="经办人的党员编号")
        parser.add_argument("--year", type=int, help="年度，默认今年")
        parser.add_argument("--number", type=int, help="期号")
        parser.add_argument("--draft", type=int, help="草稿编号")
        parser.add_argument("--title", default="", help="标题")
        parser.add_argument("--cohorts", nargs="*", default=[], help="系统，默认全部")
        parser.add_argument("--measures", nargs="*", default=[], help="栏目")
        parser.add_argument("--minimum", type=int, default=0, help="排名的最少应学人数")
        parser.add_argument("--cutoff", default="", metavar="ISO", help="截止时间，默认现在")
        parser.add_argument("--format", default="pdf", choices=["pdf", "docx", "xlsx", "json"])
        parser.add_argument("--out", type=Path, help="写入的文件")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(bulletin_desk.ACTS[options["act"]](options, now=timezone.now))
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
