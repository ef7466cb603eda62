"""A walk over a stretch of postings in order of their ids: every chain, digest and check value.

It proves innocence as fast as rows can be read, and names nothing: what it cannot vouch for is a
suspect, whose book `chains` looks at again line by line. Books whose chains run through several
stretches are joined by `join`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from credits import digests
from credits.digests import quoted
from credits.lines import GRANTED
from credits.models import LedgerBook
from credits.verification import reading
from credits.verification.reading import Days, Keys, Moments, Rows, Studied
from credits.verification.report import Findings
from credits.verification.spools import FULL, RANGE, Spool


def _sums() -> defaultdict[tuple[int, str], int]:
    return defaultdict(int)


class End(NamedTuple):
    """Where a book has been followed to."""

    sequence: int = 0
    digest: str = ""
    posting: int = 0
    entry: int = 0


class Begin(NamedTuple):
    """Where a stretch meets a book first, and what must stand before."""

    sequence: int
    previous: str
    posting: int
    entry: int


nowhere = (0, "", 0, 0)  # where a walk begins that has not met a book; only as itself


@dataclass
class Stretch:
    """What one walk saw. months: hours by home and month; timed, named: lines, without reversals,
    that have a clock time or a content; over: whether a line alone is more than a day allows;
    outside: whether any line seen so far is of a day outside the programme's dates."""

    spool: Spool
    postings: int = 0
    entries: int = 0
    begins: dict[int, Begin] = field(default_factory=dict)
    ends: dict[int, tuple[int, str, int, int]] = field(default_factory=dict)  # as End has it
    suspects: set[int] = field(default_factory=set)
    months: defaultdict[tuple[int, str], int] = field(default_factory=_sums)
    timed: int = 0
    named: int = 0
    over: bool = False
    outside: bool = False


class Walker:
    """Walks over postings and their lines of one programme."""

    def __init__(
        self, found: Findings, *, least: int, places: Mapping[tuple[str, str], int]
    ) -> None:
        """least: the lowest daily cap of any rule version. places: numbers of period and form."""
        self.found, self.using, self.least = found, found.using, least
        self.members, self.authors = Keys(self.using), Keys(self.using)
        self.moments, self.studied, self.days = Moments(), Studied(places), Days()
        self.codes = {pk: quoted(code) for pk, code in found.codes.items()}
        books = LedgerBook.objects.using(self.using).filter(programme=found.programme)
        self.books = {
            pk: self.codes[organization]
            for pk, organization in books.values_list("pk", "organization")
        }
        self.reversed: dict[int, tuple[str, int, int]] = {}

    def walk(self, postings: str, entries: str, params: list[Any], stretch: Stretch) -> None:
        """Walk over what two conditions choose, of postings and of entries."""
        raw, text, programme = reading.raw, reading.text, self.found.programme.pk
        posted = reading.chunks(
            self.using,
            "SELECT id, book_id, sequence, kind, key, revision, reason, by_id, "  # noqa: S608 - constant conditions
            f"{text(self.using, 'at')}, lines, fingerprint, previous, digest "
            f"FROM credits_posting WHERE {raw(self.using, 'programme_id')} = %s AND {postings} "
            "ORDER BY id",
            [programme, *params],
        )
        lines = reading.chunks(
            self.using,
            "SELECT posting_id, id, line, member_id, home_id, form, period, content, "  # noqa: S608 - constant conditions
            f"{text(self.using, 'day')}, minutes, {text(self.using, 'starts_at')}, "
            f"{text(self.using, 'ends_at')}, hours, rules, reverses_id, check_value "
            f"FROM credits_ledgerentry WHERE programme_id = %s AND {entries} "
            "ORDER BY posting_id, line",
            [programme, *params],
        )
        self._follow(posted, chain.from_iterable(self._prepared(lines)), stretch)
        first, last = (str(d) for d in (self.found.programme.starts, self.found.programme.ends))
        stretch.outside = any(not first <= day <= last for day in self.days)

    def _prepared(self, lines: Rows) -> Rows:
        """Chunks of lines, with what else their check values need at hand."""
        for chunk in lines:
            self.members.learn({line[3] for line in chunk})
            reversals = [line[14] for line in chunk if line[14] is not None]
            self.reversed, raw = {}, reading.raw(self.using, "programme_id")
            for some in reading.listed(reversals):
                sql = (
                    "SELECT id, check_value, member_id, hours FROM credits_ledgerentry "  # noqa: S608 - marks
                    f"WHERE {raw} = %s AND id IN {reading.marks(some)}"
                )
                found = reading.rows(self.using, sql, [self.found.programme.pk, *some])
                self.reversed |= {pk: (quoted(check), *rest) for pk, check, *rest in found}
            yield chunk

    def _follow(self, posted: Rows, lines: Iterator[tuple[Any, ...]], stretch: Stretch) -> None:
        """The loop that every posting and every line goes through: one function, for its speed."""
        programme, books, codes = quoted(self.found.programme.code), self.books, self.codes
        moments, studied, ends, days = self.moments, self.studied, stretch.ends, self.days
        members, months, ranges = self.members.known, stretch.months, stretch.spool.ranges
        shared_form, line_form, check_of = digests.shared_form, digests.line_form, digests.check_of
        least, held = self.least, 0
        line = next(lines, None)
        for chunk in posted:
            keys = self.authors.learn({posting[7] for posting in chunk})
            stretch.postings += len(chunk)
            for (pk, book, sequence, kind, key, revision, reason, by, at, count, asked, previous,
                 digest) in chunk:  # fmt: skip
                while line is not None and line[0] < pk:
                    line = next(lines, None)  # of no posting: the number of lines will tell
                code, kind_, key_ = books.get(book, '"?"'), quoted(kind), quoted(key)
                shared = shared_form(programme, code, kind_, key_, revision)
                before = ends.get(book, nowhere)
                last = before[3]
                first, sound, checks = 0, True, []
                while line is not None and line[0] == pk:
                    (_, entry, number, member, home, form, period, content, day, minutes, start,
                     end, hours, rules, reverses, check) = line  # fmt: skip
                    what, place = studied[form, period, content]
                    negated = '""'
                    if reverses is not None:
                        negated, was, were = self.reversed.get(reverses, ('""', 0, 0))
                        sound = sound and was == member and were == -hours
                    else:
                        if start is not None:
                            stretch.timed += 1
                        if content:
                            stretch.named += 1
                    day_, month = days[day]
                    form_ = line_form(
                        shared, number, members.get(member, ""), codes.get(home, '""'), what, day_,
                        minutes, moments[start], moments[end], hours, rules, negated,
                    )  # fmt: skip
                    if check_of(form_) != check or entry <= last:
                        sound = False
                    checks.append(check)
                    first, last = first or entry, entry
                    months[home, month] += hours
                    ranges[member >> RANGE].append((member, entry, pk, place, hours))
                    if hours > least and kind not in GRANTED:
                        stretch.over = True
                    line = next(lines, None)
                sound = sound and len(checks) == count
                if sound:  # so that every check value is plain digits
                    posting = digests.posting_form(
                        quoted(previous), programme, code, sequence, kind_, key_, revision,
                        quoted(asked), quoted(reason), keys.get(by, ""), moments[at], count,
                        '"' + '","'.join(checks) + '"' if checks else "",
                    )  # fmt: skip
                    sound = digests.digest_of(posting, digests.algorithm_of(digest)) == digest
                if before is nowhere:
                    stretch.begins[book] = Begin(sequence, previous, pk, first)
                elif sequence != before[0] + 1 or previous != before[1] or pk <= before[2]:
                    sound = False
                if not sound:
                    stretch.suspects.add(book)
                ends[book] = (sequence, digest, pk, last)
                stretch.entries += len(checks)
                held += len(checks)
            if held > FULL:
                stretch.spool.flush()
                held = 0
        stretch.spool.flush()


def join(stretches: Sequence[Stretch], ends: dict[int, End]) -> set[int]:
    """Follow every book through the stretches in their order, on from where `ends` has it; returns
    the books under suspicion and leaves their ends in `ends`."""
    suspects: set[int] = set()
    for stretch in stretches:
        suspects |= stretch.suspects
        for book, (sequence, previous, posting, entry) in stretch.begins.items():
            before = ends.get(book, End())
            if not _follows(before, sequence, previous, posting) or 0 < entry <= before.entry:
                suspects.add(book)
        for book, end in stretch.ends.items():
            before = ends.get(book, End())
            ends[book] = End(*end[:3], max(end[3], before.entry))
    return suspects


def _follows(before: End, sequence: int, previous: str, posting: int) -> bool:
    return (
        sequence == before.sequence + 1 and previous == before.digest and posting > before.posting
    )
