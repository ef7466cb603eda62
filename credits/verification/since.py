"""What is new since the last verification: chains on from its heads, and whoever they concern.

Takes as long as there is news. What it does not look at again, it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.utils import timezone

from credits import archives
from credits.models import LedgerBook, Standing
from credits.verification import (
    archived,
    chains,
    granted,
    members,
    occupied,
    partitions,
    reading,
    spools,
    sums,
    work,
)
from credits.verification.heads import Heads
from credits.verification.report import Findings
from credits.verification.spools import Lines, Spool
from credits.verification.walk import End, Stretch
from portal.refusals import Refusal

LEFT_OUT = (
    "{when}核验以前的凭据和明细，以及没有新明细的党员、党支部",
    "月度合计、应学名单和应学学时的依据",
    "规则、许可、周报、证明等登记和已发布的积分通报",
)


class NothingVerified(Refusal):
    """There is nothing to go on from."""

    message = "还没有通过的核验可以接着做，请先做一次完整核验。"


def heads_of(heads: Heads) -> dict[str, dict[str, Any]]:
    """The heads of the last verification. Raises NothingVerified."""
    if heads.last is None or not isinstance(heads.last.heads, dict) or not heads.last.heads:
        raise NothingVerified
    return dict(heads.last.heads)


def left_out(heads: Heads) -> list[str]:
    """What was not looked at again, in words."""
    when = f"{timezone.localtime(heads.last.at):%Y-%m-%d %H:%M}" if heads.last else ""
    return [text.format(when=when) for text in LEFT_OUT]


def check(
    found: Findings, heads: Heads, seen: Mapping[str, Mapping[str, Any]], folder: Path
) -> None:
    """The news of one programme, behind the heads that were `seen`."""
    record = archives.of(found.programme, using=found.using)
    partitions.check_programme(found, moved=bool(record and record.moved))
    if record and record.moved:
        archived.check(found, heads, record)
        return
    ends, codes = _changed(found, seen)
    own = work.desk(found.programme.pk, found.report.at)
    stretch = Stretch(Spool(folder, f"{found.programme.pk}-new"), ends=dict(ends))
    for some in reading.listed(_new_postings(found, ends)):
        places = reading.marks(some)
        own.walker.walk(f"id IN {places}", f"posting_id IN {places}", some, stretch)
    found.report.postings += stretch.postings
    found.report.entries += stretch.entries
    reached = {book: End(*end) for book, end in stretch.ends.items()}
    if stretch.suspects:
        reached |= chains.check(found, stretch.suspects)
        chains.check_orphans(found)
    chains.check_tails(found, {book: reached[book] for book in ends}, books=list(codes))
    heads.look_up(found)
    if stretch.outside:
        occupied.check_days(found)
    touched = sorted(spools.members_of(stretch.spool))
    for people in reading.listed(touched):
        _check_people(own, people)
    part = own.part()
    found.report.problems += part.problems
    found.report.members += part.members


def _changed(
    found: Findings, seen: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[int, Any], dict[int, str]]:
    """Books that do not end where they did, with the ends that were seen; and their codes."""
    ends: dict[int, Any] = {}
    codes: dict[int, str] = {}
    books = LedgerBook.objects.using(found.using).filter(programme=found.programme)
    values = books.values_list("pk", "organization", "last_sequence", "last_digest")
    for pk, organization, last, digest in values:
        code = found.codes.get(organization, "?")
        name = f"{found.programme.code}/{code}"
        head = seen.get(name, {"sequence": 0, "digest": ""})
        if (last, digest) != (head["sequence"], head["digest"]):
            ends[pk], codes[pk] = (head["sequence"], head["digest"], 0, 0), code
        else:
            found.report.heads[name] = dict(head)
    for some in reading.listed(ends):
        for book, posting, entry in _at_the_ends(found, [(b, ends[b][0]) for b in some]):
            ends[book] = (*ends[book][:2], posting, entry or 0)
    return ends, codes


def _at_the_ends(found: Findings, places: Sequence[tuple[int, int]]) -> list[tuple[Any, ...]]:
    """Posting and last line at some places of books."""
    sql = (
        f"WITH seen (book, place) AS (VALUES {', '.join(['(%s, %s)'] * len(places))}) "  # noqa: S608 - marks
        "SELECT p.book_id, p.id, (SELECT max(e.id) FROM credits_ledgerentry e "
        "WHERE e.programme_id = p.programme_id AND e.posting_id = p.id) "
        "FROM seen JOIN credits_posting p ON p.book_id = book AND p.sequence = place "
        "WHERE p.programme_id = %s"
    )
    return reading.rows(
        found.using, sql, [*(n for place in places for n in place), found.programme.pk]
    )


def _new_postings(found: Findings, ends: Mapping[int, Any]) -> list[int]:
    """Postings behind the ends, in order of their ids."""
    new: list[int] = []
    for some in reading.listed(ends):
        sql = (
            f"WITH seen (book, place) AS (VALUES {', '.join(['(%s, %s)'] * len(some))}) "  # noqa: S608 - marks
            "SELECT p.id FROM seen JOIN credits_posting p "
            "ON p.book_id = book AND p.sequence > place WHERE p.programme_id = %s"
        )
        places = [number for book in some for number in (book, ends[book][0])]
        new += [pk for (pk,) in reading.rows(found.using, sql, [*places, found.programme.pk])]
    return sorted(new)


def _check_people(own: work.Desk, people: list[int]) -> None:
    """Everything that the lines of some members sum to, and what they occupy."""
    found = own.found
    if own.outcomes is not None and own.book is not None:
        doubtful = own.outcomes.check(_lines_of(own, people), people)
        members.check(found, own.book, doubtful)
        occupied.check_caps(found, own.book, people)
    occupied.check_times(found, people)
    occupied.check_contents(found, people)
    occupied.check_overlaps(found, people)
    granted.check(found, people)
    rows = Standing.objects.using(found.using).filter(programme=found.programme, member__in=people)
    sums.check_branches(found, set(rows.values_list("branch", flat=True)))


def _lines_of(own: work.Desk, people: Sequence[int]) -> Lines:
    sql = (
        "SELECT member_id, id, posting_id, period, form, hours FROM credits_ledgerentry "  # noqa: S608 - marks
        f"WHERE programme_id = %s AND member_id IN {reading.marks(people)} ORDER BY member_id, id"
    )
    lines: Lines = {}
    other = len(own.places)
    values = [own.found.programme.pk, *people]
    for chunk in reading.chunks(own.found.using, sql, values):
        for member, entry, posting, period, form, hours in chunk:
            place = own.places.get((period, form), other)
            lines.setdefault(member, []).append((member, entry, posting, place, hours))
    return lines
