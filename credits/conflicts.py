"""What stands in the way of a credit: time, content, the daily cap, dates, the rules.

Holds, for the members of one batch, what live entries occupy; credits are settled against it one
after the other, so that lines of one batch conflict with one another just as they would apart.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from credits import dates, ledger_sql
from credits.dates import Windows
from credits.lines import GRANTED, Credit, Line, Refused, Request
from credits.models import LedgerEntry, Posting, Programme
from credits.rule_book import RuleBook
from credits.rule_sets import Rules
from portal import set_wise
from portal.set_wise import Answer

OVER_CAP = "超过每日上限"  # says a refusal that another day would not meet


@dataclass
class Occupied:
    """What live entries occupy: hours by day, times, contents, and the lines to be withdrawn."""

    programme: Programme
    book: RuleBook
    windows: Windows
    hours: dict[tuple[int, date], int] = field(default_factory=lambda: defaultdict(int))
    times: dict[int, list[tuple[datetime, datetime, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    contents: dict[tuple[int, str], int] = field(default_factory=dict)
    live: dict[tuple[str, str, int], list[Line]] = field(default_factory=lambda: defaultdict(list))
    homes: dict[int, list[tuple[date, date | None, int, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    _paths: dict[int, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        programme: Programme,
        book: RuleBook,
        requests: Sequence[Request],
        *,
        windows: Windows | None = None,
    ) -> Occupied:
        """Read what bears on these requests: a fixed number of queries."""
        occupied = cls(programme, book, windows or Windows(programme))
        members = sorted(set().union(*(r.members for r in requests)))
        credits = [c for r in requests for c in r.credits]
        days = {c.day for c in credits}
        starts = [c.start for c in credits if c.start]
        ends = [c.end for c in credits if c.end]
        contents = {c.content for c in credits if c.content}
        pk = programme.pk
        with set_wise.in_one_go():
            homes = ledger_sql.homes(members)
            hours: Answer = list
            if days:
                hours = ledger_sql.hours_of_days(pk, members, min(days), max(days), GRANTED)
            times = ledger_sql.times(pk, members, min(starts), max(ends)) if starts else list
            studied = ledger_sql.contents(pk, members, contents) if contents else list
        for member, *span in homes():
            occupied.homes[member].append(tuple(span))
        for member, day, sum_ in hours():
            occupied.hours[member, day] = sum_
        for member, *time in times():
            occupied.times[member].append(tuple(time))
        for member, content, entry in studied():
            occupied.contents[member, content] = entry
        occupied._load_live(requests)
        return occupied

    def free(self, request: Request) -> list[Line]:
        """Take the withdrawn members' live lines of this source out; returns their reversals."""
        lines = []
        for member in sorted(request.withdraw, key=lambda m: m.pk):
            for line in self.live.pop((*request.place, member.pk), []):
                if request.source.kind not in GRANTED:  # what no cap counted is not taken off it
                    self.hours[line.member, line.day] -= line.hours
                times = self.times[line.member]
                self.times[line.member] = [t for t in times if t[2] != line.entry]
                if self.contents.get((line.member, line.content)) == line.entry:
                    del self.contents[line.member, line.content]
                lines.append(line.negative())
        return lines

    def settle(self, request: Request, *, at: datetime) -> tuple[list[Line], list[Refused]]:
        """Which credits can be given as lines, which are refused and why; the given ones occupy."""
        lines: list[Line] = []
        refused: list[Refused] = []
        # What does not depend on the person is decided once for all who ask for the same.
        same: dict[tuple[Any, ...], tuple[int, int, int, tuple[str, str] | None]] = {}
        for credit in request.credits:
            like = credit.likeness
            found = same.get(like)
            if found is None:
                found = same[like] = self._in_general(request, credit, at)
            hours, version, cap, reason = found
            member = credit.member
            pk, window = member.id, 0
            if reason and reason[0] == "late":
                reason, window = self._let_in(request, credit, pk, reason, at)
            elif reason is None and self._may_be_inside(request, credit, at):
                window = self._window(request, credit, pk, at)
            reason = (
                reason
                or self._by_time(credit, pk)
                or self._by_content(credit, pk)
                or self._by_cap(credit, pk, hours, cap)
            )
            if reason:
                refused.append(Refused(credit, *reason))
                continue
            self._take(request, credit, pk, hours)
            home, code = self._home(pk, credit.day)
            lines.append(
                Line(
                    pk,
                    member.key,
                    home,
                    code,
                    credit.form,
                    credit.period,
                    credit.content,
                    credit.day,
                    credit.minutes,
                    credit.start,
                    credit.end,
                    hours,
                    version,
                    window=window,
                )
            )
        return lines, refused

    def _in_general(
        self, request: Request, credit: Credit, at: datetime
    ) -> tuple[int, int, int, tuple[str, str] | None]:
        """What a credit is worth to anybody, by which version, the daily cap that binds it, and
        what forbids it to everybody."""
        today = timezone.localdate(at)
        version = self.book.on(credit.day)
        hours = credit.worth(version.rules)
        reason = (
            _by_rules(credit, hours, version.rules)
            or dates.not_over(credit, at, today)
            or dates.out_of_time(self.programme, request, credit, version.rules, today)
        )
        cap = sys.maxsize if request.source.kind in GRANTED else version.rules.daily_cap
        return hours, version.number, cap, reason

    def _let_in(
        self, request: Request, credit: Credit, member: int, reason: dates.Reason, at: datetime
    ) -> tuple[dates.Reason | None, int]:
        """Whether a catch-up window lets somebody's late credit in, and which; else why not."""
        window = self._window(request, credit, member, at)
        if window:
            return None, window
        told = self.windows.told(self._places(request, credit, member), at=at)
        return ("late", reason[1] + told), 0

    def _may_be_inside(self, request: Request, credit: Credit, at: datetime) -> bool:
        """Whether what is in time all the same may be entered in a catch-up window. Corrections
        keep their source's mark, and what is granted outright is none of its days."""
        if self.windows.last is None or request.revision > 1 or request.source.kind in GRANTED:
            return False
        return self.windows.may_hold(credit.day, request.claimed or timezone.localdate(at))

    def _window(self, request: Request, credit: Credit, member: int, at: datetime) -> int:
        """The id of the catch-up window in which somebody's credit is entered; 0 for none."""
        places = self._places(request, credit, member)
        window = self.windows.letting_in(credit.day, places, at=at, claimed=request.claimed)
        return window.pk if window else 0

    def _places(self, request: Request, credit: Credit, member: int) -> list[str]:
        home, _ = self._home(member, credit.day)
        if home not in self._paths:
            self._paths |= dates.paths_of(s[2] for spans in self.homes.values() for s in spans)
        return [request.organiser.path, self._paths[home]]

    def _by_time(self, credit: Credit, member: int) -> tuple[str, str] | None:
        if credit.start is None or credit.end is None:
            return None
        for start, end, entry in self.times[member]:
            if start < credit.end and credit.start < end:
                first, last = timezone.localtime(start), timezone.localtime(end)
                when = f"{first.month}月{first.day}日 {first:%H:%M}–{last:%H:%M}"
                return "overlap", f"与{_title(entry)}（{when}）时间重叠。"
        return None

    def _by_content(self, credit: Credit, member: int) -> tuple[str, str] | None:
        entry = self.contents.get((member, credit.content)) if credit.content else None
        if entry is None:
            return None
        return "content", f"同一内容已在{_title(entry)}中记过学时，不重复计算。"

    def _by_cap(self, credit: Credit, member: int, hours: int, cap: int) -> tuple[str, str] | None:
        already = self.hours[member, credit.day]
        if already + hours <= cap:
            return None
        return (
            "cap",
            f"{credit.day} 已记 {already / 100:g} 学时，再记 {hours / 100:g} 学时"
            f"就{OVER_CAP} {cap / 100:g} 学时。",
        )

    def _take(self, request: Request, credit: Credit, member: int, hours: int) -> None:
        if request.source.kind not in GRANTED:
            self.hours[member, credit.day] += hours
        if credit.start and credit.end:
            self.times[member].append((credit.start, credit.end, 0))
        if credit.content:
            self.contents[member, credit.content] = 0

    def _home(self, member: int, day: date) -> tuple[int, str]:
        """The member's branch on a day; outside any membership the nearest one."""
        spans = self.homes[member]
        for since, until, branch, code in reversed(spans):
            if since <= day and (until is None or until > day):
                return branch, code
        later = [s for s in spans if s[0] > day]
        nearest = later[0] if later else spans[-1]
        return nearest[2], nearest[3]

    def _load_live(self, requests: Sequence[Request]) -> None:
        """The lines that nothing has reversed. A reversal stands under its line's own source, so
        both are read at once: PostgreSQL, asked which lines have none, may go through the whole
        ledger for each of them where the entries are too new to be in its statistics."""
        same: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for request in requests:
            if not request.withdraw:
                continue
            rows = LedgerEntry.objects.of_source(self.programme, *request.place)
            rows = rows.filter(member__in=[m.pk for m in request.withdraw]).order_by("pk")
            found = list(rows.values_list(*_LINE, "reverses"))
            gone = {values[-1] for values in found}
            for *values, reverses in found:
                studied = tuple(values[_FORM:_ENTRY])  # of one session much the same for everybody
                studied = same.setdefault(studied, studied)
                line = Line(*values[:_FORM], *studied, *values[_ENTRY:])
                if reverses is None and line.entry not in gone:
                    self.live[(*request.place, line.member)].append(line)


_LINE = (
    "member", "member__key", "home", "home__code", "form", "period", "content", "day", "minutes",
    "start", "end", "hours", "rules", "pk", "check_value",
)  # fmt: skip
_FORM, _ENTRY = _LINE.index("form"), _LINE.index("pk")


def _by_rules(credit: Credit, hours: int, rules: Rules) -> tuple[str, str] | None:
    if rules.form(credit.form) is None:
        return "form", "本专题教育不计这种学习方式的学时。"
    if credit.period and rules.period(credit.period) is None:
        return "period", "本专题教育没有这个历史时期。"
    if hours <= 0:
        least = -(-rules.step * rules.minutes_per_hour // 100)
        return "short", f"{credit.minutes} 分钟不足最小计时单位（{least} 分钟），不能记学时。"
    return None


def _title(entry: int) -> str:
    """What to call the other side of a conflict; 0 stands for a line of the same batch."""
    if not entry:
        return "同时记账的另一项学习"
    title = Posting.objects.filter(entries__pk=entry).values_list("title", flat=True).first()
    return f"《{title}》" if title else "另一项学习"
