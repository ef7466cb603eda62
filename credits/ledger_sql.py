"""The statements of the ledger's hot path, for both engines; no business rule here.

Reads come as plain tuples, in a fixed number of statements whatever the number of people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Model

from credits.models import (
    BranchMonth,
    BranchStanding,
    CatchUpWindow,
    CreditedContent,
    CreditedTime,
    CreditTotal,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    Standing,
)
from portal import set_wise
from portal.models import Membership, Organization
from portal.set_wise import Answer, among, ask, columns, select, table

CHUNK = 500
SUMS = ["due", "exempt", "completed", "hours", "points"]


def share_programme(programme_id: int) -> str:
    """Keep the programme's state from changing until this transaction ends; returns the state.

    SQLite needs no lock: its transactions hold the only write lock from their beginning.
    """
    end = " FOR SHARE" if set_wise.on_postgresql() else ""
    sql = f"SELECT state FROM {table(Programme)} WHERE id = %s{end}"  # noqa: S608 - constant names
    return str(select(sql, [programme_id])[0][0])


def share_for_posting(programme_id: int) -> tuple[str, date | None]:
    """The same, and the last day on which a catch-up window of the programme takes entries; None
    where no window was ever opened."""
    end = " FOR SHARE OF p" if set_wise.on_postgresql() else ""
    windows = f"SELECT max(closes_on) FROM {table(CatchUpWindow)} WHERE programme_id = p.id"  # noqa: S608 - constant names
    sql = f"SELECT p.state, ({windows}) FROM {table(Programme)} p WHERE p.id = %s{end}"  # noqa: S608 - constant names
    [(state, last)] = select(sql, [programme_id])
    return str(state), date.fromisoformat(last) if isinstance(last, str) else last


def lock_books(programme_id: int, organisations: Iterable[int]) -> dict[int, tuple[int, int, str]]:
    """Make and lock the books, by id; returns organisation → (id, last sequence, last digest)."""
    wanted = sorted(set(organisations))
    test, values = among(wanted)
    names = ["organization", "id", "last_sequence", "last_digest"]
    of, given = f"programme_id = %s AND organization_id {test}", [programme_id, values]
    rows = _locked_if_all(LedgerBook, names, of, given, len(wanted), "id")
    if len(rows) < len(wanted):
        new = [(programme_id, organisation, 0, "") for organisation in wanted]
        set_wise.insert(
            LedgerBook, ["programme", "organization", "last_sequence", "last_digest"], new,
            ignore=True,
        )  # fmt: skip
        rows = _locked(LedgerBook, names, of, given, "id")
    return {organisation: (pk, last, digest) for organisation, pk, last, digest in rows}


def postings(
    programme_id: int, kinds: Iterable[str], keys: Iterable[str]
) -> list[tuple[int, str, str, int, str, int, str]]:
    """Postings of sources: id, kind, key, revision, fingerprint, and organisation (id, code) of
    the book."""
    kind, kinds_ = among(sorted(kinds))
    key, keys_ = among(sorted(keys))
    return select(
        "SELECT p.id, p.kind, p.key, p.revision, p.fingerprint, b.organization_id, o.code "  # noqa: S608 - constant names
        f"FROM {table(Posting)} p JOIN {table(LedgerBook)} b ON b.id = p.book_id "
        f"JOIN {table(Organization)} o ON o.id = b.organization_id "
        f"WHERE p.programme_id = %s AND p.kind {kind} AND p.key {key}",
        [programme_id, kinds_, keys_],
    )


def has_plain_session(programme_id: int, unit_id: int) -> bool:
    """Whether a unit's books have a session with lines that was never corrected. Found from the
    unit's few books on: SQLite takes the tables in the order in which CROSS JOIN names them."""
    join = "JOIN" if set_wise.on_postgresql() else "CROSS JOIN"
    found = select(
        f"SELECT p.id FROM {table(Organization)} o "  # noqa: S608 - constant names
        f"{join} {table(LedgerBook)} b ON b.programme_id = %s AND b.organization_id = o.id "
        f"{join} {table(Posting)} p ON p.programme_id = b.programme_id AND p.book_id = b.id "
        "WHERE o.unit_id = %s AND p.kind = 'session' AND p.revision = 1 AND p.lines > 0 "
        f"AND NOT EXISTS (SELECT 1 FROM {table(Posting)} r WHERE r.programme_id = p.programme_id "
        "AND r.kind = p.kind AND r.key = p.key AND r.revision > 1) LIMIT 1",
        [programme_id, unit_id],
    )
    return bool(found)


def on_the_books(programme_id: int, members: Iterable[int]) -> set[int]:
    """Which of some members have a standing, without locking it."""
    test, values = among(members)
    rows = select(
        f"SELECT member_id FROM {table(Standing)} WHERE programme_id = %s AND member_id {test}",  # noqa: S608 - constant names
        [programme_id, values],
    )
    return {row[0] for row in rows}


def standings(
    programme_id: int, names: Sequence[str], members: Sequence[int], moments: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Lock standings by member id; the columns named, moments at the places given."""
    test, values = among(members)
    of = f"programme_id = %s AND member_id {test}"
    return _locked(Standing, names, of, [programme_id, values], "member_id", moments)


def all_standings(
    programme_id: int, names: Sequence[str], members: Sequence[int], moments: Sequence[int]
) -> list[tuple[Any, ...]]:
    """The same if each of these members has a standing; else none is locked, and fewer come."""
    test, values = among(members)
    of, given = f"programme_id = %s AND member_id {test}", [programme_id, values]
    return _locked_if_all(Standing, names, of, given, len(members), "member_id", moments)


def totals(programme_id: int, members: Sequence[int]) -> list[tuple[int, str, str, int]]:
    """Member, period, form, earned hours of some members."""
    test, values = among(members)
    return select(
        f"SELECT member_id, period, form, earned FROM {table(CreditTotal)} "  # noqa: S608 - constant names
        f"WHERE programme_id = %s AND member_id {test}",
        [programme_id, values],
    )


def homes(members: Sequence[int]) -> Answer:
    """Memberships in order of member and day: member, since, until, branch (id, code)."""
    test, values = among(members)
    return ask(
        "SELECT m.member_id, m.since, m.until, m.branch_id, o.code "  # noqa: S608 - constant names
        f"FROM {table(Membership)} m JOIN {table(Organization)} o ON o.id = m.branch_id "
        f"WHERE m.member_id {test} ORDER BY m.member_id, m.since, m.id",
        [values],
    )


def hours_of_days(
    programme_id: int, members: Sequence[int], first: date, last: date, granted: Iterable[str]
) -> Answer:
    """Member, day, hours live on it, for the days from `first` to `last`; without the kinds that
    no daily cap binds."""
    test, values = among(members)
    kind, kinds = among(sorted(granted))
    return ask(
        "SELECT e.member_id, e.day, SUM(e.hours) "  # noqa: S608 - constant names
        f"FROM {table(LedgerEntry)} e JOIN {table(Posting)} p "
        "ON p.programme_id = e.programme_id AND p.id = e.posting_id "
        f"WHERE e.programme_id = %s AND e.member_id {test} AND e.day BETWEEN %s AND %s "
        f"AND NOT p.kind {kind} GROUP BY e.member_id, e.day",
        [programme_id, values, set_wise.adapt(first), set_wise.adapt(last), kinds],
    )


def times(programme_id: int, members: Sequence[int], start: datetime, end: datetime) -> Answer:
    """Member, start, end, entry of what live entries occupy between two moments."""
    test, values = among(members)
    return ask(
        f"SELECT member_id, starts_at, ends_at, entry_id FROM {table(CreditedTime)} "  # noqa: S608 - constant names
        f"WHERE programme_id = %s AND member_id {test} AND starts_at < %s AND ends_at > %s",
        [programme_id, values, set_wise.adapt(end), set_wise.adapt(start)],
        moments=(1, 2),
    )


def contents(programme_id: int, members: Sequence[int], named: Iterable[str]) -> Answer:
    """Member, content, entry of what was studied already of the contents named."""
    test, values = among(members)
    one, contents_ = among(sorted(named))
    return ask(
        f"SELECT member_id, content, entry_id FROM {table(CreditedContent)} "  # noqa: S608 - constant names
        f"WHERE programme_id = %s AND member_id {test} AND content {one}",
        [programme_id, values, contents_],
    )


def enter(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> set[int]:
    """Insert standings in order of member, ignoring those that are there; returns the members
    whose standing this transaction made."""
    made: set[int] = set()
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        marks = ", ".join(["(" + ", ".join(["%s"] * len(names)) + ")"] * len(chunk))
        sql = (
            f"INSERT INTO {table(Standing)} ({columns(Standing, names)}) VALUES {marks} "  # noqa: S608 - constant names
            "ON CONFLICT DO NOTHING RETURNING member_id"
        )
        made.update(row[0] for row in select(sql, [value for row in chunk for value in row]))
    return made


def write_totals(programme_id: int, sums: Iterable[tuple[int, str, str, int]]) -> None:
    """Set sums of (member, period, form), whose members' standings are locked."""
    keys = ["programme", "member", "period", "form"]
    rows = [(programme_id, *total) for total in sorted(sums)]
    set_wise.upsert(CreditTotal, keys, ["earned"], rows)


def add_to_branches(programme_id: int, deltas: Mapping[int, Sequence[int]]) -> None:
    """Add (due, exempt, completed, hours, points) to branch rows, locked in order of branch; rows
    that are not there are made, with unit and cohort of the tree.

    Here and below what is missing is made before the first lock is taken: nobody waits for a row
    that another is making while holding one that the other wants. A single row needs no order: its
    UPDATE locks it.
    """
    wanted = sorted(deltas)
    keys = ["programme", "branch"]
    changed = [(*deltas[b], programme_id, b) for b in wanted if any(deltas[b])]
    if len(wanted) == 1 and set_wise.add(BranchStanding, SUMS, keys, changed) == 1:
        return
    test, values = among(wanted)
    of, given = f"programme_id = %s AND branch_id {test}", [programme_id, values]
    there = _locked_if_all(BranchStanding, ["branch"], of, given, len(wanted), "branch_id")
    if len(there) < len(wanted):
        one, some = among(wanted)
        places = select(
            f"SELECT id, unit_id, cohort FROM {table(Organization)} WHERE id {one} ORDER BY id",  # noqa: S608 - constant names
            [some],
        )
        names = ["programme", "branch", "unit", "cohort", *SUMS]
        rows = [(programme_id, *place, 0, 0, 0, 0, 0) for place in places]
        set_wise.insert(BranchStanding, names, rows, ignore=True)
        _locked(BranchStanding, ["branch"], of, given, "branch_id")
    set_wise.add(BranchStanding, SUMS, keys, changed)


def add_to_months(programme_id: int, deltas: Mapping[tuple[int, date], tuple[int, int]]) -> None:
    """Add (hours, completed) to the months of branches, locked in order of branch and month."""
    wanted = sorted(key for key, values in deltas.items() if any(values))
    if not wanted:
        return
    keys, names = ["programme", "branch", "month"], ["hours", "completed"]
    changed = [(*deltas[k], programme_id, *k) for k in wanted]
    if len(wanted) == 1 and set_wise.add(BranchMonth, names, keys, changed) == 1:
        return
    branch, branches = among({branch for branch, _ in wanted})
    month, months = among({set_wise.adapt(month) for _, month in wanted})
    of = f"programme_id = %s AND branch_id {branch} AND month {month}"
    given = [programme_id, branches, months]
    sql = f"SELECT branch_id, month FROM {table(BranchMonth)} WHERE {of}"  # noqa: S608 - constant names
    there = set(select(sql, given))
    missing = [key for key in wanted if key not in there]
    if missing:
        rows = [(programme_id, *key, 0, 0) for key in missing]
        set_wise.insert(BranchMonth, [*keys, *names], rows, ignore=True)
    if _lock():
        _locked(BranchMonth, ["branch", "month"], of, given, "branch_id, month")
    set_wise.add(BranchMonth, names, keys, changed)


def _locked(
    model: type[Model],
    names: Sequence[str],
    of: str,
    given: Sequence[Any],
    order: str,
    moments: Sequence[int] = (),
) -> list[tuple[Any, ...]]:
    """Lock the rows of a condition in an order, and read them."""
    sql = f"SELECT {columns(model, names)} FROM {table(model)} WHERE {of} ORDER BY {order}{_lock()}"  # noqa: S608 - constant names
    return select(sql, given, moments=moments)


def _locked_if_all(
    model: type[Model],
    names: Sequence[str],
    of: str,
    given: Sequence[Any],
    count: int,
    order: str,
    moments: Sequence[int] = (),
) -> list[tuple[Any, ...]]:
    """The same where a condition has as many rows as wanted; else none is locked, and fewer come.
    PostgreSQL counts once, before it locks the first."""
    if not _lock():
        return _locked(model, names, of, given, order, moments)
    every = f"{of} AND (SELECT count(*) FROM {table(model)} WHERE {of}) = %s"  # noqa: S608 - constant names
    return _locked(model, names, every, [*given, *given, count], order, moments)


def _lock() -> str:
    return " FOR UPDATE" if set_wise.on_postgresql() else ""
