"""How a random sample is drawn, so that anybody can draw it again and get the same.

Every log's key is hashed behind the seed; those with the smallest hashes are drawn. The order of
the population has no say, every log is equally likely, and a spreadsheet and SHA-256 suffice to
check it.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from courses.models import Sample, StudyLog


@dataclass(frozen=True)
class Redrawn:
    """What drawing a sample once more gave, beside what is on record."""

    population: int
    digest: str
    drawn: int
    is_same_population: bool
    is_same_sample: bool

    @property
    def agrees(self) -> bool:
        return self.is_same_population and self.is_same_sample


def size_of(population: int, rate: int) -> int:
    """How many to draw at a rate in thousandths: never less than the rate says, at least one."""
    return min(population, max(1, -(-population * rate // 1000)))


def draw(seed: str, keys: Iterable[str], size: int) -> list[str]:
    """The keys drawn, in the order of drawing."""
    return heapq.nsmallest(size, keys, key=lambda key: (place_of(seed, key), key))


def place_of(seed: str, key: str) -> str:
    """Where a key stands in the drawing."""
    return sha256(f"{seed}:{key}".encode()).hexdigest()


def digest_of(keys: Iterable[str]) -> str:
    """What a population is known by: SHA-256 of its keys, sorted, a line each."""
    return sha256("\n".join(sorted(keys)).encode()).hexdigest()


def pack(ids: Sequence[int]) -> bytes:
    """Ids of a population in order, in few bytes."""
    steps = [now - before for before, now in zip([0, *ids], ids, strict=False)]
    return zlib.compress(",".join(map(str, steps)).encode(), 9)


def unpack(packed: bytes) -> list[int]:
    """The ids again."""
    ids, last = [], 0
    for step in zlib.decompress(packed).decode().split(","):
        last += int(step)
        ids.append(last)
    return ids


def redraw(sample: Sample) -> Redrawn:
    """Draw a sample once more from the population on record. Two queries.

    A log's key, programme and day never change, and no log is ever removed.
    """
    inside = set(unpack(bytes(sample.listed)))
    days = (sample.first, sample.last)
    logs = StudyLog.objects.filter(programme=sample.programme_id, day__range=days)
    keys = {pk: key for pk, key in logs.order_by().values_list("pk", "key") if pk in inside}
    digest = digest_of(keys.values())
    drawn = draw(sample.seed, keys.values(), sample.size)
    kept = sample.items.order_by().values_list("log__key", flat=True)
    return Redrawn(
        population=len(keys),
        digest=digest,
        drawn=len(drawn),
        is_same_population=digest == sample.digest and len(keys) == sample.population,
        is_same_sample=sorted(drawn) == sorted(kept),
    )
