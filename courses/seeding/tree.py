"""The tree of Party organisations: city, 152 units, general branches and committees, branches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from courses.seeding.files import load
from courses.seeding.world import NOBODY, World
from portal import organizations
from portal.models import Organization
from portal.organizations import Founding
from portal.refusals import Refusal

FOUNDED = date(2015, 7, 1)
CITY = "抚顺"  # names that begin with it need no 市 before them
PER_BRANCH = 17  # members whom a branch has on average
DISTRICTS = ["机关", "城东街道", "城西街道", "河南街道", "河北街道", "站前街道", "矿山街道"]
DIGITS = "零一二三四五六七八九"
Kind = Organization.Kind


def lay_out(world: World) -> None:
    """Found the city's organisations, as many branches as the members need: level by level."""
    at = world.calendar.at(date(2020, 9, 1), 9)

    def found(foundings: Sequence[Founding]) -> list[Organization]:
        made = organizations.found_many(foundings, by=NOBODY, at=at)
        world.branches |= {o.code: o for o in made if o.is_branch}
        return made

    day = world.calendar.on(FOUNDED)
    [world.city] = found(
        [Founding("FS", "中共抚顺市委员会", Kind.CITY, None, day, short_name="抚顺市委")]
    )
    units = list(_units(world.city, day))
    for (name, _), unit in zip(units, found([f for _, f in units]), strict=True):
        world.units[name] = unit
    sizes = sizes_of_units(world.size - len(load("cast")["people"]))
    groups = [
        (name, founding)
        for name, unit in world.units.items()
        for founding in _groups(world, unit, name, sizes[name], day)
    ]
    parents: dict[str, list[Organization]] = defaultdict(list)
    for (name, _), group in zip(groups, found([f for _, f in groups]), strict=True):
        parents[name].append(group)
    branches: list[Founding] = []
    for name, unit in world.units.items():
        if name == load("cast")["unit"]:
            branches += _cast_branches(world, unit, sizes[name], day)
        else:
            branches += _branches(world, unit, parents[name], name, sizes[name], day)
    found(branches)
    own = world.units[load("cast")["unit"]].code
    for number, key in enumerate(load("cast")["branches"], 1):
        world.branches[key] = world.branches[f"{own}-0{number}"]


def _units(city: Organization, day: date) -> Iterator[tuple[str, Founding]]:
    """The ranked units, by the name that the seed files give them."""
    for cohort, group in load("units")["cohorts"].items():
        for number, entry in enumerate(group["units"], 1):
            name = entry["name"]
            yield (
                name,
                Founding(
                    f"FS-{group['code']}{number:02d}",
                    f"{group['before']}{name}{group['after']}",
                    group["kind"],
                    city,
                    day,
                    short_name=name if name.startswith(CITY) else f"{group['short']}{name}",
                    cohort=cohort,
                    is_unit=True,
                ),
            )


def sizes_of_units(members: int) -> dict[str, int]:
    """How many of the ordinary members each unit has: by weight, at least one (the cast's: six)."""
    groups = load("units")["cohorts"].values()
    weights = {u["name"]: u["weight"] for group in groups for u in group["units"]}
    least = {name: 6 if name == load("cast")["unit"] else 1 for name in weights}
    rest, total = members - sum(least.values()), sum(weights.values())
    exact = {name: rest * weight / total for name, weight in weights.items()}
    sizes = {name: least[name] + int(exact[name]) for name in weights}
    by_remainder = sorted(weights, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_remainder[: members - sum(sizes.values())]:
        sizes[name] += 1
    return sizes


def least_members() -> int:
    """The smallest seed: every unit has somebody."""
    groups = load("units")["cohorts"].values()
    return len(load("cast")["people"]) + sum(len(g["units"]) for g in groups) + 40


def numeral(number: int) -> str:
    """A Chinese numeral below a thousand: 十二, 二十, 一百零五, 一百一十二."""
    hundreds, rest = divmod(number, 100)
    if hundreds:
        link = "" if not rest else "零" if rest < 10 else "一" if rest < 20 else ""
        return f"{DIGITS[hundreds]}百{link}{numeral(rest) if rest else ''}"
    tens, ones = divmod(rest, 10)
    text = DIGITS[tens] if tens > 1 else ""
    return (text + "十" if tens else "") + (DIGITS[ones] if ones or not tens else "")


def _cast_branches(world: World, unit: Organization, size: int, day: date) -> Iterator[Founding]:
    for number, (key, name) in enumerate(load("cast")["branches"].items(), 1):
        code = f"{unit.code}-0{number}"
        world.sizes[code] = 0 if key == "first" else size // 2 + (key == "third") * (size % 2)
        yield Founding(code, name, Kind.BRANCH, unit, day)


def counts_of_branches(members: int, branches: int) -> dict[str, int]:
    """How many branches each unit but the cast's has, by its members, so that there are just so
    many altogether. Raises Refusal where they do not suffice for all units."""
    own, sizes = load("cast")["unit"], sizes_of_units(members)
    sizes.pop(own)
    wanted = branches - len(load("cast")["branches"])
    if not len(sizes) <= wanted <= sum(sizes.values()):
        raise Refusal(f"党支部数至少 {len(sizes) + 3} 个，且不能多于党员人数。")
    exact = {n: (wanted - len(sizes)) * size / sum(sizes.values()) for n, size in sizes.items()}
    counts = {name: 1 + int(share) for name, share in exact.items()}
    by_remainder = sorted(sizes, key=lambda n: (int(exact[n]) - exact[n], n))
    for name in by_remainder[: wanted - sum(counts.values())]:
        counts[name] += 1
    return counts


def _count(world: World, name: str, size: int) -> int:
    """How many branches a unit has."""
    return world.counts.get(name) or max(1, round(size / PER_BRANCH))


def _groups(
    world: World, unit: Organization, name: str, size: int, day: date
) -> Iterator[Founding]:
    """General branches and committees between a unit and its branches, where it has many."""
    count, most = _count(world, name, size), world.per_group
    if count <= most or name == load("cast")["unit"]:
        return
    place = _short(unit.cohort, name)
    for group in range(-(-count // most)):
        code = f"{unit.code}-G{group + 1}"
        if unit.cohort == "county":
            district = DISTRICTS[group] if group < len(DISTRICTS) else f"第{numeral(group)}街道"
            whole = f"中共抚顺市{place}{district}委员会".replace("抚顺市抚顺市", "抚顺市")
            short = f"{place}{district}"
            yield Founding(code, whole, Kind.COMMITTEE, unit, day, short_name=short)
        else:
            whole = f"{place}第{numeral(group + 1)}党总支"
            yield Founding(code, whole, Kind.GENERAL, unit, day, short_name=whole)


def _branches(
    world: World,
    unit: Organization,
    groups: Sequence[Organization],
    name: str,
    size: int,
    day: date,
) -> Iterator[Founding]:
    count, most = _count(world, name, size), world.per_group
    for number in range(1, count + 1):
        group, own = divmod(number - 1, most)
        parent = groups[group] if groups else unit
        prefix = parent.short_name if groups else _short(unit.cohort, name)
        place = own + 1 if groups else number
        ending = "党支部" if count == 1 else f"第{numeral(place)}党支部"
        code = f"{unit.code}-{number:02d}"
        world.sizes[code] = size // count + (number <= size % count)
        yield Founding(code, f"{prefix}{ending}", Kind.BRANCH, parent, day)


def _short(cohort: str, name: str) -> str:
    if cohort in ("county", "university"):
        return name
    if name.startswith(CITY):
        return name
    return f"市委{name}" if cohort == "work" else f"抚顺市{name}"
