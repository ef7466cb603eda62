"""Whether hours of a roll came in through a catch-up window: asked beside what is read anyway."""

from __future__ import annotations

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
