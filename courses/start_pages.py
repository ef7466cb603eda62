"""What start pages read: each list by one query that is written once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from courses.models import StudyLog, StudySession
from courses.querysets import of_member
from credits.models import Programme
from portal.models import PATH_STEP, Member
from portal.prepared import Prepared, columns, given

MOST = 30  # sessions to come that are counted
_DEPTH = 10  # levels of a path: as many as its column holds

_coming = Prepared(
    lambda: (
        StudySession.objects.filter(
            pk__in=of_member(
                given("member", int), [given(f"above{n}", str) for n in range(_DEPTH)]
            ),
            programmes=given("programme", int),
            state__in=["planned", "open"],
            ends_at__gt=given("at", datetime),
        )
        .order_by("starts_at")
        .values_list(*columns(StudySession))[:MOST]
    )
)
_unsettled = Prepared(
    lambda: (
        StudyLog.objects.filter(member=given("member", int), programme=given("programme", int))
        .exclude(state=StudyLog.State.CONFIRMED)
        .order_by("-entered_at")
        .values_list("topic", "day", "minutes", "reason", "state")[:4]
    )
)


def coming(programme: Programme, member: Member, *, at: datetime) -> list[StudySession]:
    """The next sessions in which a member is due or takes part."""
    own = member.scope_path
    above = {f"above{n}": own[: (n + 1) * PATH_STEP] for n in range(_DEPTH)}
    return _coming.objects(programme=programme.pk, member=member.pk, at=at, **above)


def unsettled(programme: Programme, member: Member) -> list[Any]:
    """The newest logs that earned nothing (yet): topic, day, minutes, reason, state."""
    return _unsettled(programme=programme.pk, member=member.pk)
