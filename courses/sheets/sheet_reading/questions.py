"""Questions to the person who uploads: gathered in one list, dropped where an answer is given.

Codes of `about`:
homonym        the name fits several members of the branch
other_branch   the name fits only members of other branches
unknown_name   nobody bears the name; near names are the candidates
number         member number and name of the row contradict each other
struck         the name is struck through
duplicate      one member stands in several rows of a session
mark           a mark without a certain meaning, or marks that contradict each other
blank          what an empty cell (or a list without marks) means
date           the day is missing, impossible, or one of several
year           month and day are written, the year is not

Keys are "sheet!cell:what" with what in name, row, mark, blank, date, year: they stay the same when
the same file is read again, so that answers find their questions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .model import ABSENT, LABELS, LATE, LEAVE, LEFT_EARLY, MADE_UP, OBSERVER, PRESENT, Question

SKIP = "skip"
STATUSES = (PRESENT, LATE, LEFT_EARLY, LEAVE, ABSENT, OBSERVER, MADE_UP)
LEAVES = (("leave:病假", "病假"), ("leave:事假", "事假"), ("leave:公出", "公出"))


@dataclass
class Asker:
    """The one list of questions, and the answers already given."""

    answers: Mapping[str, str]
    asked: dict[str, Question] = field(default_factory=dict)

    def answer(self, key: str, allowed: Iterable[str] | None = None) -> str | None:
        """The answer to a question, if one was given and is one of the allowed."""
        given = self.answers.get(key)
        if given is None or (allowed is not None and given not in set(allowed)):
            return None
        return given

    def ask(self, question: Question) -> None:
        self.asked.setdefault(question.key, question)


def key(sheet: str, row: int | None, column: str | None, what: str) -> str:
    return f"{sheet}!{column or ''}{row or ''}:{what}"


def status_candidates(*first: str) -> tuple[dict[str, str], ...]:
    """All statuses (likely ones first), with the common kinds of leave."""
    order = (*first, *(status for status in STATUSES if status not in first))
    found = [{"value": status, "label": LABELS[status]} for status in order]
    at = order.index(LEAVE) + 1
    leaves = [{"value": value, "label": f"请假（{label}）"} for value, label in LEAVES]
    return (*found[:at], *leaves, *found[at:])


def status_answer(given: str | None) -> tuple[str, str | None] | None:
    """Status and leave that an answer such as "present" or "leave:病假" names."""
    if not given:
        return None
    status, _, leave = given.partition(":")
    if status not in LABELS or (leave and status != LEAVE):
        return None
    return status, leave or None
