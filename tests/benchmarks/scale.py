"""How large the city of the benchmarks is: the issue's, or a tenth of it with SMALL=1."""

from __future__ import annotations

from dataclasses import dataclass

from portal import environment


@dataclass(frozen=True)
class Scale:
    """members, branches, entries: of the seeded city. pairs: alternating pairs of a ratio.
    storm, storm_seconds: the check-in storm. members_in, sheet_in, sheet_out: rows of sheets."""

    name: str
    members: int
    branches: int
    entries: int
    pairs: int
    storm: int
    storm_seconds: int
    members_in: int
    sheet_in: int
    sheet_out: int


FULL = Scale("full", 200_000, 10_000, 4_000_000, 9, 2000, 60, 200_000, 20_000, 100_000)
SMALL = Scale("small", 20_000, 1_000, 200_000, 3, 200, 6, 10_000, 2_000, 10_000)
SCALE = SMALL if environment.on_or_off("SMALL", default=False) else FULL
