"""A cast of people in one small city, as fixtures: the whole of it fits in the head.

云岭市 → 青川县 (a unit) → 甲支部 and 乙支部; 市文化局 (another unit) → 丙支部.
lin studies in 甲; zhou is its secretary; wu of 乙 is the stranger; gao is the county's official;
shi the city's; xun guides the county; guan administers. All names are invented.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction

from credits import programmes
from credits.models import Programme, RankingPermit
from portal import appointments, members, organizations
from portal.audit import Actor
from portal.members import Enrolment
from portal.models import Cohort, Member, Organization, Role
from portal.organizations import Founding

SHANGHAI = ZoneInfo("Asia/Shanghai")
STARTS, ENDS = date(2021, 3, 1), date(2021, 12, 31)
TODAY = date(2021, 6, 3)


def moment(day: date = TODAY, hour: int = 20, minute: int = 0) -> datetime:
    """A local moment."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


NOW = moment()
BEFORE = moment(date(2021, 2, 1), 9)


def rules_json(**changes: Any) -> dict[str, Any]:
    """The seed's rules: 45 minutes an hour, 24 hours, 4 in each period, self-study at most 10."""
    forms = [
        ("seminar", None),
        ("lecture", None),
        ("self", 1000),
        ("site", None),
        ("immersive", None),
        ("online", 800),
    ]
    periods = [
        ("new-democratic", "新民主主义革命时期"),
        ("socialist", "社会主义革命和建设时期"),
        ("reform", "改革开放新时期"),
        ("new-era", "党的十八大以来"),
    ]
    return {
        "target": 2400,
        "minutes_per_hour": 45,
        "half_day": 400,
        "day": 800,
        "step": 25,
        "daily_cap": 800,
        "forms": [{"code": code, "cap": cap, "points": 10} for code, cap in forms],
        "periods": [{"code": c, "name": n, "minimum": 400} for c, n in periods],
        "shares": {"late": 100, "left_early": 100},
        "back_dating": 30,
        "make_up": 60,
        "joiners": "full",
    } | changes


@dataclass
class City:
    """The small city, laid out through the real verbs."""

    root: Organization
    county: Organization
    bureau: Organization
    jia: Organization
    yi: Organization
    bing: Organization
    people: dict[str, Member] = field(default_factory=dict)
    count: int = 0

    def actor(self, name: str, role: str = "member") -> Actor:
        return Actor(self.people[name], role)

    @property
    def by(self) -> Actor:
        """Whoever acts where it does not matter who."""
        return self.actor("guan", "administrator")

    def enrol(
        self, branch: Organization, name: str = "", *, day: date = date(2020, 1, 1), **values: Any
    ) -> Member:
        """One more member, with a number of their own."""
        self.count += 1
        number, at = values.pop("number", f"{self.count:08d}"), values.pop("at", NOW)
        enrolment = Enrolment(
            number=number,
            name=name or f"学员{self.count}",
            branch=branch,
            day=day,
            key=f"key{self.count:05d}",
            **values,
        )
        by = self.by if "guan" in self.people else Actor(None, "seed")  # type: ignore[arg-type] # the very first
        return members.enrol(enrolment, by=by, at=at)


def _found(
    code: str, name: str, kind: str, parent: Organization | None, **values: Any
) -> Organization:
    founding = Founding(code, name, kind, parent, date(2020, 1, 1), **values)
    return organizations.found(founding, by=None, at=BEFORE)  # type: ignore[arg-type] # nobody yet


def lay_out_city() -> City:
    """Organisations, people and appointments; no programme yet."""
    kind = Organization.Kind
    root = _found("YL", "中共云岭市委员会", kind.CITY, None, short_name="云岭市")
    county = _found(
        "YL-QC",
        "中共青川县委员会",
        kind.COUNTY,
        root,
        short_name="青川县",
        cohort=Cohort.COUNTY,
        is_unit=True,
    )
    bureau = _found(
        "YL-WH",
        "中共云岭市文化局机关委员会",
        kind.COMMITTEE,
        root,
        short_name="市文化局",
        cohort=Cohort.MUNICIPAL,
        is_unit=True,
    )
    jia = _found("YL-QC-1", "青川县甲支部", kind.BRANCH, county)
    yi = _found("YL-QC-2", "青川县乙支部", kind.BRANCH, county)
    bing = _found("YL-WH-1", "市文化局丙支部", kind.BRANCH, bureau)
    city = City(root, county, bureau, jia, yi, bing)
    for key, name, branch in (
        ("guan", "管理元", bing),
        ("lin", "林小满", jia),
        ("zhou", "周明远", jia),
        ("wu", "吴远舟", yi),
        ("zheng", "郑书棋", yi),
        ("gao", "高望川", bing),
        ("shi", "石市成", bing),
        ("xun", "荀指导", bing),
    ):
        city.people[key] = city.enrol(branch, name)
    for key, role, organization in (
        ("guan", Role.ADMINISTRATOR, root),
        ("zhou", Role.SECRETARY, jia),
        ("zheng", Role.SECRETARY, yi),
        ("gao", Role.OFFICIAL, county),
        ("shi", Role.OFFICIAL, root),
        ("xun", Role.GUIDANCE, county),
    ):
        appointments.appoint(
            city.people[key], role, organization, since=date(2020, 1, 1), by=city.by, at=BEFORE
        )
    return city


def open_programme(
    city: City, code: str = "dsxx-2021", *, permit: str = "members", **changes: Any
) -> Programme:
    """Open a programme with the rules of the seed, changed as asked."""
    programme = programmes.found(
        code=code,
        name="党史学习教育",
        organiser=city.root,
        scopes=[city.root],
        starts=STARTS,
        ends=ENDS,
        rules_=rules_json(**changes),
        authority="测试依据",
        by=city.by,
        at=BEFORE,
    )
    programme = programmes.open_(programme, by=city.by, at=moment(STARTS, 8))
    if permit:
        programmes.permit(
            programme,
            RankingPermit.Level(permit),
            document="测试文件〔2021〕1号",
            by=city.by,
            at=moment(STARTS, 8),
        )
    return programme


Stage = tuple[City, Programme | None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What must stand in the database before a test begins: the programme, the city or nothing.

    pytest then runs all tests of one stage after another and lays it out once for them.
    """
    names = metafunc.fixturenames
    stage = next((name for name in ("programme", "city") if name in names), "empty")
    if "seeded" in names:  # a seed lays out a city of its own
        stage = "empty"
    metafunc.parametrize("_stage", [stage], ids=[pytest.HIDDEN_PARAM], indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _stage(request: pytest.FixtureRequest) -> Iterator[Stage | None]:
    """The small city for all tests of a stage, undone at its end; each test's own writes are undone
    too, for pytest-django rolls each back inside this transaction."""
    if request.param == "empty":
        yield None
        return
    request.getfixturevalue("django_db_setup")
    unblock = request.getfixturevalue("django_db_blocker").unblock
    outer = transaction.atomic()
    with unblock(), time_machine.travel(NOW, tick=False):
        outer.__enter__()
        city = lay_out_city()
        stands = city, open_programme(city) if request.param == "programme" else None
    yield stands
    with unblock():
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)


@pytest.fixture
def _cast(_stage: Stage, db: None) -> Stage:
    """The people and the programme for one test, who may change what is in them."""
    return copy.deepcopy(_stage)


@pytest.fixture
def city(_cast: Stage) -> City:
    return _cast[0]


@pytest.fixture
def found_programme(city: City) -> Callable[..., Programme]:
    """Opens a programme with the rules of the seed, changed as asked."""
    return partial(open_programme, city)


@pytest.fixture
def programme(_cast: Stage) -> Programme:
    assert _cast[1]
    return _cast[1]


@pytest.fixture
def lin(city: City) -> Member:
    return city.people["lin"]


@pytest.fixture
def zhou(city: City) -> Member:
    return city.people["zhou"]


@pytest.fixture
def wu(city: City) -> Member:
    return city.people["wu"]


@pytest.fixture
def zheng(city: City) -> Member:
    return city.people["zheng"]


@pytest.fixture
def gao(city: City) -> Member:
    return city.people["gao"]


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)
