"""Stated hours taken back: one line or a whole receipt, and with them what members asked about."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses import line_queries
from credits import claim_decisions, claims
from credits.models import ClaimBatch, HoursClaim
from portal.audit import Actor


@transaction.atomic
def reverse(claim: HoursClaim, *, reason: str, by: Actor, at: datetime) -> HoursClaim:
    """Take an approved line's hours back, and close the queries about it; see claim_decisions."""
    row = claim_decisions.reverse(claim, reason=reason, by=by, at=at)
    line_queries.follow(row.programme, claims.source_of(row), by=by, at=at)
    return row


@transaction.atomic
def undo(batch: ClaimBatch, *, by: Actor, at: datetime) -> list[str]:
    """Take a receipt back; returns by name what was kept; see claim_decisions."""
    reversed_, kept = claim_decisions.undo(batch, by=by, at=at)
    for claim in reversed_:
        line_queries.follow(claim.programme, claims.source_of(claim), by=by, at=at)
    return kept
