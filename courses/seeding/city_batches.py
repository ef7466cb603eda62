"""A whole city's groups of branches in batches: each batch is planned and written at once.

Batches share no branch and no person, so that several processes can write them in any order, and
every book ends with the same digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count

from courses.seeding import city_plan, city_writing, hands
from courses.seeding.calendar import Calendar
from courses.seeding.city_plan import Act, Group
from credits.models import Posting, Programme
from portal.audit import Actor
from portal.models import Appointment, Member, Organization, Role
from portal.refusals import Refusal

BATCH = 10_000  # entries planned at once at most, and written in two transactions


class Share(NamedTuple):
    """One host's branches, and how many entries are theirs."""

    host: int
    branches: tuple[int, ...]
    entries: int


@dataclass(frozen=True)
class Stretch:
    """A programme between two moments; None where it begins or ends."""

    programme: int
    calendar: Calendar
    since: datetime | None
    until: datetime | None
    seed: int

    def holds(self, act: Act) -> bool:
        later = self.since is None or act.at > self.since
        return later and (self.until is None or act.at <= self.until)


def cut(members: int, entries: int) -> Iterator[list[Share]]:
    """The city's groups in turn, as many as have a batch's entries together."""
    most = min(BATCH, entries // 20)
    batch: list[Share] = []
    for share in _shares(members, entries):
        batch.append(share)
        if sum(s.entries for s in batch) >= most:
            yield batch
            batch = []
    if batch:
        yield batch


def write(stretch: Stretch, batch: Sequence[Share]) -> int:
    """Write a batch's acts in a stretch of time, unless they are there; returns how many lines
    they have.

    Raises Refusal where these people cannot study so much.
    """
    campaign = Programme.objects.get(pk=stretch.programme)
    planned = _planned(campaign, stretch, _groups(batch))
    acts = [act for act in planned if stretch.holds(act)]
    if not acts:
        return 0
    requests = city_writing.asked(acts)
    there = Posting.objects.filter(programme=campaign, kind__in=["session", "log"], revision=1)
    with hands.turn(), transaction.atomic():
        # Of a seed that was killed one process may still be at it.
        Organization.objects.select_for_update().get(pk=batch[0].host)
        if there.filter(key=acts[0].key).exists():
            return sum(act.lines for act in acts)
        return city_writing.write(campaign, acts, requests)


def _planned(campaign: Programme, stretch: Stretch, groups: Sequence[Group]) -> list[Act]:
    """What the groups of a batch do. What some are too few to study, others study with their
    own."""
    plans: dict[int, list[Act]] = {}
    lacking, places = 0, range(len(groups))
    for place in (*places, *places):  # all in turn, then those that may have room left
        if len(plans) == len(groups) and not lacking:
            break
        own = sum(act.lines for act in plans[place]) if place in plans else groups[place].entries
        wanted = replace(groups[place], entries=own + lacking)
        plans[place] = city_plan.acts(campaign, stretch.calendar, wanted, stretch.seed)
        lacking = wanted.entries - sum(act.lines for act in plans[place])
    if lacking:
        raise Refusal(f"这些党员学不了这么多：还差 {lacking} 条学时明细，请减少 --entries。")
    return [act for plan in plans.values() for act in plan]


def _shares(members: int, entries: int) -> Iterator[Share]:
    """The groups in order of the tree, each with its part of the entries."""
    branches: dict[int, list[int]] = defaultdict(list)
    rows = Organization.objects.branches().order_by("path").values_list("pk", "parent")
    for branch, host in rows:
        branches[host or 0].append(branch)
    heads = Member.objects.values_list("branch").annotate(n=Count("pk"))
    count, seen, given = dict(heads.order_by()), 0, 0
    for host, own in branches.items():
        seen += sum(count.get(branch, 0) for branch in own)
        share = entries * seen // members - given
        given += share
        yield Share(host, tuple(own), share)


def _groups(batch: Sequence[Share]) -> list[Group]:
    """The same with their people."""
    pks = [pk for share in batch for pk in (share.host, *share.branches)]
    places = Organization.objects.in_bulk(pks)
    people: dict[int, list[Member]] = defaultdict(list)
    rows = Member.objects.filter(branch__in=pks).order_by("number")
    for member in rows.only("pk", "key", "name", "branch_id"):
        people[member.branch_id or 0].append(member)
    secretaries = {
        row.organization_id: Actor(row.member, "secretary")
        for row in Appointment.objects.filter(
            organization__in=pks, role=Role.SECRETARY
        ).select_related("member")
    }
    return [
        Group(
            places[share.host],
            tuple(places[pk] for pk in share.branches),
            {pk: people[pk] for pk in share.branches},
            {pk: secretaries[pk] for pk in share.branches},
            share.entries,
        )
        for share in batch
    ]
