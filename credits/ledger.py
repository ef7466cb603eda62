"""The ledger's only writer: post, post_many, correct.

One code path: every act is a batch of requests in the order of their moments, checked and written
set-wise in one transaction. Locks: programme (shared) → books by id → standings by member id →
branch rows and months. Nothing is read for a decision before its lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from credits import certificates, chain, late_entries, ledger_sql, roll, rule_book, standings
from credits.chain import Act, Head
from credits.conflicts import Occupied
from credits.dates import Windows
from credits.lines import Credit, Line, Refused, Request, Source
from credits.models import Posting, Programme
from credits.standings import Held
from portal import set_wise
from portal.audit import Actor
from portal.models import Member, Organization
from portal.refusals import Refusal
from portal.transactions import joining

__all__ = [
    "Credit",
    "Posted",
    "Refused",
    "Request",
    "Source",
    "correct",
    "post",
    "post_many",
    "preview",
]


class ProgrammeClosed(Refusal):
    """Nothing is posted before a programme runs or after its books are closed."""


class AlreadyPosted(Refusal):
    """Under this source and revision something else was posted."""

    message = "这项学时已经记过，内容与这次不同；请刷新后用“更正”修改。"


class OutOfTurn(Refusal):
    """A correction of something that was not posted, or not the next revision."""

    message = "这项学时在此期间已被更正，请刷新后再试。"


Known = dict[tuple[str, str, int], tuple[int, str]]  # kind, key, revision → id, fingerprint


@dataclass(frozen=True)
class Posted:
    """What came of a request. repeated: it was posted before, and nothing was written now."""

    posting: Posting
    lines: tuple[Line, ...] = ()
    refused: tuple[Refused, ...] = ()
    repeated: bool = False


def post(
    programme: Programme,
    source: Source,
    *,
    organiser: Organization,
    credits: Sequence[Credit],
    by: Actor,
    at: datetime,
    claimed: date | None = None,
) -> Posted:
    """Post what a source earned, once; see `post_many`."""
    request = Request(source, organiser, credits, claimed=claimed)
    return post_many(programme, [request], by=by, at=at)[0]


def correct(
    programme: Programme,
    source: Source,
    *,
    revision: int,
    organiser: Organization,
    withdraw: Sequence[Member],
    credits: Sequence[Credit],
    reason: str,
    by: Actor,
    at: datetime,
) -> Posted:
    """Correct some members' lines of a source: reversals and new lines in one posting.

    Members in neither `withdraw` nor `credits` keep their lines. Raises OutOfTurn unless
    `revision` is the next one; see `post_many`.
    """
    request = Request(source, organiser, credits, revision, withdraw, reason)
    return post_many(programme, [request], by=by, at=at)[0]


@joining
def post_many(
    programme: Programme, requests: Sequence[Request], *, by: Actor, at: datetime
) -> list[Posted]:
    """Write several acts in their order, set-wise, in one transaction.

    One person's conflict never raises and never blocks the others: it comes back as `refused`,
    with the reason. The same source and revision with the same content returns the posting that is
    there. Raises ProgrammeClosed, AlreadyPosted or OutOfTurn for the whole batch.
    """
    state, last = ledger_sql.share_for_posting(programme.pk)
    if state not in {Programme.State.RUNNING, Programme.State.CLOSING}:
        raise ProgrammeClosed(f"{programme}{Programme.State(state).label}，不能记学时。")
    heads = chain.lock_books(programme, requests)
    known = _posted(programme, requests)
    acts = [
        Act(r, r.by or by, r.at or at, [], [])
        for r in requests
        if (*r.place, r.revision) not in known
    ]
    _check_turns(known, acts)
    if acts:
        _settle_and_write(programme, acts, heads, Windows(programme, last))
    done = {id(act.request): act for act in acts}
    return [_answer(r, done.get(id(r)), known) for r in requests]


def preview(
    programme: Programme, requests: Sequence[Request], *, at: datetime
) -> list[list[Refused]]:
    """Who could not be credited if this were posted now, and why; writes and locks nothing."""
    occupied = Occupied.load(programme, rule_book.of(programme), requests)
    refused = []
    for request in requests:
        occupied.free(request)
        refused.append(occupied.settle(request, at=request.at or at)[1])
    return refused


def next_revision(programme: Programme, source: Source) -> int:
    """The revision that the next act on a source has; its caller holds the source's own lock."""
    return next_revisions(programme, [source])[source.key]


def next_revisions(programme: Programme, sources: Sequence[Source]) -> dict[str, int]:
    """The same for many sources of one kind, by key."""
    kinds, keys = {s.kind for s in sources}, [s.key for s in sources]
    last = dict.fromkeys(keys, 0)
    for _, _, key, revision, *_ in ledger_sql.postings(programme.pk, kinds, keys):
        last[key] = max(last[key], revision)
    return {key: revision + 1 for key, revision in last.items()}


def _posted(programme: Programme, requests: Sequence[Request]) -> Known:
    """Postings of these sources that are there, read under the books' locks."""
    kinds, keys = zip(*(r.place for r in requests), strict=True)
    rows = ledger_sql.postings(programme.pk, set(kinds), set(keys))
    return {
        (kind, key, revision): (pk, fingerprint)
        for pk, kind, key, revision, fingerprint, _, _ in rows
    }


def _check_turns(known: Known, acts: Sequence[Act]) -> None:
    seen = set(known)
    for act in acts:
        kind, key = act.request.place
        if act.request.revision > 1 and (kind, key, act.request.revision - 1) not in known:
            raise OutOfTurn
        if (kind, key, act.request.revision) in seen:
            raise AlreadyPosted
        seen.add((kind, key, act.request.revision))


def _settle_and_write(
    programme: Programme,
    acts: Sequence[Act],
    heads: dict[tuple[str, str], Head],
    windows: Windows,
) -> None:
    held, made = _hold(programme, acts)
    requests = [act.request for act in acts]
    occupied = Occupied.load(programme, held.book, requests, windows=windows)
    hours: dict[tuple[int, date], int] = defaultdict(int)
    turned: list[tuple[list[int], list[int], datetime]] = []
    for act in acts:
        act.lines = occupied.free(act.request)
        given, act.refused = occupied.settle(act.request, at=act.at)
        act.lines += given
        for line in act.lines:
            hours[line.home, line.day.replace(day=1)] += line.hours
        turned.append((*_assess(held, act), act.at))
    del occupied  # as large as the lines, and done with
    changed = {(line.member, line.period, line.form) for act in acts for line in act.lines}
    sums = [(m, p, f, held.totals[m][p, f]) for m, p, f in changed]
    with set_wise.in_one_go(sum(len(act.lines) for act in acts)):
        chain.write(programme, acts, heads)
        late_entries.mark(programme, acts)
        ledger_sql.write_totals(programme.pk, sums)
        standings.save(held, made=made, hours=hours)
    for lost, regained, moment in turned:
        certificates.follow(programme, lost=lost, regained=regained, at=moment)


def _hold(programme: Programme, acts: Sequence[Act]) -> tuple[Held, set[int]]:
    """Lock the members' standings, making them for guests who have none yet."""
    book = rule_book.of(programme)
    people = {c.member.id: c.member for act in acts for c in act.request.credits}
    wanted = set().union(*(act.request.members for act in acts))
    held = standings.lock_all(programme, book, wanted)
    if held:
        return held, set()
    missing = people.keys() - ledger_sql.on_the_books(programme.pk, people)
    made: set[int] = set()
    if missing:
        made = roll.enter_guests(programme, book, [people[pk] for pk in missing])
    return standings.lock(programme, book, wanted), made


def _assess(held: Held, act: Act) -> tuple[list[int], list[int]]:
    """Add the act's lines to the totals; returns who lost completion by it, and who reached it."""
    last: dict[int, Line] = {}
    for line in act.lines:
        totals = held.totals[line.member]
        place = line.period, line.form
        totals[place] = totals.get(place, 0) + line.hours
        last[line.member] = line
    lost, regained = [], []
    for member, line in last.items():
        row = held.rows[member]
        before = row.shortfall
        standings.assess(
            row, held.totals[member], held.book.current, at=act.at, day=line.day, home=line.home
        )
        if row.shortfall and not before:
            lost.append(member)
        elif before and not row.shortfall:
            regained.append(member)
    return lost, regained


def _answer(request: Request, act: Act | None, known: Known) -> Posted:
    if act and act.posting:
        return Posted(act.posting, tuple(act.lines), tuple(act.refused))
    pk, fingerprint = known[(*request.place, request.revision)]
    if fingerprint != request.fingerprint:
        raise AlreadyPosted
    return Posted(Posting.objects.get(pk=pk), repeated=True)
