"""Spreadsheets on their way out: a short one at once, a long one into a file by a worker.

Each is made by an order: a plain function `order(scope, *, by, at, **arguments) -> Export` that
looks for what it is about within the scope, reads it, and writes to the audit trail who takes it;
only then are there any bytes. A job names it by its dotted path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model
from django.utils.module_loading import import_string

from portal import jobs, spreadsheets
from portal.access import Capability, Scope, scope_of
from portal.audit import Actor
from portal.models import Job, Organization
from portal.progress import Progress
from portal.querysets import ScopedQuerySet
from portal.refusals import Refusal

LONG = 5000  # rows from which on a worker writes the file
CELLS = 10  # of a usual row: a matrix's rows are counted by its cells
CHUNK = 1000  # rows between two signs of progress
Found = TypeVar("Found", bound=Model)


@dataclass(frozen=True)
class Export:
    """A spreadsheet that is ready to be written: `write` fills a book, giving the number of each
    row that it wrote; `rows` is how many there will be."""

    name: str
    rows: int
    write: Callable[[spreadsheets.Book], Iterator[int]]

    def data(self) -> bytes:
        """The file, for a short one."""
        with spreadsheets.book() as book:
            for _ in self.write(book):
                pass
        return book.data


Order = Callable[..., Export]


class NotGiven(Refusal):
    """What was asked for is gone, or no longer within reach."""

    message = "没有找到要导出的内容，或您已没有导出的权限。"


def find(rows: ScopedQuerySet[Found], scope: Scope, capability: Capability, pk: int) -> Found:
    """What an order is about, as long as `capability` is held over it. Raises NotGiven."""
    found = rows.within(scope, capability).filter(pk=pk).first()
    if found is None:
        raise NotGiven
    return found


def place_of(scope: Scope, capability: Capability) -> Organization | None:
    """Where somebody stands who exports: the name of the sheet and the trail say so."""
    return next(iter(scope.organizations(capability)), None)


def later(
    order: Order, *, title: str, by: Actor, at: datetime, back_url: str, **arguments: Any
) -> Job:
    """Have a worker write a long spreadsheet into a file."""
    return jobs.start(
        "portal.exporting.work",
        title=f"导出{title}"[:120],
        by=by,
        at=at,
        arguments={"order": f"{order.__module__}.{order.__qualname__}", **arguments},
        back_url=back_url,
        resumes=3,
    )


def work(progress: Progress, *, order: str, **arguments: Any) -> dict[str, int]:
    """Write a spreadsheet that somebody asked for into a file, in the background."""
    progress.step(0, 0, "正在汇集内容。")
    scope = scope_of(progress.by.member, at=progress.at, active_id=None)
    export: Export = import_string(order)(scope, by=progress.by, at=progress.at, **arguments)
    with spreadsheets.book(jobs.file_for(progress, f"{export.name}.xlsx")) as book:
        for done in export.write(book):
            if done % CHUNK == 0:
                progress.step(done, export.rows, "正在写入表格。")
    progress.finished(f"已导出 {export.rows} 行，一天之内可以下载。", rows=export.rows)
    return {"rows": export.rows}
