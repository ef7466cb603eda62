"""What an uploaded sheet says, read before any lock, and the people on whom that reading rests.

Reading a workbook takes a process of its own, and reading thousands of staged rows a while; SQLite
has one write lock, for which everybody who checks in would wait meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from courses.models import SheetImport
from courses.sheets import sheet_staging
from courses.sheets.rosters import BranchRoster, Witness
from courses.sheets.sheet_reading import Question, Reading, read
from portal import workbooks


@dataclass(frozen=True)
class Text:
    """The reading of a sheet and everything that was asked about it, answered or not.

    answers: those it was read with. names, numbers: of whom the roster was asked; people: the
    digest of all that it said. digest: of the staging of a long sheet.
    """

    reading: Reading
    asked: Sequence[Question]
    answers: Mapping[str, str]
    names: Collection[str]
    numbers: Collection[str]
    people: str
    digest: str = ""

    def is_that_of(self, sheet: SheetImport) -> bool:
        """Whether the sheet, as it is locked now, would still be read so."""
        staged = sheet.told.get("digest", "") if sheet.is_long else ""
        if (self.answers, self.digest) != (sheet.answers, staged):
            return False
        now = Witness(BranchRoster(sheet.organization))
        return now.ask_again(self.names, self.numbers) == self.people


def text_of(sheet: SheetImport, *, at: datetime) -> Text:
    """What a sheet says with the answers given so far; a long one's staging, which a worker made.

    Raises WorkbookRefusal for a short one that is no spreadsheet.
    """
    if sheet.is_long:
        told = sheet.told
        reading, asked = sheet_staging.reading_of(sheet), sheet_staging.asked_of(sheet)
        people = told["names"], told["numbers"], told["people"]
        return Text(reading, asked, dict(sheet.answers), *people, digest=told["digest"])
    book, witness = (
        workbooks.read(bytes(sheet.content), sheet.file_name),
        Witness(BranchRoster(sheet.organization)),
    )
    day, answers = timezone.localdate(at), dict(sheet.answers)
    reading = read(book, roster=witness, at=day, answers=answers)
    # What was answered stays on the page, so that it can be seen and changed.
    unanswered = read(book, roster=witness, at=day) if answers else reading
    asked = [*unanswered.questions, *reading.questions]
    return Text(reading, asked, answers, witness.names, witness.numbers, witness.digest())
