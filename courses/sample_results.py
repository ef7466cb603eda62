"""What a sample found: counts, and the error rate with its range. Counts only, no names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from courses.models import Sample

Z = 1.959964  # 95 %, two-sided


def wilson(wrong: int, judged: int) -> tuple[float, float] | None:
    """The Wilson score interval of a share at 95 %; None where nothing was judged.

    Source: E. B. Wilson, JASA 22 (1927) 209-212. Without the correction for a finite population,
    which would make it narrower: the range is on the safe side.
    """
    if not judged:
        return None
    share, spread = wrong / judged, Z * Z / judged
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * sqrt(share * (1 - share) / judged + spread / (4 * judged))
    low = 0.0 if not wrong else max(0.0, middle - half)
    high = 1.0 if wrong == judged else min(1.0, middle + half)
    return low, high


@dataclass
class Result:
    """Drawn logs by what became of them."""

    name: str = ""
    asked: int = 0
    answered: int = 0
    in_order: int = 0
    not_in_order: int = 0

    @property
    def drawn(self) -> int:
        return self.asked + self.answered + self.judged

    @property
    def judged(self) -> int:
        return self.in_order + self.not_in_order

    @property
    def rate(self) -> float | None:
        return self.not_in_order / self.judged if self.judged else None

    @property
    def range(self) -> tuple[float, float] | None:
        return wilson(self.not_in_order, self.judged)

    @property
    def worst(self) -> float | None:
        """The rate if everybody who has not answered were wrong."""
        counted = self.judged + self.asked
        return (self.not_in_order + self.asked) / counted if counted else None

    @property
    def worst_range(self) -> tuple[float, float] | None:
        return wilson(self.not_in_order + self.asked, self.judged + self.asked)


def result(sample: Sample) -> tuple[Result, list[Result]]:
    """All of a sample, and by unit; inside one unit by branch. One query."""
    rows = sample.items.order_by().values_list(
        "state",
        "log__branch__unit",
        "log__branch__unit__short_name",
        "log__branch__unit__name",
        "log__branch",
        "log__branch__short_name",
        "log__branch__name",
    )
    found = list(rows)
    inside_one = len({row[1] for row in found}) == 1
    parts: dict[tuple[str, int], Result] = {}
    for state, unit, unit_short, unit_name, branch, short, name in found:
        if inside_one or unit is None:
            part = parts.setdefault(("branch", branch), Result(short or name))
        else:
            part = parts.setdefault(("unit", unit), Result(unit_short or unit_name or ""))
        setattr(part, state, getattr(part, state) + 1)
    return total(parts.values()), sorted(parts.values(), key=lambda r: (-r.drawn, r.name))


def total(parts: Iterable[Result]) -> Result:
    """Sum over sum."""
    whole = Result()
    for part in parts:
        for name in ("asked", "answered", "in_order", "not_in_order"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
    return whole
