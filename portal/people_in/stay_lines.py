"""What the rows of a list of mobile members would do: register, mend, end, nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from portal import mobile_stays
from portal.access import Capability, Scope
from portal.mobile_stays import Away
from portal.models import Member, MobileStay
from portal.people_in import cells, stay_matching
from portal.people_in.cells import BadCell, tight
from portal.people_in.headings import LABELS
from portal.people_in.model import Entry, Preview, StayLine, Table, distinct
from portal.people_in.rows import RowReader, WrongRow
from portal.people_in.stay_matching import Wanted
from portal.refusals import Refusal

T = TypeVar("T")
Reason, Ended = MobileStay.Reason, MobileStay.Ended
REASONS = (
    (Reason.WORK, r"务工|打工|就业|工作|劳务"),
    (Reason.BUSINESS, r"经商|创业|个体|生意"),
    (Reason.STUDY, r"学习|求学|读书|上学|培训|进修"),
    (Reason.FAMILY, r"随亲|随迁|随子女|照顾|照料|探亲|投亲|居住|养老"),
    (Reason.OTHER, r"其他|其它"),
)
NONE = re.compile(r"无|没有|-|—|/")


def plan(table: Table, *, scope: Scope | None, at: datetime) -> Preview:
    """The preview of a list of mobile members for somebody with `scope` (None: the whole)."""
    return _Plan(table, scope, at).preview()


class _Plan(RowReader):
    capability = Capability.MANAGE_PEOPLE
    labels = LABELS

    def preview(self) -> Preview:
        wanted = [w for entry in self.table.entries if (w := self._parse(entry))]
        numbers = {w.number for w in wanted} | {w.contact for w in wanted if w.contact}
        people = stay_matching.people(numbers)
        stays = stay_matching.stays(people.values())
        once = self._once(wanted, lambda w: stay_matching.of_member(people.get(w.number), stays))
        lines = [line for w in once if (line := self._line(w, people, stays))]
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
            self._cell(entry, "expected_until", self._day_to_come) or None,
            self._cell(entry, "until", self._day) or None,
        )
        return None if self._bad else parsed

    def _number(self, entry: Entry, name: str) -> Callable[[str], str]:
        return lambda text: (
            "" if NONE.fullmatch(text) else cells.number_of(text, numeric=name in entry.numeric)
        )

    def _day_to_come(self, text: str) -> date:
        return cells.day_of(text, today=self.today)

    def _once(
        self, wanted: Iterable[Wanted], stays_of: Callable[[Wanted], Sequence[MobileStay]]
    ) -> Iterable[Wanted]:
        """One row a member, beside those that tell of stays that have ended."""
        seen: dict[str, int] = {}
        for w in wanted:
            if stay_matching.told(w, stays_of(w)):
                yield w
                continue
            if w.number in seen:
                bad = BadCell(f"与第 {seen[w.number]} 行是同一位党员，请只留一行。")
                self._problem(w.entry, "number", bad)
                continue
            seen[w.number] = w.entry.row
            yield w

    # --- what it would do ---------------------------------------------------------------

    def _line(
        self, w: Wanted, people: dict[str, Member], stays: dict[int, list[MobileStay]]
    ) -> StayLine | None:
        try:
            member = self._member(w, people)
            own = stay_matching.of_member(member, stays)
            if told := stay_matching.told(w, own):
                self._passed_over(w, told)
                return _made(w, "same", member, _of(told), told)
            open_ = next((stay for stay in own if stay.until is None), None)
            return self._act(w, member, stay_matching.contact(w, people, open_), open_, own)
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
        self,
        w: Wanted,
        member: Member,
        contact: Member | None,
        open_: MobileStay | None,
        stays: Sequence[MobileStay],
    ) -> StayLine:
        """What a row would do that tells of no stay that has ended; stays: all of the member's."""
        if w.until:
            stay_matching.check_back(w, member, open_, stays)
        away = Away(
            since=_or(w.since, open_.since if open_ else None, "since", "请填写外出时间。"),
            region=_or(w.region, open_.region if open_ else None, "region", "请填写流入地。"),
            reason=_or(w.reason, open_.reason if open_ else None, "reason", "请填写外出原因。"),
            host=mobile_stays.host_named(w.host) if w.host else (open_.host if open_ else None),
            host_name=w.host or (open_.host_name if open_ else ""),
            contact=contact or (open_.contact if open_ else None),
            last_contact_on=self._last_contact(w, member, open_),
            expected_until=w.expected_until or (open_.expected_until if open_ else None),
        )
        values = mobile_stays.checked(member, away, today=self.today)
        if w.reported_on and w.reported_on < away.since:
            raise WrongRow("reported_on", "报到日期不能早于外出时间。")
        if w.reported_on and not away.host_name:
            raise WrongRow("reported_on", "写了报到日期，请写明流入地党组织。")
        for stay in stays:
            if stay.until and stay.until > away.since and stay.ended != Ended.MISTAKE:
                raise WrongRow("since", f"{stay.since} 至 {stay.until} 已登记外出，时间重叠。")
        if open_ is None:
            return _made(w, "create", member, away, None)
        if w.until:
            if w.until < max(open_.since, w.reported_on or open_.reported_on or open_.since):
                raise WrongRow("until", "返回时间不能早于外出和报到的日期。")
            self._passed_over(w, open_)
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

    def _passed_over(self, w: Wanted, stay: MobileStay) -> None:
        """Say what a row about a return has beside it: a stay that ends is not mended too."""
        if unlike := stay_matching.unlike(w, stay):
            what = "、".join(f"“{LABELS[name]}”" for name in unlike)
            text = f"这一行登记返回，{what}与登记的不同，不改。"
            self.warnings.append(f"第 {w.entry.row} 行“{stay.member.name}”：{text}")

    def _last_contact(self, w: Wanted, member: Member, open_: MobileStay | None) -> date | None:
        """The later of the contacts that are known and said; an earlier one is not taken."""
        known, said = open_.last_contact_on if open_ else None, w.last_contact_on
        if known and said and said < known:
            text = f"最近联系已登记 {known}，表中的 {said} 更早，不改。"
            self.warnings.append(f"第 {w.entry.row} 行“{member.name}”：{text}")
        return max((day for day in (known, said) if day), default=None)


LABEL_OF = {
    "since": "since", "region": "region", "reason": "reason", "host_name": "host",
    "contact": "contact", "last_contact_on": "last_contact_on",
    "expected_until": "expected_until",
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
        stay.last_contact_on, stay.expected_until,
    )  # fmt: skip


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
