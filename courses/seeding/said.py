"""What members say: who comes and who asks for leave, lines that are questioned, suggestions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from courses import attendance_plans, line_queries
from courses.models import AttendancePlan, LineQuery, StudySession
from courses.seeding.files import load
from courses.seeding.world import World
from credits.models import LedgerEntry
from portal import suggestions
from portal.models import Suggestion


def plan(world: World) -> None:
    """Put down what `cast.yaml` tells under plans, queries and suggestions."""
    data, agenda, at = load("cast"), world.agenda, world.calendar.at
    for entry in data["plans"]:
        agenda.add(at(entry["day"], 8), _answer, entry)
        if "decided" in entry:
            agenda.add(at(entry["day"], 21), _decide, entry)
    for entry in data["queries"]:
        agenda.add(at(entry["day"], 20), _ask, entry)
        if "declined" in entry:
            agenda.add(at(entry["day"] + timedelta(days=1), 17), _decline, entry)
    for entry in data["suggestions"]:
        agenda.add(at(entry["day"], 12), _suggest, entry)
        if "answer" in entry:
            agenda.add(at(entry["answered"], 16), _answer_suggestion, entry)


def _answer(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        session, by = _session(entry), world.actor(entry["who"], "member")
        if entry["says"] == "coming":
            attendance_plans.sign_up(session, by=by, at=at)
        else:
            said = entry.get("reason", "")
            attendance_plans.ask_leave(session, entry["says"], reason=said, by=by, at=at)


def _decide(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        asked = AttendancePlan.objects.get(session=_session(entry), member=world.cast[entry["who"]])
        attendance_plans.decide(
            asked,
            approve=entry["decided"] == "approved",
            reply=entry.get("reply", ""),
            by=world.actor("secretary", "secretary"),
            at=at,
        )


def _ask(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        line_queries.ask(
            _line(world, entry),
            entry["wrong"],
            text=entry.get("text", ""),
            by=world.actor(entry["who"], "member"),
            at=at,
        )


def _decline(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        query = LineQuery.objects.open().get(entry=_line(world, entry))
        by = world.actor("secretary", "secretary")
        line_queries.decline(query, reply=entry["declined"], by=by, at=at)


def _suggest(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        by = world.actor(entry["who"], "member")
        suggestions.hand_in(entry["kind"], entry["text"], by=by, at=at)


def _answer_suggestion(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        asked = Suggestion.objects.get(member=world.cast[entry["who"]], text=entry["text"])
        suggestions.answer(asked, entry["answer"], by=world.official, at=at)


def _session(entry: dict[str, Any]) -> StudySession:
    return StudySession.objects.select_related("organiser").get(key=entry["session"])


def _line(world: World, entry: dict[str, Any]) -> LedgerEntry:
    rows = LedgerEntry.objects.of_source(world.programme, "session", entry["session"]).live()
    rows = rows.select_related("programme", "posting", "home")
    return rows.get(member=world.cast[entry["who"]])
