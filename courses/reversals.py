"""Taking a member's hours back: what a source gave is reversed, what was asked of it answered."""

from __future__ import annotations

from datetime import datetime

from courses import line_queries
from credits import ledger
from credits.ledger import Source
from credits.models import Programme
from portal.audit import Actor
from portal.models import Member, Organization


def take_back(
    programme: Programme,
    source: Source,
    member: Member,
    *,
    organiser: Organization,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    """Reverse what a member holds of a source, in the organiser's book, and answer the member's
    question about it. The caller holds the source's own lock. Raises as `ledger.correct`."""
    ledger.correct(
        programme,
        source,
        revision=ledger.next_revision(programme, source),
        organiser=organiser,
        withdraw=[member],
        credits=[],
        reason=reason,
        by=by,
        at=at,
    )
    line_queries.follow(programme, source, by=by, at=at)
