"""What a change of rules would do before it is made: who gains, who loses, by unit and branch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from credits import rule_book, rules, standings
from credits.models import BranchStanding, CreditTotal, Programme, Standing
from credits.rule_sets import Rules
from portal.models import Organization


class Effect(NamedTuple):
    """What becomes of some members due. Each stands in exactly one of: gain (newly complete), lose
    (complete no longer), kept (complete all along), nearer and farther (short all along, by less
    or by more than before), still (short by just as much)."""

    gain: int = 0
    lose: int = 0
    kept: int = 0
    nearer: int = 0
    farther: int = 0
    still: int = 0

    def and_(self, other: Effect) -> Effect:
        """Both together."""
        return Effect(*map(sum, zip(self, other, strict=True)))

    @property
    def due(self) -> int:
        return sum(self)

    @property
    def below(self) -> int:
        """Who is short before and afterwards."""
        return self.nearer + self.farther + self.still

    @property
    def changes(self) -> bool:
        """Whether anybody's shortfall is another one than before."""
        return bool(self.gain or self.lose or self.nearer or self.farther)


@dataclass(frozen=True)
class Rehearsal:
    """What a change of rules would do, by member id. Names are for those who may see them.

    branches: the effect on each branch with members due, by its id.
    """

    gain: tuple[int, ...]
    lose: tuple[int, ...]
    branches: Mapping[int, Effect] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[int, int]:
        """The two numbers that must have been shown before the change is applied."""
        return len(self.gain), len(self.lose)

    @property
    def whole(self) -> Effect:
        """The effect on everybody."""
        whole = Effect()
        for effect in self.branches.values():
            whole = whole.and_(effect)
        return whole


@dataclass(frozen=True)
class Place:
    """A unit, or a branch in it, that a change of rules would touch. unit: None above the units."""

    pk: int | None
    name: str
    effect: Effect
    branches: int = 0  # how many are touched


def of(programme: Programme, new: Rules) -> Rehearsal:
    """Who would newly complete and who would fall below the target under other rules: those due,
    each brought up to the rules that count now first. Writes nothing."""
    book = rule_book.of(programme)
    due = Standing.objects.filter(programme=programme).due().order_by("member_id")
    people = due.values_list(
        "member_id", "branch_id", "member__category", "target", "full_target", "rules"
    )
    earned: dict[int, dict[tuple[str, str], int]] = {}
    sums = CreditTotal.objects.filter(programme=programme)
    for member, period, form, hours in sums.values_list("member", "period", "form", "earned"):
        earned.setdefault(member, {})[period, form] = hours
    lowered = standings.lowered_targets(programme)
    gain, lose = [], []
    found: dict[int, list[int]] = defaultdict(lambda: [0] * len(Effect._fields))
    for member, branch, category, target, full, number in people.iterator(chunk_size=5000):
        own, least = earned.get(member, {}), lowered.get(member)
        for version in book.after(number):  # a change that is still being carried over
            target, full = standings.target_under(version.rules, category, target, full, least)
        before = rules.recognise(own, book.current.rules, target, full).shortfall
        target, full = standings.target_under(new, category, target, full, least)
        after = rules.recognise(own, new, target, full).shortfall
        kind = _kind(before, after)
        found[branch][Effect._fields.index(kind)] += 1
        if kind == "gain":
            gain.append(member)
        elif kind == "lose":
            lose.append(member)
    branches = {branch: Effect(*counts) for branch, counts in found.items()}
    return Rehearsal(tuple(gain), tuple(lose), branches)


def by_unit(programme: Programme, rehearsal: Rehearsal) -> list[Place]:
    """The units that a change would touch, those that lose most first: one query."""
    rows = BranchStanding.objects.filter(programme=programme)
    effects: dict[int | None, list[Effect]] = defaultdict(list)
    names: dict[int | None, str] = {}
    for branch, unit, name in rows.values_list("branch", "unit", "unit__short_name"):
        effect = rehearsal.branches.get(branch, Effect())
        if effect.changes:
            effects[unit].append(effect)
            names[unit] = name or "市直属"
    places = []
    for unit, own in effects.items():
        whole = Effect()
        for effect in own:
            whole = whole.and_(effect)
        places.append(Place(unit, names[unit], whole, len(own)))
    return sorted(places, key=_order)


def in_unit(programme: Programme, rehearsal: Rehearsal, unit: int | None) -> list[Place]:
    """The branches of a unit that a change would touch, those that lose most first: one query."""
    rows = BranchStanding.objects.filter(programme=programme, unit=unit)
    places = [
        Place(branch, name, effect)
        for branch, name in rows.values_list("branch", "branch__short_name")
        if (effect := rehearsal.branches.get(branch, Effect())).changes
    ]
    return sorted(places, key=_order)


def unit_named(text: str) -> int | None:
    """The unit that a page asks for by id; None for what stands above the units."""
    if not text.isdecimal() or len(text) > 18:
        return None
    return Organization.objects.filter(pk=int(text)).values_list("pk", flat=True).first()


def _kind(before: int, after: int) -> str:
    if before and not after:
        return "gain"
    if after and not before:
        return "lose"
    if not before:
        return "kept"
    if before == after:
        return "still"
    return "nearer" if after < before else "farther"


def _order(place: Place) -> tuple[int, int, int, str]:
    effect = place.effect
    return -effect.lose, -effect.gain, -effect.farther, place.name
