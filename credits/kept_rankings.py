"""Rankings as they are kept: computed once for all readers, then turned page by page.

The newest of each choice serves every reader for `FRESH` seconds. Each stays under its token for
`KEPT` seconds, so that turning its pages shows each unit exactly once even while scores change.
It is kept cut into pages: reading the hundredth unpacks fifty lines, not ten thousand.
"""

from __future__ import annotations

import pickle
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, overload

from django.core.cache import cache
from django.db import router
from django.utils.crypto import get_random_string

from credits import rankings
from credits.models import Programme
from credits.rankings import Choice, Place, Ranking

PER_PAGE = 50
KEPT = 15 * 60  # seconds that the pages of one ranking stay the same
FRESH = timedelta(seconds=10)


@dataclass(frozen=True)
class Kept:
    """A whole ranking; `token` names it. A sequence of its places, read by pages.

    order: the organisation of every place, in order; index: code and name. bulletin: the number
    with which movement compares. beside: how many stand apart. risen: the five who gained most
    places.
    """

    token: str
    at: datetime
    bulletin: int | None
    length: int
    pages: tuple[bytes, ...]
    order: array[int]
    index: bytes
    rest: bytes
    beside: int
    risen: list[Place]

    @property
    def places(self) -> list[Place]:
        return self[:]

    @property
    def apart(self) -> list[Place]:
        """Those with nobody due."""
        return [Place(*row) for row in _unpacked(self.rest)]

    def position(self, organization: int | None) -> int | None:
        """Where an organisation stands, from 0."""
        try:
            return self.order.index(organization or 0)
        except ValueError:
            return None

    def line_of(self, organization: int | None) -> Place | None:
        """An organisation's own line, wherever it stands."""
        place = self.position(organization)
        return None if place is None else self[place : place + 1][0]

    def named(self, text: str) -> int | None:
        """Where the first stands whose name contains the text, or whose code it is."""
        lines = enumerate(_unpacked(self.index))
        return next((n for n, (code, name) in lines if text in name or text == code), None)

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, key: int) -> Place: ...
    @overload
    def __getitem__(self, key: slice) -> list[Place]: ...
    def __getitem__(self, key: int | slice) -> Place | list[Place]:
        if isinstance(key, int):
            return self[:][key]
        begin, end, _ = key.indices(self.length)
        first = begin // PER_PAGE
        wanted = self.pages[first : -(-end // PER_PAGE)]
        rows = [Place(*row) for page in wanted for row in _unpacked(page)]
        return rows[begin - first * PER_PAGE : end - first * PER_PAGE]


def of(programme: Programme, choice: Choice, *, at: datetime, token: str = "") -> Kept:
    """The ranking that a token names, else the newest, at most `FRESH` old; checks no permit.

    Raises NotPermitted where there is no ranking yet and may be none.
    """
    found = cache.get(_key(programme, choice, token))
    if isinstance(found, Kept) and (token or at - FRESH < found.at <= at):
        return found
    if token:
        return of(programme, choice, at=at)
    found = _packed(rankings.leaderboard(programme, choice, at=at))
    cache.set(_key(programme, choice, found.token), found, KEPT)
    cache.set(_key(programme, choice, ""), found, KEPT)
    return found


def _packed(ranking: Ranking) -> Kept:
    places = ranking.places
    return Kept(
        get_random_string(10),
        ranking.at,
        ranking.bulletin,
        len(places),
        tuple(_pack(places[n : n + PER_PAGE]) for n in range(0, len(places), PER_PAGE)),
        array("q", (p.organization for p in places)),
        _pack((p.code, p.name) for p in places),
        _pack(ranking.apart),
        len(ranking.apart),
        sorted((p for p in places if _gained(p) > 0), key=_gained, reverse=True)[:5],
    )


def _gained(place: Place) -> int:
    return place.movement or 0


def _pack(rows: Iterable[Sequence[Any]]) -> bytes:
    return zlib.compress(pickle.dumps(list(map(tuple, rows)), pickle.HIGHEST_PROTOCOL), 1)


def _unpacked(data: bytes) -> list[Any]:
    return list(pickle.loads(zlib.decompress(data)))  # noqa: S301 - our own cache's bytes


def _key(programme: Programme, choice: Choice, token: str) -> str:
    """A token names one ranking wherever it was read; the newest is that of the database which is
    read now, for a standby may be behind."""
    token = token or f"newest-of-{router.db_for_read(Programme)}"
    parts = (choice.level, choice.cohort, choice.window, choice.measure, choice.unit or "")
    return f"ranking:{programme.pk}:{':'.join(map(str, parts))}:{token}"
