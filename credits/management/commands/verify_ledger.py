"""manage.py verify_ledger: recompute the ledger; exit 1 and name every difference."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from credits import verification


class Command(BaseCommand):
    help = "核验账目：触发器、校验链、合计、学习进度、支部与月度合计；有问题时以 1 退出。"
    requires_system_checks = []  # whatever is wrong with a page, this must work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args: Any, **options: Any) -> None:
        report = verification.verify(at=timezone.now())
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
        if not report.ok:
            sys.exit(1)
