"""Lay out the demonstration: the programme of 2021, moved to the given day, or a whole city."""

from __future__ import annotations

import gc
import os
from datetime import date
from time import perf_counter
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from courses import seeding
from courses.seeding import Size
from portal.refusals import Refusal

WIDTH = 30  # characters of the progress bar


class Command(BaseCommand):
    help = (
        "Write the seed of Fushun's programme of 2021, moved by whole weeks to --today. With "
        "--entries, build a whole city of that size instead; killed, it goes on when called again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("city", choices=["fushun"])
        parser.add_argument("--members", type=int, default=12_000, metavar="N")
        parser.add_argument("--branches", type=int, metavar="N", help="of a whole city")
        parser.add_argument("--entries", type=int, metavar="N", help="of each programme of a city")
        parser.add_argument("--programmes", type=int, default=1, metavar="N", help="of a city")
        parser.add_argument("--today", type=date.fromisoformat, metavar="DATE")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--jobs", type=int, default=_cores(), metavar="N", help="processes that write a city"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # A process of its own that keeps millions of live objects: collecting them over and over
        # costs a tenth of the time and frees next to nothing.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        today = options["today"] or timezone.localdate()
        try:
            if options["entries"]:
                seeding.seed_city(
                    _size(options),
                    today=today,
                    jobs=options["jobs"],
                    report=self.stdout.write,
                    progress=self._bar(),
                )
            else:
                seeding.seed(
                    today=today,
                    size=options["members"],
                    number=options["seed"],
                    report=self.stdout.write,
                )
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        call_command("demo_sign_ins", stdout=self.stdout)

    def _bar(self) -> Any:
        """A progress bar: on a terminal it moves, elsewhere each twentieth is a line."""
        began, said = perf_counter(), -1
        live = self.stdout.isatty()
        first: int | None = None

        def show(done: int, total: int) -> None:
            nonlocal said, first
            first = done if first is None else first
            step = done * (100 if live else 20) // total
            if step == said:
                return
            said, full = step, done * WIDTH // total
            pace = (done - first) / (perf_counter() - began)
            left = f"，约还要 {(total - done) / pace:.0f} 秒" if pace else ""
            bar = f"[{'█' * full}{'·' * (WIDTH - full)}] {done * 100 // total:3d} %  {done}/{total}"
            self.stdout.write(f"{bar}{left}", ending="\r" if live and done < total else "\n")
            self.stdout.flush()

        return show


def _cores() -> int:
    """Processors that this process may use; more than four wait for the database."""
    return min(4, len(os.sched_getaffinity(0)))


def _size(options: dict[str, Any]) -> Size:
    members = options["members"]
    return Size(
        members,
        options["branches"] or members // 20,
        options["entries"],
        options["programmes"],
        options["seed"],
    )
