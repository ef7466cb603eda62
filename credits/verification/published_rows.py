"""Which rows of a published bulletin are no longer what was published.

Its digest is over all of them and tells only that one has changed; so the figures are computed
again for its cut-off, and the row is named whose computed figures make the digest right.
"""

from __future__ import annotations

from credits import bulletin_digests, cutoffs
from credits.models import Bulletin, BulletinRow
from portal.models import Cohort
from portal.refusals import Refusal

MOST = 10  # named at once


def changed(bulletin: Bulletin) -> list[str]:
    """Names of the rows that were changed, with the figures computed anew; of several changed
    rows all that differ from those. Empty where nothing can be computed or no row differs."""
    using = bulletin._state.db or "default"
    rows = list(BulletinRow.objects.using(using).filter(bulletin=bulletin).order_by("pk"))
    try:
        found = cutoffs.figures(
            bulletin.programme, Cohort.values, bulletin.cutoff, minimum=bulletin.minimum,
            number=bulletin,
        )  # fmt: skip
    except Refusal:
        return []
    computed = {row.unit_id: row for row in found.rows}
    now = [bulletin_digests.values(row, bulletin.form) for row in rows]
    then = [
        bulletin_digests.values(computed[row.unit_id], bulletin.form)
        if row.unit_id in computed
        else values
        for row, values in zip(rows, now, strict=True)
    ]
    differ = [place for place, values in enumerate(now) if values != then[place]]
    proved = [
        place
        for place in differ
        if bulletin_digests.digest_of(bulletin, [*now[:place], then[place], *now[place + 1 :]])
        == bulletin.digest
    ]
    return [_said(rows[place], now[place], then[place]) for place in (proved or differ)[:MOST]]


def _said(row: BulletinRow, now: list[object], then: list[object]) -> str:
    labels = {f.name: f.verbose_name for f in BulletinRow._meta.fields}
    wrong = [
        f"{labels[name]} {a}，应为 {b}"
        for name, a, b in zip(bulletin_digests.FIGURES, now, then, strict=False)
        if a != b
    ]
    return f"第 {row.pk} 行（{row.unit_name}）：{'；'.join(wrong)}"
