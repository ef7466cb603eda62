"""Which organisations take part in a programme, now and on its earlier days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from credits.models import Programme, ProgrammeScope
from portal.models import OrganizationMove
from portal.querysets import below


def taking_part(programme: Programme, *, lookup: str = "path", using: str = "default") -> Q:
    """The condition on an organisation's path of taking part in a programme."""
    condition = Q(pk__in=[])
    scopes = ProgrammeScope.objects.using(using).filter(programme=programme)
    for path in scopes.values_list("organization__path", flat=True):
        condition |= below(path, lookup=lookup)
    return condition


@dataclass(frozen=True)
class Span:
    """Days on which a place took part: from `since` on, until before `until`."""

    since: date
    until: date


@dataclass(frozen=True)
class Past:
    """How the tree lay since a programme's start: where its scopes stand now, and the moves since
    then, the newest first."""

    roots: Sequence[str]
    moves: Sequence[OrganizationMove]

    def spans(self, path: str) -> list[Span]:
        """When what stands at `path` now took part, the oldest first."""
        roots, found, end = list(self.roots), [], date.max
        inside = _inside(path, roots)
        for move in self.moves:
            path, roots = move.before(path), [move.before(root) for root in roots]
            before = _inside(path, roots)
            if inside and not before:
                found.append(Span(move.on, end))
            elif before and not inside:
                end = move.on
            inside = before
        if inside:
            found.append(Span(date.min, end))
        return [span for span in reversed(found) if span.since < span.until]


def past(programme: Programme) -> Past | None:
    """How the tree lay since a programme's start; None when nothing moved since. One query then,
    else two."""
    moves = list(OrganizationMove.objects.filter(on__gt=programme.starts).order_by("-pk"))
    if not moves:
        return None
    scopes = ProgrammeScope.objects.filter(programme=programme)
    return Past(list(scopes.values_list("organization__path", flat=True)), moves)


def _inside(path: str, roots: Sequence[str]) -> bool:
    return any(path.startswith(root) for root in roots)
