"""The demonstration's book bag: rights are recorded, readings put in, and it is published."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from courses.models import Lesson, Material
from courses.online import book_bags, reading_rights
from courses.seeding.files import load
from courses.seeding.world import World


def plan(world: World) -> None:
    """Put down what `book-bags.yaml` tells."""
    data = load("book-bags")
    world.agenda.add(world.calendar.at(data["day"], 10), _pack, data)


def _pack(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for data in items:
        by = world.official
        assert world.city is not None  # noqa: S101 - laid out before
        for entry in data["rights"]:
            reading = _reading(entry["reading"])
            reading_rights.record(reading, entry["kind"], entry["source"], by=by, at=at)
        told = dict(data["bag"])
        keys = told.pop("readings")
        bag = book_bags.make(world.city, **told, by=by, at=at)
        for key in keys:
            book_bags.put_in(bag, _reading(key), by=by, at=at)
        book_bags.publish(bag, by=by, at=at)


def _reading(key: str) -> Lesson | Material:
    return Material.objects.filter(key=key).first() or Lesson.objects.get(key=key)
