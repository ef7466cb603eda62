"""Verbs on mobile members' (流动党员) stays away: register, mend, report in, contact, end.

A mobile member is away for six months or more without a transfer of membership: the home branch
keeps the membership and counts the person, the host helps. Who transfers the membership to where
they live is mobile no more; `portal.members` ends the stay with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal import audit
from portal.audit import Actor
from portal.models import AuditEvent, Member, MobileStay, Organization
from portal.refusals import Refusal

WHO = "外出六个月以上、组织关系不转的，登记为流动党员"
QUARTER = timedelta(days=92)  # who was not contacted for so long stands on the list
Ended = MobileStay.Ended
REGION = re.compile(r"[\u4e00-\u9fff·\s]{2,40}")
# Streets and houses; 路桥区 of 台州 and 路南区, 路北区 of 唐山 are districts.
TOO_EXACT = re.compile(r"路(?!桥区|南区|北区)|[街巷号栋幢室]|小区|大厦|胡同|弄堂|新村")


class BadStay(Refusal):
    """What was entered of a stay contradicts itself or what is known."""


class AlreadyAway(Refusal):
    """Somebody is registered as away already."""


class AlreadyBack(Refusal):
    """The stay has ended."""

    message = "这次外出已经结束，请刷新后再看。"


@dataclass(frozen=True)
class Away:
    """What is known of a stay. region: province, city or county only. host: the receiving
    organisation where it is in the tree; host_name: as text, where it is not. expected_until: when
    the member means to be back."""

    since: date
    region: str
    reason: str
    host: Organization | None = None
    host_name: str = ""
    contact: Member | None = None
    last_contact_on: date | None = None
    expected_until: date | None = None


@transaction.atomic
def register(member: Member, away: Away, *, by: Actor, at: datetime) -> MobileStay:
    """Register that somebody lives away; the same once more changes nothing.

    Raises AlreadyAway with another open stay, BadStay for days that meet an earlier stay or are
    still to come, for a region that is an address, for somebody who belongs to no branch.
    """
    person = _locked(member)
    if person.branch is None:
        raise BadStay(f"{person.name}不在任何党支部的名册里，不能登记外出。")
    values = checked(person, away, today=timezone.localdate(at))
    there = person.mobile_stays.open().first()
    if there is not None:
        if all(getattr(there, name) == value for name, value in values.items()):
            return there
        raise AlreadyAway(f"{person.name}自 {there.since} 起已登记外出（{there.region}）。")
    stay = MobileStay(member=person, **values)
    _check_apart(stay)
    stay.save()
    _record(stay, "登记外出", by=by, at=at)
    return stay


@transaction.atomic
def mend(stay: MobileStay, away: Away, *, by: Actor, at: datetime) -> MobileStay:
    """Correct what is registered of a stay. Another host has not seen the member report in yet.

    Raises as `register`, and AlreadyBack for a stay that has ended.
    """
    row = _open(stay)
    values = checked(row.member, away, today=timezone.localdate(at))
    values["last_contact_on"] = max(
        (d for d in (row.last_contact_on, away.last_contact_on) if d), default=None
    )
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    if not changed:
        return row
    for name in changed:
        setattr(row, name, values[name])
    if {"host", "host_name"} & set(changed):
        row.reported_on = None
        changed.append("reported_on")
    elif row.reported_on and row.reported_on < row.since:
        raise BadStay(f"{row.reported_on} 已在流入地报到，外出时间不能更晚。", field="since")
    _check_apart(row)
    row.save(update_fields=changed)
    _record(row, "外出信息更正", by=by, at=at, detail={"fields": sorted(changed)})
    return row


@transaction.atomic
def report_in(stay: MobileStay, *, on: date, by: Actor, at: datetime) -> MobileStay:
    """Note that a member reported in at the host, which is contact, too; once is enough.

    Raises BadStay for a day before the stay or to come, and without a host; AlreadyBack.
    """
    row = _open(stay)
    if row.reported_on:
        return row
    if not row.host_name:
        raise BadStay("请先登记流入地党组织。", field="host_name")
    _check_day(row, on, at=at, what="报到日期")
    row.reported_on = on
    row.last_contact_on = max(on, row.last_contact_on or on)
    row.save(update_fields=["reported_on", "last_contact_on"])
    _record(row, "在流入地报到", by=by, at=at)
    return row


@transaction.atomic
def contacted(stays: Sequence[MobileStay], *, on: date, by: Actor, at: datetime) -> int:
    """Note that mobile members were contacted on a day, all or none; returns for how many that is
    news. A contact later than that stays. Raises BadStay for a day before a stay or to come."""
    rows = MobileStay.objects.select_for_update(of=("self",)).filter(pk__in=[s.pk for s in stays])
    news = []
    for row in rows.select_related("member__branch").order_by("pk"):
        if row.until is not None:
            raise AlreadyBack(f"{row.member.name}的这次外出已经结束，请刷新后再看。")
        _check_day(row, on, at=at, what="联系日期")
        if row.last_contact_on is None or row.last_contact_on < on:
            row.last_contact_on = on
            news.append(row)
    MobileStay.objects.bulk_update(news, ["last_contact_on"], batch_size=500)
    audit.record_many(_event(row, f"联系流动党员（{on}）", by=by, at=at) for row in news)
    return len(news)


@transaction.atomic
def end(
    stay: MobileStay, *, on: date, by: Actor, at: datetime, how: str = Ended.RETURNED
) -> MobileStay:
    """End a stay: the member is back, or it was registered by mistake. The same once more changes
    nothing. Raises BadStay for a day before the stay began, before the member reported in, or to
    come; AlreadyBack where it ended otherwise."""
    row = _lock(stay)
    if row.until is not None:
        if (row.until, row.ended) == (on, how):
            return row
        raise AlreadyBack
    _check_day(row, on, at=at, what="结束日期")
    if row.reported_on and on < row.reported_on:
        raise BadStay(f"{row.reported_on} 还在流入地报到，结束日期不能更早。", field="on")
    row.until, row.ended = on, how
    row.save(update_fields=["until", "ended"])
    _record(row, f"外出结束（{Ended(how).label}）", by=by, at=at)
    return row


def end_with(gone: Mapping[int, date], how: str) -> None:
    """End the open stays of people whose membership ended or moved on a day, by the members' ids;
    called by `portal.members`, whose own events tell of it."""
    rows = list(MobileStay.objects.open().filter(member__in=list(gone)).order_by("pk"))
    for row in rows:
        row.until = max(gone[row.member_id], row.since, row.reported_on or row.since)
        row.ended = how
    MobileStay.objects.bulk_update(rows, ["until", "ended"], batch_size=500)


def hand_on(source: Organization, into: Organization, *, by: Actor, at: datetime) -> None:
    """Let a branch host whom the branch merged into it hosts; who belongs to it by now is hosted
    by nobody. Called by `portal.reorganizations` when the members have moved over."""
    rows = MobileStay.objects.select_for_update(of=("self",)).open()
    rows = rows.filter(host__in=[source, into]).select_related("member__branch").order_by("pk")
    moved = [row for row in rows if row.host_id == source.pk or row.member.branch_id == into.pk]
    for row in moved:
        if row.member.branch_id == into.pk:
            row.host, row.host_name, row.reported_on = None, "", None
        else:
            row.host, row.host_name = into, into.name
    MobileStay.objects.bulk_update(moved, ["host", "host_name", "reported_on"], batch_size=500)
    what = f"的流入地党组织{source}并入{into}"
    audit.record_many(_event(row, what, by=by, at=at) for row in moved)


def host_named(text: str) -> Organization | None:
    """The standing organisation that a text names by code, full or short name, if it is one."""
    wanted = text.strip()
    named = Q(code=wanted) | Q(name=wanted) | Q(short_name=wanted)
    found = list(Organization.objects.standing().filter(named)[:2]) if wanted else []
    return found[0] if len(found) == 1 else None


def region_of(text: str) -> str:
    """A region as it is kept. Raises BadStay for an address: province, city and county suffice."""
    said = " ".join(text.split())
    if not REGION.fullmatch(said) or TOO_EXACT.search(said):
        raise BadStay(
            "流入地只写到省、市、县（区），例如“广东省深圳市宝安区”，不写门牌。", field="region"
        )
    return said


def checked(member: Member, away: Away, *, today: date) -> dict[str, object]:
    """The values of a stay by field, as they are kept. Raises BadStay."""
    if away.since > today:
        raise BadStay("外出时间还没有到。", field="since")
    if away.expected_until and away.expected_until < away.since:
        raise BadStay("预计返回不能早于外出时间。", field="expected_until")
    region = region_of(away.region)
    if away.host is not None and away.host == member.branch:
        raise BadStay("流入地党组织不能是本人所在的党支部。", field="host_name")
    if away.contact is not None and away.contact == member:
        raise BadStay("联系人不能是本人。", field="contact")
    last = away.last_contact_on
    if last and not away.since <= last <= today:
        raise BadStay("最近联系的日期要在外出以后，不晚于今天。", field="last_contact_on")
    return {
        "since": away.since,
        "region": region,
        "reason": MobileStay.Reason(away.reason),
        "host": away.host,
        "host_name": away.host.name if away.host else away.host_name.strip(),
        "contact": away.contact,
        "last_contact_on": last,
        "expected_until": away.expected_until,
    }


def _check_apart(stay: MobileStay) -> None:
    """Stays of one person follow one another; one that was a mistake never was."""
    others = MobileStay.objects.filter(member=stay.member).exclude(pk=stay.pk)
    met = others.exclude(ended=Ended.MISTAKE).filter(until__gt=stay.since).first()
    if met is not None:
        raise BadStay(
            f"{stay.member.name} {met.since} 至 {met.until} 已登记在{met.region}，时间重叠。",
            field="since",
        )


def _check_day(stay: MobileStay, day: date, *, at: datetime, what: str) -> None:
    if day < stay.since:
        name = stay.member.name
        raise BadStay(f"{name} {stay.since} 才外出，{what}不能更早。", field="on")
    if day > timezone.localdate(at):
        raise BadStay(f"{what}还没有到。", field="on")


def _locked(member: Member) -> Member:
    people = Member.objects.select_for_update(of=("self",), no_key=True)
    return people.select_related("branch").get(pk=member.pk)


def _lock(stay: MobileStay) -> MobileStay:
    _locked(stay.member)
    rows = MobileStay.objects.select_for_update(of=("self",))
    return rows.select_related("member__branch", "host", "contact").get(pk=stay.pk)


def _open(stay: MobileStay) -> MobileStay:
    row = _lock(stay)
    if row.until is not None:
        raise AlreadyBack
    return row


def _event(stay: MobileStay, what: str, *, by: Actor, at: datetime) -> AuditEvent:
    subject = f"{stay.member.name}{what}"
    branch = stay.member.branch
    return audit.event(AuditEvent.Event.MEMBERSHIP, by=by, at=at, on=branch, subject=subject)


def _record(
    stay: MobileStay,
    what: str,
    *,
    by: Actor,
    at: datetime,
    detail: Mapping[str, object] | None = None,
) -> None:
    event = _event(stay, what, by=by, at=at)
    event.detail = dict(detail or {})
    event.save(force_insert=True)
