"""Whether hours of a roll came in through a catch-up window: asked beside what is read anyway."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef

from courses.models import Attendance, StudySession
from credits.models import LateEntry, SourceKind

_THIS = OuterRef(OuterRef("pk"))


def any_of() -> Exists:
    """For sessions: whether somebody's line of it was entered late. By programme and member, as
    the marks of late lines are indexed."""
    counted = StudySession.programmes.through._default_manager.filter(studysession=_THIS)
    people = Attendance.objects.filter(session=_THIS)
    return Exists(
        LateEntry.objects.filter(
            programme__in=counted.values("programme"),
            member__in=people.values("member"),
            kind=SourceKind.SESSION,
            key=OuterRef("key"),
        )
    )


def people(sessions: Collection[Any], *, using: str = "default") -> set[tuple[int, int]]:
    """Whose line of which session it was, as (session, member) by id; where sessions bear the
    answer of `any_of` as `entered_late`, they are asked only if that says yes."""
    found = {s.key: s.pk for s in sessions if getattr(s, "entered_late", s.is_closed)}
    if not found:
        return set()
    counted = StudySession.programmes.through._default_manager.filter(
        studysession__in=found.values()
    )
    attended = Attendance.objects.filter(session__in=found.values())
    lines = LateEntry.objects.using(using).filter(
        programme__in=counted.values("programme"),
        member__in=attended.values("member"),
        kind=SourceKind.SESSION,
        key__in=found,
    )
    return {(found[key], member) for key, member in lines.values_list("key", "member")}
