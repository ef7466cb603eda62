"""Which member and which stay a row of a list of mobile members tells of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from portal.models import Member, MobileStay
from portal.people_in.model import Entry
from portal.people_in.rows import WrongRow

CHUNK = 900
Ended = MobileStay.Ended


@dataclass(frozen=True)
class Wanted:
    """What a row says, parsed; None and empty mean that it says nothing."""

    entry: Entry
    number: str
    name: str
    since: date | None
    region: str
    reason: str
    host: str
    contact: str
    last_contact_on: date | None
    reported_on: date | None
    expected_until: date | None
    until: date | None


def people(numbers: set[str]) -> dict[str, Member]:
    """Members on the register by number."""
    found: dict[str, Member] = {}
    wanted = sorted(numbers)
    for start in range(0, len(wanted), CHUNK):
        rows = Member.objects.active().filter(number__in=wanted[start : start + CHUNK])
        found |= {m.number: m for m in rows.select_related("branch")}
    return found


def stays(people: Iterable[Member]) -> dict[int, list[MobileStay]]:
    """The stays of each, the newest last."""
    found: dict[int, list[MobileStay]] = {}
    ids: Sequence[int] = sorted(m.pk for m in people)
    for start in range(0, len(ids), CHUNK):
        rows = MobileStay.objects.filter(member__in=ids[start : start + CHUNK])
        for stay in rows.select_related("host", "contact", "member").order_by("since", "pk"):
            found.setdefault(stay.member_id, []).append(stay)
    return found


def of_member(member: Member | None, stays: dict[int, list[MobileStay]]) -> Sequence[MobileStay]:
    return stays.get(member.pk, ()) if member else ()


def told(w: Wanted, stays: Sequence[MobileStay]) -> MobileStay | None:
    """The stay that has ended and of which a row tells, by the days of leaving and returning. A row
    without the day of leaving tells of the last one, unless somebody is away."""
    if w.until is None:
        return None
    days = w.since or (stays[-1].since if stays and stays[-1].until else None)
    return next((s for s in reversed(stays) if (s.since, s.until) == (days, w.until)), None)


def contact(w: Wanted, people: dict[str, Member], open_: MobileStay | None) -> Member | None:
    """The contact person of a row; who is so already may have left the register."""
    if open_ and open_.contact and open_.contact.number == w.contact:
        return open_.contact
    if w.contact and w.contact not in people:
        raise WrongRow("contact", f"没有编号为 {w.contact} 的在册党员。")
    return people.get(w.contact)


def unlike(w: Wanted, stay: MobileStay) -> list[str]:
    """Fields in which a row says something else than its stay."""
    host, contact, last = stay.host, stay.contact, stay.last_contact_on
    called = {stay.host_name, *((host.code, host.name, host.short_name) if host else ())}
    differs = {
        "region": w.region and w.region != stay.region,
        "reason": w.reason and w.reason != stay.reason,
        "host": w.host and w.host not in called,
        "contact": w.contact and w.contact != (contact.number if contact else ""),
        # An earlier contact is no news.
        "last_contact_on": w.last_contact_on and (last is None or w.last_contact_on > last),
        "reported_on": w.reported_on and w.reported_on != stay.reported_on,
        "expected_until": w.expected_until and w.expected_until != stay.expected_until,
    }
    return [name for name, does in differs.items() if does]


def check_back(
    w: Wanted, member: Member, open_: MobileStay | None, stays: Sequence[MobileStay]
) -> None:
    """Raise WrongRow where a row ends another stay than the one that is open."""
    for stay in stays:
        if stay.until and stay.since == w.since and stay.ended != Ended.MISTAKE:
            text = f"{stay.since} 起的外出已于 {stay.until} 结束，返回时间不能再改。"
            raise WrongRow("until", f"{member.name} {text}")
    if open_ is None:
        raise WrongRow("until", f"{member.name}没有登记外出，不能登记返回。")
    if w.since and w.since != open_.since:
        text = f"登记的外出时间是 {open_.since}，与表中不同，请核对是哪一次返回。"
        raise WrongRow("since", f"{member.name}{text}")
