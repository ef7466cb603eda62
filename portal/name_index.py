"""The index of beginnings by which people are found: name, number, pinyin initials."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache

from portal import set_wise
from portal.models import Member, SearchTerm
from portal.querysets import search_text

READINGS = 64  # combinations of readings kept a name; real names have one to four


def write(people: Iterable[Member]) -> None:
    """Write the beginnings by which people are found: name, number, initials of each reading."""
    people = list(people)
    if len(people) == 1:
        SearchTerm.objects.filter(member=people[0]).delete()
    write_terms(terms_of((p.pk, p.name, p.number) for p in people))


def rewrite(people: Sequence[Member]) -> None:
    """Write the beginnings of people whose names changed anew."""
    for start in range(0, len(people), 1000):
        SearchTerm.objects.filter(member__in=people[start : start + 1000]).delete()
    write_terms(terms_of((p.pk, p.name, p.number) for p in people))


def terms_of(people: Iterable[tuple[int, str, str]]) -> list[tuple[int, str]]:
    """The beginnings under which people, given by id, name and number, stand in the index."""
    return [
        (pk, text)
        for pk, name, number in people
        for text in sorted({search_text(name), search_text(number), *initials(name)})
    ]


def write_terms(terms: Sequence[tuple[int, str]]) -> None:
    """Write beginnings of people who have none yet."""
    set_wise.insert(SearchTerm, ["member", "text"], terms)


def initials(name: str) -> set[str]:
    """Pinyin initials of a name, one text for each combination of readings (单伟: dw, sw, cw).

    Usual readings come first, so that rare ones never crowd them out.
    """
    letters = [found for c in search_text(name) if (found := _letters(c))]
    combinations = itertools.islice(itertools.product(*letters), READINGS)
    return {"".join(c) for c in combinations} - {""}


@lru_cache(maxsize=8192)
def _letters(character: str) -> list[str]:
    """First letters of a character's readings, the usual first; none for punctuation."""
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    readings = PINYIN_DICT.get(ord(character), "").split(",")
    first = list(dict.fromkeys(to_normal(r)[0] for r in readings if r))
    return first or ([character] if character.isalnum() else [])
