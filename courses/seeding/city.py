"""A whole city in bulk: `seed fushun --branches … --entries …`, resumable after kill -9.

The city itself is one transaction; then several processes write batches of its groups of branches,
each a stretch of a programme in a transaction of its own (`city_batches`). A seed that was killed
goes on with the batches that are not there, and ends with the digest of one that ran through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from time import perf_counter

from django.db import transaction

from courses.seeding import city_batches, city_plan, people, programme, syllabus, tree
from courses.seeding.agenda import Agenda
from courses.seeding.calendar import Calendar
from courses.seeding.city_batches import Stretch
from courses.seeding.files import load
from courses.seeding.hands import Hands, several_hands
from courses.seeding.world import World
from credits import bulletins, digests, programmes, weeks
from credits.models import (
    BranchStanding,
    Bulletin,
    LedgerBook,
    Programme,
    RankingPermit,
)
from portal import audit, set_wise
from portal.audit import Actor
from portal.models import Appointment, AuditEvent, Cohort, Member, Organization, Role
from portal.refusals import Refusal

PER_GROUP = 10  # branches under one general branch or committee: about 200 people
APART = timedelta(weeks=36)  # between two programmes: the former is over, its books closed
REGISTERED = date(2016, 1, 4)
SEEDED, FINISHED = "布置全市种子数据", "全市种子数据写完"

Report = Callable[[str], None]
Progress = Callable[[int, int], None]  # entries done, of how many


@dataclass(frozen=True)
class Size:
    """What a city is asked to be. entries: lines of the ledger in each programme."""

    members: int
    branches: int
    entries: int
    programmes: int = 1
    seed: int = 1


class AnotherCity(Refusal):
    """Something else is in the database already."""


def seed_city(
    size: Size,
    *,
    today: date,
    jobs: int = 1,
    report: Report = print,
    progress: Progress = lambda done, total: None,
) -> str:
    """Build the city, or go on where a killed seed stopped; returns the digest of its books.

    jobs: processes that plan and write. On SQLite only one of them writes at a time.

    Raises AnotherCity where something else is there, Refusal for sizes that contradict one
    another.
    """
    began = perf_counter()
    _check(size)
    today = _taken_up(size, today) or _found(size, today, report)
    if AuditEvent.objects.filter(subject=FINISHED).exists():
        found = digest()
        report(f"全市种子数据已经写完，一切保持原样；账簿校验值 {found}")
        return found
    total, done = size.entries * size.programmes, 0
    with several_hands(jobs) as hands:
        for number in range(size.programmes):
            calendar = Calendar(today - APART * (size.programmes - 1 - number))
            campaign = _opened(size, number, calendar)
            done = _fill(campaign, calendar, size, done, hands, lambda n: progress(n, total))
            if number < size.programmes - 1:
                _close(campaign, calendar)
    _finish(today)
    found = digest()
    report(f"全市种子数据已写入，本次用时 {perf_counter() - began:.0f} 秒；账簿校验值 {found}")
    return found


def _finish(today: date) -> None:
    """Note that nothing is left to be written: what people change from now on is theirs."""
    at = Calendar(today).horizon
    audit.record(AuditEvent.Event.PROGRAMME, by=_actor(Role.ADMINISTRATOR), at=at, subject=FINISHED)


def digest() -> str:
    """One value over the heads of all books and the branches' figures, in stable keys."""
    heads = LedgerBook.objects.order_by("programme__code", "organization__code").values_list(
        "programme__code", "organization__code", "last_sequence", "last_digest"
    )
    figures = BranchStanding.objects.order_by("programme__code", "branch__code").values_list(
        "programme__code", "branch__code", "due", "completed", "hours", "points"
    )
    return digests.of_json([list(map(list, heads)), list(map(list, figures))])


def _check(size: Size) -> None:
    if size.members < tree.least_members():
        raise Refusal(f"党员人数至少要有 {tree.least_members()} 名，每个单位才有人。")
    if not size.branches * 3 <= size.members <= size.branches * 24:
        raise Refusal("每个党支部平均要有 3 至 24 名党员，请调整 --members 或 --branches。")
    if size.entries > size.members * city_plan.PER_MEMBER:
        raise Refusal(f"每名党员平均最多 {city_plan.PER_MEMBER} 条学时明细，请减少 --entries。")


def _taken_up(size: Size, today: date) -> date | None:
    """The day of the seed that was begun here with these sizes; None where nothing is there."""
    if not Programme.objects.exists() and not Member.objects.exists():
        return None
    event = AuditEvent.objects.filter(subject=SEEDED).order_by("pk").first()
    if event is None or event.detail["size"] != asdict(size):
        raise AnotherCity(
            "数据库中已有别的数据；全市种子数据只能写入空的数据库，或把同一次写入做完。"
        )
    return date.fromisoformat(event.detail["today"])


@transaction.atomic
def _found(size: Size, today: date, report: Report) -> date:
    """The city without its hours, all or nothing."""
    calendar = Calendar(today)
    world = World(calendar, size.seed, size.members, Agenda(calendar.horizon))
    world.per_group, world.registered = PER_GROUP, REGISTERED
    ordinary = size.members - len(load("cast")["people"])
    world.counts = tree.counts_of_branches(ordinary, size.branches)
    report(f"正在布置 {today} 的全市数据：党员 {size.members} 名，党支部 {size.branches} 个……")
    tree.lay_out(world)
    people.enrol(world)
    people.appoint(world)
    people.send_away(world)
    syllabus.lay_out(at=calendar.at(REGISTERED, 9))
    audit.record(
        AuditEvent.Event.PROGRAMME,
        by=world.administrator,
        at=calendar.at(REGISTERED, 9),
        on=world.city,
        subject=SEEDED,
        detail={"size": asdict(size), "today": today.isoformat()},
    )
    report("党组织和党员已就位，开始逐组记学时：")
    return today


def _opened(size: Size, number: int, calendar: Calendar) -> Programme:
    """The programme with this number, found and opened where it is not there yet."""
    facts, entry = load("fushun-2021")["programme"], load("rules")["running"]
    starts, ends = calendar.on(facts["starts"]), calendar.on(facts["ends"])
    last = number == size.programmes - 1
    code = f"dsxx-{starts:%Y}" if last else f"dsxx-{starts:%Y%m}"
    there = Programme.objects.filter(code=code).first()
    if there:
        return there
    city, official = Organization.objects.get(parent=None), _actor(Role.OFFICIAL)
    with transaction.atomic():
        found = programmes.found(
            code=code,
            name=entry["name"] if last else f"{entry['name']}（第{tree.numeral(number + 1)}批）",
            organiser=city,
            scopes=[city],
            starts=starts,
            ends=ends,
            rules_=programme.rules_of(entry["rules"], with_periods=True),
            authority=entry["authority"],
            by=official,
            at=calendar.at(facts["starts"] - timedelta(days=10), 9),
        )
        opens = calendar.at(facts["starts"], 1)
        found = programmes.open_(found, by=official, at=opens)
        programmes.permit(
            found, RankingPermit.Level.MEMBERS, document=entry["permit"], by=official, at=opens
        )
    return found


def _fill(
    campaign: Programme,
    calendar: Calendar,
    size: Size,
    done: int,
    hands: Hands,
    progress: Callable[[int], None],
) -> int:
    """Everybody's hours: up to the bulletin's day, the bulletin, the rest."""
    last = calendar.at(programme.BULLETINS[-1], 10)
    known = 0  # entries when the database last took stock
    batches = list(city_batches.cut(size.members, size.entries))
    for since, until in ((None, last), (last, None)):
        stretch = Stretch(campaign.pk, calendar, since, until, size.seed)
        for lines in hands.do((city_batches.write, stretch, batch) for batch in batches):
            done += lines
            if done > 4 * known:
                known = done
                set_wise.take_stock()
            progress(done)
        if until and campaign.state == Programme.State.RUNNING:
            _publish(campaign, until)
    return done


def _publish(campaign: Programme, at: datetime) -> None:
    """A bulletin between the two stretches, for units to move against."""
    if Bulletin.objects.filter(programme=campaign).exists():
        return
    official = _actor(Role.OFFICIAL)
    with transaction.atomic():
        weeks.close_week(campaign, at=at)
        draft = bulletins.draw_up(
            campaign, title=f"{campaign}积分通报", cohorts=Cohort.values, by=official, at=at
        )
        bulletins.publish(draft, seen_version=draft.version, by=official, at=at)


def _close(campaign: Programme, calendar: Calendar) -> None:
    """End a former programme and close its books."""
    if campaign.state != Programme.State.RUNNING:
        return
    ends, by = load("fushun-2021")["programme"]["ends"], _actor(Role.ADMINISTRATOR)
    with transaction.atomic():
        at = calendar.at(ends, 18)
        campaign = programmes.close_study(campaign, by=by, at=at)
        programmes.close_books(campaign, by=by, at=at + programmes.GRACE)


def _actor(role: Role) -> Actor:
    row = Appointment.objects.filter(role=role).select_related("member").order_by("pk").first()
    assert row is not None  # noqa: S101 - the cast has every role
    return Actor(row.member, role)
