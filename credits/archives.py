"""Programmes in the archive: what was written down of one, and the digest over its figures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from credits import digests
from credits.models import (
    BranchMonth,
    BranchStanding,
    CreditTotal,
    Programme,
    ProgrammeArchive,
    Standing,
)


def of(programme: Programme, *, using: str = "default") -> ProgrammeArchive | None:
    """What was written down of a programme when it went into the archive."""
    rows = ProgrammeArchive.objects.using(using).select_related("programme", "by")
    return rows.filter(programme=programme).first()


def lines_are_gone(programme: Programme) -> bool:
    """Whether a programme's lines are no longer in the ledger's tables."""
    if programme.state != Programme.State.ARCHIVED:
        return False
    return ProgrammeArchive.objects.filter(programme=programme, moved=True).exists()


def figures_digest(programme: Programme, *, using: str = "default", name: str = "") -> str:
    """Digest over totals, standings, branch rows and months, in stable keys."""
    name = name or digests.algorithm()
    sum_ = hashlib.new(name)
    for row in _figures(programme, using):
        sum_.update(("|".join(map(_plain, row)) + "\n").encode())
    return f"{name}:{sum_.hexdigest()}"


def _figures(programme: Programme, using: str) -> Iterator[tuple[Any, ...]]:
    for model, names in (
        (CreditTotal, ("member__key", "period", "form", "earned")),
        (Standing, ("member__key", "branch__code", "on_roll", "exempt", "target", "full_target",
                    "recognised", "shortfall", "points", "rules", "completed_at", "completed_on",
                    "completed_home__code")),
        (BranchStanding, ("branch__code", "due", "exempt", "completed", "hours", "points")),
        (BranchMonth, ("branch__code", "month", "hours", "completed")),
    ):  # fmt: skip
        rows = model._default_manager.using(using).filter(programme=programme).order_by("pk")
        yield from rows.values_list(*names).iterator(chunk_size=5000)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return digests.moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
