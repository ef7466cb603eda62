"""Changing units from pages: what an act would do is rehearsed first, then done as it was shown.

The rehearsal runs the real verb and takes it back, so that nothing is told that would not happen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from courses import unfinished
from courses.unfinished import Unfinished
from credits import roll_changes
from credits.models import Posting
from portal import organizations, reorganizations
from portal.audit import Actor
from portal.models import Appointment, Member, Organization, OrganizationName
from portal.querysets import below
from portal.refusals import Conflict
from portal.reorganizations import Part

RENAME, MOVE, MERGE, DIVIDE, DISSOLVE = "rename", "move", "merge", "divide", "dissolve"


class Changed(Conflict):
    """What would happen is no longer what was shown."""

    message = "刚刚有变动，下面是重新核对的结果，请看过后再确认。"


@dataclass(frozen=True)
class Plan:
    """One act on one organisation. other: the new parent, or what it is merged into."""

    act: str
    organization: Organization
    on: date
    other: Organization | None = None
    name: str = ""
    short_name: str = ""
    code: str = ""
    people: Sequence[int] = ()
    secretary: int | None = None


@dataclass(frozen=True)
class Preview:
    """What an act would do. moving: who gets another branch; below: branches and people that move
    with the organisation; ended, acting: appointments; places: unit and system before and after;
    rolls: who comes on a programme's roll or leaves it, and what the former owe;
    open: what the branch has not finished, kept: what it keeps of the past."""

    moving: Sequence[Member]
    below: tuple[int, int]
    ended: Sequence[str]
    acting: Sequence[str]
    places: Sequence[tuple[str, str, str]]
    rolls: Sequence[str]
    names: Sequence[tuple[str, date]]
    open: Unfinished
    postings: int
    warnings: Sequence[str]
    digest: str


def rehearse(plan: Plan, *, by: Actor, at: datetime) -> Preview:
    """What would come of a plan; writes nothing. Raises whatever the verb refuses."""
    with transaction.atomic():
        shown = _shown(plan, by=by, at=at)
        transaction.set_rollback(True)
    return shown


@transaction.atomic
def carry_out(plan: Plan, *, seen: str, by: Actor, at: datetime) -> Organization:
    """Do what was shown; returns the organisation to look at next.

    Raises Changed when it is no longer what was shown (`seen` is the preview's digest).
    """
    if rehearse(plan, by=by, at=at).digest != seen:
        raise Changed
    return _do(plan, by=by, at=at)


def _do(plan: Plan, *, by: Actor, at: datetime) -> Organization:
    """The verb of a plan, on rows read anew."""
    here = Organization.objects.get(pk=plan.organization.pk)
    other = Organization.objects.filter(pk=plan.other.pk).first() if plan.other else None
    if plan.act == RENAME:
        return organizations.rename(
            here, plan.name, on=plan.on, short_name=plan.short_name, by=by, at=at
        )
    if plan.act == MOVE and other:
        return organizations.move(here, other, by=by, at=at)
    if plan.act == MERGE and other:
        reorganizations.merge(here, other, on=plan.on, by=by, at=at)
        return other
    if plan.act == DIVIDE:
        people = {m.pk: m for m in Member.objects.filter(pk__in=plan.people).order_by("pk")}
        secretary = people.get(plan.secretary or 0)
        part = Part(plan.code, plan.name, list(people.values()), plan.short_name, secretary)
        return reorganizations.divide(here, [part], on=plan.on, by=by, at=at)[0]
    return reorganizations.dissolve(here, on=plan.on, by=by, at=at)


def _shown(plan: Plan, *, by: Actor, at: datetime) -> Preview:
    """Do it inside a transaction that the caller takes back, and compare."""
    here = plan.organization
    before = Organization.objects.select_related("unit", "parent").get(pk=here.pk)
    moving = _moving(plan)
    carried = _carried(before) if plan.act == MOVE else (0, 0)
    open_ = unfinished.of(before.path) if before.is_branch else unfinished.NOTHING
    held = _held(before, moving)
    on_rolls = roll_changes.of(_standings(plan, before, moving))
    result = _do(plan, by=by, at=at)
    after = Organization.objects.select_related("unit", "parent").get(pk=here.pk)
    seats = _held(before, moving)
    fresh = Appointment.objects.filter(organization=result, acting=True, until=None)
    acting = [str(a) for pk, a in seats.items() if pk not in held and a.acting]
    names = OrganizationName.objects.filter(organization=after).order_by("since")
    postings = Posting.objects.filter(book__organization=before).count() if open_.held else 0
    warnings = [w for o in _sized(plan, before, after, result) for w in _size(o)]
    if plan.act == DIVIDE and not plan.secretary and not fresh.exists():
        warnings.append(f"{plan.name}还没有支部书记，分设后请任命或由上级代管。")
    shown = Preview(
        moving=moving,
        below=carried,
        ended=[str(a) for pk, a in held.items() if pk not in seats],
        acting=acting,
        places=_places(before, after),
        rolls=roll_changes.said(on_rolls, roll_changes.of(_standings(plan, after, moving))),
        names=[(n.name, n.since) for n in names],
        open=open_,
        postings=postings,
        warnings=warnings,
        digest="",
    )
    return _sealed(plan, shown)


def _sealed(plan: Plan, shown: Preview) -> Preview:
    """With the digest of all that was shown and asked for."""
    facts = [
        plan.act, plan.organization.pk, plan.on, plan.other and plan.other.pk, plan.name,
        plan.short_name, plan.code, sorted(plan.people), plan.secretary,
        [m.pk for m in shown.moving], shown.below, shown.ended, shown.acting, shown.places,
        shown.rolls, shown.names, shown.open.counts, shown.open.held, shown.postings,
        shown.warnings,
    ]  # fmt: skip
    text = json.dumps(facts, default=str, ensure_ascii=False)
    values = {**vars(shown), "digest": hashlib.sha256(text.encode()).hexdigest()}
    return Preview(**values)


def _moving(plan: Plan) -> list[Member]:
    people = Member.objects.in_branch(plan.organization).order_by("number")
    if plan.act == DIVIDE:
        return list(people.filter(pk__in=plan.people))
    return list(people) if plan.act == MERGE else []


def _carried(organization: Organization) -> tuple[int, int]:
    inside = Organization.objects.standing().below(organization)
    people = Member.objects.active().filter(below(organization.path, lookup="branch__path"))
    return inside.branches().count(), people.count()


def _standings(plan: Plan, place: Organization, moving: Sequence[Member]) -> Q:
    """The standings that an act may bring on a roll or take off it."""
    if plan.act == MOVE:
        return below(place.path, lookup="branch__path")
    return Q(member__in=[m.pk for m in moving])


def _held(organization: Organization, people: Sequence[Member]) -> dict[int, Appointment]:
    """Open appointments at an organisation, and of those who move."""
    rows = Appointment.objects.filter(until=None).select_related("organization", "member")
    at_place = rows.filter(organization=organization)
    own = rows.filter(member__in=[m.pk for m in people])
    return {a.pk: a for a in (*at_place.order_by("pk"), *own.order_by("pk"))}


def _places(before: Organization, after: Organization) -> list[tuple[str, str, str]]:
    """What changes about where it stands: (what, before, after)."""
    pairs = [
        ("名称", before.name, after.name),
        ("上级", str(before.parent or ""), str(after.parent or "")),
        ("所属单位", str(before.unit or ""), str(after.unit or "")),
        ("系统", before.get_cohort_display(), after.get_cohort_display()),
    ]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _sized(
    plan: Plan, before: Organization, after: Organization, result: Organization
) -> list[Organization]:
    """Organisations whose size changes, as they would be."""
    changed: dict[str, list[Organization | None]] = {
        MOVE: [before.parent, after.parent],
        DIVIDE: [after, result],
        MERGE: [result],
    }
    return [o for o in changed.get(plan.act, []) if o]


def _size(organization: Organization) -> list[str]:
    people = Member.objects.active().filter(below(organization.path, lookup="branch__path"))
    full = people.filter(status=Member.Status.FULL).count()
    return reorganizations.size_warnings(
        organization.short_name, organization.kind, full=full, people=people.count()
    )
