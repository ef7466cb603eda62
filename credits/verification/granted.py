"""Stated hours: every live line of an opening balance or of hours from elsewhere stands on a claim
that somebody approved, and every approved claim has its line."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from credits.lines import GRANTED
from credits.models import HoursClaim, LedgerEntry
from credits.verification.report import Findings

NAMED = 200  # of one kind; more of it tell nothing new
ALIKE = ("member", "form", "period", "day", "hours")  # what claim and line have in common


def check(found: Findings, people: Sequence[int] | None = None) -> None:
    """Name the lines without a claim, and the claims without a line, of everybody or some."""
    programme = found.programme
    claims = HoursClaim.objects.using(found.using).filter(programme=programme, state="approved")
    lines = LedgerEntry.objects.using(found.using).filter(
        programme=programme, posting__programme=programme, posting__kind__in=GRANTED
    )
    if people is not None:
        claims, lines = claims.filter(member__in=people), lines.filter(member__in=people)
    same = {name: OuterRef(name) for name in ALIKE}
    known = claims.filter(kind=OuterRef("posting__kind"), key=OuterRef("posting__key"), **same)
    strays = lines.live().filter(~Exists(known)).order_by("pk")
    for pk, member, posting, source in strays.values_list(
        "pk", "member", "posting", "posting__key"
    )[:NAMED]:
        found.add(
            "source",
            "期初或转入的学时没有相符的已批准申报。",
            member=member,
            posting=posting,
            entry=pk,
            source=source,
        )
    its = lines.live().filter(posting__kind=OuterRef("kind"), posting__key=OuterRef("key"), **same)
    lost = claims.filter(~Exists(its)).order_by("pk")
    for key, member, branch in lost.values_list("key", "member", "branch")[:NAMED]:
        found.add(
            "source",
            "已批准的学时申报在账上没有相符的一行。",
            member=member,
            branch=found.names.get(branch, ""),
            source=key,
        )
