"""Which day a session was: what is written, what its surroundings add, and what must be asked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from .cells import Cells, fold, tight
from .clocks import Clock, clock_in, of_value
from .dates import FIRST, LAST, Day, days_in, in_heading, last_of_range
from .facts import Fact, Facts
from .model import Notice, Question
from .questions import Asker, key

WEEKDAYS = "一二三四五六日"
# What may stand beside a date without making a title of it.
BESIDE_DATE = re.compile(
    r"星期.|周[一二三四五六日天]|礼拜.|上午|下午|晚上|中午|早上|傍晚|晚|召开|举行|开始|结束|开展|小时|分钟"
    r"|[年月日号时点分半整至到零〇○一二三四五六七八九十廿两]"
)
OTHER_WORDS = re.compile(r"[\u4e00-\u9fffA-Za-z]")


@dataclass
class Calendar:
    """What is known of years and months around the sessions of one sheet."""

    cells: Cells
    at: date
    asker: Asker
    warnings: list[Notice]
    years: list[int] = field(default_factory=list)
    months: list[int] = field(default_factory=list)
    fallback_years: list[int] = field(default_factory=list)
    # Days that are written, but as the day of filling in or in the file's name.
    hints: list[date] = field(default_factory=list)

    def learn(self, texts: Iterable[str]) -> None:
        """Years and months that titles, labels and the sheet's name state."""
        for text in texts:
            for day in days_in(text, loose=False):
                if day.year and day.year not in self.years and 2000 <= day.year <= 2099:
                    self.years.append(day.year)
                if day.month and day.month not in self.months:
                    self.months.append(day.month)

    @property
    def year(self) -> int | None:
        """The one year that the surroundings state; two different ones state none."""
        for known in (self.years, self.fallback_years):
            if known:
                return known[0] if len(set(known)) == 1 else None
        return None

    def resolve(self, day: Day | None, place: tuple[int, str] | None) -> date | None:
        """The session's day, asking for what nobody wrote. `place`: where to point to."""
        row, column = place or (None, None)
        if day is None:
            choices = tuple(choice(found) for found in self.hints if found <= self.at)
            return self._ask_date(row, column, "", "表中没有写活动日期，请选择或填写。", choices)
        if day.month is None and day.day and len(self.months) == 1:
            day = replace(day, month=self.months[0])
        if day.month is None or day.day is None or day.impossible:
            said = "不存在" if day.impossible else "不完整"
            return self._ask_date(row, column, day.text, f"日期“{day.text}”{said}，请核对。", ())
        if day.year is None:
            year = self.year or self._ask_year(day, row, column)
            day = replace(day, year=year)
            if year is None:
                return None
        found = day.exact
        if found is None or not FIRST <= found <= LAST:
            return self._ask_date(row, column, day.text, f"日期“{day.text}”不存在，请核对。", ())
        self._check(found, day, row)
        return found

    def one_of_typed(self, days: list[Day], text: str, place: tuple[int, str]) -> date | None:
        """A number may stand for one of several days: which one is meant is asked."""
        choices = tuple(choice(found) for day in days if (found := day.within(self.year).exact))
        said = f"日期“{text}”可能是几月几日写成了数字后丢了末尾的零，请选择是哪一天。"
        return self._ask_date(*place, text, said, choices)

    def one_of(self, days: list[Day], text: str, place: tuple[int, str]) -> date | None:
        """Several days are written for one set of marks: which one is meant is asked."""
        exact = [found for day in days if (found := day.within(self.year).exact)]
        if len(exact) == len(days) == 2 and self._is_range(days, text):
            length = (exact[1] - exact[0]).days
            if 1 < length < 15:
                exact = [exact[0] + timedelta(days=n) for n in range(length + 1)]
        choices = tuple(choice(found) for found in exact)
        shown = "、".join(day.text.strip("-~ ") for day in days)
        return self._ask_date(
            *place,
            shown,
            f"活动时间写了几个日期（{shown}），只有一列签到，请选择是哪一天。",
            choices,
        )

    @staticmethod
    def _is_range(days: list[Day], text: str) -> bool:
        between = fold(text)[days[0].end : max(days[1].start, days[0].end)]
        return last_of_range(text) is not None or bool(
            re.fullmatch(r"\s*(?:-+|~|至|到)?\s*", between)
        )

    def _check(self, found: date, day: Day, row: int | None) -> None:
        if day.weekday is not None and found.weekday() != day.weekday:
            said, real = WEEKDAYS[day.weekday], WEEKDAYS[found.weekday()]
            self._warn(f"{found:%Y-%m-%d} 是星期{real}，表中写的是星期{said}，请核对日期。", row)
        if found > self.at:
            self._warn(f"活动日期 {found:%Y-%m-%d} 晚于今天（{self.at:%Y-%m-%d}），请核对。", row)
        if self.years and found.year not in self.years:
            self._warn(
                f"日期 {found:%Y-%m-%d} 与标题中的年份 {self.years[0]} 不一致，请核对。", row
            )

    def _warn(self, text: str, row: int | None) -> None:
        warning = Notice(text, self.cells.name, row)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _ask_year(self, day: Day, row: int | None, column: str | None) -> int | None:
        """One question for the whole sheet: its dates are of one year."""
        name = key(self.cells.name, None, None, "year")
        given = self.asker.answer(name)
        if given and given.isdigit() and 2000 <= int(given) <= 2099:
            return int(given)
        years = sorted((self.at.year, self.at.year - 1), key=lambda y: self._doubtful(day, y))
        candidates = tuple({"value": str(year), "label": f"{year} 年"} for year in years)
        text = f"日期“{day.text}”没有写年份，表中别处也没有，请选择是哪一年。"
        self.asker.ask(
            Question(name, "year", text, self.cells.name, row, column, day.text, candidates)
        )
        return None

    def _doubtful(self, day: Day, year: int) -> tuple[bool, bool]:
        found = replace(day, year=year).exact
        if found is None:
            return True, True
        return found > self.at, day.weekday is not None and found.weekday() != day.weekday

    def _ask_date(
        self,
        row: int | None,
        column: str | None,
        value: str,
        text: str,
        candidates: tuple[dict[str, str], ...],
    ) -> date | None:
        name = key(self.cells.name, row, column, "date")
        try:
            return date.fromisoformat(self.asker.answer(name) or "")
        except ValueError:
            pass
        question = Question(name, "date", text, self.cells.name, row, column, value, candidates)
        self.asker.ask(question)
        return None


def choice(day: date) -> dict[str, str]:
    return {"value": day.isoformat(), "label": f"{day:%Y-%m-%d}"}


@dataclass(frozen=True)
class When:
    """The days and the clock that a region states, and where."""

    days: tuple[Day, ...] = ()
    clock: Clock = field(default_factory=Clock)
    fact: Fact | None = None
    text: str = ""


def stated(facts: Facts) -> When:
    """Day and clock by labels such as 时间, 日期, 开始时间."""
    days: list[Day] = []
    clock, place = Clock(), None
    text = ""
    for fact in facts.all("when"):
        found = days_of(fact)
        if found and not any(day.day for day in days):
            known = days[0] if days else Day()  # 时间：2021年6月 | 日期：2日
            days, place = [day.within(known.year, known.month) for day in found], fact
        here = of_value(fact.value) if fact.value is not None else Clock()
        here = here if here.start else clock_in(fact.text)
        clock = clock if clock.start else here
        text += fact.text
    start = [clock_in(fact.text).start or of_value(fact.value).start for fact in facts.all("start")]
    end = [clock_in(fact.text).start or of_value(fact.value).start for fact in facts.all("end")]
    for fact in (*facts.all("start"), *facts.all("end")):
        if not days and days_of(fact):
            days, place = days_of(fact), fact
    if start and start[0]:
        clock = Clock(start[0], end[0] if end and end[0] and end[0] > start[0] else None)
    return When(tuple(days), clock, place, text)


def days_of(fact: Fact) -> list[Day]:
    """The days of a labelled value: a real date cell, a number, or all dates in its text."""
    if fact.value is not None and not isinstance(fact.value, str):
        found = in_heading(fact.text, fact.value)
        return [found] if found else []
    days = [day for day in days_in(fact.text) if day.month or day.day]
    if not any(day.day for day in days):  # 9.30 beside a date is a time, alone it is a day
        days = [day for day in days_in(fact.text, loose=True) if day.month or day.day]
    years = {day.year for day in days_in(fact.text) if day.year}
    if len(years) == 1:  # 6月2日（2021年）
        [year] = years
        days = [day.within(year) for day in days]
    last = last_of_range(fact.text)
    if last and len(days) == 1 and days[0].day and last > days[0].day:
        days.append(replace(days[0], day=last, text=f"{last}日"))
    return _distinct(days)


def _distinct(days: list[Day]) -> list[Day]:
    seen: dict[tuple[int | None, int | None, int | None], Day] = {}
    for day in days:
        seen.setdefault((day.year, day.month, day.day), day)
    whole = [day for day in seen.values() if day.day]
    return whole or list(seen.values())


def standing_alone(text: str) -> Day | None:
    """The date of a cell that says nothing but when: "2021年7月7日上午", "（2021年6月2日）"."""
    days = [day for day in days_in(text) if day.day]
    if len(days) != 1:
        return None
    rest = tight(text)
    return days[0] if not OTHER_WORDS.search(BESIDE_DATE.sub("", rest)) else None
