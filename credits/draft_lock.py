"""The lock on a draft: whoever changes it, adds to it or publishes it holds it."""

from __future__ import annotations

from credits import ledger_sql
from credits.models import BulletinDraft
from portal.refusals import Refusal


class NotADraft(Refusal):
    """The draft is published already."""

    message = "这份草稿已经发布，不能再改；需要更正时请撤回后另发一期。"


def locked(draft: BulletinDraft, *, published: str = NotADraft.message) -> BulletinDraft:
    """A draft under its lock. Raises NotADraft, which says `published`, for one that is."""
    ledger_sql.share_programme(draft.programme_id)
    rows = BulletinDraft.objects.select_for_update(of=("self",))
    draft = rows.select_related("programme__organiser").get(pk=draft.pk)
    if draft.bulletin_id:
        raise NotADraft(published)
    return draft
