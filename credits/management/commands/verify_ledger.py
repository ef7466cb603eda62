"""manage.py verify_ledger: recompute the ledger; exit 1 and name every difference."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from credits import verification


class Command(BaseCommand):
    help = "核验账目：触发器、校验链、合计、学习进度、支部与月度合计；有问题时以 1 退出。"
    requires_system_checks = []  # whatever is wrong with a page, this must work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help="用几个进程核验")
        parser.add_argument(
            "--since-last", action="store_true", help="只核验上次通过的核验以后新增的部分"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = verification.verify(
                at=timezone.now(), jobs=options["jobs"], since_last=options["since_last"]
            )
        except verification.NothingVerified as refusal:
            raise CommandError(refusal.message) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
        else:
            for problem in report.problems:
                where = " ".join(filter(None, [problem.branch, problem.member]))
                self.stdout.write(f"[{problem.kind}] {problem.message} {where}")
            verdict = "账目相符" if report.ok else f"发现 {len(report.problems)} 处问题"
            self.stdout.write(
                f"{verdict}：{report.postings} 笔、{report.entries} 行、{report.members} 人。"
            )
            if report.left_out:
                self.stdout.write(f"没有重新核对的：{'；'.join(report.left_out)}。")
        if not report.ok:
            sys.exit(1)
