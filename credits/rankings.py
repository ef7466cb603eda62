"""Rankings: like is compared with like, ranks are shared, the denominator is always there.

Read only: computed here from the branch rows; `credits.kept_rankings` keeps what was computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Sum
from django.utils import timezone

from credits import committees
from credits.models import (
    BranchMonth,
    BranchStanding,
    Bulletin,
    BulletinRow,
    Programme,
    RankingPermit,
    Standing,
)
from credits.querysets import BranchStandingQuerySet
from portal.models import Cohort, Member, Organization
from portal.prepared import Prepared, columns, given
from portal.refusals import Refusal

FIGURES = ("due", "exempt", "completed", "hours", "points")


class NotPermitted(Refusal):
    """The programme does not rank now; the message says why."""


class Window(StrEnum):
    ALL = "all"
    MONTH = "month"
    QUARTER = "quarter"


class Measure(StrEnum):
    RATE = "rate"
    POINTS = "points"
    HOURS = "hours"
    NEW = "new"


class Level(StrEnum):
    UNIT = "unit"
    COMMITTEE = "committee"
    BRANCH = "branch"


WINDOWS = {Window.ALL: "累计", Window.MONTH: "本月", Window.QUARTER: "本季度"}
MEASURES = {
    Measure.RATE: "学满率",
    Measure.POINTS: "人均积分",
    Measure.HOURS: "人均学时",
    Measure.NEW: "新增学满",
}
LEVELS = {Level.UNIT: "单位", Level.COMMITTEE: "基层党委", Level.BRANCH: "党支部"}


@dataclass(frozen=True)
class Choice:
    """Which ranking: of what, among whom, over which window, by which measure."""

    level: Level = Level.UNIT
    cohort: str = Cohort.MUNICIPAL
    window: Window = Window.ALL
    measure: Measure = Measure.RATE
    unit: int | None = None  # committees or branches of one unit only

    @property
    def has_movement(self) -> bool:
        """Movement since the last bulletin exists for the ranking that bulletins print."""
        return (self.level, self.window, self.measure) == (Level.UNIT, Window.ALL, Measure.RATE)


class Place(NamedTuple):
    """One line of a ranking. Sums over its members due; hours in hundredths, points too.

    value: what is ranked by, None where nobody is due (listed apart, without rank).
    movement: places gained since the last bulletin.
    """

    organization: int
    code: str
    name: str
    due: int
    exempt: int
    completed: int
    hours: int
    points: int
    new: int = 0
    value: float | None = None
    rank: int | None = None
    movement: int | None = None

    @property
    def rate(self) -> float | None:
        return self.completed / self.due if self.due else None

    @property
    def mean_hours(self) -> float | None:
        return self.hours / self.due if self.due else None

    @property
    def mean_points(self) -> float | None:
        return self.points / self.due if self.due else None


@dataclass(frozen=True)
class Ranking:
    """A whole ranking at a moment. bulletin: the number with which movement compares."""

    places: tuple[Place, ...]
    apart: tuple[Place, ...]
    at: datetime
    bulletin: int | None = None


_permits = Prepared(
    lambda: (
        RankingPermit.objects.filter(programme=given("programme", int))
        .order_by("-pk")
        .values_list(*columns(RankingPermit))[:1]
    )
)


def permit_of(programme: Programme) -> RankingPermit | None:
    """The decision that counts now."""
    found = _permits.objects(programme=programme.pk)
    return found[0] if found else None


def may_rank(permit: RankingPermit | None) -> bool:
    """Whether organisations may be ranked under the decision that counts now."""
    return permit is not None and permit.level != RankingPermit.Level.OFF


def check_permitted(programme: Programme, *, of_members: bool = False) -> RankingPermit:
    """The permit under which the programme ranks. Raises NotPermitted when there is none."""
    return check_permit(programme, permit_of(programme), of_members=of_members)


def check_shown(programme: Programme) -> None:
    """The same of a programme that `ProgrammeQuerySet.shown` read, with no query where it ranks."""
    if getattr(programme, "permitted", None) in (None, RankingPermit.Level.OFF):
        check_permitted(programme)


def check_permit(
    programme: Programme, permit: RankingPermit | None, *, of_members: bool = False
) -> RankingPermit:
    """Whether the newest permit lets the programme rank. Raises NotPermitted."""
    if permit is None:
        raise NotPermitted(f"{programme}还没有取得排行许可，暂不排行。")
    if permit.level == RankingPermit.Level.OFF:
        day = timezone.localdate(permit.at)
        raise NotPermitted(f"自 {day} 起，依据{permit.document}，{programme}不再排行。")
    if of_members and permit.level != RankingPermit.Level.MEMBERS:
        raise NotPermitted(f"依据{permit.document}，{programme}只对党组织排行，不对党员个人排行。")
    return permit


def leaderboard(programme: Programme, choice: Choice, *, at: datetime) -> Ranking:
    """Compute a ranking. Raises NotPermitted."""
    check_permitted(programme)
    rows = _sums(programme, choice)
    if choice.window is not Window.ALL or choice.measure is Measure.NEW:
        rows = _in_window(programme, choice, rows, at=at)
    valued = [row._replace(value=_value(row, choice.measure)) for row in rows]
    places = ranked([row for row in valued if row.value is not None])
    apart = sorted((row for row in valued if row.value is None), key=lambda p: p.code)
    bulletin = last_bulletin(programme) if choice.has_movement else None
    if bulletin:
        places = _moved(bulletin, choice.cohort, places)
    return Ranking(tuple(places), tuple(apart), at, bulletin.number if bulletin else None)


def ranked(rows: Iterable[Place]) -> list[Place]:
    """Order by value, hours per member due, code; equal values share a rank: 1, 2, 2, 4."""
    order = sorted(rows, key=lambda p: (-(p.value or 0), -(p.mean_hours or 0), p.code))
    places: list[Place] = []
    for index, row in enumerate(order):
        same = index and order[index - 1].value == row.value
        places.append(row._replace(rank=places[-1].rank if same else index + 1))
    return places


def last_bulletin(programme: Programme) -> Bulletin | None:
    """The newest published number that was not withdrawn."""
    found = _last.objects(programme=programme.pk)
    return found[0] if found else None


_last = Prepared(  # without the heads of all books, which nobody asks of it
    lambda: (
        Bulletin.objects.filter(programme=given("programme", int))
        .standing()
        .order_by("-published_at", "-pk")
        .values_list(*(name for name in columns(Bulletin) if name != "heads"))[:1]
    )
)


def members_of(programme: Programme, branch: Organization) -> list[tuple[int, Standing]]:
    """A branch's own members by points, with shared ranks; only under a permit for members.

    Raises NotPermitted. The exempt do not stand in it.
    """
    check_permitted(programme, of_members=True)
    rows = Standing.objects.filter(programme=programme, branch=branch).due()
    order = list(rows.select_related("member").order_by("-points", "member__number"))
    ranks: list[int] = []
    for index, row in enumerate(order):
        same = index and order[index - 1].points == row.points
        ranks.append(ranks[-1] if same else index + 1)
    return list(zip(ranks, order, strict=True))


def first_of_month(day: date, window: Window) -> date:
    """The first day of the month or quarter of a day."""
    if window is Window.QUARTER:
        return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return day.replace(day=1)


def unit_of(member: Member) -> Organization | None:
    """The ranked unit to which somebody's branch belongs."""
    return member.branch.unit if member.branch else None


def _sums(programme: Programme, choice: Choice) -> list[Place]:
    rows = _rows(programme, choice)
    # A dissolved branch only where it still counts somebody (in a closed programme).
    there = rows.exclude(branch__dissolved_on__isnull=False, due=0, exempt=0)
    if choice.level is Level.BRANCH:
        values = there.values_list("branch", "branch__code", "branch__short_name", *FIGURES)
        return [Place(*value) for value in values]
    if choice.level is Level.COMMITTEE:
        sums = committees.sums(there, *FIGURES, unit="unit", units=rows.values("unit"))
        return [Place(c.pk, c.code, c.name, *own) for c, own in sums.items()]
    return [
        Place(u["unit"], u["code"], u["name"], *(u[name] for name in FIGURES))
        for u in rows.by_unit()
    ]


def _rows(programme: Programme, choice: Choice) -> BranchStandingQuerySet:
    """The branch rows that a ranking sums up."""
    rows = BranchStanding.objects.filter(programme=programme)
    return rows.filter(unit=choice.unit) if choice.unit else rows.filter(cohort=choice.cohort)


def _in_window(
    programme: Programme, choice: Choice, rows: Sequence[Place], *, at: datetime
) -> list[Place]:
    """Replace all-time hours by those of the window; members due are today's.

    A committee whose branches are all gone stands apart where they earned in the window.
    """
    months = BranchMonth.objects.filter(programme=programme)
    if choice.window is not Window.ALL:
        months = months.filter(month__gte=first_of_month(timezone.localdate(at), choice.window))
    if choice.level is Level.COMMITTEE:
        units = _rows(programme, choice).values("unit")
        by = committees.sums(months, "hours", "completed", unit="branch__unit", units=units)
        found = {c.pk: (hours, new) for c, (hours, new) in by.items()}
        there = {row.organization for row in rows}
        gone = [c for c, own in by.items() if any(own) and c.pk not in there]
        rows = [*rows, *(Place(c.pk, c.code, c.name, *([0] * len(FIGURES))) for c in gone)]
    else:
        name = "branch" if choice.level is Level.BRANCH else "branch__unit"
        sums = months.order_by().values_list(name).annotate(h=Sum("hours"), n=Sum("completed"))
        found = {organization: (hours, new) for organization, hours, new in sums}
    all_time = choice.window is Window.ALL
    return [
        row._replace(
            hours=row.hours if all_time else found.get(row.organization, (0, 0))[0],
            new=found.get(row.organization, (0, 0))[1],
        )
        for row in rows
    ]


def _value(row: Place, measure: Measure) -> float | None:
    if not row.due:
        return None
    if measure is Measure.RATE:
        return row.completed / row.due
    if measure is Measure.POINTS:
        return row.points / row.due
    if measure is Measure.HOURS:
        return row.hours / row.due
    return row.new / row.due


def _moved(bulletin: Bulletin, cohort: str, places: Sequence[Place]) -> list[Place]:
    """Movement exists for a unit that was ranked in the last bulletin among the same cohort."""
    rows = BulletinRow.objects.filter(bulletin=bulletin, cohort=cohort).exclude(rank=None)
    before = {unit: rank or 0 for unit, rank in rows.values_list("unit", "rank")}
    return [
        p._replace(movement=before[p.organization] - (p.rank or 0))
        if p.organization in before
        else p
        for p in places
    ]
