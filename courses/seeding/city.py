"""A whole city in bulk: `seed fushun --branches … --entries …`, resumable after kill -9.

The city itself is one transaction; then every few groups of branches (a group is one general
branch or committee) write one stretch of a programme in a transaction of their own. A seed that
was killed goes on with the first batch that is not there, and ends with the digest of one that ran
through.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from time import perf_counter

from django.db import transaction
from django.db.models import Count

from courses.seeding import city_plan, city_writing, people, programme, syllabus, tree
from courses.seeding.agenda import Agenda
from courses.seeding.calendar import Calendar
from courses.seeding.city_plan import Group
from courses.seeding.files import load
from courses.seeding.world import World
from credits import bulletins, digests, programmes, weeks
from credits.models import (
    BranchStanding,
    Bulletin,
    LedgerBook,
    Posting,
    Programme,
    RankingPermit,
)
from portal import audit, set_wise
from portal.audit import Actor
from portal.models import Appointment, AuditEvent, Cohort, Member, Organization, Role
from portal.refusals import Refusal

BATCH = 10_000  # entries written at once at most, in two transactions
PER_GROUP = 10  # branches under one general branch or committee: about 200 people
APART = timedelta(weeks=26)  # between the programmes of a city that has several
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
    report: Report = print,
    progress: Progress = lambda done, total: None,
) -> str:
    """Build the city, or go on where a killed seed stopped; returns the digest of its books.

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
    for number in range(size.programmes):
        calendar = Calendar(today - APART * (size.programmes - 1 - number))
        campaign = _opened(size, number, calendar)
        done = _fill(campaign, calendar, size, done, lambda n: progress(n, total))
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
    progress: Callable[[int], None],
) -> int:
    """Everybody's hours: up to the bulletin's day, the bulletin, the rest."""
    last = calendar.at(programme.BULLETINS[-1], 10)
    known = 0  # entries when the database last took stock
    for since, until in ((None, last), (last, None)):
        lacking = 0
        for groups in _batches(_groups(size), min(BATCH, size.entries // 20)):
            acts: list[city_plan.Act] = []
            for group in groups:
                # What some are too few to study, the next study with their own.
                wanted = group.entries + lacking
                planned = city_plan.acts(
                    campaign, calendar, replace(group, entries=wanted), size.seed
                )
                lacking = wanted - sum(act.lines for act in planned)
                acts += [
                    act
                    for act in planned
                    if (since is None or act.at > since) and (until is None or act.at <= until)
                ]
            done += _written(campaign, acts)
            if done > 4 * known:
                known = done
                set_wise.take_stock()
            progress(done)
        if lacking:
            raise Refusal(f"这些党员学不了这么多：还差 {lacking} 条学时明细，请减少 --entries。")
        if until and campaign.state == Programme.State.RUNNING:
            _publish(campaign, until)
    return done


def _batches(groups: Iterator[Group], entries: int) -> Iterator[list[Group]]:
    """Groups in turn, as many as have so many entries together."""
    batch: list[Group] = []
    for group in groups:
        batch.append(group)
        if sum(g.entries for g in batch) >= entries:
            yield batch
            batch = []
    if batch:
        yield batch


def _written(campaign: Programme, acts: list[city_plan.Act]) -> int:
    """Write a batch's acts at once, unless they are there; returns how many lines they have."""
    if not acts:
        return 0
    keys = Posting.objects.filter(programme=campaign, kind__in=["session", "log"])
    if keys.filter(key=acts[0].key, revision=1).exists():
        return sum(act.lines for act in acts)
    with transaction.atomic():
        return city_writing.write(campaign, acts)


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


def _groups(size: Size) -> Iterator[Group]:
    """The groups in order of the tree, each with its members, secretaries and share of entries."""
    branches: dict[int, list[Organization]] = defaultdict(list)
    for branch in Organization.objects.branches().order_by("path"):
        branches[branch.parent_id or 0].append(branch)
    hosts = Organization.objects.in_bulk(list(branches))
    heads = Member.objects.values_list("branch").annotate(n=Count("pk"))
    count, seen, given = dict(heads.order_by()), 0, 0
    for host, own in branches.items():
        seen += sum(count.get(branch.pk, 0) for branch in own)
        share = size.entries * seen // size.members - given
        given += share
        people_: dict[int, list[Member]] = {branch.pk: [] for branch in own}
        rows = Member.objects.filter(branch__in=own).order_by("number")
        for member in rows.only("pk", "key", "name", "branch_id"):
            people_[member.branch_id or 0].append(member)
        yield Group(hosts[host], tuple(own), people_, _secretaries(own), share)


def _secretaries(branches: list[Organization]) -> dict[int, Actor]:
    rows = Appointment.objects.filter(
        organization__in=branches, role=Role.SECRETARY
    ).select_related("member")
    return {row.organization_id: Actor(row.member, "secretary") for row in rows}


def _actor(role: Role) -> Actor:
    row = Appointment.objects.filter(role=role).select_related("member").order_by("pk").first()
    assert row is not None  # noqa: S101 - the cast has every role
    return Actor(row.member, role)
