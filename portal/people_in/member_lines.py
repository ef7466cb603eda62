"""What the rows of a member list would do: enter, mend, transfer, take back, take off, nothing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db.models.functions import Length

from portal.access import Capability, Scope
from portal.mending import MENDABLE
from portal.models import Member, Membership, Organization
from portal.people_in import cells
from portal.people_in.cells import BadCell, Since
from portal.people_in.finding import ends_like, key
from portal.people_in.kinds import category_and_status, leaving
from portal.people_in.model import Entry, MemberLine, Preview, Table, distinct
from portal.people_in.rows import RowReader, WrongRow

CHUNK = 900
# The fields that say category and status, whichever does.
SAYING = ("status", "category", "leaving", "is_probationary", "is_full", "is_retired")
NAMED = 5  # people missing from a list who are named
LOST_ZEROS = "编号前面的 0 可能被 Excel 去掉了，请把这一列设为“文本”后补齐。"
SHOWN = {"name": "姓名", "status": "党员类别", "category": "人员类别", "phone": "手机号码",
         "joined_on": "入党时间", "group": "党小组", "branch": "党支部"}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """Somebody in the register with the open membership, or the last one that ended."""

    member: Member
    membership: Membership | None


@dataclass(frozen=True)
class Wanted:
    """What a row says, parsed; None and empty mean that it says nothing."""

    entry: Entry
    number: str
    name: str
    group: str
    status: str
    category: str
    phone: str
    joined_on: Since | None
    day: date | None
    how: str
    leaving: bool


def plan(table: Table, *, scope: Scope | None, at: datetime) -> Preview:
    """The preview of a member list for somebody with `scope` (None: the whole)."""
    return MemberReader(table, scope, at).preview()


class MemberReader(RowReader):
    """Reads rows and says what each would do; a chunk of a long list as well as a whole one."""

    capability = Capability.MANAGE_PEOPLE
    labels = SHOWN

    def __init__(self, table: Table, scope: Scope | None, at: datetime) -> None:
        super().__init__(table, scope, at)
        self.lacking_status = self.lacking_category = self.months = 0
        self.said: dict[tuple[str, ...], tuple[str, str]] = {}
        self.beginnings: dict[int, int] = {}
        self.titled: dict[str, Organization | None] = {}

    def preview(self) -> Preview:
        wanted = list(self._once(self.parsed(self.table.entries)))
        lines = self.lines(wanted)
        self.say_defaults()
        self._say_homonyms(lines)
        self._say_missing(wanted, lines)
        return Preview(
            self.table.kind, tuple(lines), self.problems.in_order, distinct(self.warnings)
        )

    def parsed(self, entries: Iterable[Entry]) -> Iterable[Wanted]:
        """The rows that can be read; what is wrong with others is among the problems."""
        return (w for w in map(self._parse, entries) if w)

    def lines(self, wanted: Sequence[Wanted]) -> list[MemberLine]:
        """What rows would do against the register as it is now."""
        return [line for _, line in self.pairs(wanted)]

    def pairs(self, wanted: Sequence[Wanted]) -> list[tuple[Entry, MemberLine]]:
        """Rows with what they would do; those that can do nothing are among the problems."""
        self.months += sum(1 for w in wanted if w.joined_on and not w.joined_on.whole)
        known = self._known(wanted)
        return [(w.entry, line) for w in wanted if (line := self._line(w, known))]

    # --- one row, read ------------------------------------------------------------------

    def _parse(self, entry: Entry) -> Wanted | None:
        self._begin(entry)
        number = self._cell(entry, "number", self._number(entry), must="请填写党员编号。")
        name = self._cell(entry, "name", self._name(entry), must="请填写姓名。")
        status, category = "", ""
        try:
            category, status = self._said(entry)
        except BadCell as bad:
            self._problem(entry, bad.args[1], bad)
        if not status and "预备" in entry.get("name"):
            status = Member.Status.PROBATIONARY
        how = self._cell(entry, "leaving", leaving)
        parsed = Wanted(
            entry,
            number,
            name,
            self._cell(entry, "group", self._group),
            status,
            category,
            self._cell(entry, "phone", self._phone),
            self._cell(entry, "joined_on", self._joined(entry)) or None,
            self._cell(entry, "day", self._day) or None,
            how,
            bool(how),
        )
        return None if self._bad else parsed

    def _said(self, entry: Entry) -> tuple[str, str]:
        """Category and status; a long list says the same few things again and again."""
        words = tuple(map(entry.get, SAYING))
        if words not in self.said or entry.hidden:
            self.said[words] = category_and_status(entry)
        return self.said[words]

    def _name(self, entry: Entry) -> Callable[[str], str]:
        def read(text: str) -> str:
            name = cells.name_of(text)
            if len(name.beside) > 1 and name.beside != "预备":
                self.warnings.append(f"第 {entry.row} 行的姓名“{text}”按“{name.text}”读取。")
            return name.text

        return read

    def _joined(self, entry: Entry) -> Callable[[str], Since]:
        numeric = "joined_on" in entry.numeric
        return lambda text: cells.joined_of(text, today=self.today, numeric=numeric)

    def _number(self, entry: Entry) -> Callable[[str], str]:
        numeric = "number" in entry.numeric
        return lambda text: cells.number_of(text, numeric=numeric)

    def _group(self, text: str) -> str:
        if len(text) > 20:
            raise BadCell("党小组名称最多 20 个字。")
        return text

    def _phone(self, text: str) -> str:
        return text if re.fullmatch(r"\d{3}\*{4}\d{4}", text) else cells.phone_of(text)

    # --- all rows together --------------------------------------------------------------

    def _once(self, wanted: Iterable[Wanted]) -> Iterable[Wanted]:
        """Two rows for one number are an error, whatever they say."""
        first: dict[str, Wanted] = {}
        for w in wanted:
            if w.number in first:
                row = first[w.number].entry.row
                self.problems.add(
                    w.entry, "number", f"与第 {row} 行的编号重复，请只留一行或改正编号。"
                )
                continue
            first[w.number] = w
            yield w

    def _known(self, wanted: Iterable[Wanted]) -> Mapping[str, Known]:
        """Those in the register under the numbers, also where Excel dropped leading zeros."""
        numbers = {w.number for w in wanted}
        digits = {n for n in numbers if n.isdigit()}
        if digits:
            numbers |= {padded for number in digits for padded in self._padded(number)}
        people: dict[int, Member] = {}
        for chunk in _chunks(sorted(numbers)):
            found = Member.objects.filter(number__in=chunk).select_related("branch")
            people |= {m.pk: m for m in found}
        last: dict[int, Membership] = {}
        for keys in _chunks(sorted(people)):
            held = Membership.objects.filter(member__in=keys).select_related("branch")
            for m in held.order_by("since", "id"):
                last[m.member_id] = m
        return {m.number: Known(m, last.get(pk)) for pk, m in people.items()}

    @cached_property
    def lengths(self) -> list[int]:
        """How long the numbers in the register are."""
        lengths = Member.objects.annotate(length=Length("number")).order_by()
        return sorted(set(lengths.values_list("length", flat=True).distinct()))

    def _padded(self, number: str) -> Iterable[str]:
        """The number with the zeros that Excel may have dropped, in every length that occurs."""
        if number.isdigit():
            yield from (number.zfill(n) for n in self.lengths if n > len(number))

    def _line(self, w: Wanted, known: Mapping[str, Known]) -> MemberLine | None:
        try:
            there = self._person(w, known)
            if there is None:
                return self._newcomer(w)
            self._check_same_person(w, there.member)
            if not there.member.is_active:
                return self._returning(w, there)
            return self._present(w, there)
        except WrongRow as wrong:
            label = SHOWN.get(wrong.field, "党员编号")
            self.problems.add(w.entry, wrong.field, wrong.message, default=label)
            return None

    def _person(self, w: Wanted, known: Mapping[str, Known]) -> Known | None:
        if w.number in known:
            return known[w.number]
        padded = [known[n] for n in self._padded(w.number) if n in known]
        same = [p for p in padded if p.member.name == w.name and self._sees(p)]
        if len(same) == 1:
            number = same[0].member.number
            self.warnings.append(
                f"第 {w.entry.row} 行的编号 {w.number} 丢了前面的 0，按 {number} 读取。"
            )
            return same[0]
        if same:
            numbers = "、".join(p.member.number for p in same[:3])
            raise WrongRow("number", f"{w.name}已有编号 {numbers}；如是同一人，请把编号改成它。")
        if ("number" in w.entry.numeric and padded) or self._zeros_expected(w):
            raise WrongRow("number", LOST_ZEROS)
        return None

    def _zeros_expected(self, w: Wanted) -> bool:
        """Whether numbers beside this one begin with 0 and are longer."""
        return w.number.isdigit() and len(w.number) < self.longest

    @cached_property
    def longest(self) -> int:
        """Digits of the longest number in the sheet that begins with 0."""
        numbers = (e.get("number") for e in self.table.entries)
        return max((len(n) for n in numbers if n.startswith("0") and n.isdigit()), default=0)

    def _lost_zeros(self, w: Wanted, branch: Organization) -> bool:
        """Whether all in the branch have longer numbers that begin with 0, and this is a number."""
        if "number" not in w.entry.numeric:
            return False
        if branch.pk not in self.beginnings:
            people = Member.objects.in_branch(branch).order_by("number")
            numbers = list(people.values_list("number", flat=True)[:50])
            zeros = all(n.startswith("0") for n in numbers) and bool(numbers)
            self.beginnings[branch.pk] = min(map(len, numbers)) if zeros else 0
        return len(w.number) < self.beginnings[branch.pk]

    def _check_same_person(self, w: Wanted, member: Member) -> None:
        if not self._sees_member(member):
            raise WrongRow(
                "number", f"编号 {w.number} 的党员不在您的范围内，请由其所在党组织办理。"
            )
        if cells.tight(member.name) != w.name and member.name != w.name:
            raise WrongRow(
                "name",
                f"编号 {w.number} 登记的是{member.name}，与表中不同。请核对编号；"
                "如是改名，请先在党员页面更正姓名。",
            )

    # --- the acts -----------------------------------------------------------------------

    def _newcomer(self, w: Wanted) -> MemberLine:
        if w.leaving:
            raise WrongRow("number", "名册里没有这个编号，不能办理离开。")
        branch = self._branch(w, None)
        if self._lost_zeros(w, branch):
            raise WrongRow("number", LOST_ZEROS)
        if not w.status and not w.category and self.table.has("status"):
            raise WrongRow("status", "请填写“正式党员”或“预备党员”。")
        self.lacking_status += not w.status
        self.lacking_category += not w.category
        return self._made(
            w,
            "create",
            branch,
            status=w.status or Member.Status.FULL,
            category=w.category or Member.Category.EMPLOYED,
        )

    def _returning(self, w: Wanted, there: Known) -> MemberLine:
        branch = there.membership.branch if there.membership else None
        if w.leaving:
            return self._made(w, "same", branch, there, day=self.today)
        branch = self._branch(w, None)
        if there.membership and (there.membership.until or self.today) > (w.day or self.today):
            raise WrongRow("day", f"{w.name}到 {there.membership.until} 才离开，日期不能更早。")
        return self._made(w, "return", branch, there, changes=self._changes(w, there))

    def _present(self, w: Wanted, there: Known) -> MemberLine:
        here = there.member.branch
        if w.leaving:
            self._check_day(w, there)
            return self._made(w, "leave", here, there, how=w.how)
        branch = self._branch(w, here)
        changes = self._changes(w, there)
        if here and branch.pk != here.pk:
            self._check_day(w, there)
            changes = {"branch": (here.name, branch.name)} | changes
            return self._made(w, "transfer", branch, there, changes=changes)
        action = "update" if changes else "same"
        return self._made(w, action, branch, there, changes=changes, day=self.today)

    def _check_day(self, w: Wanted, there: Known) -> None:
        since = there.membership.since if there.membership else self.today
        if (w.day or self.today) < since:
            raise WrongRow("day", f"{w.name}从 {since} 起才在现支部，变动日期不能更早。")

    def _branch(self, w: Wanted, now: Organization | None) -> Organization:
        entry = w.entry
        text, code = entry.get("branch"), entry.get("branch_code")
        if not text and not code:
            branch = now or self._only_branch(entry)
            if branch is None:
                raise WrongRow("branch", "请填写所在党支部的全称或编码。")
            return branch
        try:
            found = self.finder.branch(text, code=code, parent=entry.get("parent"), now=now)
        except BadCell as bad:
            raise WrongRow("branch" if text else "branch_code", str(bad)) from bad
        if found == self.finder.guessed.get(text):
            self.warnings.append(f"“{text}”按{found}读取。")
        return found

    def _only_branch(self, entry: Entry) -> Organization | None:
        """Where the sheet has no such column: the branch in its title or on its tab, or the
        viewer's only one."""
        columns = self.table.headings.get(entry.sheet, {})
        if "branch" in columns or "branch_code" in columns:
            return None
        if entry.sheet not in self.titled:
            self.titled[entry.sheet] = self._titled(self.table.titles.get(entry.sheet, ()))
        return self.titled[entry.sheet]

    def _titled(self, titles: Sequence[str]) -> Organization | None:
        reached = [
            o
            for o in self.finder.all.values()
            if o.is_branch and not o.dissolved_on and self._covers(o)
        ]
        found = [o for o in reached if any(o.name in cells.tight(t) for t in titles)]
        for title in titles:
            if not found and "支部" in title:
                head = title[: title.rindex("支部") + len("支部")]
                found = [o for o in reached if ends_like(key(o.name), key(head))]
        if len(found) > 1:  # 第一党支部 also stands in 退休第一党支部
            longest = max(len(o.name) for o in found)
            found = [o for o in found if len(o.name) == longest]
        if len(found) != 1 and (found or len(reached) != 1):
            return None
        branch = (found or reached)[0]
        self.warnings.append(f"表里没有党支部一列，新增人员编入{branch}。")
        return branch

    def _changes(self, w: Wanted, there: Known) -> dict[str, tuple[str, str]]:
        changes = {}
        for name in MENDABLE:
            new = getattr(w, name)
            old = getattr(there.member, name)
            if isinstance(new, Since):
                new = _joined_day(new, old)
            if name == "name" or not new or new == old:
                continue
            if name == "phone" and "*" in new:
                if new != f"{old[:3]}****{old[-4:]}":
                    raise WrongRow("phone", "号码有隐去的部分，请写全 11 位，或清空这一格。")
                continue
            changes[name] = (_shown(name, old), _shown(name, new))
        group = there.membership.group if there.membership else ""
        if w.group and w.group != group:
            changes["group"] = (group, w.group)
        return changes

    def _made(
        self,
        w: Wanted,
        action: str,
        branch: Organization | None,
        there: Known | None = None,
        *,
        status: str = "",
        category: str = "",
        day: date | None = None,
        how: str = "",
        changes: Mapping[str, tuple[str, str]] | None = None,
    ) -> MemberLine:
        member = there.member if there else None
        stays = there.membership if there and action in ("same", "update", "leave") else None
        if member is None and "*" in w.phone:
            raise WrongRow("phone", "号码有隐去的部分，请写全 11 位，或清空这一格。")
        phone = w.phone if w.phone and "*" not in w.phone else (member.phone if member else "")
        return MemberLine(
            row=w.entry.row,
            sheet=w.entry.sheet if self.table.has_sheets else "",
            action=action,
            number=member.number if member else w.number,
            name=member.name if member else w.name,
            branch=branch,
            group=w.group or (stays.group if stays else ""),
            status=status or w.status or (member.status if member else ""),
            category=category or w.category or (member.category if member else ""),
            phone=phone,
            joined_on=_joined_day(w.joined_on, member.joined_on if member else None),
            day=day or w.day or self.today,
            member=member,
            how=how,
            changes=changes or {},
        )

    # --- scope, and what is said --------------------------------------------------------

    def _sees(self, known: Known) -> bool:
        return self._sees_member(known.member)

    def _sees_member(self, member: Member) -> bool:
        """The one who manages the branch of today; for those who left, whoever takes them back."""
        return member.branch is None or self._covers(member.branch)

    def say_defaults(self) -> None:
        if self.months:
            self.warnings.append(
                f"{self.months} 人的入党时间只写到年月，按当月 1 日登记；"
                "册中已有当月具体日期的不变。"
            )
        if self.lacking_status:
            self.warnings.append(
                f"没有写党员类别的新增人员 {self.lacking_status} 人，按正式党员登记。"
            )
        if self.lacking_category:
            self.warnings.append(
                f"没有写人员类别的新增人员 {self.lacking_category} 人，按在职登记。"
            )

    def _say_homonyms(self, lines: Iterable[MemberLine]) -> None:
        """A newcomer whose name the branch has already may be the same person."""
        fresh = [line for line in lines if line.action == "create" and line.branch]
        there: dict[tuple[int, str], str] = {}
        for chunk in _chunks(sorted({line.name for line in fresh})):
            found = Member.objects.active().filter(name__in=chunk)
            for branch, name, number in found.values_list("branch_id", "name", "number"):
                there[branch or 0, name] = number
        for line in fresh:
            if line.branch and (taken := there.get((line.branch.pk, line.name))):
                self.warnings.append(
                    f"第 {line.row} 行：{line.branch}已有{line.name}（编号 {taken}），"
                    "请确认不是同一人。"
                )

    def _say_missing(self, wanted: Iterable[Wanted], lines: Iterable[MemberLine]) -> None:
        """Who is in the register and not in what looks like the whole list of a branch: said, and
        nobody is taken off."""
        written = {w.number for w in wanted} | {line.number for line in lines}
        present = Counter(
            line.member.branch for line in lines if line.member and line.member.branch
        )
        registered: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for chunk in _chunks(sorted(branch.pk for branch in present)):
            people = Member.objects.active().filter(branch__in=chunk).order_by("number")
            for branch_id, number, name in people.values_list("branch_id", "number", "name"):
                registered[branch_id or 0].append((number, name))
        for branch, count in present.items():
            people_there = registered[branch.pk]
            missing = [name for number, name in people_there if number not in written]
            if missing and len(people_there) <= 2 * count:
                names = "、".join(missing[:NAMED]) + ("等" if len(missing) > NAMED else "")
                self.warnings.append(
                    f"{branch}在册的 {len(missing)} 人不在表里（{names}），不会被移出；"
                    "如已离开，请加一列“去向”写明。"
                )


def _joined_day(since: Since | None, known: date | None) -> date | None:
    """The day that stands afterwards; a month says nothing new where a day in it is known."""
    if since is None:
        return known
    same = known and (known.year, known.month) == (since.day.year, since.day.month)
    return known if same and not since.whole else since.day


def _shown(name: str, value: object) -> str:
    if name == "phone":
        return cells.phone_shown(str(value))
    if name == "status":
        return str(Member.Status(str(value)).label)
    if name == "category":
        return str(Member.Category(str(value)).label)
    return str(value or "")


def _chunks(items: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
