"""The digest over a bulletin's columns, figures, texts and heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credits import digests, registers
from credits.models import Bulletin, BulletinRow, BulletinText

FIGURES = (
    "unit_code",
    "unit_name",
    "cohort",
    "due",
    "exempt",
    "completed",
    "hours",
    "points",
    "sessions",
    "rank",
    "previous_rank",
    "previous_due",
    "previous_completed",
)


def digest_of(bulletin: Bulletin) -> str:
    """The digest over a number's figures, texts and heads, computed anew from its rows."""
    using = bulletin._state.db or "default"
    rows = BulletinRow.objects.using(using).filter(bulletin=bulletin).order_by("pk")
    texts = BulletinText.objects.using(using).filter(bulletin=bulletin).order_by("view")
    return of(
        bulletin,
        [[getattr(row, name) for name in FIGURES] for row in rows],
        {t.view: t.text for t in texts},
        digests.algorithm_of(bulletin.digest),
    )


def of(bulletin: Bulletin, rows: list[list[Any]], texts: Mapping[str, str], name: str) -> str:
    return digests.of_json(
        {"columns": registers.form(bulletin), "rows": rows, "texts": dict(texts)}, name
    )
