"""The digest over a bulletin's columns, figures, texts and heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credits import digests, registers
from credits.models import Bulletin, BulletinRow, BulletinText

FIRST = (
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
LATER: dict[str, Any] = {
    "mobile": 0,
    "transferred_in": 0,
    "transferred_out": 0,
    "late": 0,
    "changed": "",
}
FIGURES = (*FIRST, *LATER)
FORM = 2  # of what is published now


def values(row: BulletinRow, form: int) -> list[Any]:
    """A row as the digest has it. The first form had the first columns alone; a row of that form
    with anything in the later ones is not what was published, and its digest shows it."""
    all_ = [getattr(row, name) for name in FIGURES]
    if form == 1 and all_[len(FIRST) :] == list(LATER.values()):
        return all_[: len(FIRST)]
    return all_


def digest_of(bulletin: Bulletin) -> str:
    """The digest over a number's figures, texts and heads, computed anew from its rows."""
    using = bulletin._state.db or "default"
    rows = BulletinRow.objects.using(using).filter(bulletin=bulletin).order_by("pk")
    texts = BulletinText.objects.using(using).filter(bulletin=bulletin).order_by("view")
    return of(
        bulletin,
        [values(row, bulletin.form) for row in rows],
        {t.view: t.text for t in texts},
        digests.algorithm_of(bulletin.digest),
    )


def of(bulletin: Bulletin, rows: list[list[Any]], texts: Mapping[str, str], name: str) -> str:
    return digests.of_json(
        {"columns": registers.form(bulletin), "rows": rows, "texts": dict(texts)}, name
    )
