"""What a careful official looks at before a bulletin is published: counts by unit, from the ledger.

Only units of the draft's cohorts are named; nothing here stops anybody from publishing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count, Min, QuerySet, Sum

from credits.bulletin_figures import Figures
from credits.models import BulletinDraft, BulletinRow, LedgerEntry, Posting, Standing
from credits.querysets import LedgerEntryQuerySet

JUMP = 20.0  # percentage points since the last number
RECENT = timedelta(days=3)  # in which half of a unit completing is sudden
LAST = timedelta(hours=24)  # before the deadline
BULK = 0.3  # of a unit's recognised hours posted in the last 24 hours


class Matter(StrEnum):
    """What is looked for; the word stands in addresses."""

    SESSIONS = "sessions"
    JUMPS = "jumps"
    BULK = "bulk"
    GRANTED = "granted"
    CORRECTED = "corrected"
    CONFLICTS = "conflicts"


TITLES = {
    Matter.SESSIONS: "没有开展活动的单位",
    Matter.JUMPS: "突然上升",
    Matter.BULK: "截止前集中记账",
    Matter.GRANTED: "期初和转入学时",
    Matter.CORRECTED: "更正和冲销",
    Matter.CONFLICTS: "未处理的冲突",
}


@dataclass(frozen=True)
class Found:
    """One unit in a check: what was counted there, in words."""

    unit: int
    name: str
    said: str


@dataclass(frozen=True)
class Check:
    """One thing to look at: what it is, what was found by unit."""

    matter: Matter
    hint: str
    found: tuple[Found, ...]

    @property
    def title(self) -> str:
        return TITLES[self.matter]


def of(draft: BulletinDraft, figures: Figures, *, at: datetime) -> list[Check]:
    """All checks of the ledger, in a fixed number of queries."""
    until = draft.cutoff or at
    rows = [row for row in figures.rows if row.due]
    since = figures.previous.cutoff if figures.previous else None
    granted = lines(draft, since, until).granted()
    words = "上期截止以来" if since else "专题教育开始以来"
    return [
        Check(
            Matter.SESSIONS,
            "应学人员不为零，截止时没有一场活动。",
            tuple(
                Found(r.unit_id, r.unit_name, f"应学 {r.due} 人") for r in rows if not r.sessions
            ),
        ),
        Check(
            Matter.JUMPS,
            f"比上期提高 {JUMP:g} 个百分点以上，或最近三天学满的超过应学人数一半。",
            tuple(_jumps(draft, rows, until)),
        ),
        Check(
            Matter.BULK,
            "截止前 24 小时记入的学时，占认定学时三成以上。",
            tuple(_bulk(draft, rows, until)),
        ),
        counted(
            Matter.GRANTED,
            f"{words}按纸质登记或外单位证明记入的，以条计。",
            figures,
            _by(granted, "home__unit"),
            "条",
        ),
        counted(
            Matter.CORRECTED,
            f"{words}更正或冲销的次数，按记账单位计。",
            figures,
            _by(corrections(draft, since, until), "book__organization__unit"),
            "次",
        ),
    ]


def counted(
    matter: Matter, hint: str, figures: Figures, counts: Mapping[int, int], word: str
) -> Check:
    """A check that is a count by unit, of the units in the figures."""
    found = tuple(
        Found(row.unit_id, row.unit_name, f"{counts[row.unit_id]} {word}")
        for row in figures.rows
        if counts.get(row.unit_id)
    )
    return Check(matter, hint, found)


def _jumps(draft: BulletinDraft, rows: list[BulletinRow], until: datetime) -> Iterable[Found]:
    done = Standing.objects.filter(programme=draft.programme, on_roll=True, exempt=False)
    done = done.filter(completed_at__gt=until - RECENT, completed_at__lte=until)
    new = _by(done, "branch__unit")
    for row in rows:
        said = []
        if row.gain is not None and row.gain > JUMP:
            said.append(f"提高 {row.gain:.1f} 个百分点")
        if new.get(row.unit_id, 0) * 2 > row.due:
            said.append(f"三天内学满 {new[row.unit_id]} 人（应学 {row.due} 人）")
        if said:
            yield Found(row.unit_id, row.unit_name, "，".join(said))


def _bulk(draft: BulletinDraft, rows: list[BulletinRow], until: datetime) -> Iterable[Found]:
    last = lines(draft, until - LAST, until)
    sums = last.order_by().values_list("home__unit").annotate(n=Sum("hours"))
    posted = dict(sums)
    for row in rows:
        share = (posted.get(row.unit_id) or 0) / row.hours if row.hours else 0
        if share > BULK:
            yield Found(row.unit_id, row.unit_name, f"占 {min(share, 1) * 100:.1f}%")


def corrections(draft: BulletinDraft, since: datetime | None, until: datetime) -> QuerySet[Posting]:
    """Postings between two moments that correct or reverse earlier ones."""
    rows = Posting.objects.filter(programme=draft.programme, at__lte=until, revision__gt=1)
    return rows.filter(at__gt=since) if since else rows


def lines(draft: BulletinDraft, since: datetime | None, until: datetime) -> LedgerEntryQuerySet:
    """Lines posted between two moments, by the index of lines from the first such posting on."""
    rows = LedgerEntry.objects.filter(
        programme=draft.programme, posting__programme=draft.programme, posting__at__lte=until
    )
    if since is None:
        return rows
    posted = Posting.objects.filter(programme=draft.programme, at__gt=since)
    first = posted.aggregate(n=Min("pk"))["n"]
    return rows.filter(posting__gte=first or 0, posting__at__gt=since)


def _by(rows: Any, unit: str) -> dict[int, int]:
    return {u: n for u, n in rows.order_by().values_list(unit).annotate(n=Count("pk")) if u}
