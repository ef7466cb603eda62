"""Reading classes taken over into the next programme: founded anew with the present members."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from courses import reading_classes
from courses.models import ReadingClass
from credits import scopes
from credits.models import Programme
from portal.audit import Actor
from portal.progress import Progress
from portal.refusals import Refusal


def classes_of(source: Programme, target: Programme) -> QuerySet[ReadingClass]:
    """The classes of a programme whose organisers still stand and take part in another one."""
    rows = ReadingClass.objects.filter(programme=source, organiser__dissolved_on=None)
    rows = rows.filter(scopes.taking_part(target, lookup="organiser__path"))
    return rows.select_related("organiser", "leader", "programme").order_by("pk")


def waiting(source: Programme, target: Programme) -> int:
    """How many of them have not been taken over yet."""
    keys = [_key(key, target) for key in classes_of(source, target).values_list("key", flat=True)]
    return len(keys) - ReadingClass.objects.filter(key__in=keys).count()


def take_over(
    old: ReadingClass, target: Programme, *, by: Actor, at: datetime
) -> ReadingClass | None:
    """Found a class of the next programme after an old one: its name and leader, its organiser's
    present members; sessions are planned anew. None where it has been taken over before.

    Raises Refusal unless the programme is running.
    """
    if target.state != Programme.State.RUNNING:
        raise Refusal(f"{target}{target.get_state_display()}，开始以后才能沿用读书班。")
    key = _key(old.key, target)
    if ReadingClass.objects.filter(key=key).exists():
        return None
    leader = old.leader
    if leader and not (leader.is_active and leader.scope_path.startswith(old.organiser.path)):
        leader = None
    year = str(old.programme.starts.year)
    starts = min(max(target.starts, timezone.localdate(at)), target.ends)
    return reading_classes.found(
        target,
        old.organiser,
        name=old.name.replace(year, str(target.starts.year)),
        plans=[],
        starts=starts,
        ends=target.ends,
        leader=leader,
        key=key,
        by=by,
        at=at,
    )


def take_over_in_background(progress: Progress, source: int, target: int) -> dict[str, Any]:
    """Background work: every class of one programme into another; safe to run again."""
    old, new = Programme.objects.get(pk=source), Programme.objects.get(pk=target)
    classes, made = list(classes_of(old, new)), 0
    for reading_class in progress.over(classes, total=len(classes)):
        if take_over(reading_class, new, by=progress.by, at=progress.at):
            made += 1
    progress.finished(f"新建读书班 {made} 个。", rows=len(classes))
    return {"classes": made}


def _key(key: str, target: Programme) -> str:
    """The new class's key, which follows from the old one's: it is founded once."""
    return sha256(f"{key}:{target.code}".encode()).hexdigest()[:20]
