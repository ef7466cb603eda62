"""What an empty cell means, and marks without a legend: by the sheet's own word, or asked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from .judging import Entry
from .marks import PLAIN, Legend, Verdict
from .model import ABSENT, LABELS, LATE, LEAVE, PRESENT, UNSTATED, Question
from .questions import Asker, key, status_answer, status_candidates
from .totals import Claim, possible

BLANK = ""


@dataclass(frozen=True)
class Settled:
    """What symbols (and the blank, "") mean in one session; `by_counts`: by the head counts."""

    meanings: Mapping[str, Verdict]
    by_counts: tuple[str, ...] = ()


def positive(entries: Iterable[Entry]) -> bool:
    return any(entry.positive for entry in entries)


def by_habit(entries: list[Entry], legend: Legend, implied: str | None) -> Verdict | None:
    """The meaning of a blank that needs no question.

    Where people were ticked who came, a blank is who did not; but where absence has a mark of
    its own (×, 缺席, a colour) beside the ticks, a blank may just have been forgotten.
    """
    if legend.blank:
        return legend.blank
    if implied:
        return Verdict(implied)
    if positive(entries):
        forgotten = legend.coloured or any(entry.negative for entry in entries)
        return None if forgotten else Verdict(ABSENT)
    return Verdict(PRESENT) if legend.everyone else None


def by_counts(
    unknown: Counter[str], known: Counter[str], claims: list[Claim], *, ticked: bool
) -> dict[str, str] | None:
    """Meanings that are the same in every way to make the marks give the stated head counts."""
    claims = [claim for claim in claims if claim.key != "rate"]
    if not claims or not unknown or len(unknown) > 4:
        return None
    stated = {claim.key for claim in claims}
    symbols = list(unknown)
    main = max(unknown, key=lambda mark: unknown[mark])
    away = (LEAVE, ABSENT) if stated & {"leave", "sick", "personal", "official"} else (ABSENT,)
    options = [
        # Nobody writes nothing for a leave, unless the counts speak of leave.
        (PRESENT, *away)
        if mark == BLANK
        else (PRESENT, LEAVE, ABSENT)
        if mark == main and not ticked and "late" not in stated
        else (PRESENT, LATE, LEAVE, ABSENT)
        for mark in symbols
    ]
    fitting = []
    for meanings in product(*options):
        counts = Counter(known)
        for mark, status in zip(symbols, meanings, strict=True):
            counts[status] += unknown[mark]
        if all(_fits(claim, counts, stated) for claim in claims):
            fitting.append(dict(zip(symbols, meanings, strict=True)))
    if not fitting:
        return None
    first, *others = fitting
    return {mark: s for mark, s in first.items() if all(way[mark] == s for way in others)}


def _fits(claim: Claim, counts: Counter[str], stated: set[str]) -> bool:
    if claim.key in ("sick", "personal", "official"):
        return True  # symbols never tell the kind of leave
    allowed = possible(claim.key, counts, stated)
    return not allowed or claim.number in allowed


def ask_symbol(asker: Asker, sheet: str, mark: str, entries: list[Entry]) -> str:
    """One question for a symbol, however often it stands in the sheet."""
    first = entries[0]
    row, column = first.place or first.line.place
    name = key(sheet, None, None, f"{mark}:mark")
    rows = tuple(dict.fromkeys(entry.line.place[0] for entry in entries))
    text = f"签到符号“{first.mark}”表中没有说明（或说法不一），共 {len(rows)} 行用到，是什么意思？"
    asker.ask(
        Question(
            *(name, "mark", text, sheet, row, column, first.mark),
            *(status_candidates(PRESENT, LEAVE, ABSENT), rows),
        )
    )
    return name


def ask_mark(asker: Asker, sheet: str, entry: Entry) -> str:
    """A question about one row's mark."""
    row, column = entry.place or entry.line.place
    name = key(sheet, row, column, "mark")
    shown = "，".join(text for text in (entry.mark, entry.remark) if text)
    why = {
        "conflict": f"的签到与说明互相矛盾（{shown}）",
        "signed": f"一栏签的是别人的名字“{entry.mark}”",
        "unclear": f"的签到“{entry.mark}”不能确定",
    }.get(entry.verdict.doubt, f"的签到“{entry.mark}”看不明白")
    text = f"“{entry.line.name}”{why}，应记为什么？"
    asker.ask(
        Question(
            *(name, "mark", text, sheet, row, column, entry.mark or entry.remark or ""),
            status_candidates(PRESENT, ABSENT),
        )
    )
    return name


def ask_blank(asker: Asker, sheet: str, name: str, entries: list[Entry], *, listed: bool) -> str:
    """One question for all empty cells of a session."""
    first = entries[0]
    row, column = first.place or first.line.place
    rows = tuple(dict.fromkeys(entry.line.place[0] for entry in entries))
    text = f"有 {len(rows)} 人的签到是空白，表中没有说明空白是什么意思：到会，还是缺席？"
    if listed:
        text = f"表中只有姓名，没有签到标记：列出的 {len(rows)} 人是否都到会？"
    candidates = status_candidates(PRESENT, ABSENT)
    asker.ask(Question(name, "blank", text, sheet, row, column, "", candidates, rows))
    return name


def answered(asker: Asker, name: str) -> Verdict | None:
    """The verdict that an answer gives, if there is one."""
    given = status_answer(asker.answer(name))
    if not given:
        return None
    status, leave = given
    return Verdict(status, (leave or UNSTATED) if status == LEAVE else None)


def inferred(mark: str, status: str) -> str:
    """The sentence that tells what the head counts settled."""
    shown = f"符号“{mark}”" if mark else "空白"
    return f"表中没有说明{shown}的意思，按表中人数推断为“{LABELS[status]}”，请核对。"


def is_symbol(entry: Entry) -> bool:
    """A doubtful mark that means the same wherever it stands in the sheet."""
    return entry.verdict.doubt == "symbol" or (
        entry.verdict.doubt == "unknown" and len(entry.symbol) == 1 and entry.symbol not in PLAIN
    )
