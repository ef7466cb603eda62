"""Our own export of a whole class: a key under each column, and cells that leave a mark open."""

import re
from collections.abc import Iterable
from datetime import date

from .cells import tight
from .judging import Entry
from .marks import Legend, Verdict, judge
from .model import LEAVE, MADE_UP
from .registers import Register
from .slots import Slot
from .tables import MARKING

LABEL = "活动编号"
NOT_DUE = "-"
MADE_UP_LATER = re.compile(r"(?P<was>\D*?)[(（](?P<day>\d{4}-\d\d-\d\d)补学[)）]")
OTHER_LEAVE = re.compile(r"请假[(（](?P<kind>[^()（）]+)[)）]")


def key_under(register: Register, slot: Slot) -> str | None:
    """The key of the session in a column, from the line of keys below the headings."""
    wanted = {c.index for columns in slot.columns.values() for c in columns if c.kind in MARKING}
    for table, _ in register.parts:
        for row in (*range(table.first, table.last + 1), *list(table.body)[:2]):
            filled = dict(table.cells.filled(row))
            if LABEL in {tight(text) for text in filled.values()}:
                return next((filled[c] for c in sorted(wanted) if c in filled), None)
    return None


def told(entries: Iterable[Entry], legend: Legend) -> list[Entry]:
    """What the cells of such a column say; whoever is not due, or not called yet, is left out."""
    kept = []
    for entry in entries:
        if entry.symbol in ("", NOT_DUE):
            continue
        later, other = MADE_UP_LATER.fullmatch(entry.mark), OTHER_LEAVE.fullmatch(entry.mark)
        if later:
            entry.was, entry.verdict = _leave_or(later["was"], legend), Verdict(MADE_UP)
            entry.made_up_on = date.fromisoformat(later["day"])
        elif other:
            entry.verdict = Verdict(LEAVE, other["kind"])
        kept.append(entry)
    return kept


def _leave_or(text: str, legend: Legend) -> Verdict:
    other = OTHER_LEAVE.fullmatch(text)
    return Verdict(LEAVE, other["kind"]) if other else judge(text, legend)
