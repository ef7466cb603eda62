"""The page of a class's whole roll: days or half-days across, members down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST

from courses import class_rolls, class_rolls_out, marks, roll_call
from courses.class_rolls import ClassRoll, Line
from courses.marks import Mark, Wish
from courses.models import ReadingClass, Status, StudySession
from courses.views import closing
from courses.views.shown_roll import options
from portal import exporting, gate
from portal.access import Capability
from portal.form_names import number
from portal.gate import MemberRequest
from portal.giving import give
from portal.refusals import Conflict, Refusal
from portal.rendering import page

RECORD = Capability.RECORD_ATTENDANCE
State = StudySession.State
Wishes = dict[int, dict[int, Wish]]
DASH = "—"


@require_http_methods(["GET", "POST"])
@gate.required(RECORD)
def roll(request: MemberRequest, reading_class: int) -> HttpResponse:
    """The whole roll. Sent: save the open columns; with `open` begin one more, with `close` credit
    one, after showing what is to be asked."""
    found = _class(request, reading_class)
    if request.method == "GET":
        return _show(request, found, {})
    by, wishes = request.scope.actor(RECORD), Wishes()
    try:
        wishes = _wishes(request)
        column = _column(request, found)
        changed = class_rolls.save(found, wishes, by=by, at=request.at)
        if changed or column is None:
            messages.success(request, f"已暂存，改动 {changed} 处。")
        wishes = {}
        if column and "open" in request.POST:
            roll_call.open_(column, by=by, at=request.at)
            messages.success(request, f"{class_rolls.named(column)}开始点名。")
        elif column and not column.is_closed:
            asked = closing.asked(column, {}, at=request.at)
            if asked:
                context = asked | {"of_class": True}
                return page(request, "courses/roll_confirm.html", context)
            roll_call.close(column, {}, by=by, at=request.at)
            there = marks.count(list(column.attendances.all())).there
            said = f"{class_rolls.named(column)}已记学时：实到 {there} 人，这一列已锁定。"
            messages.success(request, said)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        status = 409 if isinstance(refusal, Conflict) else 422
        return _show(request, found, wishes, status=status)
    return redirect("class-roll", reading_class)


@require_POST
@gate.required(RECORD)
def sheet(request: MemberRequest, reading_class: int) -> HttpResponse:
    """The whole roll as a spreadsheet, which can be filled in and come back."""
    found = _class(request, reading_class)
    cells = found.sessions.count() * found.enrolments.count()
    return give(
        request, RECORD, class_rolls_out.sheet_asked, rows=cells // exporting.CELLS,
        title=f"{found.name}考勤总表", back_url=reverse("class-roll", args=[found.pk]),
        reading_class=found.pk,
    )  # fmt: skip


def _class(request: MemberRequest, pk: int) -> ReadingClass:
    rows = ReadingClass.objects.select_related("organiser", "programme")
    return gate.get(rows, request.scope, RECORD, pk=pk)


def _column(request: MemberRequest, found: ReadingClass) -> StudySession | None:
    """The column that is to be opened or closed, of this class."""
    asked = request.POST.get("open") or request.POST.get("close") or ""
    if not asked:
        return None
    column = found.sessions.filter(pk=number(asked, digits=18))
    chosen = column.select_related("organiser", "reading_class").first()
    if chosen is None:
        raise Refusal("这一列不在这个读书班里，请刷新后再试。")
    return chosen


def _wishes(request: HttpRequest) -> Wishes:
    """The marks sent as `mark-session-member`, with `seen-…`. Raises BadMark."""
    wishes: Wishes = {}
    for name, value in request.POST.items():
        kind, _, place = name.partition("-")
        session, _, member = place.partition("-")
        if kind == "mark" and session.isdecimal() and member.isdecimal() and len(place) < 38:
            seen = request.POST.get(f"seen-{place}", value)
            wish = Wish(Mark.parse(str(seen)), Mark.parse(str(value)))
            wishes.setdefault(int(session), {})[int(member)] = wish
    return wishes


def _show(
    request: MemberRequest, found: ReadingClass, wishes: Wishes, *, status: int = 200
) -> HttpResponse:
    """The roll as it stands; marks that the sender wanted and could not save are kept."""
    whole = class_rolls.roll(found)
    context: dict[str, Any] = {
        "reading_class": found,
        "columns": [_heading(session, at=request.at) for session in whole.sessions],
        "rows": _rows(whole, wishes),
        "first_open": next((s.pk for s in whole.sessions if s.state == State.OPEN), None),
    }
    return page(request, "courses/class_roll.html", context, status=status)


def _heading(session: StudySession, *, at: datetime) -> dict[str, Any]:
    may_open = session.state == State.PLANNED and at >= session.starts_at - roll_call.EARLY
    return {
        "session": session,
        "named": class_rolls.named(session),
        "span": f"{_clock(session.starts_at)}–{_clock(session.ends_at)}",
        "may_open": may_open,
        "may_close": session.state == State.OPEN and session.ends_at <= at,
    }


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


def _rows(whole: ClassRoll, wishes: Mapping[int, Mapping[int, Wish]]) -> list[dict[str, str]]:
    """The lines as text for `{% rows %}`."""
    choices = cache(options)  # for this page: few marks differ from one another
    names = {session.pk: class_rolls.named(session) for session in whole.sessions}
    rows = []
    for line in whole.lines:
        cells = []
        for session in whole.sessions:
            wish = wishes.get(session.pk, {}).get(line.member.pk)
            late = (session.pk, line.member.pk) in whole.late
            cells.append(_cell(line, session, names[session.pk], wish, choices, late=late))
        rows.append({
            "name": line.member.name,
            "tail": line.member.tail,
            "guest": "客人" if line.guest else "",
            "cells": SafeString("".join(cells)),
            "times": str(line.times),
        })  # fmt: skip
    return rows


def _cell(
    line: Line,
    session: StudySession,
    named: str,
    wish: Wish | None,
    choices: Any,
    *,
    late: bool,
) -> SafeString:
    mark = line.marks.get(session.pk)
    if mark is None:
        return format_html("<td>{}</td>", "" if session.pk in line.due else DASH)
    now = str(Mark.of(mark))
    if session.state != State.OPEN:
        word = "√" if mark.status == Status.PRESENT else mark.word
        more = ("（已补学）" if mark.made_up_on else "") + ("（补录）" if late else "")
        return format_html('<td class="{}">{}{}</td>', mark.status, word, more)
    wanted = str(wish.wanted) if wish and wish.wanted != wish.seen else now
    place = f"{session.pk}-{line.member.pk}"
    return format_html(
        '<td class="{}"><input type="hidden" name="seen-{}" value="{}"><select class="form-select"'
        ' name="mark-{}" aria-label="{} {}" autocomplete="off">{}</select></td>',
        wanted.partition(":")[0], place, now, place, named, line.member.name, choices(wanted, now),
    )  # fmt: skip
