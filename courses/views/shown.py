"""What lists of sessions, logs and ledger lines show of each, as text for `{% rows %}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from operator import attrgetter
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from courses.models import LEAVES, AttendancePlan, Leave, StudyLog, StudySession
from credits.rule_sets import Rules
from portal.rendering import addresses
from portal.templatetags.portal import clock, day, hours

BY_CODE = mark_safe('<span class="tag ok">可签到</span>')


def coming(
    session: StudySession, rules_: Rules, today: date, answer_at: Callable[[int], str] | None
) -> dict[str, str]:
    """A session to come, as a line of the list, with what may be answered to it.

    answer_at: writes the address for answers; none where nothing is asked.
    """
    by_code = session.state == "open" and session.method == "check_in"
    said = vars(session)["said"] or ""
    planned = session.state == StudySession.State.PLANNED
    return {
        "href": addresses("session-detail")(session.pk),
        "title": session.title,
        "when": when(session, today),
        "worth": hours(session.worth(rules_)),
        "tag": BY_CODE if by_code else said_tag(said),
        "answer": answers(said, answer_at(session.pk)) if answer_at and planned else "",
    }


@cache
def said_tag(said: str) -> str:
    """What a member has said and what was decided, as a tag."""
    state, _, leave = said.partition(":")
    if not state or state == _State.TAKEN_BACK:
        return ""
    return format_html(
        '<span class="tag {}">{}</span>', _KINDS[state], AttendancePlan.in_words(state, leave)
    )


def answers(said: str, address: str = "", *, late: str = "", reason: bool = False) -> SafeString:
    """The buttons with which a member answers to a session, within a form.

    said: what they said before. address: where the buttons send, where the form does not say so.
    late: once the roll is open, what asking for leave is called then. reason: a line for words.
    """
    to = f' formaction="{address}"' if address else ""
    return mark_safe(_answers(said.partition(":")[0], late, reason).replace("TO", to))  # noqa: S308 - an address of ours


@cache
def _answers(state: str, late: str, reason: bool) -> str:
    """The same with TO where each button says where it sends."""
    come = format_html(_COME, "改为参加" if state in _LEAVE else "参加")
    kinds = format_html_join("", _KIND, ((k.value, k.label) for k in LEAVES))
    words = "改为请假" if state == _State.COMING else late or "请假"
    ask = format_html(_ASK, words, _REASON if reason else "", kinds)
    if late:
        return _BACK if state == _State.PENDING else ask
    if state == _State.COMING:
        return ask + _BACK
    if state in _LEAVE:
        return come + _BACK
    return come + ask


_State = AttendancePlan.State
_LEAVE = (_State.PENDING, _State.APPROVED)
_KINDS = {
    "coming": "ok",
    "pending": "wait",
    "approved": "ok",
    "declined": "no",
    "expired": "no",
}
_COME = '<button class="btn btn-primary"TO name="answer" value="coming">{}</button>'
_KIND = '<button class="btn btn-ghost"TO name="answer" value="{}">{}</button>'
_BACK = mark_safe('<button class="btn btn-ghost"TO name="answer" value="back">撤回</button>')
_ASK = '<details><summary class="btn btn-ghost">{}</summary>{}<div class="kinds">{}</div></details>'
_REASON = mark_safe(
    '<button class="visually-hidden" disabled>回车不发送</button>'
    '<input class="form-control" name="reason" maxlength="100" aria-label="事由"'
    ' placeholder="事由（可不填），再点下面一种">'
)


def requests(
    plans: Sequence[Any], what: Callable[[Any], str] = attrgetter("reason")
) -> list[dict[str, str]]:
    """Leave that waits for a decision, as lines of the list, with the buttons that decide."""
    if not plans:
        return []
    buttons = deciding()
    return [
        {
            "name": plan.name,
            "kind": str(Leave(plan.leave).label),
            "what": what(plan),
            "decide": buttons(plan),
        }
        for plan in plans
    ]


def which(plan: Any) -> str:
    """The session for which leave is asked, and the reason."""
    begins = f"{day(plan.starts_at)}{clock(plan.starts_at)}"
    return f"{begins} {plan.title}" + (f" · {plan.reason}" if plan.reason else "")


def deciding() -> Callable[[Any], SafeString]:
    """Writes the buttons that decide about leave, in one tap; words for its member are folded
    away, and Enter sends nothing."""
    to = addresses("plan-decide")
    return lambda plan: format_html(
        _DECIDE, to=to(plan.pk), leave=plan.leave, name=plan.name, pk=plan.pk
    )


_DECIDE = (
    '<span class="line wrap decide">'
    '<button class="btn btn-primary little" formaction="{to}" name="decision"'
    ' value="approve:{leave}" aria-label="批准{name}请假">批准</button>'
    '<button class="btn btn-ghost little" formaction="{to}" name="decision"'
    ' value="decline:{leave}" aria-label="不批准{name}请假">不批准</button>'
    '<details><summary>附言</summary><textarea class="form-control" name="reply-{pk}" rows="2"'
    ' maxlength="100" aria-label="给{name}的附言" placeholder="可不填，随决定告知本人"></textarea>'
    "</details></span>"
)


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
        "href": addresses("session-detail")(session.pk),
        "title": session.title,
        "begins": begins,
        "when": f"{begins}–{clock(session.ends_at)}",
        "place": session.place,
    }


def screen(session: Any) -> str:
    """The button that shows the check-in code."""
    address = addresses("check-in-screen")(session.pk)
    return format_html('<a class="btn btn-ghost little" href="{}">签到码</a>', address)


def when(session: StudySession, today: date | None = None) -> str:
    """When and where a session is: 6月3日（周四）19:30–21:00 会议室 线上."""
    times = f"{day(session.starts_at, today)}{clock(session.starts_at)}–{clock(session.ends_at)}"
    return " ".join(filter(None, (times, session.place, "线上" if session.link else "")))
