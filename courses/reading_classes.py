"""Verbs on reading classes: found one with its sessions, enrol, end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from courses import sessions
from courses.models import Enrolment, ReadingClass, StudySession
from courses.sessions import Plan
from credits.models import Programme, Standing
from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, Organization
from portal.querysets import below
from portal.refusals import Refusal

State = ReadingClass.State
ORGANISERS = (Organization.Kind.BRANCH, Organization.Kind.GENERAL)


class BadClass(Refusal):
    """The class does not fit its organiser or its programme."""


@dataclass(frozen=True)
class Short:
    """Somebody who did not complete, with the number missing and why."""

    member: Member
    shortfall: int
    reason: str = ""


@transaction.atomic
def found(
    programme: Programme,
    organiser: Organization,
    *,
    name: str,
    plans: Sequence[Plan],
    starts: date,
    ends: date,
    by: Actor,
    at: datetime,
    leader: Member | None = None,
    key: str = "",
    also: Sequence[Programme] = (),
) -> ReadingClass:
    """Found a class: the branch's members are enrolled at once, the sessions laid out; they count
    for its programme, and `also` for others.

    Raises BadClass for an organiser that is neither branch nor general branch or days that
    contradict themselves; BadTime for a session's times.
    """
    if organiser.kind not in ORGANISERS:
        raise BadClass("读书班由党支部或党总支举办。", field="organiser")
    if ends < starts:
        raise BadClass("结班日期要不早于开班日期。", field="ends")
    if programme.is_over:
        raise BadClass(f"{programme}{programme.get_state_display()}，不能再建读书班。")
    reading_class = ReadingClass.objects.create(
        key=key or get_random_string(20),
        programme=programme,
        organiser=organiser,
        name=name.strip(),
        leader=leader,
        starts=starts,
        ends=ends,
        made_by=by.member,
        made_at=at,
    )
    people = Member.objects.active().filter(below(organiser.path, lookup="branch__path"))
    _enrol(reading_class, people.values_list("pk", flat=True), since=starts)
    counted = [programme, *also]
    sessions.schedule_many(organiser, counted, plans, by=by, at=at, reading_class=reading_class)
    audit.record(
        AuditEvent.Event.CLASS, by=by, at=at, on=organiser, subject=f"建班：{reading_class}"
    )
    return reading_class


def counted(reading_class: ReadingClass) -> list[str]:
    """Codes of the programmes that a class's sessions count for: those of its newest session, its
    own before there is one."""
    newest = reading_class.sessions.order_by("-pk").first()
    codes = newest.programmes.order_by("pk").values_list("code", flat=True) if newest else ()
    return list(codes) or [reading_class.programme.code]


@transaction.atomic
def enrol(
    reading_class: ReadingClass, people: Iterable[Member], *, by: Actor, at: datetime
) -> list[Enrolment]:
    """Add people of whatever branch, leaders as ordinary members, from today on; those enrolled
    already stay as they are."""
    reading_class = _running(reading_class)
    inside = set(reading_class.enrolments.filter(until=None).values_list("member_id", flat=True))
    new = [m for m in people if m.pk not in inside and m.is_active]
    made = _enrol(reading_class, [m.pk for m in new], since=timezone.localdate(at))
    audit.record_many(
        audit.event(
            AuditEvent.Event.CLASS,
            by=by,
            at=at,
            on=reading_class.organiser,
            subject=f"{reading_class}：{m.name}入班",
        )
        for m in new
    )
    return made


@transaction.atomic
def drop(reading_class: ReadingClass, member: Member, *, by: Actor, at: datetime) -> ReadingClass:
    """Take somebody out of a class from today on; earlier sheets keep them."""
    reading_class = _running(reading_class)
    today = timezone.localdate(at)
    open_ = reading_class.enrolments.filter(member=member, until=None)
    for enrolment in open_:
        enrolment.until = max(today, enrolment.since)
        enrolment.save(update_fields=["until"])
    audit.record(
        AuditEvent.Event.CLASS,
        by=by,
        at=at,
        on=reading_class.organiser,
        subject=f"{reading_class}：{member.name}退班",
    )
    return reading_class


def newcomers(classes: Sequence[ReadingClass]) -> dict[int, list[Member]]:
    """Who joined the organiser after a class was founded and never had a place in it, by class id.

    Whoever was taken out of a class is no newcomer. Three queries, however many classes.
    """
    found = _newcomers([(c.pk, c.organiser.path) for c in classes])
    rows = Member.objects.filter(pk__in=set().union(*found.values())).select_related("branch")
    people = sorted(rows, key=lambda m: m.sort_key)
    return {pk: [m for m in people if m.pk in members] for pk, members in found.items()}


def newcomer_counts(classes: Sequence[tuple[int, str]]) -> dict[int, int]:
    """How many newcomers each class lacks, for classes given as (id, organiser's path)."""
    return {pk: len(members) for pk, members in _newcomers(classes).items()}


def _newcomers(classes: Sequence[tuple[int, str]]) -> dict[int, set[int]]:
    """The same by id, for classes given as (id, organiser's path)."""
    found: dict[int, set[int]] = {pk: set() for pk, _ in classes}
    if not classes:
        return found
    places = Enrolment.objects.filter(reading_class__in=found)
    placed = set(places.order_by().values_list("reading_class", "member"))
    where = reduce(or_, (below(path, lookup="branch__path") for _, path in classes))
    people = Member.objects.active().filter(where).order_by().values_list("pk", "branch__path")
    for member, path in people:
        for pk, organiser in classes:
            if path.startswith(organiser) and (pk, member) not in placed:
                found[pk].add(member)
    return found


def short_of(reading_class: ReadingClass) -> list[Short]:
    """Who of the class has not completed, by name; the exempt are not short."""
    enrolled = reading_class.enrolments.filter(until=None).values("member")
    rows = Standing.objects.filter(programme=reading_class.programme, member__in=enrolled)
    short = rows.short().select_related("member__branch").order_by("member__name", "member__number")
    return [Short(row.member, row.shortfall) for row in short]


@transaction.atomic
def end(
    reading_class: ReadingClass, *, reasons: dict[int, str], by: Actor, at: datetime
) -> ReadingClass:
    """End a class: as completed only where nobody is short, else with each one's reason.

    Raises Refusal while sessions are open, or where a reason is missing.
    """
    reading_class = _running(reading_class)
    open_ = reading_class.sessions.filter(
        state__in=[StudySession.State.PLANNED, StudySession.State.OPEN]
    )
    if open_.exists():
        raise Refusal(f"还有 {open_.count()} 次活动没有记学时或取消，不能结班。")
    short = short_of(reading_class)
    without = [s.member.name for s in short if not reasons.get(s.member.pk, "").strip()]
    if without:
        raise Refusal(f"请写明未学满的原因：{'、'.join(without[:5])}。", field="reasons")
    reading_class.short = [
        {
            "member": s.member.pk,
            "name": s.member.name,
            "shortfall": s.shortfall,
            "reason": reasons[s.member.pk].strip()[:100],
        }
        for s in short
    ]
    reading_class.state = State.ENDED if short else State.COMPLETED
    reading_class.ended_at = at
    reading_class.save(update_fields=["state", "ended_at", "short"])
    audit.record(
        AuditEvent.Event.CLASS,
        by=by,
        at=at,
        on=reading_class.organiser,
        subject=f"{reading_class}：{reading_class.get_state_display()}",
    )
    return reading_class


def _running(reading_class: ReadingClass) -> ReadingClass:
    rows = ReadingClass.objects.select_for_update(of=("self",), no_key=True)
    found_ = rows.select_related("organiser", "programme").get(pk=reading_class.pk)
    if found_.state != State.RUNNING:
        raise Refusal(f"读书班{found_.get_state_display()}，不能再改。")
    return found_


def _enrol(reading_class: ReadingClass, members: Iterable[int], *, since: date) -> list[Enrolment]:
    return Enrolment.objects.bulk_create(
        Enrolment(reading_class=reading_class, member_id=member, since=since) for member in members
    )
