"""Sessions held by unit: distinct sessions of which a line is live, now or at a moment."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db.models import Count, F

from credits.models import LedgerEntry, Posting, Programme


def by_unit(programme: Programme, until: datetime | None = None) -> dict[int, int]:
    """Sessions that leave a live line, by unit; until: of what was posted by then. One that was
    never corrected has one if it had a line at all; only of the others are the lines read."""
    posted = Posting.objects.filter(programme=programme, kind="session")
    if until is not None:
        posted = posted.filter(at__lte=until)
    corrected = posted.filter(revision__gt=1).order_by().values("key")
    unit = F("book__organization__unit")
    plain = posted.filter(revision=1, lines__gt=0).exclude(key__in=corrected).order_by()
    held = Counter({u: n for u, n in plain.values_list(unit).annotate(n=Count("pk")) if u})
    seen: dict[str, int] = {}
    again = posted.filter(key__in=corrected).order_by("key", "revision")
    for posting, key, own in again.values_list("pk", "key", unit):
        if own and key not in seen and has_live_line(programme, posting, until):
            seen[key] = own
    held.update(seen.values())
    return held


def has_live_line(programme: Programme, posting: int, until: datetime | None = None) -> bool:
    """Looked for by posting, then line by line until one is live: asked for in one statement,
    SQLite looks through every line of the programme."""
    lines = LedgerEntry.objects.filter(programme=programme)
    reversals = lines.filter(posting__at__lte=until) if until is not None else lines
    own = lines.filter(posting=posting).order_by("line").values_list("pk", "reverses")
    return any(
        reverses is None and not reversals.filter(reverses=pk).exists() for pk, reverses in own
    )
