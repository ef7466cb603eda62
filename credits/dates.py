"""What dates forbid: the future, days outside the programme, what is handed in too late.

Beyond the back-dating limit a catch-up window (补录期) lets in what falls on its days, for the
organisers and members of its subtree; nothing else that is forbidden does it allow. Whatever of
its days is entered in it, late by the limit or not, is inside it; only what is entered on the very
day of study is not: nobody catches up on that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.utils import timezone

from credits import rule_book
from credits.lines import GRANTED, Credit, Request
from credits.models import CatchUpWindow, Programme
from credits.rule_sets import Rules
from portal.models import Organization

Reason = tuple[str, str]  # a short stable code, and why, in Chinese


def not_over(credit: Credit, at: datetime, today: date) -> Reason | None:
    """What has not ended cannot be credited."""
    if credit.day > today or (credit.end and credit.end > at):
        return "future", f"{credit.day} 的学习还没有结束，不能提前记学时。"
    return None


def out_of_time(
    programme: Programme, request: Request, credit: Credit, rules: Rules, today: date
) -> Reason | None:
    """Outside the programme's dates, or too late by the rules alone (`late`). Neither binds what is
    granted outright, nor lateness corrections: their source was entered in time."""
    if request.source.kind in GRANTED:
        return None
    starts, ends = programme.starts, programme.ends
    if not starts <= credit.day <= ends:
        return "outside", f"{credit.day} 不在{programme}的起止日期（{starts} 至 {ends}）内。"
    if request.revision > 1:
        return None
    message = too_late(credit.day, request.claimed or today, rules)
    return ("late", message) if message else None


def too_late(day: date, entered: date, rules: Rules, *, what: str = "") -> str:
    """Why study of a day may not be entered any more by the rules alone; empty where it may."""
    late, limit = (entered - day).days, rules.back_dating
    if late <= limit:
        return ""
    return f"{what or f'{day} '}已过去 {late} 天，超过了补记期限 {limit} 天。"


@dataclass
class Windows:
    """The catch-up windows of a programme, read when something is late or may be inside one: one
    query. last: the last day on which one of them takes entries, None where there is none."""

    programme: Programme
    last: date | None = None

    @cached_property
    def rows(self) -> list[CatchUpWindow]:
        windows = CatchUpWindow.objects.filter(programme=self.programme)
        return list(windows.select_related("organization").order_by("pk"))

    def may_hold(self, day: date, entered: date) -> bool:
        """Whether study of a day may lie inside one of them; a wrong yes costs a query at most."""
        if self.last is None or not day < entered <= self.last:
            return False
        return any(w.first_day <= day <= w.last_day for w in self.rows)

    def letting_in(
        self, day: date, paths: Iterable[str], *, at: datetime, claimed: date | None = None
    ) -> CatchUpWindow | None:
        """The window by which study of a day may be entered at a moment in one of the
        organisations at `paths`. claimed: the day on which it was handed in, where that was
        earlier; what was handed in before a window's end stays in it."""
        entered, places = claimed or timezone.localdate(at), list(paths)
        for window in self.rows:
            if not window.opens_on <= entered <= window.closes_on or not _holds(window, places):
                continue
            if window.ended_at and not _before(window.ended_at, at, claimed):
                continue
            if window.first_day <= day <= window.last_day:
                return window
        return None

    def open_over(self, paths: Iterable[str], *, at: datetime) -> list[CatchUpWindow]:
        """What is open at a moment over one of the organisations at `paths`."""
        today, places = timezone.localdate(at), list(paths)
        return [
            w
            for w in self.rows
            if w.ended_at is None and w.opens_on <= today <= w.closes_on and _holds(w, places)
        ]

    def told(self, paths: Iterable[str], *, at: datetime) -> str:
        """What a late entry is told: what the open window takes, or that none is open."""
        found = self.open_over(paths, at=at)
        if not found:
            return "没有开设补录期，需要补录的可以请上级党组织开设。"
        return "".join(f"补录期到 {w.closes_on} 为止，只收{span(w)}的学习。" for w in found)


def late(
    programme: Programme,
    day: date,
    paths: Iterable[str],
    *,
    at: datetime,
    windows: Windows | None = None,
    what: str = "",
) -> str:
    """Why an organisation's study of a day may not be entered any more, with what is to be known
    about catch-up windows; empty where it may. Asks for windows only when it is late."""
    message = too_late(
        day, timezone.localdate(at), rule_book.of(programme).on(day).rules, what=what
    )
    if not message:
        return ""
    windows, places = windows or Windows(programme), list(paths)
    if windows.letting_in(day, places, at=at):
        return ""
    return message + windows.told(places, at=at)


def span(window: CatchUpWindow) -> str:
    """The days that a window covers, as they are said."""
    return f" {window.first_day} 至 {window.last_day} "


def paths_of(organizations: Iterable[int]) -> dict[int, str]:
    """Paths of organisations by id: one query."""
    rows = Organization.objects.filter(pk__in=set(organizations))
    return dict(rows.values_list("pk", "path"))


def _holds(window: CatchUpWindow, paths: list[str]) -> bool:
    return any(path.startswith(window.organization.path) for path in paths)


def _before(ended: datetime, at: datetime, claimed: date | None) -> bool:
    return at < ended if claimed is None else claimed <= timezone.localdate(ended)
