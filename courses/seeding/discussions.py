"""What is discussed in the study group of the cast's branch: one question that was credited, one
that still runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from courses.models import Discussion, StudyGroup
from courses.online import answers, discussions, recognition
from courses.online.discussions import Question
from courses.seeding.files import load
from courses.seeding.world import World, key_of
from portal.audit import Actor
from portal.models import Role


def plan(world: World) -> None:
    """Put down what `discussions.yaml` tells."""
    agenda, at = world.agenda, world.calendar.at
    for entry in load("discussions")["asked"]:
        agenda.add(at(entry["first"], 8), _ask, entry)
        agenda.add(at(entry["first"] + timedelta(days=1), 20), _answer, entry)
        if entry.get("recognised"):
            agenda.add(at(entry["last"] + timedelta(days=1), 19), _recognise, entry)


def _ask(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        group = StudyGroup.objects.get(organiser=world.branches["first"])
        on, told = world.calendar.on, ("minutes", "form", "period", "text")
        days = on(entry["first"]), on(entry["last"])
        question = Question(entry["title"], *days, **{name: entry[name] for name in told})
        by = world.actor("helper", Role.HELPER)
        discussions.ask(group, world.programme, question, by=by, at=at, key=_key(entry))


def _answer(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        talk = Discussion.objects.get(key=_key(entry))
        people = discussions.people_of(talk.group)
        said = [
            answers.answer(talk, text, by=Actor(person, Role.MEMBER), at=at)
            for person, text in zip(people, entry["answers"], strict=False)
        ]
        for number, text in entry.get("replies", {}).items():
            if number <= len(said):
                by = world.actor("secretary", Role.SECRETARY)
                answers.reply(said[number - 1], text, by=by, at=at + timedelta(hours=1))


def _recognise(world: World, items: list[dict[str, Any]], at: datetime) -> None:
    for entry in items:
        by = world.actor("secretary", Role.SECRETARY)
        talk = discussions.close(Discussion.objects.get(key=_key(entry)), by=by, at=at)
        recognition.recognise(talk, list(talk.answers.all()), by=by, at=at)


def _key(entry: dict[str, Any]) -> str:
    return key_of("discussion", entry["key"])
