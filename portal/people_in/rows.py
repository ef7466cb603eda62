"""Reading rows of a register: their cells, what is wrong with one, and whom it may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from django.utils import timezone

from portal.access import Capability, Scope
from portal.models import Organization
from portal.people_in import cells
from portal.people_in.cells import BadCell
from portal.people_in.finding import Finder
from portal.people_in.model import Entry, Problems, Table


class WrongRow(Exception):
    """A row that cannot be taken over: which field, and how to mend it."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


class RowReader:
    """Reads a table row by row for somebody with `scope` (None: the whole), collecting problems.

    capability: what must be held over what a row changes. labels: fields as they are called where
    the table has no heading for them.
    """

    capability: ClassVar[Capability]
    labels: ClassVar[Mapping[str, str]]

    def __init__(self, table: Table, scope: Scope | None, at: datetime) -> None:
        self.table, self.scope = table, scope
        self.today = timezone.localdate(at)
        self.problems = Problems(table)
        self.warnings: list[str] = list(table.warnings)
        self.finder = Finder(self._covers)
        self._bad = False  # the row that is being read

    def _begin(self, entry: Entry) -> None:
        self.problems.hidden(entry)
        self._bad = bool(entry.hidden)

    def _cell(self, entry: Entry, name: str, read: Callable[[str], Any], *, must: str = "") -> Any:
        """A cell as `read` reads it; empty where it says nothing, is hidden, or cannot be read."""
        text = entry.get(name)
        if name in entry.hidden:
            return ""
        try:
            if not text and must:
                raise BadCell(must)
            return read(text) if text else ""
        except BadCell as bad:
            self._problem(entry, name, bad)
            return ""

    def _problem(self, entry: Entry, name: str, bad: BadCell) -> None:
        self.problems.add(entry, name, str(bad.args[0]), default=self.labels.get(name, ""))
        self._bad = True

    def _day(self, text: str) -> date:
        day = cells.day_of(text, today=self.today)
        if day > self.today:
            raise BadCell("这一天还没有到，请核对。")
        return day

    def _covers(self, organization: Organization) -> bool:
        return self.scope is None or self.scope.can(self.capability, organization.path)
