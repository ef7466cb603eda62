"""Print the demonstration's accounts, one for each role, with the password that they share."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from courses import seeding


class Command(BaseCommand):
    help = "Print the demonstration's accounts; nothing outside a demonstration."

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = seeding.demo_sign_ins() if settings.DEMO else []
        if not accounts:
            return
        self.stdout.write(f"演示账号（密码都是 {settings.DEMO_PASSWORD}）：")
        for account in accounts:
            self.stdout.write(
                f"  {account.role}  {account.number}  {account.name}（{account.where}）"
            )
