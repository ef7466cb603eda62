"""Times of day as people write them: 下午2:30-4:30, 14点30分, 两点半, 9-11时, 2小时."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from portal.workbooks import Value

from .dates import arabic, days_in

MORNING = ("凌晨", "早上", "早晨", "清晨", "上午", "早", "am", "AM")
AFTERNOON = ("下午", "午后", "傍晚", "晚上", "晚间", "夜间", "晚", "pm", "PM")
PARTS = "|".join((*MORNING, "中午", *AFTERNOON))
QUARTERS = {"半": 30, "一刻": 15, "三刻": 45, "整": 0}
CLOCK = re.compile(
    rf"(?P<part>{PARTS})?\s*(?<![\d.])(?P<h>\d{{1,2}})\s*"
    r"(?::\s*(?P<m>\d{2})(?::\d\d)?(?!\d)"
    r"|(?:点钟?|时(?!长|间|候|期|代))\s*(?:(?P<n>\d{1,2})\s*分?|(?P<q>半|一刻|三刻|整))?)"
    r"\s*(?P<after>am|pm|AM|PM)?"
)
HALF = re.compile(r"(?<![\d.:])(?P<h>\d{1,2})(?=\s*(?:-+|~|至|到)\s*\d{1,2}\s*[点时])")
DOTTED = re.compile(
    r"(?<![\d.])(\d{1,2})\.([0-5]\d)\s*(-+|~|至|到)\s*(\d{1,2})\.([0-5]\d)(?![\d.])"
)
LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*个?(半)?\s*(小时|分钟)")
RANGE = re.compile(r"^\D{0,4}(?:-+|~|至|到)")
PART_OF_DAY = re.compile(r"(上午|下午|晚上|晚间|中午|早上)")


@dataclass(frozen=True)
class Clock:
    """When a meeting began and ended, as far as it is written; `doubtful` says why not."""

    start: time | None = None
    end: time | None = None
    doubtful: str = ""


def clock_in(text: str) -> Clock:
    """Start and end in a text that may hold a date as well."""
    text = _without_dates(text)
    text = DOTTED.sub(r"\1:\2\3\4:\5", text)
    text = HALF.sub(r"\g<h>:00", text)
    found = list(CLOCK.finditer(text))
    moments: list[tuple[time, int, int]] = []
    part = ""
    for match in found:
        part = match["part"] or match["after"] or part
        moment = _moment(match, part)
        if moment:
            moments.append((moment, match.start(), match.end()))
    if not moments:
        return Clock()
    start = _daytime(moments[0][0], found[0]["part"])
    if len(moments) == 1:
        return Clock(start, _after(start, text))
    between = text[moments[0][2] : moments[1][1]]
    if len(moments) > 2:
        return Clock(doubtful=f"时间写了不止一段（{text.strip()}），起止时间没有读取")
    if not (RANGE.match(between) or text[moments[1][2] :].lstrip().startswith(("结束", "止"))):
        return Clock(start)
    end = moments[1][0]
    if end <= start and end.hour < 12:
        end = end.replace(hour=end.hour + 12)
    if end > start:
        return Clock(start, end)
    said = f"结束时间不晚于开始时间（{text.strip()}），结束时间没有读取，请核对"
    return Clock(start, doubtful=said)


def _without_dates(text: str) -> str:
    text = arabic(text)
    for day in reversed(days_in(text)):
        text = text[: day.start] + " " + text[day.end :]
    return text


def _moment(match: re.Match[str], part: str) -> time | None:
    hour = int(match["h"])
    minute = int(match["m"] or match["n"] or 0) + QUARTERS.get(match["q"] or "", 0)
    if (hour < 12 and part in AFTERNOON) or (hour <= 2 and part == "中午"):
        hour += 12
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        return None
    return time(hour % 24, minute)


def _daytime(moment: time, part: str | None) -> time:
    """Nobody meets at half past two in the night: 2:30 without 上午 or 下午 is in the afternoon."""
    return moment.replace(hour=moment.hour + 12) if not part and 1 <= moment.hour <= 5 else moment


def _after(start: time, text: str) -> time | None:
    length = LENGTH.search(text)
    if not length:
        return None
    amount = float(length[1]) + (0.5 if length[2] else 0)
    minutes = round(amount * (60 if length[3] == "小时" else 1))
    end = datetime.combine(date(2000, 1, 1), start) + timedelta(minutes=minutes)
    return end.time() if end.date() == date(2000, 1, 1) else None


def of_value(value: Value) -> Clock:
    """The clock of a real time or date-and-time cell."""
    if isinstance(value, float) and 0 < value < 1:  # a time of day in a cell without its format
        value = (datetime(2000, 1, 1) + timedelta(minutes=round(value * 1440))).time()
    if isinstance(value, datetime) and value.time() != time(0):
        return Clock(value.time().replace(second=0, microsecond=0))
    return Clock(value.replace(second=0, microsecond=0)) if isinstance(value, time) else Clock()


def part_in(text: str) -> str | None:
    """上午, 下午 or 晚上, if the text names just one."""
    found = {
        {"早上": "上午", "晚间": "晚上", "中午": "下午"}.get(part, part)
        for part in PART_OF_DAY.findall(text)
    }
    return found.pop() if len(found) == 1 else None
