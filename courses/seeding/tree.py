"""The tree of Party organisations: city, 152 units, general branches and committees, branches."""

from __future__ import annotations

from datetime import date
from typing import Any

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
    """Found the city's organisations, as many branches as the members need."""
    at = world.calendar.at(date(2020, 9, 1), 9)
    founded = world.calendar.on(FOUNDED)

    def found(code: str, name: str, kind: str, parent: Organization | None, **more: Any) -> Any:
        founding = Founding(code, name, kind, parent, founded, **more)
        return organizations.found(founding, by=NOBODY, at=at)

    world.city = found("FS", "中共抚顺市委员会", Kind.CITY, None, short_name="抚顺市委")
    sizes = sizes_of_units(world.size - len(load("cast")["people"]))
    for cohort, group in load("units")["cohorts"].items():
        for number, entry in enumerate(group["units"], 1):
            code, name = f"FS-{group['code']}{number:02d}", entry["name"]
            unit = found(
                code,
                f"{group['before']}{name}{group['after']}",
                group["kind"],
                world.city,
                short_name=name if name.startswith(CITY) else f"{group['short']}{name}",
                cohort=cohort,
                is_unit=True,
            )
            world.units[name] = unit
            if name == load("cast")["unit"]:
                _cast_branches(world, unit, sizes[name], found)
            else:
                count = world.counts.get(name) or max(1, round(sizes[name] / PER_BRANCH))
                _branches(world, unit, cohort, name, sizes[name], count, found)


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


def _cast_branches(world: World, unit: Organization, size: int, found: Any) -> None:
    names = load("cast")["branches"]
    for number, (key, name) in enumerate(names.items(), 1):
        branch = found(f"{unit.code}-0{number}", name, Kind.BRANCH, unit)
        world.branches[branch.code] = branch
        world.branches[key] = branch
        world.sizes[branch.code] = (
            0 if key == "first" else size // 2 + (key == "third") * (size % 2)
        )


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


def _branches(
    world: World,
    unit: Organization,
    cohort: str,
    name: str,
    size: int,
    count: int,
    found: Any,
) -> None:
    place, number, most = _short(cohort, name), 0, world.per_group
    for group in range(-(-count // most)):
        parent, prefix = unit, place
        if count > most:
            parent = _group(unit, cohort, place, group, found)
            prefix = parent.short_name
        for _ in range(min(most, count - group * most)):
            number += 1
            own = number - group * most if count > most else number
            ending = "党支部" if count == 1 else f"第{numeral(own)}党支部"
            branch = found(f"{unit.code}-{number:02d}", f"{prefix}{ending}", Kind.BRANCH, parent)
            world.branches[branch.code] = branch
            world.sizes[branch.code] = size // count + (number <= size % count)


def _group(unit: Organization, cohort: str, place: str, group: int, found: Any) -> Any:
    code = f"{unit.code}-G{group + 1}"
    if cohort == "county":
        district = DISTRICTS[group] if group < len(DISTRICTS) else f"第{numeral(group)}街道"
        name = f"中共抚顺市{place}{district}委员会".replace("抚顺市抚顺市", "抚顺市")
        return found(code, name, Kind.COMMITTEE, unit, short_name=f"{place}{district}")
    name = f"{place}第{numeral(group + 1)}党总支"
    return found(code, name, Kind.GENERAL, unit, short_name=name)


def _short(cohort: str, name: str) -> str:
    if cohort in ("county", "university"):
        return name
    if name.startswith(CITY):
        return name
    return f"市委{name}" if cohort == "work" else f"抚顺市{name}"
