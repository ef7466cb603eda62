"""Figures of a draft with a past cut-off, computed in the background."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from credits import bulletins, cutoffs
from credits.bulletin_figures import Figures
from credits.cutoffs import Partial
from credits.models import BulletinDraft
from portal import jobs
from portal.audit import Actor
from portal.models import Job
from portal.progress import Progress


def later(draft: BulletinDraft, *, by: Actor, at: datetime, back_url: str) -> Job:
    """Have a worker compute a draft's figures. One that died over it is followed by another that
    goes on where it stopped."""
    return jobs.start(
        "credits.drafting.compute",
        title=f"{draft}：统计截止时间的数据"[:120],
        by=by,
        at=at,
        arguments={"draft": draft.pk},
        back_url=back_url,
        resumes=3,
    )


def compute(progress: Progress, draft: int) -> dict[str, Any]:
    """Background work: compute the figures chunk by chunk, then draft the texts."""
    found = _draft(draft)
    if found.bulletin_id:
        raise bulletins.NotADraft
    if found.cutoff is None:
        return {}

    def keep(partial: Partial, done: int, total: int) -> None:
        BulletinDraft.objects.filter(pk=draft, bulletin=None).update(partial=partial.as_json())
        progress.step(done, total, "正在统计")  # between these the lock is free: a chunk is read

    figures = of_cutoff(found, begun=Partial.of(found.partial), tell=keep)
    bulletins.put_figures(found, figures, by=progress.by, at=progress.at)
    progress.finished(f"已统计 {len(figures.rows)} 个单位。")
    return {"units": len(figures.rows)}


def of_cutoff(draft: BulletinDraft, **how: Any) -> Figures:
    """The figures of a draft's past cut-off, computed anew. how: as for `cutoffs.figures`."""
    assert draft.cutoff is not None  # noqa: S101 - the callers looked
    return cutoffs.figures(
        draft.programme,
        draft.cohorts,
        draft.cutoff,
        measures=draft.measures,
        minimum=draft.minimum,
        **how,
    )


def _draft(pk: int) -> BulletinDraft:
    return BulletinDraft.objects.select_related("programme__organiser").get(pk=pk)
