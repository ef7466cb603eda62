"""Drafts of bulletins: drawn up, edited, drafted anew.

Figures are computed and never edited; text is drafted from the figures and then edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from credits import bulletin_columns, bulletin_figures, cutoffs, rankings, unit_texts
from credits.bulletin_digests import FIGURES
from credits.bulletin_figures import Figures
from credits.bulletin_texts import draft_texts, to_learn_from
from credits.draft_lock import locked
from credits.models import (
    Bulletin,
    BulletinDraft,
    BulletinRow,
    Programme,
    RankingPermit,
    View,
)
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Cohort
from portal.refusals import Conflict, Refusal


class NotComputed(Refusal):
    """The figures of a past cut-off are still being computed."""

    message = "这份草稿的数据还在后台统计，统计完才能查看和发布。"


def check_writable(programme: Programme) -> RankingPermit:
    """The permit under which a new number may be made. Raises NotPermitted without one, and for a
    programme in the archive: its figures are in its last number."""
    if programme.state == Programme.State.ARCHIVED:
        raise rankings.NotPermitted(f"{programme}已归档，不再编制通报；已发布的各期仍可查阅。")
    return rankings.check_permitted(programme)


@transaction.atomic
def draw_up(
    programme: Programme,
    *,
    title: str,
    cohorts: Sequence[str],
    cutoff: datetime | None = None,
    measures: Sequence[str] = (),
    minimum: int = 0,
    replaces: Bulletin | None = None,
    by: Actor,
    at: datetime,
) -> BulletinDraft:
    """Begin a draft with texts drafted from today's figures, and ask the units to learn from for
    theirs. Those of a past cut-off are computed afterwards, by `credits.drafting`, and so are its
    texts.

    Raises NotPermitted without a ranking permit, Refusal without a cohort or for a number that
    cannot be replaced, TooMany, NotThen.
    """
    check_writable(programme)
    chosen = [c for c in Cohort.values if c in cohorts]
    if not chosen:
        raise Refusal("请至少选择一个系统。", field="cohorts")
    if cutoff is not None:
        cutoffs.check(programme, cutoff, at=at)
    if replaces is not None:
        check_replaced(programme, replaces)
    draft = BulletinDraft(
        programme=programme,
        title=title.strip(),
        cohorts=chosen,
        cutoff=cutoff,
        measures=bulletin_columns.check(measures),
        minimum=minimum,
        replaces=replaces,
        texts={},
        made_by=by.member,
        made_at=at,
        changed_at=at,
    )
    named = _draft_texts(draft, at=at) if cutoff is None else []
    draft.save(force_insert=True)
    audit.record(
        AuditEvent.Event.BULLETIN,
        by=by,
        at=at,
        on=programme.organiser,
        subject=f"起草：{draft.title}",
    )
    unit_texts.ask(draft, named, by=by, at=at)
    return draft


@transaction.atomic
def edit(
    draft: BulletinDraft,
    *,
    title: str,
    texts: Mapping[str, str],
    left_out: Sequence[int] | None = None,
    seen_version: int,
    by: Actor,
    at: datetime,
) -> BulletinDraft:
    """Change title and texts, and whose own text is left out (units by id; None changes nothing).
    Raises Conflict when somebody else did so first, NotADraft."""
    draft = locked(draft)
    if draft.version != seen_version:
        raise Conflict("草稿刚刚被别人修改过，请刷新后再改；您的文字还在下面，可以复制。")
    draft.title = title.strip() or draft.title
    draft.texts = {v: texts.get(v, draft.texts.get(v, "")).strip() for v in View.values}
    if left_out is not None and sorted(left_out) != sorted(draft.left_out):
        draft.left_out = sorted(left_out)
        audit.record(
            AuditEvent.Event.BULLETIN, by=by, at=at, on=draft.programme.organiser,
            subject=f"单位做法的采用：{draft.title}", detail={"left_out": draft.left_out},
        )  # fmt: skip
    draft.version += 1
    draft.changed_at = at
    draft.save()
    return draft


@transaction.atomic
def redraft(draft: BulletinDraft, *, by: Actor, at: datetime) -> BulletinDraft:
    """Draft the texts anew from the present figures; what was edited is replaced.

    Raises NotPermitted, NotADraft.
    """
    check_writable(draft.programme)
    draft = locked(draft)
    unit_texts.ask(draft, _draft_texts(draft, at=at), by=by, at=at)
    draft.version += 1
    draft.changed_at = at
    draft.save()
    return draft


@transaction.atomic
def put_figures(draft: BulletinDraft, found: Figures, *, by: Actor, at: datetime) -> BulletinDraft:
    """Keep the computed figures of a past cut-off, and draft the texts where there are none.
    Raises NotADraft."""
    draft = locked(draft)
    draft.rows = [_kept(row) for row in found.rows]
    draft.partial = {}
    if not draft.texts:
        unit_texts.ask(draft, _draft_texts(draft, at=at), by=by, at=at)
    draft.version += 1
    draft.changed_at = at
    draft.save()
    return draft


def figures_of(draft: BulletinDraft) -> Figures:
    """The figures of a draft: as they stand, or those computed for its cut-off. Raises
    NotComputed."""
    if draft.cutoff is None:
        return bulletin_figures.figures(
            draft.programme, draft.cohorts, measures=draft.measures, minimum=draft.minimum
        )
    if draft.rows is None:
        raise NotComputed
    return Figures(
        tuple(BulletinRow(**row) for row in draft.rows),
        bulletin_figures.previous_of(draft.programme, draft.cutoff),
        measures=draft.measures,
        minimum=draft.minimum,
    )


def _draft_texts(draft: BulletinDraft, *, at: datetime) -> list[BulletinRow]:
    """Draft the texts; returns the units to learn from, who are asked for texts of their own."""
    programme = draft.programme
    if draft.cutoff is not None:
        found, until = figures_of(draft), draft.cutoff
    else:
        found = bulletin_figures.to_draft_from(programme, draft.cohorts, minimum=draft.minimum)
        until = at
    draft.texts = draft_texts(found, programme, at=until)
    return to_learn_from(found)


def _kept(row: BulletinRow) -> dict[str, Any]:
    """A row as a draft keeps it."""
    return {"unit_id": row.unit_id} | {name: getattr(row, name) for name in FIGURES}


def replaceable(programme: Programme) -> QuerySet[Bulletin]:
    """Withdrawn numbers in whose place none stands yet."""
    rows = Bulletin.objects.filter(programme=programme, withdrawal__isnull=False)
    return rows.filter(replaced_by=None)


def check_replaced(programme: Programme, bulletin: Bulletin) -> None:
    """Raises Refusal for a number in whose place none can be published."""
    if not replaceable(programme).filter(pk=bulletin.pk).exists():
        raise Refusal(f"{bulletin}没有撤回，或已有替代它的一期。", field="replaces")
