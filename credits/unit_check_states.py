"""How far the units' check of a draft is: who confirmed, objected, did not answer, did not look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from credits.models import (
    BulletinDraft,
    Measure,
    ObjectionReply,
    UnitAnswer,
    UnitFigures,
    UnitLook,
    UnitsCheck,
)
from portal.models import Appointment, Role
from portal.refusals import Refusal

CHECKERS = (Role.SECRETARY, Role.OFFICIAL)  # of the unit itself: a branch has the first
OBJECTED = UnitAnswer.Says.OBJECTED


class ObjectionsOpen(Refusal):
    """Units objected and nobody replied yet."""


class State(StrEnum):
    OBJECTED = "objected"
    SETTLED = "settled"
    CONFIRMED = "confirmed"
    LOOKED = "looked"
    UNSEEN = "unseen"


WORDS = {
    State.OBJECTED: "有异议",
    State.SETTLED: "异议已答复",
    State.CONFIRMED: "已确认",
    State.LOOKED: "已查看，未答复",
    State.UNSEEN: "未查看",
}
TAGS = {State.OBJECTED: "no", State.SETTLED: "ok", State.CONFIRMED: "ok", State.LOOKED: "wait"}


@dataclass(frozen=True)
class UnitState:
    """One unit's part in a check. answers: the newest of each line. checkers: how many people of
    the unit can answer at all. late: the deadline is over."""

    row: UnitFigures
    looks: Sequence[UnitLook]
    answers: Mapping[str, UnitAnswer]
    checkers: int
    late: bool

    @property
    def objections(self) -> list[UnitAnswer]:
        """In the order of the lines."""
        found = [self.answers[m] for m in Measure.values if m in self.answers]
        return [answer for answer in found if answer.says == OBJECTED]

    @property
    def state(self) -> State:
        """Silence after the deadline counts as not looked."""
        if not self.answers:
            return State.LOOKED if self.looks and not self.late else State.UNSEEN
        if any(reply_of(answer) is None for answer in self.objections):
            return State.OBJECTED
        return State.SETTLED if self.objections else State.CONFIRMED

    @property
    def word(self) -> str:
        return WORDS[self.state]

    @property
    def tag(self) -> str:
        return TAGS.get(self.state, "")


@dataclass(frozen=True)
class Summary:
    """A check in counts. late: the deadline is over; silent: units that had looked by then."""

    check: UnitsCheck
    counts: Mapping[State, int]
    units: int
    silent: int
    late: bool

    @property
    def text(self) -> str:
        """How many units stand where, in a line."""
        said = [f"{WORDS[s]} {self.counts[s]}" for s in State if self.counts.get(s)]
        return "，".join([f"送核 {self.units} 个单位", *said])


def latest(draft: BulletinDraft) -> UnitsCheck | None:
    """The newest check of a draft."""
    rows = UnitsCheck.objects.select_related("sent_by", "draft__programme__organiser")
    return rows.filter(draft=draft).order_by("-turn").first()


def is_late(check: UnitsCheck, *, at: datetime) -> bool:
    return at > check.deadline


def states(check: UnitsCheck, *, at: datetime) -> list[UnitState]:
    """Every unit of a check, in the order of the bulletin; a fixed number of queries."""
    rows = list(check.rows.order_by("pk"))
    looks: dict[int, list[UnitLook]] = defaultdict(list)
    for look in UnitLook.objects.filter(row__units_check=check).order_by("pk"):
        looks[look.row_id].append(look)
    given = UnitAnswer.objects.filter(row__units_check=check)
    answers = newest(given)
    people = Counter(unit for unit, _ in checkers([row.unit_id for row in rows], at=at))
    late = is_late(check, at=at)
    return [
        UnitState(row, looks[row.pk], answers.get(row.pk, {}), people[row.unit_id], late)
        for row in rows
    ]


def summary(draft: BulletinDraft, *, at: datetime) -> Summary | None:
    """How far the newest check of a draft is; None where it was not sent."""
    check = latest(draft)
    return summary_of(check, states(check, at=at), at=at) if check else None


def summary_of(check: UnitsCheck, units: Sequence[UnitState], *, at: datetime) -> Summary:
    """A check in counts, from its units' states."""
    late = is_late(check, at=at)
    silent = sum(late and bool(unit.looks) and not unit.answers for unit in units)
    return Summary(check, Counter(unit.state for unit in units), len(units), silent, late)


def newest(answers: QuerySet[UnitAnswer]) -> dict[int, dict[str, UnitAnswer]]:
    """The newest answer of each line, by row and measure."""
    found: dict[int, dict[str, UnitAnswer]] = defaultdict(dict)
    for answer in answers.select_related("by", "reply__by").order_by("pk"):
        found[answer.row_id][answer.measure] = answer
    return dict(found)


def reply_of(answer: UnitAnswer) -> ObjectionReply | None:
    return getattr(answer, "reply", None)


def open_objections(draft: BulletinDraft) -> QuerySet[UnitAnswer]:
    """Objections to a draft's figures that have no reply and that the unit did not take back."""
    later = UnitAnswer.objects.filter(
        row=OuterRef("row"), measure=OuterRef("measure"), pk__gt=OuterRef("pk")
    )
    rows = UnitAnswer.objects.filter(row__units_check__draft=draft, says=OBJECTED, reply=None)
    return rows.exclude(Exists(later))


def check_answered(draft: BulletinDraft) -> None:
    """Raises ObjectionsOpen while an objection waits for a correction or a reasoned reply."""
    count = open_objections(draft).count()
    if count:
        raise ObjectionsOpen(f"还有 {count} 条单位异议没有答复，请先更正或说明理由，再发布。")


def checkers(units: Collection[int], *, at: datetime) -> set[tuple[int, int]]:
    """Who answers for these units: (unit, member). Those appointed at the unit itself."""
    held = Appointment.objects.on(timezone.localdate(at)).filter(
        organization__in=units, role__in=CHECKERS, member__is_active=True
    )
    return set(held.values_list("organization", "member"))


def waiting_at(units: Any, *, at: Any) -> QuerySet[UnitFigures]:
    """Lines that these units (ids, or a query of them) have yet to answer: for lists of things to
    do."""
    again = UnitsCheck.objects.filter(
        draft=OuterRef("units_check__draft"), turn__gt=OuterRef("units_check__turn")
    )
    rows = UnitFigures.objects.filter(
        unit__in=units,
        units_check__deadline__gte=at,
        units_check__draft__bulletin=None,
        answers=None,
    )
    return rows.exclude(Exists(again))
