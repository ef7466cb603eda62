"""The two programmes: the running one of 2021, and a small one that has ended and is closed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from courses.seeding.files import load
from courses.seeding.meetings import Meeting, put_down
from courses.seeding.world import World
from courses.sessions import Plan, schedule
from credits import bulletins, programmes, unit_check_states, unit_texts, weeks
from credits.models import BulletinDraft, RankingPermit
from portal.audit import Actor
from portal.models import Cohort, Member, Organization, Role

BULLETINS = [date(2021, 4, 30), date(2021, 5, 21)]


def plan_running(world: World) -> None:
    """Put down the running programme's life: opening, permit, weeks, bulletins."""
    facts, calendar, agenda = load("fushun-2021")["programme"], world.calendar, world.agenda
    starts = facts["starts"]
    agenda.add(calendar.at(starts - timedelta(days=10), 9), _found_running)
    agenda.add(calendar.at(starts, 1), _open_running)
    monday = starts + timedelta(days=7)
    while agenda.add(calendar.at(monday, 1), _turn_day_running):
        monday += timedelta(days=7)
    for number, day in enumerate(BULLETINS, 1):
        agenda.add(calendar.at(day, 10), _publish, number)


def plan_ended(world: World) -> None:
    """Put down the small programme: three branches, three sessions, closed after its grace."""
    entry, calendar, agenda = load("rules")["ended"], world.calendar, world.agenda
    branches = [world.branches[key] for key in load("cast")["branches"]]
    starts, ends = entry["starts"], entry["ends"]

    agenda.add(calendar.at(starts - timedelta(days=10), 9), _found_ended)
    agenda.add(calendar.at(starts, 1), _open_ended)
    for branch in branches:
        for number, session in enumerate(entry["sessions"]):
            start = calendar.at(session["day"], session["hour"])
            lasting = timedelta(minutes=session["minutes"])
            key = f"ended-{branch.code}-{number}"
            planned = Plan(
                session["title"],
                session["form"],
                start,
                start + lasting,
                occasion="training",
                key=key[:24],
            )
            meeting = Meeting(branch.code, planned)
            agenda.add(calendar.at(starts, 9), _plan_ended, meeting)
            put_down(world, meeting)
    agenda.add(calendar.at(ends, 18), _close_study_ended)
    agenda.add(calendar.at(ends, 18) + programmes.GRACE, _close_books_ended)


def _found_running(world: World, _: list[Any], at: datetime) -> None:
    facts, scopes = load("fushun-2021")["programme"], [world.city] if world.city else []
    entry = load("rules")["running"]
    _found(world, "running", entry, scopes, (facts["starts"], facts["ends"]), at)


def _open_running(world: World, _: list[Any], at: datetime) -> None:
    by = world.administrator
    world.programmes["running"] = programmes.open_(world.programme, by=by, at=at)
    document = load("rules")["running"]["permit"]
    level = RankingPermit.Level.MEMBERS
    programmes.permit(world.programme, level, document=document, by=world.official, at=at)


def _turn_day_running(world: World, _: list[Any], at: datetime) -> None:
    programmes.turn_the_day(at=at)


def _found_ended(world: World, _: list[Any], at: datetime) -> None:
    entry = load("rules")["ended"]
    scopes = [world.branches[key] for key in load("cast")["branches"]]
    _found(world, "ended", entry, scopes, (entry["starts"], entry["ends"]), at)


def _open_ended(world: World, _: list[Any], at: datetime) -> None:
    ended = world.programmes["ended"]
    world.programmes["ended"] = programmes.open_(ended, by=world.administrator, at=at)


def _close_study_ended(world: World, _: list[Any], at: datetime) -> None:
    ended = world.programmes["ended"]
    world.programmes["ended"] = programmes.close_study(ended, by=world.administrator, at=at)


def _close_books_ended(world: World, _: list[Any], at: datetime) -> None:
    ended = world.programmes["ended"]
    weeks.close_week(ended, at=at)
    world.programmes["ended"] = programmes.close_books(ended, by=world.administrator, at=at)


def _plan_ended(world: World, items: list[Any], at: datetime) -> None:
    for meeting in items:
        by = world.secretaries[meeting.branch]
        branch = world.branches[meeting.branch]
        schedule(branch, [world.programmes["ended"]], meeting.plan, by=by, at=at)


def _found(
    world: World,
    name: str,
    entry: dict[str, Any],
    scopes: list[Organization],
    days: tuple[date, date],
    at: datetime,
) -> None:
    assert world.city is not None  # noqa: S101 - laid out before
    starts, ends = map(world.calendar.on, days)
    years = starts.year - days[0].year
    world.programmes[name] = programmes.found(
        code=_code(entry["code"], years),
        name=entry["name"].replace(str(days[0].year), str(starts.year)),
        organiser=world.city,
        scopes=scopes,
        starts=starts,
        ends=ends,
        rules_=rules_of(entry["rules"], with_periods=name == "running"),
        authority=entry["authority"],
        by=world.administrator,
        at=at,
    )


def rules_of(entry: dict[str, Any], *, with_periods: bool) -> dict[str, Any]:
    """The rules' JSON: the file's, with the history periods of the facts."""
    rules = {name: value for name, value in entry.items() if name != "minimum"}
    periods = load("fushun-2021")["history_periods"] if with_periods else []
    rules["periods"] = [
        {"code": p["code"], "name": p["name"], "minimum": entry["minimum"]} for p in periods
    ]
    return rules


def _code(code: str, years: int) -> str:
    """A programme's code names its year."""
    stem, _, year = code.rpartition("-")
    return f"{stem}-{int(year) + years}"


def _publish(world: World, items: list[Any], at: datetime) -> None:
    for number in items:
        draft = bulletins.draw_up(
            world.programme,
            title=f"党史学习教育积分通报（第{'一二'[number - 1]}次）",
            cohorts=Cohort.values,
            by=world.official,
            at=at,
        )
        _write_unit_texts(draft, at=at)
        bulletins.publish(draft, seen_version=draft.version, by=world.official, at=at)


def _write_unit_texts(draft: BulletinDraft, *, at: datetime) -> None:
    """The first units to learn from write, each by the first person who may."""
    texts = iter(load("sessions")["unit_texts"])
    done: set[int] = set()
    seats = list(draft.text_requests.values_list("seat", flat=True))
    people = dict(sorted(unit_check_states.checkers(seats, at=at)))
    for request in draft.text_requests.select_related("draft", "unit"):
        if request.unit_id in done or request.seat_id not in people:
            continue
        text = next(texts, None)
        if text is None:
            return
        done.add(request.unit_id)
        writer = Actor(Member.objects.get(pk=people[request.seat_id]), Role.SECRETARY)
        unit_texts.write(request, text, by=writer, at=at)
