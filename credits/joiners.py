"""Joiners: who came on the roll after the programme's start, and what they owe by its rule.

Somebody joins with a branch that takes part, or with the branch's own coming into the scope.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Min, Q, QuerySet

from credits import rules, scopes
from credits.models import Programme
from credits.rule_book import RuleBook
from credits.rule_sets import Rules
from credits.scopes import Past
from portal.models import Member, Membership


@dataclass(frozen=True, order=True)
class Joined:
    """The day on which somebody first belonged to a branch that takes part. with_branch: the
    branch came into the scope on that day, and they with it."""

    day: date
    with_branch: bool = False

    @property
    def how(self) -> str:
        return "随支部划入" if self.with_branch else "入册"


def first_days(
    programme: Programme, book: RuleBook, members: Collection[int], *, only_once: bool = False
) -> dict[int, Joined]:
    """The first day of each joiner, by member; those who took part from the start are left out.
    No query where joiners owe the whole.

    only_once: leave out who has taken part several times, and may have been on the roll before.
    """
    if not members or book.current.rules.joiners == "full":
        return {}
    return since_of(programme, members, only_once=only_once)


def since_of(
    programme: Programme, members: Collection[int], *, only_once: bool = False
) -> dict[int, Joined]:
    """The same whatever the rule is now: two queries, or three when organisations moved since."""
    spans = Membership.objects.filter(Q(until=None) | Q(until__gt=programme.starts))
    spans = spans.filter(member__in=members).order_by()
    past = scopes.past(programme)
    if past:
        found = _through_moves(past, spans)
    else:
        inside = spans.filter(scopes.taking_part(programme, lookup="branch__path"))
        rows = inside.values("member").annotate(first=Min("since"), spans=Count("pk"))
        found = {row["member"]: (Joined(row["first"]), row["spans"]) for row in rows}
    return {
        member: joined
        for member, (joined, count) in found.items()
        if joined.day > programme.starts and (count == 1 or not only_once)
    }


def of_late_branches(programme: Programme, book: RuleBook, members: Collection[int]) -> set[int]:
    """Those of the members whose branch came into the scope after the programme's start. No query
    where joiners owe the whole."""
    if not members or book.current.rules.joiners == "full":
        return set()
    past = scopes.past(programme)
    if past is None:
        return set()
    people = Member.objects.filter(scopes.taking_part(programme, lookup="branch__path"))
    places = people.order_by().values_list("branch__path", flat=True).distinct()
    late = [path for path in places if past.spans(path)[0].since > programme.starts]
    found = people.filter(branch__path__in=late).values_list("pk", flat=True)
    return set(found) & set(members)


def target(programme: Programme, current: Rules, full: int, joined: Joined | None) -> int | None:
    """What somebody owes who joined like that (None: from the start); None means exempt."""
    return rules.joiner_target(
        full,
        current,
        starts=programme.starts,
        ends=programme.ends,
        joined=joined.day if joined else programme.starts,
    )


def _through_moves(past: Past, rows: QuerySet[Membership]) -> dict[int, tuple[Joined, int]]:
    """How each member first took part, and how often, with the tree of every day."""
    found: dict[int, list[Joined]] = {}
    known: dict[str, list[scopes.Span]] = {}
    for member, since, until, path in rows.values_list("member", "since", "until", "branch__path"):
        if path not in known:
            known[path] = past.spans(path)
        for span in known[path]:
            day = max(since, span.since)
            if day < min(until or date.max, span.until):
                joined = Joined(day, with_branch=span.since > since)
                found.setdefault(member, []).append(joined)
    return {member: (min(days), len(days)) for member, days in found.items()}
