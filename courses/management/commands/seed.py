"""Lay out the demonstration: the programme of 2021, moved to the given day."""

from __future__ import annotations

import gc
from datetime import date
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from courses import seeding
from portal.refusals import Refusal


class Command(BaseCommand):
    help = "Write the seed of Fushun's programme of 2021, moved by whole weeks to --today."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("city", choices=["fushun"])
        parser.add_argument("--members", type=int, default=12_000, metavar="N")
        parser.add_argument("--today", type=date.fromisoformat, metavar="DATE")
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        # A process of its own that keeps millions of live objects: collecting them over and over
        # costs a tenth of the time and frees next to nothing.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        try:
            seeding.seed(
                today=options["today"] or timezone.localdate(),
                size=options["members"],
                number=options["seed"],
                report=self.stdout.write,
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        call_command("demo_sign_ins", stdout=self.stdout)
