"""What the rows of a list of mobile members would do: register, mend, end, nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from portal import mobile_stays
from portal.access import Capability, Scope
from portal.mobile_stays import Away
from portal.models import Member, MobileStay
from portal.people_in import cells
from portal.people_in.cells import BadCell, tight
from portal.people_in.headings import LABELS
from portal.people_in.model import Entry, Preview, StayLine, Table, distinct
from portal.people_in.rows import RowReader, WrongRow
from portal.refusals import Refusal

CHUNK = 900
T = TypeVar("T")
Reason = MobileStay.Reason
REASONS = (
    (Reason.WORK, r"务工|打工|就业|工作|劳务"),
    (Reason.BUSINESS, r"经商|创业|个体|生意"),
    (Reason.STUDY, r"学习|求学|读书|上学|培训|进修"),
    (Reason.FAMILY, r"随亲|随迁|随子女|照顾|照料|探亲|投亲|居住|养老"),
    (Reason.OTHER, r"其他|其它"),
)
NONE = re.compile(r"无|没有|-|—|/")


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
    until: date | None


def plan(table: Table, *, scope: Scope | None, at: datetime) -> Preview:
    """The preview of a list of mobile members for somebody with `scope` (None: the whole)."""
    return _Plan(table, scope, at).preview()


class _Plan(RowReader):
    capability = Capability.MANAGE_PEOPLE
    labels = LABELS

    def preview(self) -> Preview:
        wanted = list(self._once(w for e in self.table.entries if (w := self._parse(e))))
        people = _people({w.number for w in wanted} | {w.contact for w in wanted if w.contact})
        stays = _stays(people.values())
        lines = [line for w in wanted if (line := self._line(w, people, stays))]
        return Preview(
            self.table.kind, tuple(lines), self.problems.in_order, distinct(self.warnings)
        )

    # --- one row, read ------------------------------------------------------------------

    def _parse(self, entry: Entry) -> Wanted | None:
        self._begin(entry)
        parsed = Wanted(
            entry,
            self._cell(entry, "number", self._number(entry, "number"), must="请填写党员编号。"),
            self._cell(entry, "name", lambda t: cells.name_of(t).text, must="请填写姓名。"),
            self._cell(entry, "since", self._day) or None,
            self._cell(entry, "region", _region),
            self._cell(entry, "reason", _reason),
            self._cell(entry, "host", _unless_none),
            self._cell(entry, "contact", self._number(entry, "contact")),
            self._cell(entry, "last_contact_on", self._day) or None,
            self._cell(entry, "reported_on", self._day) or None,
            self._cell(entry, "until", self._day) or None,
        )
        return None if self._bad else parsed

    def _number(self, entry: Entry, name: str) -> Callable[[str], str]:
        return lambda text: (
            "" if NONE.fullmatch(text) else cells.number_of(text, numeric=name in entry.numeric)
        )

    def _once(self, wanted: Iterable[Wanted]) -> Iterable[Wanted]:
        seen: dict[str, int] = {}
        for w in wanted:
            if w.number in seen:
                bad = BadCell(f"与第 {seen[w.number]} 行是同一位党员，请只留一行。")
                self._problem(w.entry, "number", bad)
                continue
            seen[w.number] = w.entry.row
            yield w

    # --- what it would do ---------------------------------------------------------------

    def _line(
        self, w: Wanted, people: dict[str, Member], stays: dict[int, MobileStay]
    ) -> StayLine | None:
        try:
            member = self._member(w, people)
            contact = None
            if w.contact:
                contact = people.get(w.contact)
                if contact is None:
                    raise WrongRow("contact", f"没有编号为 {w.contact} 的在册党员。")
            return self._act(w, member, contact, stays.get(member.pk))
        except WrongRow as wrong:
            self._problem(w.entry, wrong.field, BadCell(wrong.message))
        except Refusal as refusal:
            field = {"host_name": "host", "on": "until"}.get(refusal.field or "", refusal.field)
            self._problem(w.entry, field or "number", BadCell(refusal.message))
        return None

    def _member(self, w: Wanted, people: dict[str, Member]) -> Member:
        member = people.get(w.number)
        if member is None or member.branch is None or not self._covers(member.branch):
            hint = "编号前面的 0 可能被 Excel 去掉了。" if "number" in w.entry.numeric else ""
            raise WrongRow("number", f"您的范围内没有编号为 {w.number} 的在册党员。{hint}")
        if tight(member.name) != tight(w.name):
            raise WrongRow("name", f"编号 {w.number} 是{member.name}，与姓名不符，请核对。")
        return member

    def _act(
        self, w: Wanted, member: Member, contact: Member | None, stay: MobileStay | None
    ) -> StayLine:
        open_ = stay if stay is not None and stay.until is None else None
        if w.until and open_ is None:
            if stay is None or stay.until != w.until:
                raise WrongRow("until", f"{member.name}没有登记外出，不能登记返回。")
            return _made(w, "same", member, _of(stay), stay)
        away = Away(
            since=_or(w.since, open_.since if open_ else None, "since", "请填写外出时间。"),
            region=_or(w.region, open_.region if open_ else None, "region", "请填写流入地。"),
            reason=_or(w.reason, open_.reason if open_ else None, "reason", "请填写外出原因。"),
            host=mobile_stays.host_named(w.host) if w.host else (open_.host if open_ else None),
            host_name=w.host or (open_.host_name if open_ else ""),
            contact=contact or (open_.contact if open_ else None),
            last_contact_on=w.last_contact_on or (open_.last_contact_on if open_ else None),
        )
        values = mobile_stays.checked(member, away, today=self.today)
        if w.reported_on and w.reported_on < away.since:
            raise WrongRow("reported_on", "报到日期不能早于外出时间。")
        if w.reported_on and not away.host_name:
            raise WrongRow("reported_on", "写了报到日期，请写明流入地党组织。")
        if open_ is None and stay is not None and stay.until and stay.until > away.since:
            raise WrongRow("since", f"{stay.since} 至 {stay.until} 已登记外出，时间重叠。")
        if open_ is None:
            return _made(w, "create", member, away, None)
        if w.until:
            if w.until < max(open_.since, w.reported_on or open_.reported_on or open_.since):
                raise WrongRow("until", "返回时间不能早于外出和报到的日期。")
            changes = {"until": ("", str(w.until))}
            return _made(w, "back", member, _of(open_), open_, changes)
        changes = {
            LABEL_OF[name]: (_shown(name, getattr(open_, name)), _shown(name, value))
            for name, value in values.items()
            if name in LABEL_OF and getattr(open_, name) != value
        }
        moved = values["host"] != open_.host or values["host_name"] != open_.host_name
        if w.reported_on and (moved or not open_.reported_on):
            changes["reported_on"] = ("", str(w.reported_on))
        return _made(w, "update" if changes else "same", member, away, open_, changes)


LABEL_OF = {
    "since": "since", "region": "region", "reason": "reason", "host_name": "host",
    "contact": "contact", "last_contact_on": "last_contact_on",
}  # fmt: skip


def _made(
    w: Wanted,
    action: str,
    member: Member,
    away: Away,
    stay: MobileStay | None,
    changes: dict[str, tuple[str, str]] | None = None,
) -> StayLine:
    return StayLine(
        row=w.entry.row,
        sheet=w.entry.sheet,
        action=action,
        number=member.number,
        name=member.name,
        branch=member.branch,
        member=member,
        away=away,
        stay=stay,
        reported_on=w.reported_on,
        until=w.until,
        changes=changes or {},
    )


def _of(stay: MobileStay) -> Away:
    return Away(
        stay.since, stay.region, stay.reason, stay.host, stay.host_name, stay.contact,
        stay.last_contact_on,
    )  # fmt: skip


def _people(numbers: set[str]) -> dict[str, Member]:
    found: dict[str, Member] = {}
    wanted = sorted(numbers)
    for start in range(0, len(wanted), CHUNK):
        rows = Member.objects.active().filter(number__in=wanted[start : start + CHUNK])
        found |= {m.number: m for m in rows.select_related("branch")}
    return found


def _stays(people: Iterable[Member]) -> dict[int, MobileStay]:
    """The newest stay of each, the open one where there is one."""
    found: dict[int, MobileStay] = {}
    ids: Sequence[int] = sorted(m.pk for m in people)
    for start in range(0, len(ids), CHUNK):
        rows = MobileStay.objects.filter(member__in=ids[start : start + CHUNK])
        for stay in rows.select_related("host", "contact", "member").order_by("since", "pk"):
            if stay.ended != MobileStay.Ended.MISTAKE:
                found[stay.member_id] = stay
    return found


def _or(said: T | None, known: T | None, field: str, must: str) -> T:
    """What a row says, else what is known already."""
    value = said or known
    if not value:
        raise WrongRow(field, must)
    return value


def _region(text: str) -> str:
    try:
        return mobile_stays.region_of(text)
    except Refusal as refusal:
        raise BadCell(refusal.message) from refusal


def _reason(text: str) -> str:
    for value, pattern in REASONS:
        if re.search(pattern, tight(text)):
            return str(value)
    raise BadCell(f"不认识这个原因，请填写：{'、'.join(Reason.labels)}。")


def _unless_none(text: str) -> str:
    if len(text) > 80:
        raise BadCell("最多 80 个字，请写简短些。")
    return "" if NONE.fullmatch(text) else text


def _shown(name: str, value: object) -> str:
    if name == "reason":
        return Reason(str(value)).label
    return str(value or "")
