"""How large the city of the benchmarks is: 200,000 members and 4 million entries, or a tenth of the
members with SMALL=1; PROGRAMMES=10 gives it ten programmes of as many entries, nine of them closed.
COPIES=9 measures in the end what pages cost when as many closed ones stand beside the first, copied
from it in a fraction of the time (history.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from portal import environment


@dataclass(frozen=True)
class Scale:
    """members, branches: of the seeded city; entries: of each programme. pairs: alternating pairs
    of a ratio. storm, storm_seconds: the check-in storm. members_in, sheet_in, sheet_out: rows of
    sheets."""

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
    programmes: int = 1
    copies: int = 0


FULL = Scale("full", 200_000, 10_000, 4_000_000, 9, 2000, 60, 200_000, 20_000, 100_000)
SMALL = Scale("small", 20_000, 1_000, 200_000, 3, 200, 6, 10_000, 2_000, 10_000)
SCALE = replace(
    SMALL if environment.on_or_off("SMALL", default=False) else FULL,
    programmes=environment.whole_number("PROGRAMMES", default=1),
    copies=environment.whole_number("COPIES", default=0),
)
