"""A short way to write down a hand-made sheet and the reading that a careful person gives."""

from dataclasses import dataclass, field
from typing import Any

from portal.workbooks import Grid

from .world import PEOPLE, SCHOOL, names, reading, sheet

EVERY = object()


@dataclass(frozen=True)
class Held:
    """One meeting as it must be read: everybody named in `who` came, but for `but`."""

    date: str | None
    but: dict[str, str] = field(default_factory=dict)
    who: object = EVERY
    rest: str = "present"
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    habit: str
    sheets: tuple[Grid, ...]
    held: tuple[Held, ...] = ()
    branch: str = SCHOOL
    outcome: str = "read"
    asks: tuple[tuple[int | None, str], ...] = ()
    warns: tuple[str, ...] = ()
    filename: str = "sheet.xlsx"
    message: str = ""
    quiet: bool = False


def held(date, but=None, *, who=EVERY, rest="present", **facts):
    return Held(date, but or {}, who, rest, facts)


def case(habit, *sheets, **more):
    for word in ("held", "asks", "warns"):
        value = more.get(word, ())
        more[word] = (value,) if isinstance(value, Held | str) else tuple(value)
    if more.get("asks"):
        more.setdefault("outcome", "ask")
    grids = tuple(s if isinstance(s, Grid) else sheet(s) for s in sheets)
    return Case(habit, grids, **more)


def check(case, at=None):
    """Compare the reading with the case, field by field; all differences in one message."""
    more = {"at": at} if at else {}
    result = reading(*case.sheets, branch=case.branch, filename=case.filename, **more)
    wrong = differences(case, result)
    assert not wrong, "\n".join([case.habit, *wrong])


def differences(case, result):
    wrong = []
    said = "\n".join(map(str, result.warnings))
    if result.outcome != case.outcome:
        wrong.append(f"outcome {result.outcome}: {result.message}")
    if case.message not in result.message:
        wrong.append(f"message {result.message}")
    asked = [(q.row, q.about) for q in result.questions]
    if sorted(asked, key=str) != sorted(case.asks, key=str):
        wrong.append(f"asked {[(q.row, q.about, q.text) for q in result.questions]}")
    wrong += [f"not warned of {word}: {said}" for word in case.warns if word not in said]
    if case.quiet and said:
        wrong.append(f"warned {said}")
    if len(result.sessions) != len(case.held):
        days = [(s.sheet, s.date and s.date.isoformat(), s.part) for s in result.sessions]
        return [*wrong, f"sessions {days}"]
    for want, got in zip(case.held, result.sessions, strict=True):
        wrong += _session(want, got, case.branch)
    return wrong


def _session(want, got, branch):
    found = got.as_json()
    wrong = []
    if found["date"] != want.date:
        wrong.append(f"date {found['date']} for {want.date}")
    for name, value in want.facts.items():
        if found[name] != value:
            wrong.append(f"{want.date} {name}: {found[name]!r} for {value!r}")
    who = names(branch) if want.who is EVERY else want.who
    told = dict.fromkeys(who, want.rest) | want.but
    rows = {}
    for row in got.rows:
        status = row.status
        if status == "leave":
            status = f"leave:{row.leave}"
        name = row.name if row.name not in rows else f"{row.name}@{row.row}"
        rows[name] = "?" if row.questions and row.status is None else status
    for name in {**told, **rows}:
        if rows.get(name) != told.get(name):
            wrong.append(f"{want.date} {name}: {rows.get(name)} for {told.get(name)}")
    known = {p.name: p.number for p in PEOPLE if p.branch == branch}
    for row in got.rows:
        if row.member and known.get(row.name) not in (None, row.member) and branch == SCHOOL:
            wrong.append(f"{row.name} is {row.member}")
    return wrong
