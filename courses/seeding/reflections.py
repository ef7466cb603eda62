"""Reflections of the demonstration: handed in, read, returned; one is shown as an exemplar."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from courses.models import Recommendation, Reflection
from courses.online import exemplars, reflection_reading, reflections
from courses.online.reflections import Writing
from courses.seeding.files import load
from courses.seeding.world import World


def plan(world: World) -> None:
    """Put down what `reflections.yaml` tells."""
    agenda, at = world.agenda, world.calendar.at
    for entry in load("reflections")["reflections"]:
        agenda.add(at(entry["day"], 20), _hand_in, entry)
        if "read" in entry:
            agenda.add(at(entry["read"]["day"], 9), _read, entry)
        if "returned" in entry:
            agenda.add(at(entry["returned"]["day"], 9), _return, entry)
        if "recommended" in entry:
            agenda.add(at(entry["recommended"]["day"], 10), _recommend, entry)
            agenda.add(at(entry["recommended"]["accepted"], 15), _accept, entry)


def _hand_in(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        consent = "recommended" in entry
        writing = Writing(entry["title"], entry["text"], consent=consent)
        by = world.actor(entry["who"], "member")
        reflections.hand_in(entry["key"], writing, seen_version=0, by=by, at=at)


def _read(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        by, remark = world.actor("secretary", "secretary"), entry["read"]["remark"]
        reflection_reading.read(_row(entry), remark=remark, by=by, at=at)


def _return(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        by, remark = world.actor("secretary", "secretary"), entry["returned"]["remark"]
        reflection_reading.return_(_row(entry), remark=remark, by=by, at=at)


def _recommend(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    assert world.city is not None  # noqa: S101 - laid out before
    for entry in items:
        by, reason = world.actor("secretary", "secretary"), entry["recommended"]["reason"]
        reflection_reading.recommend(_row(entry), world.city, reason=reason, by=by, at=at)


def _accept(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        found = Recommendation.objects.get(reflection__key=entry["key"])
        exemplars.accept(found, by=world.official, at=at)


def _row(entry: dict[str, Any]) -> Reflection:
    return Reflection.objects.get(key=entry["key"])
