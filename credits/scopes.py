"""Which organisations take part in a programme."""

from __future__ import annotations

from django.db.models import Q

from credits.models import Programme, ProgrammeScope
from portal.querysets import below


def taking_part(programme: Programme, *, lookup: str = "path", using: str = "default") -> Q:
    """The condition on an organisation's path of taking part in a programme."""
    condition = Q(pk__in=[])
    scopes = ProgrammeScope.objects.using(using).filter(programme=programme)
    for path in scopes.values_list("organization__path", flat=True):
        condition |= below(path, lookup=lookup)
    return condition
