"""What a worker read in a long sheet, staged row by row: from here it is previewed and written, and
the file is read again only if the same cells could mean something else by now.

The sheet's `told` holds what the reader said but for its rows, and what it rests on: the day, the
answers, and a digest of everything it was told of people. Rows are staged in chunks, each in a
transaction of its own; of a sheet that is read anew only those are written that say something else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, time
from typing import Any

from django.db import transaction
from django.utils import timezone

from courses.models import SheetImport, StagedMark
from courses.sheets.rosters import BranchRoster, Witness
from courses.sheets.sheet_reading import Notice, Question, Reading, Row, Session, read
from courses.sheets.sheet_reading.reading import Tell
from portal import jobs, set_wise, workbooks
from portal.refusals import Refusal

CHUNK = 1000  # rows staged in one transaction
SAYS = ("name", "number", "status", "leave", "remark", "was", "made_up_on", "questions")
Staged = tuple[Any, ...]  # place, turn, row, column and what the row says


class Unreadable(Refusal):
    """The file is a spreadsheet, and yet no attendance can be read from it."""


def is_sound(sheet: SheetImport, *, at: datetime) -> bool:
    """Whether the file would be read as it was: answers, day and people are the same."""
    told = sheet.told
    if not told or told["day"] != timezone.localdate(at).isoformat():
        return False
    return bool(told["answers"] == _about_reading(sheet)) and is_about_same_people(sheet)


def is_about_same_people(sheet: SheetImport) -> bool:
    """Whether nothing that the reader was told of people has changed."""
    told, witness = sheet.told, Witness(BranchRoster(sheet.organization))
    return bool(witness.ask_again(told["names"], told["numbers"]) == told["people"])


def take_in(
    sheet: SheetImport, *, at: datetime, tell: Tell, hold: Callable[[], None] = lambda: None
) -> None:
    """Read the file and stage its rows; each transaction begins with `hold`. Raises Unreadable, or
    what `tell` raises, which is called with how much is done, or `hold`; what was staged by then
    stays, and is mended by the next run."""
    data, day = bytes(sheet.content), timezone.localdate(at)
    witness, given = Witness(BranchRoster(sheet.organization)), _about_reading(sheet)
    book = workbooks.read(data, sheet.file_name)
    reading = read(book, roster=witness, at=day, answers=given, tell=tell)
    del book, data
    if reading.outcome == "refuse":
        raise Unreadable(reading.message)
    rows = sum(len(session.rows) for session in reading.sessions)
    digest, done = hashlib.sha256(), 0
    for place, session in enumerate(reading.sessions):
        staged = [_row(place, turn, row) for turn, row in enumerate(session.rows)]
        digest.update(json.dumps([told[2:] for told in staged], ensure_ascii=False).encode())
        for count in _stage(sheet, place, staged, hold):
            done += count
            tell(done, rows)
    StagedMark.objects.filter(sheet=sheet, place__gte=len(reading.sessions)).delete()
    sheet.told = {
        "day": day.isoformat(),
        "answers": given,
        "people": witness.digest(),
        "names": sorted(witness.names),
        "numbers": sorted(witness.numbers),
        "outcome": reading.outcome,
        "message": reading.message,
        "warnings": [[w.text, w.sheet, w.row] for w in reading.warnings],
        "sessions": [_facts(session) for session in reading.sessions],
        # What was answered stays on the page, so that it can be seen and changed.
        "asked": {key: told for key, told in sheet.told.get("asked", {}).items() if key in given}
        | {question.key: question.as_json() for question in reading.questions},
        "open": [question.key for question in reading.questions],
        "rows": rows,
    }
    digest.update(json.dumps(sheet.told, ensure_ascii=False, sort_keys=True).encode())
    sheet.told["digest"] = digest.hexdigest()
    with transaction.atomic():
        hold()
        sheet.save(update_fields=["told"])


def reading_of(sheet: SheetImport) -> Reading:
    """What the reader said, from its staging."""
    told = sheet.told
    rows = _rows(sheet)
    sessions = (
        Session(**_typed(facts), rows=tuple(rows.get(place, ())))
        for place, facts in enumerate(told["sessions"])
    )
    questions = tuple(_question(told["asked"][key]) for key in told["open"])
    warnings = tuple(Notice(*warning) for warning in told["warnings"])
    return Reading(told["outcome"], told["message"], tuple(sessions), questions, warnings)


def asked_of(sheet: SheetImport) -> list[Question]:
    """What was asked of its reader, answered or not."""
    return [_question(told) for told in sheet.told["asked"].values()]


def _question(told: Mapping[str, Any]) -> Question:
    lists = {"candidates": tuple(told["candidates"]), "rows": tuple(told["rows"])}
    return Question(**{**told, **lists})


def forget(sheet: SheetImport) -> None:
    """Delete what is staged of a sheet, some at a time."""
    rows = StagedMark.objects.filter(sheet=sheet)
    while first := list(rows.order_by("pk").values_list("pk", flat=True)[: 5 * CHUNK]):
        rows.filter(pk__gte=first[0], pk__lte=first[-1]).delete()
        jobs.give_way()


def _about_reading(sheet: SheetImport) -> dict[str, str]:
    """The answers that the reader asked for; the others are about sessions."""
    asked = sheet.told.get("asked", {})
    return {key: value for key, value in sheet.answers.items() if key in asked}


def _row(place: int, turn: int, row: Row) -> Staged:
    return (
        place, turn, row.row, row.column, row.name, row.member or "", row.status or "",
        row.leave or "", row.remark or "", row.was or "", row.made_up_on or "",
        "\n".join(row.questions),
    )  # fmt: skip


def _stage(
    sheet: SheetImport, place: int, staged: Sequence[Staged], hold: Callable[[], None]
) -> Iterator[int]:
    """Stage one session's rows; yields how many of them after each chunk."""
    names = ["place", "turn", "row", "column", *SAYS]
    found = StagedMark.objects.filter(sheet=sheet, place=place).order_by("turn", "pk")
    before = _named(found.values_list(*names, "pk"))
    now = _named(staged)
    gone = [old[-1] for key, old in before.items() if key not in now]
    for start in range(0, len(gone), CHUNK):
        StagedMark.objects.filter(pk__in=gone[start : start + CHUNK]).delete()
    rows = list(now.items())
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        new = [row for key, row in chunk if key not in before]
        other = [(row, before[key]) for key, row in chunk if key in before]
        changed = [(*row[4:], old[-1]) for row, old in other if row[4:] != old[4:-1]]
        if new or changed:
            with transaction.atomic():
                hold()
                set_wise.insert(StagedMark, ["sheet", *names], [(sheet.pk, *row) for row in new])
                set_wise.update_by_id(StagedMark, SAYS, changed)
            jobs.give_way()
        yield len(chunk)


def _named(rows: Any) -> dict[tuple[Any, ...], Staged]:
    """Rows by where they stand; two of one name in one cell by their order, too."""
    found: dict[tuple[Any, ...], Staged] = {}
    for row in rows:
        key, again = (row[2], row[3], row[4]), 0
        while (*key, again) in found:
            again += 1
        found[(*key, again)] = tuple(row)
    return found


def _rows(sheet: SheetImport) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    same: dict[str, str] = {}  # one of each text: names and marks come again and again
    staged = StagedMark.objects.filter(sheet=sheet).order_by("place", "turn", "pk")
    for place, row, column, *said in staged.values_list("place", "row", "column", *SAYS).iterator(
        chunk_size=CHUNK
    ):
        name, number, status, leave, remark, was, made_up_on, questions = (
            same.setdefault(text, text) for text in said
        )
        found.setdefault(place, []).append(
            Row(
                row, column, name, number or None, status or None, leave or None,
                remark=remark or None, was=was or None, made_up_on=made_up_on or None,
                questions=tuple(questions.split("\n")) if questions else (),
            )
        )  # fmt: skip
    return found


FACTS = tuple(field.name for field in fields(Session) if field.name != "rows")


def _facts(session: Session) -> dict[str, Any]:
    """What a sheet says of a session but for its rows, as JSON."""
    return {
        name: value.isoformat() if isinstance(value := getattr(session, name), date | time)
        else value
        for name in FACTS
    }  # fmt: skip


def _typed(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **facts,
        "date": facts["date"] and date.fromisoformat(facts["date"]),
        "start": facts["start"] and time.fromisoformat(facts["start"]),
        "end": facts["end"] and time.fromisoformat(facts["end"]),
        "not_listed": tuple(facts["not_listed"]),
    }
