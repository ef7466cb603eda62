"""Head counts that the sheet states itself (应到24人 实到21人), and whether the marks agree."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from .cells import Cells, fold, tight
from .dates import NUMERAL, numeral
from .model import (
    ABSENT,
    CAME,
    LATE,
    LEAVE,
    LEFT_EARLY,
    MADE_UP,
    OBSERVER,
    PRESENT,
    Row,
)

LABELS = {
    "due": "应到会|应到|应参加|应出席|应参会|应签到|应参学|应出勤",
    "came": "实到会|实到|实际到会|实际参加|实际出席|实际参会|实参加|实参会|实出席|实出勤|"
    "实签到|已到会|已到|"
    "到会|出席|出勤|参加|参会|签到|到场|参学|与会",
    "sick": "病假",
    "personal": "事假",
    "official": "公假|公出|公差|出差|因公",
    "leave": "请假",
    "absent": "缺席|缺勤|旷会|旷课|无故缺席|旷工",
    "missing": "未到会|未到|未参加|未出席|未参会",
    "late": "迟到",
    "early": "早退",
    "observer": "列席",
    "made_up": "补学|补课",
}
SPOKEN = {
    "due": "应到",
    "came": "实到",
    "sick": "病假",
    "personal": "事假",
    "official": "公出",
    "leave": "请假",
    "absent": "缺席",
    "missing": "未到",
    "late": "迟到",
    "early": "早退",
    "observer": "列席",
    "made_up": "补学",
    "rate": "出勤率",
}
KEYS = {word: name for name, words in LABELS.items() for word in words.split("|")}
WORDS = "|".join(sorted(KEYS, key=len, reverse=True))
NUMBER = rf"\d{{1,5}}|[{NUMERAL}]{{1,5}}"
CLAIM = re.compile(
    rf"(?P<label>{WORDS})\s*(?P<people>会议)?(?P<count>人数|人员数?|党员数?|同志)?\s*"
    rf"(?P<sign>[:为是共有=]*)\s*(?P<number>{NUMBER})\s*(?P<unit>人次|人|名|位|个)?"
    r"(?!\s*[月日年:.点时分%\d次届期])"
)
PAIR = re.compile(r"应到\s*/\s*实到(?:人数)?\s*:?\s*(\d+)\s*/\s*(\d+)")
RATE = re.compile(r"(?:出勤|到会|出席|参会|参学|参与|签到)率\s*[:为是]?\s*(\d+(?:\.\d+)?)\s*%")
RATE_LABEL = re.compile(r"(?:出勤|到会|出席|参会|参学|参与|签到)率")
LABEL = re.compile(rf"(?P<label>{WORDS})(?:会议)?(?:人数|人员数?|党员数?|数)?(?:[(]人[)])?")


@dataclass(frozen=True)
class Claim:
    """A number that the sheet states, under one of the keys of SPOKEN, with its row."""

    key: str
    number: float
    row: int | None = None
    label: str = ""


@lru_cache(maxsize=4096)
def claims_in(text: str) -> tuple[Claim, ...]:
    """The head counts in one text."""
    line = fold(text)
    found = []
    pair = PAIR.search(line)
    if pair:
        found += [Claim("due", int(pair[1])), Claim("came", int(pair[2]))]
        line = line.replace(pair[0], " ")
    for match in CLAIM.finditer(line):
        number = numeral(match["number"])
        certain = (
            match["unit"] or match["count"] or ":" in match["sign"] or match["label"][0] in "应实"
        )
        if number is not None and certain:
            found.append(Claim(KEYS[match["label"]], number, label=match["label"]))
    for rate in RATE.findall(line):
        found.append(Claim("rate", float(rate)))
    return tuple(found)


def key_of(text: str) -> str | None:
    """The count that a cell's label announces: 应到人数, 实到, 出勤率."""
    word = tight(text).strip(":")
    if RATE_LABEL.fullmatch(word):
        return "rate"
    found = LABEL.fullmatch(word)
    return KEYS[found["label"]] if found else None


def claims_of(
    cells: Cells, rows: Iterable[int], taken: Collection[tuple[int, int]]
) -> Iterator[Claim]:
    """All counts in these rows, in sentences or as label and value in neighbouring cells."""
    for row in rows:
        for column, text in cells.filled(row):
            if (row, column) in taken:
                continue
            number, _ = cells.place(row, column)
            stated = claims_in(text)
            for claim in stated:
                yield Claim(claim.key, claim.number, number, claim.label)
            key = None if stated else key_of(text)
            value = _value(cells, row, column) if key else None
            if key and value is not None:
                rated = value * 100 if key == "rate" and value <= 1 else value
                yield Claim(key, rated, number, tight(text).strip(":"))


def _value(cells: Cells, row: int, column: int) -> float | None:
    right = next(
        (c for c in range(cells.span(row, column)[3] + 1, cells.width) if cells.text(row, c)), None
    )
    for place in ((row, right), (cells.span(row, column)[2] + 1, column)):
        if place[1] is None:
            continue
        text = tight(cells.text(place[0], place[1]))
        found = re.fullmatch(rf"({NUMBER}|\d+\.\d+)\s*(?:人次|人|名|位|%)?", text)
        if found:
            number = numeral(found[1])
            return float(found[1]) if number is None else number
        if text:
            continue
    return None


def counts_of(rows: Iterable[Row]) -> Counter[str]:
    """How many rows of each status and kind of leave."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.status or "open"] += 1
        if row.status == LEAVE:
            counts[f"leave:{row.leave_group}"] += 1
    return counts


def possible(key: str, counts: Mapping[str, int], stated: Collection[str]) -> set[int]:
    """The numbers that a truthful clerk could write under this label for these marks."""
    late, early = counts.get(LATE, 0), counts.get(LEFT_EARLY, 0)
    present, leave = counts.get(PRESENT, 0), counts.get(LEAVE, 0)
    absent, made_up, guests = counts.get(ABSENT, 0), counts.get(MADE_UP, 0), counts.get(OBSERVER, 0)
    came = sum(counts.get(status, 0) for status in CAME)
    due = came + leave + absent + made_up
    if key == "came":
        apart = {present} if "late" in stated or "early" in stated else set()
        return (
            {came, came + guests, came + made_up}
            | apart
            | ({present + late, present + early} if apart else set())
        )
    if key == "due":
        return {due, due + guests, counts.get("roster", due)}
    if key == "absent":
        both = {absent + leave} if "leave" not in stated else set()
        return {absent, absent + made_up} | both
    kinds = ("sick", "personal", "official")
    if key == "leave":
        return {leave, leave + made_up} | (
            {leave - counts.get("leave:official", 0)} if "official" in stated else set()
        )
    if key in kinds:
        return {counts.get(f"leave:{key}", 0)}
    simple = {
        "missing": {leave + absent, absent, leave + absent + made_up},
        "late": {late},
        "early": {early},
        "observer": {guests},
        "made_up": {made_up},
    }
    return simple.get(key, set())


def contradictions(
    claims: Iterable[Claim], counts: Mapping[str, int]
) -> Iterator[tuple[Claim, int]]:
    """Stated counts that no reading of the marks gives, with the count by the marks."""
    claims = list(dict.fromkeys(claims))
    stated = {claim.key for claim in claims}
    for claim in claims:
        if claim.key == "rate":
            continue
        allowed = possible(claim.key, counts, stated)
        if allowed and claim.number not in allowed:
            yield claim, _by_marks(claim.key, counts)


def _by_marks(key: str, counts: Mapping[str, int]) -> int:
    came = sum(counts.get(status, 0) for status in CAME)
    names = {
        "came": came,
        "leave": counts.get(LEAVE, 0),
        "absent": counts.get(ABSENT, 0),
        "late": counts.get(LATE, 0),
        "early": counts.get(LEFT_EARLY, 0),
        "observer": counts.get(OBSERVER, 0),
        "made_up": counts.get(MADE_UP, 0),
        "missing": counts.get(LEAVE, 0) + counts.get(ABSENT, 0),
        "due": came + counts.get(LEAVE, 0) + counts.get(ABSENT, 0) + counts.get(MADE_UP, 0),
    }
    return names.get(key, counts.get(f"leave:{key}", 0))


def wrong_rate(claims: Iterable[Claim], counts: Mapping[str, int]) -> tuple[float, float] | None:
    """The stated and the real rate of attendance, if they differ by more than rounding."""
    came = sum(counts.get(status, 0) for status in CAME)
    due = came + counts.get(LEAVE, 0) + counts.get(ABSENT, 0) + counts.get(MADE_UP, 0)
    for claim in claims:
        bases = {due, counts.get("roster", due)} - {0}
        rates = [100 * came / base for base in bases]
        if claim.key == "rate" and rates and all(abs(rate - claim.number) > 1 for rate in rates):
            return claim.number, rates[0]
    return None
