"""What the seed knows while it runs: who is who, by the stable names of the data files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from random import Random

from courses.models import ReadingClass
from courses.seeding.agenda import Agenda
from courses.seeding.calendar import Calendar
from credits.models import Programme
from portal.audit import Actor
from portal.models import Member, Organization

NOBODY = Actor(None, "seed")  # type: ignore[arg-type] # before the first member is enrolled


@dataclass
class World:
    """Everything made so far. branches: code → branch; people: its members, the secretary first.

    counts: how many branches a unit has, where that is not left to its size; per_group: branches
    under one general branch or committee.
    """

    calendar: Calendar
    seed: int
    size: int
    agenda: Agenda
    counts: dict[str, int] = field(default_factory=dict)
    per_group: int = 5
    registered: date = date(2020, 9, 2)  # the day from which everybody belongs to a branch
    city: Organization | None = None
    units: dict[str, Organization] = field(default_factory=dict)
    branches: dict[str, Organization] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    people: dict[str, list[Member]] = field(default_factory=dict)
    cast: dict[str, Member] = field(default_factory=dict)
    mobile: set[int] = field(default_factory=set)
    secretaries: dict[str, Actor] = field(default_factory=dict)
    programmes: dict[str, Programme] = field(default_factory=dict)
    classes: dict[str, ReadingClass] = field(default_factory=dict)
    _diligence: dict[str, float] = field(default_factory=dict)

    def lot(self, *about: object) -> Random:
        """A source of chance of its own for each thing, so that no draw disturbs another."""
        return Random(":".join(map(str, (self.seed, *about))))  # noqa: S311 - repeatable on purpose

    def diligence(self, key: str) -> float:
        """How regularly somebody (by member key) studies, from 0 to 1."""
        if key not in self._diligence:
            self._diligence[key] = self.lot("diligence", key).random()
        return self._diligence[key]

    def actor(self, who: str, role: str) -> Actor:
        """Somebody of the cast, acting in a role."""
        return Actor(self.cast[who], role)

    @property
    def administrator(self) -> Actor:
        return self.actor("administrator", "administrator")

    @property
    def official(self) -> Actor:
        return self.actor("official", "official")

    @property
    def programme(self) -> Programme:
        """The running one."""
        return self.programmes["running"]

    def everybody(self) -> list[Member]:
        return [member for people in self.people.values() for member in people]


def key_of(*about: object) -> str:
    """A stable key, the same in every seed of the same names."""
    text = ":".join(map(str, ("fushun", *about)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
