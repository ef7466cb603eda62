"""What stands behind one unit in a check before publishing: the postings themselves.

Counts and hours by branch, the names of nobody. What each posting came from has a page elsewhere;
own study is summed up by branch, for who studied what alone concerns its branch only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Sum

from credits import bulletin_figures
from credits.bulletin_checks import LAST, Matter, corrections, lines
from credits.models import BulletinDraft, LedgerEntry, SourceKind
from portal.models import Organization

MOST = 100  # shown of each kind, the newest
LOG = SourceKind.STUDY_LOG


@dataclass(frozen=True)
class Posted:
    """One posting, or a branch's own study summed up. at: of the (newest) posting; lines: how many
    of this branch; hours: their sum, in hundredths; turn: which revision of its source."""

    kind: str
    key: str
    title: str
    branch: int
    branch_name: str
    at: datetime
    lines: int
    hours: int = 0
    turn: int = 1
    reason: str = ""


def bulk(draft: BulletinDraft, unit: Organization, *, at: datetime) -> list[Posted]:
    """What was posted of a unit in the last hours before the deadline."""
    until = draft.cutoff or at
    last = lines(draft, until - LAST, until).filter(home__unit=unit)
    return _by_branch(last.filter(posting__kind=LOG)) + _by_posting(last.exclude(posting__kind=LOG))


def granted(draft: BulletinDraft, unit: Organization, *, at: datetime) -> list[Posted]:
    """Hours by a register or another organisation's proof since the last number."""
    since, until = _since(draft), draft.cutoff or at
    return _by_posting(lines(draft, since, until).granted().filter(home__unit=unit))


def corrected(draft: BulletinDraft, unit: Organization, *, at: datetime) -> list[Posted]:
    """Corrections and reversals in a unit's books since the last number."""
    rows = corrections(draft, _since(draft), draft.cutoff or at)
    rows = rows.filter(book__organization__unit=unit).select_related("book__organization")
    newest = list(rows.order_by("-pk")[:MOST])
    sums = LedgerEntry.objects.filter(programme=draft.programme, posting__in=newest)
    hours = dict(sums.order_by().values_list("posting").annotate(n=Sum("hours")))
    return [
        Posted(
            row.kind, row.key, SourceKind(row.kind).label if row.kind == LOG else row.title,
            row.book.organization_id, row.book.organization.short_name, row.at, row.lines,
            hours.get(row.pk, 0), row.revision, row.reason,
        )
        for row in newest
    ]  # fmt: skip


READ: dict[str, Callable[..., list[Posted]]] = {
    Matter.BULK: bulk,
    Matter.GRANTED: granted,
    Matter.CORRECTED: corrected,
}


def _since(draft: BulletinDraft) -> datetime | None:
    previous = bulletin_figures.previous_of(draft.programme, draft.cutoff)
    return previous.cutoff if previous else None


def _by_posting(rows: Any) -> list[Posted]:
    named = ("posting__kind", "posting__key", "posting__title", "home", "home__short_name")
    by_posting = rows.order_by("-posting_id", "home_id").values_list(*named, "posting__at")
    sums: Sequence[Any] = by_posting.annotate(n=Count("pk"), sum=Sum("hours"))[:MOST]
    return [Posted(*values) for values in sums]


def _by_branch(rows: Any) -> list[Posted]:
    by_branch = rows.order_by("home__path").values_list("home", "home__short_name")
    sums: Sequence[Any] = by_branch.annotate(last=Max("posting__at"), n=Count("pk"),
                                             sum=Sum("hours"))[:MOST]  # fmt: skip
    return [Posted(LOG, "", LOG.label, *values) for values in sums]
