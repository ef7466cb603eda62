"""What lists of sessions, logs and ledger lines show of each, as text for `{% rows %}`."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from courses.models import StudyLog, StudySession
from credits import rules
from credits.rule_sets import Rules
from portal.templatetags.portal import clock, day, hours

BY_CODE = mark_safe('<span class="tag ok">可签到</span>')


def coming(session: StudySession, rules_: Rules, today: date) -> dict[str, str]:
    """A session to come, as a line of the list."""
    by_code = session.state == "open" and session.method == "check_in"
    return {
        "href": reverse("session-detail", args=[session.pk]),
        "title": session.title,
        "when": when(session, today),
        "worth": hours(worth(session, rules_)),
        "tag": BY_CODE if by_code else "",
    }


def unsettled(log: Any) -> dict[str, str]:
    """A log that earned nothing (yet), as a line of the list."""
    reason = f" · {log.reason}" if log.reason else ""
    return {
        "topic": log.topic,
        "what": f"{day(log.day)} · {log.minutes} 分钟{reason}",
        "kind": "wait" if log.state == StudyLog.State.PENDING else "no",
        "state": str(StudyLog.State(log.state).label),
    }


def line(row: Any, today: date) -> dict[str, str]:
    """A ledger line, as a line of the list."""
    return {
        "topic": row.title,
        "what": f"{day(row.day, today)} · {hours(row.hours)} 学时",
        "kind": "no" if row.is_reversed else "ok",
        "state": "已冲销" if row.is_reversed else "已记入",
    }


def at_hand(session: Any) -> dict[str, str]:
    """A session at hand, as a line of the list."""
    begins = f"{day(session.starts_at)}{clock(session.starts_at)}"
    return {
        "href": reverse("session-detail", args=[session.pk]),
        "title": session.title,
        "begins": begins,
        "when": f"{begins}–{clock(session.ends_at)}",
        "place": session.place,
    }


def screen(session: Any) -> str:
    """The button that shows the check-in code."""
    address = reverse("check-in-screen", args=[session.pk])
    return format_html('<a class="btn btn-ghost little" href="{}">签到码</a>', address)


def worth(session: StudySession, rules_: Rules) -> int:
    """What being there earns, in hundredths of an hour."""
    hours = rules.worth(session.minutes, rules_, band=session.band)  # type: ignore[arg-type] # its choices are the bands
    return hours if session.ceiling is None else min(hours, session.ceiling)


def when(session: StudySession, today: date | None = None) -> str:
    """When and where a session is: 6月3日（周四）19:30–21:00 会议室."""
    times = f"{day(session.starts_at, today)}{clock(session.starts_at)}–{clock(session.ends_at)}"
    return f"{times} {session.place}" if session.place else times
