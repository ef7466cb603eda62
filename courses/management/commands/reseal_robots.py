"""Seal the addresses of all group robots with the present key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from courses.online import group_robots
from portal import sealed


class Command(BaseCommand):
    help = "Seal the addresses of group robots with the present key; former keys may go then."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = group_robots.seal_anew(at=timezone.now())
        except sealed.Unreadable as error:
            raise CommandError(f"{error}: put its key into SECRET_KEY_FALLBACKS") from None
        self.stdout.write(f"已用现在的密钥重新加密 {count} 个群机器人的地址。")
