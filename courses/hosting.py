"""Whom a session's organiser hosts (流入的流动党员): attested after the roll, never its guests.

A guest is credited at once in the organiser's book; of a mobile member the home branch decides
(courses/host_sessions.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from courses.models import StudySession
from portal.models import Member, MobileStay, Organization
from portal.refusals import Refusal

# How it is credited, as members are told.
CREDITED = "参加以后由流入地党组织证明、流出地党支部认定，学时记在您自己的支部。"
# … and secretaries, after a name.
ATTESTED = (
    "是流入本组织的流动党员，不作客人或列席加入名单；"
    "记学时以后在“证明参加活动”里证明，由流出地党支部认定。"
)


class HostedHere(Refusal):
    """Somebody whom the organiser hosts: attested afterwards, no guest of the session."""


def stays(organiser: Organization, members: Iterable[int]) -> list[MobileStay]:
    """The stays of people, by id, with an organisation or with what was merged with it."""
    rows = MobileStay.objects.filter(member__in=members).exclude(host=None)
    return [stay for stay in rows.select_related("host") if stay.is_with(organiser)]


def hosted(organiser: Organization, members: Iterable[int], *, on: date) -> set[int]:
    """Ids of those of the people whom an organisation hosts on a day."""
    return {stay.member_id for stay in stays(organiser, members) if stay.was_away_on(on)}


def check(session: StudySession, members: Iterable[Member]) -> None:
    """Raise HostedHere by name for whoever the session's organiser hosts on its day."""
    people = {member.pk: member for member in members}
    for pk in sorted(hosted(session.organiser, people, on=session.day)):
        raise HostedHere(f"{people[pk].name}{ATTESTED}", field="member")
