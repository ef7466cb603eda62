"""Publishing as background work: what is published rests on verified books, or says why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from credits import bulletins, drafting, rule_changes, verification
from credits.bulletin_figures import Figures
from credits.models import Bulletin, BulletinDraft, Programme, Verification
from portal import jobs
from portal.audit import Actor
from portal.models import Job
from portal.progress import Progress
from portal.refusals import Conflict, Refusal
from portal.templatetags.portal import hours

FRESH = timedelta(hours=24)  # how old the last full verification may be
NAMES = {
    "due": "应学",
    "exempt": "免学",
    "completed": "学满",
    "hours": "认定学时",
    "points": "积分",
    "sessions": "活动",
}


class NotSound(Refusal):
    """What does not verify is not published."""


def later(
    draft: BulletinDraft, *, seen_version: int, seen: Sequence[int] = (),
    seen_text: int | None = None, by: Actor, at: datetime, back_url: str, leads_to: str,
) -> Job:  # fmt: skip
    """Have a worker publish a draft. seen: the totals that the preview showed, as `totals_of`
    gives them; seen_text: what units had written then, as `unit_texts.last_written` does.
    leads_to: address of a number, with 0 for its id.

    Raises NotPermitted, NotComputed, NotADraft, Conflict for another version of the draft.
    """
    bulletins.check_writable(draft.programme)
    if draft.is_waiting:
        raise bulletins.NotComputed
    if draft.version != seen_version:
        raise Conflict("草稿在您预览之后被修改过，请重新预览后再发布。")
    return jobs.start(
        "credits.publishing.work",
        title=f"发布：{draft.title}"[:120],
        by=by,
        at=at,
        arguments={
            "draft": draft.pk,
            "version": seen_version,
            "seen": list(seen),
            "seen_text": seen_text,
            "leads_to": leads_to,
        },
        back_url=back_url,
        resumes=3,
    )


def work(
    progress: Progress, draft: int, version: int, seen: Sequence[int] = (),
    seen_text: int | None = None, leads_to: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Background work: verify, then publish. A draft that is published already, by another click
    or before a worker died, leads to its number."""
    rows = BulletinDraft.objects.select_related("programme__organiser", "bulletin__programme")
    found = rows.get(pk=draft)
    said = ""
    bulletin = found.bulletin
    if bulletin is None:
        try:
            bulletin = publish(
                found, seen_version=version, seen_text=seen_text, by=progress.by,
                now=progress.now, tell=progress.step,
            )  # fmt: skip
        except bulletins.NotADraft:
            bulletin = rows.get(pk=draft).bulletin
    progress.committed()
    assert bulletin is not None  # noqa: S101 - a published draft has its number
    if seen:
        said = difference(list(seen), totals_of(bulletins.published(bulletin)))
    if leads_to:
        progress.lead_to(leads_to.replace("/0/", f"/{bulletin.pk}/"))
    progress.finished(f"已发布：{bulletin}。{said}")
    return {"bulletin": bulletin.pk, "difference": said}


def publish(
    draft: BulletinDraft,
    *,
    seen_version: int,
    seen_text: int | None = None,
    by: Actor,
    now: Callable[[], datetime],
    tell: Callable[[int, int, str], None] = lambda *_: None,
) -> Bulletin:
    """Verify, then publish. Figures of a past cut-off are computed once more before the lock, so
    that nobody waits for it and no kept row is believed; the moment of publishing is read under
    the lock, behind which nothing is posted.

    Raises NotSound and whatever `bulletins.publish` raises.
    """
    bulletins.check_writable(draft.programme)
    tell(0, 2, "正在核验账目")
    prove(draft.programme, at=now())
    tell(1, 2, "核验通过，正在发布")
    found = drafting.of_cutoff(draft) if draft.cutoff else None
    with transaction.atomic():
        Programme.objects.select_for_update().get(pk=draft.programme_id)
        return bulletins.publish(
            draft, seen_version=seen_version, seen_text=seen_text, found=found, by=by, at=now()
        )


def prove(programme: Programme, *, at: datetime) -> None:
    """Verify what is new since the last verified heads, or everything where the last full
    verification is older than a day or found something.

    Raises NotSound with the first problem, or while standings wait for a change of rules.
    """
    if rule_changes.waiting(programme):
        raise NotSound("还有学习进度没有按新规则重新计算完，请等后台算完再发布。")
    report = verification.verify(at=at, since_last=is_fresh(at=at))
    if report.problems:
        first = report.problems[0].message
        raise NotSound(f"账目核验发现 {len(report.problems)} 处问题，没有发布。第一处：{first}")


def is_fresh(*, at: datetime) -> bool:
    """Whether a full verification of the last day passed, and nothing later failed."""
    last = Verification.objects.filter(at__gt=at - FRESH, at__lte=at).order_by("-pk")
    newest = last.first()
    return newest is not None and newest.ok and last.filter(since_last=False, ok=True).exists()


def totals_of(figures: Figures) -> list[int]:
    """What a preview tells of its figures: the sums over all units."""
    return list(figures.totals.values())


def difference(seen: Sequence[int], now: Sequence[int]) -> str:
    """How what was published differs from what was previewed, in words; empty where it does
    not."""
    changed = [
        f"{NAMES[name]} {_plain(name, before)}→{_plain(name, after)}"
        for name, before, after in zip(NAMES, seen, now, strict=True)
        if before != after
    ]
    return f"预览之后有新的记账，与预览不同：{'，'.join(changed)}。" if changed else ""


def _plain(name: str, value: int) -> str:
    return str(hours(value)) if name in {"hours", "points"} else str(value)
