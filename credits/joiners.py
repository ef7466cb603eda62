"""Joiners: who came on the roll after the programme's start, and what they owe by its rule."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.db.models import Count, Min, Q

from credits import rules, scopes
from credits.models import Programme
from credits.rule_book import RuleBook
from credits.rule_sets import Rules
from portal.models import Membership


def first_days(
    programme: Programme, book: RuleBook, members: Collection[int], *, only_once: bool = False
) -> dict[int, date]:
    """The day on which each joiner first belonged to a branch that takes part, by member; those
    who did from the start are left out. No query where joiners owe the whole.

    only_once: leave out who has belonged to several, and may have been on the roll before.
    """
    if not members or book.current.rules.joiners == "full":
        return {}
    return since_of(programme, members, only_once=only_once)


def since_of(
    programme: Programme, members: Collection[int], *, only_once: bool = False
) -> dict[int, date]:
    """The same whatever the rule is now: one query."""
    spans = Membership.objects.filter(
        scopes.taking_part(programme, lookup="branch__path"), member__in=members
    )
    spans = spans.filter(Q(until=None) | Q(until__gt=programme.starts))
    found = spans.order_by().values("member").annotate(first=Min("since"), spans=Count("pk"))
    return {
        member: first
        for member, first, count in found.values_list("member", "first", "spans")
        if first > programme.starts and (count == 1 or not only_once)
    }


def target(programme: Programme, current: Rules, full: int, joined: date | None) -> int | None:
    """What somebody owes who joined on that day (None: from the start); None means exempt."""
    return rules.joiner_target(
        full,
        current,
        starts=programme.starts,
        ends=programme.ends,
        joined=joined or programme.starts,
    )
