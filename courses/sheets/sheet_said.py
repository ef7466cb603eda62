"""The preview of a long sheet as it is kept: what a worker found, for a page that must not read the
file again. Everything is plain JSON; `shown` gives the page the days and moments back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

from courses.sheets.sheet_asks import Ask
from courses.sheets.sheet_plans import Change, Preview, SessionPlan

SHOWN = 300  # changes, and notes of each kind, that the page shows; the others are counted
ASKED = 50  # questions shown at once: the next come when these are answered


def told(preview: Preview) -> dict[str, Any]:
    """A preview as JSON, its long lists cut."""
    plans, left = [], SHOWN
    for plan in preview.plans:
        plans.append(_plan(plan, left))
        left -= min(left, len(plan.changes))
    questions = _asks(preview.questions)
    listed = sum(
        ask["is_open"] for asks in (questions, *(p["asks"] for p in plans)) for ask in asks
    )
    return {
        "reading": {
            "message": preview.reading.message,
            "warnings": [str(w) for w in preview.reading.warnings[:SHOWN]],
        },
        "open": len(preview.open_asks),
        "unlisted": len(preview.open_asks) - listed,
        "changes_nothing": preview.changes_nothing,
        "fingerprint": preview.fingerprint,
        "questions": questions,
        "plans": plans,
    }


def shown(said: Mapping[str, Any]) -> dict[str, Any]:
    """What `told` kept, in the shape of a preview."""
    return {
        **said,
        "open_asks": range(said["open"]),
        "plans": [
            {
                **plan,
                "told": {
                    **plan["told"],
                    "date": date.fromisoformat(plan["told"]["date"]),
                    "start": _clock(plan["told"]["start"]),
                    "end": _clock(plan["told"]["end"]),
                },
                "session": plan["session"]
                and {
                    **plan["session"],
                    "starts_at": datetime.fromisoformat(plan["session"]["starts_at"]),
                    "ends_at": datetime.fromisoformat(plan["session"]["ends_at"]),
                },
            }
            for plan in said["plans"]
        ],
    }


def _plan(plan: SessionPlan, left: int) -> dict[str, Any]:
    facts, session = plan.told.as_json(), plan.session
    return {
        "index": plan.index,
        "told": {name: facts[name] for name in ("sheet", "title", "date", "start", "end")},
        "session": session
        and {
            "title": session.title,
            "starts_at": session.starts_at.isoformat(),
            "ends_at": session.ends_at.isoformat(),
            "get_state_display": session.get_state_display(),
        },
        "is_unmatched": plan.is_unmatched,
        "does_nothing": plan.does_nothing,
        "warnings": plan.warnings[:SHOWN],
        "asks": _asks(plan.asks),
        "changes": [_change(change) for change in plan.changes[:left]],
        "more": max(0, len(plan.changes) - left),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "row": change.row,
        "member": {"name": change.member.name, "tail": change.member.tail},
        "guest": change.guest,
        "before": change.before and {"word": change.before.word},
        "after": {"word": change.after.word, "status": change.after.status},
    }


def _asks(asks: Sequence[Ask]) -> list[dict[str, Any]]:
    """The open ones first: answered ones stay as long as there is room."""
    order = sorted(range(len(asks)), key=lambda place: not asks[place].is_open)
    chosen = (asks[place] for place in sorted(order[:ASKED]))
    return [asdict(ask) | {"is_open": ask.is_open} for ask in chosen]


def _clock(text: str | None) -> time | None:
    return time.fromisoformat(text) if text else None
