"""Replay of one member's lines: what totals and standing must be, from the ledger alone.

In order of entry id, posting by posting; rule versions and changes of target stand right behind
the last entry that they saw. Used by verification (to compare) and by rebuilding (to mend).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter

from django.utils import timezone

from credits import rules
from credits.models import LedgerEntry, Programme, TargetChange
from credits.rule_book import RuleBook, Version

VALUES = ("member", "pk", "posting_id", "posting__at", "period", "form", "day", "home", "hours")


@dataclass(frozen=True, slots=True)
class Step:
    """One line as replay needs it."""

    member: int
    entry: int
    posting: int
    at: datetime
    period: str
    form: str
    day: date
    home: int
    hours: int


@dataclass
class Outcome:
    """What a member's standing must be. completed_home is None where no line decided it."""

    earned: dict[tuple[str, str], int] = field(default_factory=dict)
    recognised: int = 0
    shortfall: int = 0
    points: int = 0
    target: int = 0
    full_target: int = 0
    completed_at: datetime | None = None
    completed_on: date | None = None
    completed_home: int | None = None


def steps_of(
    programme: Programme, *, using: str, members: Iterable[int] | None = None
) -> Iterator[tuple[int, list[Step]]]:
    """Members with their lines, by member id; the whole programme or some members of it."""
    rows = LedgerEntry.objects.using(using).filter(programme=programme)
    rows = rows.filter(posting__programme=programme)
    if members is not None:
        rows = rows.filter(member__in=members)
    lines = rows.order_by("member", "pk").values_list(*VALUES).iterator(chunk_size=5000)
    steps = (Step(*line) for line in lines)
    for member, own in groupby(steps, key=attrgetter("member")):
        yield member, list(own)


def target_changes(
    programme: Programme, *, using: str, members: Iterable[int] | None = None
) -> dict[int, list[TargetChange]]:
    """Changes of target by member, in order."""
    rows = TargetChange.objects.using(using).filter(programme=programme)
    if members is not None:
        rows = rows.filter(member__in=members)
    found: dict[int, list[TargetChange]] = {}
    for change in rows.order_by("seen_entry", "at", "pk"):
        found.setdefault(change.member_id, []).append(change)
    return found


def replay(
    steps: Sequence[Step],
    changes: Sequence[TargetChange],
    book: RuleBook,
    *,
    target: int,
    full_target: int,
    until: int,
) -> Outcome:
    """Run through a member's acts. target and full_target are today's, used where nothing ever
    changed them; until: number of the rule version that the standing has reached."""
    if changes:
        target, full_target = changes[0].before, changes[0].before_full
    outcome = Outcome()
    active = [v for v in book.versions if v.activated_at and v.number <= until]
    version = active[0]
    decrees = _decrees(active[1:], changes)
    acts = [list(group) for _, group in groupby(steps, key=attrgetter("posting"))]
    while acts or decrees:
        if decrees and (not acts or decrees[0][0][0] < acts[0][0].entry):
            (_, at, _), kinds = decrees.pop(0)
            for kind in kinds:
                if isinstance(kind, Version):
                    version = kind
                else:
                    target, full_target = kind.after, kind.after_full
            day, home = timezone.localdate(at), None
        else:
            act = acts.pop(0)
            for step in act:
                place = step.period, step.form
                outcome.earned[place] = outcome.earned.get(place, 0) + step.hours
            at, day, home = act[-1].at, act[-1].day, act[-1].home
        _assess(outcome, version, target, full_target, at=at, day=day, home=home)
    _assess(outcome, version, target, full_target, at=None, day=None, home=None)
    outcome.target, outcome.full_target = target, full_target
    return outcome


def _decrees(
    versions: Sequence[Version], changes: Sequence[TargetChange]
) -> list[tuple[tuple[int, datetime, int], list[Version | TargetChange]]]:
    """Rule versions and target changes in order; a version and the targets that it brought take
    effect together."""
    found: dict[tuple[int, datetime, int], list[Version | TargetChange]] = {}
    for version in versions:
        if version.activated_at:
            place = version.seen_entry, version.activated_at, version.number
            found.setdefault(place, []).append(version)
    for change in changes:
        found.setdefault((change.seen_entry, change.at, change.rules), []).append(change)
    return sorted(found.items(), key=lambda item: item[0])


def _assess(
    outcome: Outcome,
    version: Version,
    target: int,
    full_target: int,
    *,
    at: datetime | None,
    day: date | None,
    home: int | None,
) -> None:
    worth = rules.recognise(outcome.earned, version.rules, target, full_target)
    outcome.recognised, outcome.shortfall, outcome.points = (
        worth.hours,
        worth.shortfall,
        worth.points,
    )
    if worth.shortfall:
        outcome.completed_at = outcome.completed_on = outcome.completed_home = None
    elif outcome.completed_at is None and at is not None:
        outcome.completed_at, outcome.completed_on, outcome.completed_home = at, day, home
