"""Score bulletins (积分通报): a draft is published as an immutable number; numbers are withdrawn.

Publishing locks the programme, so that figures and heads of the books are those of one moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from credits import (
    bulletin_digests,
    bulletin_texts,
    digests,
    registers,
    unit_check_states,
    unit_texts,
)
from credits.bulletin_digests import FIGURES, digest_of
from credits.bulletin_drafts import (
    NotComputed,
    check_replaced,
    check_writable,
    draw_up,
    edit,
    figures_of,
    put_figures,
    redraft,
    replaceable,
)
from credits.bulletin_figures import Figures, figures, published
from credits.draft_lock import NotADraft, locked
from credits.models import (
    Bulletin,
    BulletinDraft,
    BulletinRow,
    BulletinText,
    BulletinUnitText,
    BulletinWithdrawal,
    LedgerBook,
    Programme,
    RankingPermit,
    View,
)
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Conflict, Refusal

__all__ = [
    "FIGURES",
    "Figures",
    "NotADraft",
    "NotComputed",
    "check_writable",
    "digest_of",
    "draw_up",
    "edit",
    "figures",
    "figures_of",
    "published",
    "put_figures",
    "redraft",
    "replaceable",
]


@transaction.atomic
def publish(
    draft: BulletinDraft,
    *,
    seen_version: int,
    seen_text: int | None = None,
    found: Figures | None = None,
    by: Actor,
    at: datetime,
) -> Bulletin:
    """Publish a draft as the next number of its year: rows, texts and heads in one transaction.
    seen_text: what units had written when it was previewed, as `unit_texts.last_written` says;
    None where nobody previewed. found: the figures of a past cut-off, where they were just
    computed anew.

    Raises NotPermitted, NotADraft, NotComputed, Conflict when the draft is not the one that was
    previewed.
    """
    programme = Programme.objects.select_for_update().get(pk=draft.programme_id)
    draft = locked(draft)
    if draft.version != seen_version:
        raise Conflict("草稿在您预览之后被修改过，请重新预览后再发布。")
    if seen_text is not None:
        unit_texts.check_seen(draft, seen_text)
    permit = check_writable(programme)
    if draft.replaces:
        check_replaced(programme, draft.replaces)
    unit_check_states.check_answered(draft)
    if found is None or draft.cutoff is None:
        found = figures_of(draft)
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
        cutoff=draft.cutoff or at,
        published_at=at,
        published_by=by.member,
        permit=permit,
        document=permit.document,
        previous=found.previous,
        form=bulletin_digests.FORM,
        measures=draft.measures,
        minimum=draft.minimum,
        replaces=draft.replaces,
        heads=heads_of(programme),
    )
    texts = {view: draft.texts.get(view, "") for view in View.values}
    rows = [bulletin_digests.values(row, bulletin.form) for row in found.rows]
    said = unit_texts.frozen(draft, bulletin, bulletin_texts.to_learn_from(found))
    bulletin.digest = bulletin_digests.of(bulletin, rows, texts, said, digests.algorithm())
    bulletin.save(force_insert=True)
    for row in found.rows:
        row.bulletin = bulletin
    BulletinRow.objects.bulk_create(found.rows)
    BulletinText.objects.bulk_create(
        BulletinText(bulletin=bulletin, view=view, text=text) for view, text in texts.items()
    )
    BulletinUnitText.objects.bulk_create(said)
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
