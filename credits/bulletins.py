"""Score bulletins (积分通报): drawn up from figures, edited, published as an immutable number.

Figures are computed and never edited; text is drafted from the figures and then edited. Publishing
locks the programme, so that figures and heads of the books are those of one moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from credits import bulletin_digests, bulletin_figures, digests, ledger_sql, rankings, registers
from credits.bulletin_digests import FIGURES, digest_of
from credits.bulletin_figures import Figures, figures, published
from credits.bulletin_texts import draft_texts
from credits.models import (
    Bulletin,
    BulletinDraft,
    BulletinRow,
    BulletinText,
    BulletinWithdrawal,
    LedgerBook,
    Programme,
    RankingPermit,
    View,
)
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Cohort
from portal.refusals import Conflict, Refusal

__all__ = ["FIGURES", "Figures", "digest_of", "figures", "published"]


class NotADraft(Refusal):
    """The draft is published already."""

    message = "这份草稿已经发布，不能再改；需要更正时请撤回后另发一期。"


def check_writable(programme: Programme) -> RankingPermit:
    """The permit under which a new number may be made. Raises NotPermitted without one, and for a
    programme in the archive: its figures are in its last number."""
    if programme.state == Programme.State.ARCHIVED:
        raise rankings.NotPermitted(f"{programme}已归档，不再编制通报；已发布的各期仍可查阅。")
    return rankings.check_permitted(programme)


@transaction.atomic
def draw_up(
    programme: Programme, *, title: str, cohorts: Sequence[str], by: Actor, at: datetime
) -> BulletinDraft:
    """Begin a draft with texts drafted from today's figures.

    Raises NotPermitted without a ranking permit, Refusal without a cohort.
    """
    check_writable(programme)
    chosen = [c for c in Cohort.values if c in cohorts]
    if not chosen:
        raise Refusal("请至少选择一个系统。", field="cohorts")
    draft = BulletinDraft.objects.create(
        programme=programme,
        title=title.strip(),
        cohorts=chosen,
        texts={},
        made_by=by.member,
        made_at=at,
        changed_at=at,
    )
    draft.texts = draft_texts(bulletin_figures.to_draft_from(programme, chosen), programme, at=at)
    draft.save(update_fields=["texts"])
    audit.record(
        AuditEvent.Event.BULLETIN,
        by=by,
        at=at,
        on=programme.organiser,
        subject=f"起草：{draft.title}",
    )
    return draft


@transaction.atomic
def edit(
    draft: BulletinDraft,
    *,
    title: str,
    texts: Mapping[str, str],
    seen_version: int,
    by: Actor,
    at: datetime,
) -> BulletinDraft:
    """Change title and texts. Raises Conflict when somebody else did so first, NotADraft."""
    draft = _locked(draft)
    if draft.version != seen_version:
        raise Conflict("草稿刚刚被别人修改过，请刷新后再改；您的文字还在下面，可以复制。")
    draft.title = title.strip() or draft.title
    draft.texts = {v: texts.get(v, draft.texts.get(v, "")).strip() for v in View.values}
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
    draft = _locked(draft)
    draft.texts = draft_texts(
        bulletin_figures.to_draft_from(draft.programme, draft.cohorts), draft.programme, at=at
    )
    draft.version += 1
    draft.changed_at = at
    draft.save()
    return draft


@transaction.atomic
def publish(draft: BulletinDraft, *, seen_version: int, by: Actor, at: datetime) -> Bulletin:
    """Publish a draft as the next number of its year: rows, texts and heads in one transaction.

    Raises NotPermitted, NotADraft, Conflict when the draft is not the one that was previewed.
    """
    programme = Programme.objects.select_for_update().get(pk=draft.programme_id)
    draft = _locked(draft)
    if draft.version != seen_version:
        raise Conflict("草稿在您预览之后被修改过，请重新预览后再发布。")
    permit = check_writable(programme)
    found = figures(programme, draft.cohorts)
    bulletin = _write(draft, found, permit, by=by, at=at)
    draft.bulletin = bulletin
    draft.save(update_fields=["bulletin"])
    audit.record(
        AuditEvent.Event.BULLETIN,
        by=by,
        at=at,
        on=programme.organiser,
        subject=f"发布：{bulletin}",
        detail={"digest": bulletin.digest},
    )
    return bulletin


@transaction.atomic
def withdraw(bulletin: Bulletin, *, reason: str, by: Actor, at: datetime) -> BulletinWithdrawal:
    """Take a published number back with a reason; the number is never used again."""
    if not reason.strip():
        raise Refusal("请写明撤回的理由。", field="reason")
    Programme.objects.select_for_update().get(pk=bulletin.programme_id)
    if BulletinWithdrawal.objects.filter(bulletin=bulletin).exists():
        raise Refusal("这一期已经撤回。")
    withdrawal = registers.enter(
        BulletinWithdrawal(bulletin=bulletin, reason=reason.strip()[:200], by=by.member, at=at)
    )
    audit.record(
        AuditEvent.Event.BULLETIN,
        by=by,
        at=at,
        on=bulletin.programme.organiser,
        subject=f"撤回：{bulletin}",
        detail={"reason": reason},
    )
    return withdrawal


def _write(
    draft: BulletinDraft, found: Figures, permit: RankingPermit, *, by: Actor, at: datetime
) -> Bulletin:
    programme, year = draft.programme, timezone.localdate(at).year
    numbers = Bulletin.objects.filter(programme=programme, year=year)
    bulletin = Bulletin(
        programme=programme,
        year=year,
        number=(numbers.aggregate(n=Max("number"))["n"] or 0) + 1,
        title=draft.title,
        cutoff=at,
        published_at=at,
        published_by=by.member,
        permit=permit,
        document=permit.document,
        previous=found.previous,
        heads=heads_of(programme),
    )
    texts = {view: draft.texts.get(view, "") for view in View.values}
    rows = [[getattr(row, name) for name in FIGURES] for row in found.rows]
    bulletin.digest = bulletin_digests.of(bulletin, rows, texts, digests.algorithm())
    bulletin.save(force_insert=True)
    for row in found.rows:
        row.bulletin = bulletin
    BulletinRow.objects.bulk_create(found.rows)
    BulletinText.objects.bulk_create(
        BulletinText(bulletin=bulletin, view=view, text=text) for view, text in texts.items()
    )
    return bulletin


def heads_of(programme: Programme) -> dict[str, dict[str, Any]]:
    """The heads of all books of a programme, as bulletins keep them."""
    books = LedgerBook.objects.filter(programme=programme).exclude(last_sequence=0)
    return {
        f"{programme.code}/{book.organization.code}": {
            "sequence": book.last_sequence,
            "digest": book.last_digest,
        }
        for book in books.select_related("organization").order_by("pk")
    }


def _locked(draft: BulletinDraft) -> BulletinDraft:
    ledger_sql.share_programme(draft.programme_id)
    rows = BulletinDraft.objects.select_for_update(of=("self",))
    draft = rows.select_related("programme__organiser").get(pk=draft.pk)
    if draft.bulletin_id:
        raise NotADraft
    return draft
