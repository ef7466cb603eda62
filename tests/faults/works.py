"""Pieces of background work that a test can interrupt."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.db import transaction

from portal.models import Member
from portal.progress import Progress


def slow(progress: Progress, *, folder: str, seconds: float) -> dict[str, Any]:
    """Say that it has begun, then take time."""
    Path(folder, "begun").touch()
    steps = int(seconds * 10)
    for step in range(steps):
        progress.step(step, steps)
        time.sleep(0.1)
    return {"steps": steps}


def half(progress: Progress, *, folder: str, seconds: float) -> None:
    """Rename everybody in one transaction that takes time in its middle."""
    with transaction.atomic():
        for number, member in enumerate(Member.objects.order_by("pk")):
            Member.objects.filter(pk=member.pk).update(name="改名")
            if number == 2:
                Path(folder, "begun").touch()
                time.sleep(seconds)
