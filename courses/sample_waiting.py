"""What waits for somebody in samples, for their start pages."""

from __future__ import annotations

from django.db.models import Q

from courses.models import SampleItem
from courses.querysets import SampleItemQuerySet
from portal.models import Member
from portal.querysets import below


def asked_of(member: Member) -> SampleItemQuerySet:
    """What somebody still has to answer."""
    return SampleItem.objects.asked().filter(member=member)


def to_judge(organizations: list[str]) -> SampleItemQuerySet:
    """What waits for the officials of the organisations at these paths."""
    inside = Q(pk__in=[])
    for path in organizations:
        inside |= below(path, lookup="sample__organization__path")
    return SampleItem.objects.to_judge().filter(inside)


def to_reverse(paths: list[str]) -> SampleItemQuerySet:
    """What was found not in order and still counts, of the branches at `paths`."""
    return SampleItem.objects.to_reverse().filter(log__branch__path__in=paths)
