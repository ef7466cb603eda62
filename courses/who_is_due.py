"""Who is due in a session: a class's enrolled, else the organiser's members; never the exempt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from courses.models import Enrolment, StudySession
from credits.models import Standing
from portal.models import Member, Membership, Organization
from portal.querysets import below


def members_of(session: StudySession) -> list[tuple[Member, Organization]]:
    """Who is due, with the home branch of that day: a class's enrolled members of whatever branch,
    else the organiser's members of that day; never the exempt."""
    due = of_each([session])[session.pk]
    members = Member.objects.in_bulk([member for member, _ in due])
    homes = Organization.objects.in_bulk({home for _, home in due})
    return [(members[member], homes[home]) for member, home in due]


def is_due(session: StudySession, member: Member) -> bool:
    """Whether somebody is due in a session."""
    return bool(of_each([session], of=member)[session.pk])


def of_each(
    sessions: Sequence[StudySession], *, of: Member | None = None
) -> dict[int, list[tuple[int, int]]]:
    """The same for several sessions as ids, by session id: one read for each day's classes. of:
    where it is asked of one person only."""
    by_day: dict[date, list[StudySession]] = defaultdict(list)
    for session in sessions:
        by_day[session.day].append(session)
    exempt = _exempt(sessions)
    due = {}
    for day, same_day in by_day.items():
        for pk, memberships in _memberships(same_day, day, of).items():
            rows = dict(memberships)
            due[pk] = [row for row in rows.items() if row[0] not in exempt[pk]]
    return due


def _memberships(
    sessions: Sequence[StudySession], day: date, of: Member | None
) -> dict[int, list[tuple[int, int]]]:
    """Member and home branch on a day of those whom each session is for."""
    found: dict[int, list[tuple[int, int]]] = {session.pk: [] for session in sessions}
    held = Membership.objects.on(day).order_by("pk").values_list("member_id", "branch_id")
    enrolled = Enrolment.objects.filter(since__lte=day).exclude(until__lte=day)
    if of is not None:
        held, enrolled = held.filter(member=of), enrolled.filter(member=of)
    classes = {s.reading_class_id for s in sessions if s.reading_class_id}
    if classes:
        enrolled = enrolled.filter(reading_class__in=classes)
        places: dict[int, list[int]] = defaultdict(list)
        for reading_class, member in enrolled.values_list("reading_class", "member"):
            places[member].append(reading_class)
        of_class: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for member, home in held.filter(member__in=enrolled.values("member")):
            for reading_class in set(places[member]):
                of_class[reading_class].append((member, home))
    for session in sessions:
        if session.reading_class_id:
            found[session.pk] = of_class[session.reading_class_id]
        else:
            subtree = below(session.organiser.path, lookup="branch__path")
            found[session.pk] = list(held.filter(subtree))
    return found


def _exempt(sessions: Sequence[StudySession]) -> dict[int, set[int]]:
    """Members exempt in one of a session's programmes, by session id."""
    through = StudySession.programmes.through.objects.filter(studysession__in=sessions)
    programmes: dict[int, set[int]] = defaultdict(set)
    for session, programme in through.values_list("studysession_id", "programme_id"):
        programmes[programme].add(session)
    found: dict[int, set[int]] = {session.pk: set() for session in sessions}
    exempt = Standing.objects.filter(programme__in=programmes, exempt=True, on_roll=True)
    for programme, member in exempt.values_list("programme", "member"):
        for session in programmes[programme]:
            found[session].add(member)
    return found
