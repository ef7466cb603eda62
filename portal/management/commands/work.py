"""manage.py work: the background worker."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from portal import collector, sign_in
from portal.worker import Loop


class Command(BaseCommand):
    help = "后台程序：办理排队的事项和定时事项；收到 SIGTERM 后办完手头的一项就停。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="办完现在排着的就结束")

    def handle(self, *args: Any, **options: Any) -> None:
        sign_in.refuse_demo_passwords()
        collector.relax()
        loop = Loop(now=timezone.now)
        if options["once"]:
            loop.once()
        else:
            self.stdout.write(f"后台程序已启动（{loop.name}）。")
            self.stdout.flush()  # a log file or a journal would show it only at the end
            loop.run()
