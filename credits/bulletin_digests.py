"""The digest over a bulletin's columns, figures, texts, what units wrote, and heads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from credits import digests, registers
from credits.models import Bulletin, BulletinRow, BulletinText, BulletinUnitText

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
FORM = 3  # of what is published now


def values(row: BulletinRow, form: int) -> list[Any]:
    """A row as the digest has it. The first form had the first columns alone; a row of that form
    with anything in the later ones is not what was published, and its digest shows it."""
    all_ = [getattr(row, name) for name in FIGURES]
    if form == 1 and all_[len(FIRST) :] == list(LATER.values()):
        return all_[: len(FIRST)]
    return all_


def digest_of(bulletin: Bulletin, rows: list[list[Any]] | None = None) -> str:
    """The digest over a number's figures, texts and heads, computed anew from its rows, or with
    other `values` in their place."""
    using = bulletin._state.db or "default"
    if rows is None:
        found = BulletinRow.objects.using(using).filter(bulletin=bulletin).order_by("pk")
        rows = [values(row, bulletin.form) for row in found]
    texts = BulletinText.objects.using(using).filter(bulletin=bulletin).order_by("view")
    said = BulletinUnitText.objects.using(using).filter(bulletin=bulletin).select_related("by")
    return of(
        bulletin,
        rows,
        {t.view: t.text for t in texts},
        said.order_by("pk"),
        digests.algorithm_of(bulletin.digest),
    )


def of(
    bulletin: Bulletin,
    rows: list[list[Any]],
    texts: Mapping[str, str],
    said: Iterable[BulletinUnitText],
    name: str,
) -> str:
    """said: what units wrote. The first two forms had none; where such a number has some, its
    digest shows it."""
    whole = {"columns": registers.form(bulletin), "rows": rows, "texts": dict(texts)}
    unit_texts = [[s.unit_code, s.text, s.by.key, digests.moment(s.at)] for s in said]
    if unit_texts or bulletin.form >= 3:
        whole["unit_texts"] = unit_texts
    return digests.of_json(whole, name)
