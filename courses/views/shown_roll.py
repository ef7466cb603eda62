"""The lines of a roll as text for `{% rows %}`, with the marks to choose from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from courses.marks import Mark, Wish
from courses.models import Attendance, Leave, Status, StudySession
from courses.views.shown import deciding
from portal.rendering import addresses

MARKS = [
    ("present", "出席"), ("late", "迟到"), ("left_early", "早退"),
    *[(f"leave:{value}", label if value != "unstated" else "请假（未说明）")
      for value, label in Leave.choices if value],
    ("absent", "缺席"),
]  # fmt: skip
NOBODY_WISHES = [("not_yet", "未签到"), ("observer", "列席")]  # offered where they stand already


@dataclass(frozen=True)
class Beside:
    """What else stands beside the names of a roll.

    waiting: leave asked for and not decided, with the buttons to decide while the roll is open;
    elsewhere: where those who are not there were guests at that time, by member id; questioned:
    ids of members who stand out, for they asked about their hours; late: of those whose hours
    came in through a catch-up window.
    """

    waiting: Sequence[Any]
    elsewhere: Mapping[int, str]
    questioned: Container[int]
    late: Container[int] = ()

    def where(self, row: Attendance) -> str:
        return "" if row.is_there else self.elsewhere.get(row.member_id, "")


def lines(
    session: StudySession,
    rows: Sequence[Attendance],
    wishes: Mapping[int, Wish],
    beside: Beside,
) -> list[dict[str, str]]:
    """Each mark of the roll; marks that the sender wanted and could not save are kept."""
    several = {name for name, n in Counter(_name(row) for row in rows).items() if n > 1}
    choices = cache(options)  # for this page: few marks differ from one another
    asks = {} if session.is_closed else _asks(beside.waiting)
    found = []
    for row in rows:
        now, wish = str(Mark.of(row)), wishes.get(row.member_id)
        wanted = str(wish.wanted) if wish and wish.wanted != wish.seen else now
        found.append({
            "class": wanted.partition(":")[0],
            "name": _name(row),
            "own": "" if row.guest else "yes",
            "asked": "yes" if row.member_id in beside.questioned else "",
            "member": str(row.member_id),
            "seen": now,
            "notes": _notes(row, several, beside),
            "options": choices(wanted, now),
            "more": "",
            "ask": asks.get(row.member_id, ""),
        })  # fmt: skip
    if session.is_closed:
        address = addresses("session-one", session.pk)
        for row, line in zip(rows, found, strict=True):
            line["more"] = address(row.member_id)
    return found


def _asks(waiting: Sequence[Any]) -> dict[int, SafeString]:
    """Leave that waits, with the buttons that decide about it, by member id."""
    if not waiting:
        return {}
    buttons = deciding()
    return {
        plan.member: format_html(
            '<span class="ask"><span>请{}{}</span>{}</span>',
            Leave(plan.leave).label,
            f"：{plan.reason}" if plan.reason else "",
            buttons(plan),
        )
        for plan in waiting
    }


def options(wanted: str, seen: str) -> SafeString:
    """The marks to choose from, one of them chosen."""
    first = [mark for mark in NOBODY_WISHES if mark[0] in (wanted, seen)]
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((value, SELECTED if value == wanted else "", label) for value, label in first + MARKS),
    )


SELECTED = SafeString(" selected")


def _notes(row: Attendance, several: set[str], beside: Beside) -> str:
    """What stands behind a name: the tail of the number where two bear it, guest, scanned …"""
    return format_html_join("", " <small{}>{}</small>", _words(row, several, beside))


def _words(row: Attendance, several: set[str], beside: Beside) -> Iterator[tuple[str, str]]:
    if _name(row) in several:
        yield NUMBER, vars(row)["number"][-4:]
    if row.guest and row.status != Status.OBSERVER:
        yield "", "客人"
    elif row.scanned:
        yield "", "已扫码"
    if row.made_up_on:
        yield "", "已补学"
    if row.member_id in beside.late:
        yield "", "补录"
    if elsewhere := beside.where(row):
        yield "", f"在{elsewhere}参加"


NUMBER = SafeString(' class="num"')


def _name(row: Any) -> str:
    return str(row.name)
