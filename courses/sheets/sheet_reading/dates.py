"""Dates as people write them: 2021年6月2日, 2021.6.2, 20210602, 二〇二一年…, 6月2日, 6.2, 2日."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from portal.workbooks import Value

from .cells import fold, tight

DIGITS = {c: str(i) for i, c in enumerate("零一二三四五六七八九")} | {
    "〇": "0",
    "○": "0",
    "两": "2",
}
NUMERAL = "零〇○一二两三四五六七八九十廿卅百"
WEEKDAYS = {c: i for i, c in enumerate("一二三四五六日")} | {"天": 6}
WEEKDAY = re.compile(r"(?:星期|周|礼拜)\s*([一二三四五六日天])")
# Dates outside these years are typing errors or other things (years of birth, of joining).
FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)
EPOCH = date(1899, 12, 30)


@dataclass(frozen=True)
class Day:
    """A date as far as it is written: any part may be missing. `start`, `end`: where it stood.

    `cut`: it was typed as a number, so that 6.30 would stand there as 6.3 too.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    text: str = ""
    start: int = 0
    end: int = 0
    cut: bool = False

    @property
    def exact(self) -> date | None:
        """The date, if it is whole and exists."""
        if self.year is None or self.month is None or self.day is None:
            return None
        try:
            return date(self.year, self.month, self.day)
        except ValueError:
            return None

    @property
    def impossible(self) -> bool:
        """Month and day cannot stand together in any year (or in the year that is written)."""
        if self.month is None:
            return self.day is not None and not 1 <= self.day <= 31
        try:
            date(self.year or 2000, self.month, self.day or 1)
        except ValueError:
            return True
        return False

    def within(self, year: int | None, month: int | None = None) -> "Day":
        """The same day with what its surroundings add."""
        return replace(self, year=self.year or year, month=self.month or month)


def numeral(text: str) -> int | None:
    """A whole number in digits or Chinese numerals (二十四, 廿三, 一百零二, 二〇二一)."""
    text = tight(text)
    if re.fullmatch(r"\d{1,6}", text):
        return int(text)
    if not text or any(c not in NUMERAL for c in text):
        return None
    text = text.replace("廿", "二十").replace("卅", "三十")
    if "十" not in text and "百" not in text:
        return int("".join(DIGITS[c] for c in text))
    hundreds, _, rest = text.rpartition("百")
    tens, ten, ones = rest.rpartition("十")
    try:
        return (
            (int(DIGITS[hundreds]) * 100 if hundreds else 100 if "百" in text else 0)
            + (int(DIGITS[tens.lstrip("零〇")]) * 10 if tens.lstrip("零〇") else 10 if ten else 0)
            + (int(DIGITS[ones.lstrip("零〇")]) if ones.lstrip("零〇") else 0)
        )
    except KeyError:
        return None


CHINESE = re.compile(rf"(?<!第)([{NUMERAL}]+)(?=\s*(?:[年月日号点时分]|个?半?小时))(?!\s*[日月]常)")
# 二0二一年, 二O二一年: the zero among Chinese digits is typed as it comes to hand.
ZERO = re.compile(r"(?<=[一二三四五六七八九])[0Oo](?=[一二三四五六七八九0Oo])")


@lru_cache(maxsize=8192)
def arabic(text: str) -> str:
    """Folded, with Chinese numerals before 年月日点时分 as digits."""

    def digits(found: re.Match[str]) -> str:
        number = numeral(found[1])
        return found[1] if number is None else str(number)

    return CHINESE.sub(digits, ZERO.sub("〇", fold(text)))


Y = r"(?P<y>(?:19|20)\d\d)"
FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<!\d){Y}\s*年\s*(?P<m>\d{{1,2}})\s*月\s*(?P<d>\d{{1,2}})(?!\d)\s*[日号]?",
        rf"(?<![\d.]){Y}\s*([./\-])\s*(?P<m>\d{{1,2}})\s*\2\s*(?P<d>\d{{1,2}})(?![\d])\s*[日号]?",
        rf"(?<!\d){Y}(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\d)",
        r"(?<![\d.])(?P<yy>[12]\d)\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})(?!\d)\s*[日号]?",
        r"(?<![\d./\-])(?P<yy>[12]\d)([./\-])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\d./\-])",
        rf"(?<!\d){Y}\s*年\s*(?P<m>\d{{1,2}})\s*月",
        rf"(?<![\d.]){Y}\s*[./\-]\s*(?P<m>0?[1-9]|1[0-2])(?![\d./\-])",
        r"(?<!\d)(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})(?!\d|\s*[:点时人名])\s*[日号]?",
        rf"(?<!\d){Y}\s*年(?!\s*[级前来])",
        r"(?<!\d)(?P<m>\d{1,2})\s*月(?!\s*[\d底初末])",
        r"(?<![\d.])(?P<d>\d{1,2})\s*[日号](?!\s*[楼会])",
    )
)
# 6.2 and 6/2 may be many things; only where a date is expected are they dates.
LOOSE = re.compile(r"(?<![\d./\-:])(?P<m>0?[1-9]|1[0-2])\s*[./]\s*(?P<d>[0-3]?\d)(?![\d./:%])")
LOOSER = re.compile(r"(?P<m>0?[1-9]|1[0-2])\s*[./\-]\s*(?P<d>[0-3]?\d)")
UNTIL = re.compile(r"\s*(?:-+|~|至|到|、|,|和|及)\s*")
# The second half of "2021.6.2-6.4".
LOOSE_END = re.compile(r"\s*(?:-+|~|至|到)\s*(?P<m>\d{1,2})[./](?P<d>\d{1,2})(?![\d./:])")


def days_in(text: str, *, loose: bool = False) -> list[Day]:
    """All dates in the text, in order; a second day of a range has what the first one states."""
    return list(_days_in(text, loose))


@lru_cache(maxsize=8192)
def _days_in(text: str, loose: bool) -> tuple[Day, ...]:
    text = arabic(text)
    found: list[Day] = []
    for form in (*FORMS, *((LOOSE,) if loose else ())):
        for match in form.finditer(text):
            if not any(match.start() < day.end and day.start < match.end() for day in found):
                found.append(_day(match, text))
    for day in tuple(found):
        end = LOOSE_END.match(text, day.end)
        if end and day.day:
            found.append(_day(end, text))
    found.sort(key=lambda day: day.start)
    return tuple(_joined(found, text))


def _day(match: re.Match[str], text: str) -> Day:
    parts = {name: int(value) for name, value in match.groupdict().items() if value}
    year = parts.get("y") or (2000 + parts["yy"] if "yy" in parts else None)
    weekday = WEEKDAY.match(text, _skip(text, match.end()))
    return Day(
        *(year, parts.get("m"), parts.get("d"), WEEKDAYS[weekday[1]] if weekday else None),
        *(match[0].strip(), match.start(), weekday.end() if weekday else match.end()),
    )


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " (（,，":
        at += 1
    return at


def _joined(found: list[Day], text: str) -> Iterator[Day]:
    """Days after "-", "至" or "、" belong to the month and year before them."""
    before: Day | None = None
    for day in found:
        between = before and text[before.end : max(day.start, before.end)]
        if before and UNTIL.fullmatch(between or "-") and not day.year:
            day = day.within(before.year, before.month)
        yield day
        before = day


BARE_RANGE = re.compile(
    r"(?P<m>\d{1,2})\s*(?:月|[./])\s*(?P<d>\d{1,2})\s*[日号]?\s*(?:-+|~|至|到|、)\s*(?P<e>\d{1,2})\s*[日号]"
)


def last_of_range(text: str) -> int | None:
    """The last day of "6月2-4日", where only the end carries 日."""
    found = BARE_RANGE.search(arabic(text))
    return int(found["e"]) if found else None


def in_heading(text: str, value: Value = None) -> Day | None:
    """The date that a heading or date cell states, if it states one."""
    if isinstance(value, datetime):
        return of_date(value.date(), text)
    if isinstance(value, date):
        return of_date(value, text)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value, text)
    if re.fullmatch(r"4\d{4}", text.strip()):  # a day number in a text file
        return of_date(EPOCH + timedelta(days=int(text)), text)
    whole = LOOSER.fullmatch(arabic(text).strip())
    if whole and int(whole["d"]) <= 31:
        return Day(None, int(whole["m"]), int(whole["d"]), text=text)
    days = [day for day in days_in(text, loose=True) if day.day or day.month]
    return days[0] if days else None


def of_date(day: date, text: str = "") -> Day | None:
    if not FIRST <= day <= LAST:
        return None
    return Day(day.year, day.month, day.day, text=text or day.isoformat())


def _of_number(value: float, text: str) -> Day | None:
    """Excel's day number, 20210602, or 6.2 typed as a number; a plain 1…31 is decided elsewhere."""
    if not float(value).is_integer() and value < 36526:
        whole = LOOSER.fullmatch(text)
        if not whole:
            return None
        return Day(None, int(whole["m"]), int(whole["d"]), text=text, cut=whole["d"] in "123")
    if 36526 <= value <= 73050:
        return of_date(EPOCH + timedelta(days=int(value)))
    if FORMS[2].fullmatch(str(int(value))):
        return days_in(str(int(value)))[0]
    return None


def weekday_in(text: str) -> int | None:
    found = WEEKDAY.search(fold(text))
    return WEEKDAYS[found[1]] if found else None
