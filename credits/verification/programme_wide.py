"""Everything of one programme: shared out among a crew, put together, what is doubtful named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from credits import archives, rule_book
from credits.rule_book import RuleBook
from credits.rule_sets import BadRules
from credits.verification import (
    archived,
    chains,
    granted,
    occupied,
    partitions,
    reading,
    references,
    sums,
    walk,
    work,
)
from credits.verification.crew import Crew
from credits.verification.heads import Heads
from credits.verification.occupied import Occupied
from credits.verification.records import Seen
from credits.verification.report import Findings
from credits.verification.spools import RANGE, Spool
from credits.verification.walk import End, Stretch
from credits.verification.work import Part

SHARES = 4  # parts of a kind for each process, so that none has to wait long for another

ENDS = """
SELECT min(p.id), max(p.id) FROM credits_ledgerbook b JOIN credits_posting p
    ON p.programme_id = b.programme_id AND p.book_id = b.id
       AND (p.sequence = 1 OR p.sequence = b.last_sequence)
 WHERE b.programme_id = %s
"""


def check(found: Findings, heads: Heads, crew: Crew, folder: Path) -> None:
    """All checks of one programme; of one in the archive, as far as its lines are still there."""
    record = archives.of(found.programme, using=found.using)
    partitions.check_programme(found, moved=bool(record and record.moved))
    if record:
        archived.check(found, heads, record)
    programme, at = found.programme.pk, found.report.at
    records = work.check_records, programme, at, heads.places_of(found.programme)
    if record and record.moved:
        _enter(found, heads, *_values(found, crew.do([records])))
        return
    book = _rules(found)
    others = [
        (work.count_occupied, programme, at),
        (work.check_rolls, programme, at),
        records,
    ]
    shares = 1 if crew.jobs == 1 else crew.jobs * SHARES
    low, high = reading.rows(found.using, ENDS, [programme])[0]
    walks = [
        (work.walk, programme, at, folder, number, first, last)
        for number, (first, last) in enumerate(_shared_out(low or 0, (high or 0) + 1, shares))
    ]
    counted, _, entered, *stretches = _values(found, crew.do([*others, *walks]))
    _enter(found, heads, entered)
    references.check(found)
    _check_members(found, crew, [stretch.spool for stretch in stretches], shares)
    strays = _check_chains(found, stretches)
    heads.look_up(found)
    granted.check(found)
    _check_occupied(found, counted, stretches, book, strays=strays)
    hours = Counter[tuple[int, str]]()
    for stretch in stretches:
        hours.update(stretch.months)
    sums.check_months(found, sums.hours_by_month(found) if strays else hours)


def _enter(found: Findings, heads: Heads, entered: tuple[Seen, Seen]) -> None:
    """What stands in the registers, and their ends for the report."""
    met, ends = entered
    heads.enter(met)
    for name, own in ends.items():
        for count, digest in own.items():
            found.report.heads[name] = {"sequence": count, "digest": digest}


def _check_members(found: Findings, crew: Crew, spooled: Sequence[Spool], shares: int) -> None:
    top = reading.one(found.using, "SELECT max(id) FROM portal_member", [])
    ranges = range(((top or 0) >> RANGE) + 1)
    calls = (
        (work.check_members, found.programme.pk, found.report.at, ranges[first:last], spooled)
        for first, last in _shared_out(0, len(ranges), shares)
    )
    _values(found, crew.do(calls))


def _rules(found: Findings) -> RuleBook | None:
    try:
        return rule_book.of(found.programme, using=found.using)
    except BadRules as error:
        found.add("rules", f"规则不能辨认，学习进度无从核对：{error}")
        return None


def _values(found: Findings, parts: Iterable[Part]) -> list[Any]:
    """What the parts are for, their problems noted."""
    values = []
    for part in parts:
        found.report.problems += part.problems
        found.report.members += part.members
        values.append(part.value)
    return values


def _shared_out(low: int, high: int, shares: int) -> Iterator[tuple[int, int]]:
    """The numbers from `low` to before `high` in stretches of the same length."""
    places = [low + (high - low) * share // shares for share in range(shares + 1)]
    return pairwise(places)


def _check_chains(found: Findings, stretches: Sequence[Stretch]) -> bool:
    """Chains from stretch to stretch, their tails, lines that belong to none; returns whether
    there are such lines."""
    ends: dict[int, End] = {}
    suspects = walk.join(stretches, ends)
    postings = sum(stretch.postings for stretch in stretches)
    entries = sum(stretch.entries for stretch in stretches)
    found.report.postings += postings
    found.report.entries += entries
    of_programme = "SELECT count(*) FROM {} WHERE programme_id = %s"
    programme = [found.programme.pk]
    if postings != reading.one(found.using, of_programme.format("credits_posting"), programme):
        suspects |= chains.books_of(found)
    strays = entries != reading.one(
        found.using, of_programme.format("credits_ledgerentry"), programme
    )
    if suspects:
        ends |= chains.check(found, suspects)
    chains.check_tails(found, ends)
    if strays or suspects:
        chains.check_orphans(found)
    return bool(strays)


def _check_occupied(
    found: Findings,
    counted: Occupied,
    stretches: Sequence[Stretch],
    book: RuleBook | None,
    *,
    strays: bool,
) -> None:
    """What lines occupy, and the day's cap; what does not agree is read line by line."""
    if strays or counted.timed != sum(stretch.timed for stretch in stretches):
        occupied.check_times(found)
    if strays or counted.named != sum(stretch.named for stretch in stretches):
        occupied.check_contents(found)
    if counted.overlaps:
        occupied.check_overlaps(found)
    if book and (strays or counted.over or any(stretch.over for stretch in stretches)):
        occupied.check_caps(found, book)
    if strays or any(stretch.outside for stretch in stretches):
        occupied.check_days(found)
