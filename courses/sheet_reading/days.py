"""Which day a session was: what is written, what its surroundings add, and what must be asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from .cells import Cells, tight
from .clocks import Clock, clock_in, of_value
from .dates import FIRST, LAST, Day, days_in, in_heading, last_of_range
from .facts import Fact, Facts
from .model import Question, Warning
from .questions import Asker, key

WEEKDAYS = "一二三四五六日"


@dataclass
class Calendar:
    """What is known of years and months around the sessions of one sheet."""

    cells: Cells
    at: date
    asker: Asker
    warnings: list[Warning]
    years: list[int] = field(default_factory=list)
    months: list[int] = field(default_factory=list)
    fallback_years: list[int] = field(default_factory=list)

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
            return self._ask_date(row, column, "", "表中没有写活动日期，请选择或填写。", ())
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

    def one_of(self, days: list[Day], place: tuple[int, str]) -> date | None:
        """Several days are written for one set of marks: which one is meant is asked."""
        exact = [day.within(self.year).exact for day in days]
        choices = tuple(
            {"value": found.isoformat(), "label": f"{found:%Y-%m-%d}"} for found in exact if found
        )
        text = "、".join(day.text for day in days)
        return self._ask_date(
            *place, text, f"活动时间写了几个日期（{text}），只有一列签到，请选择是哪一天。", choices
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
        warning = Warning(text, self.cells.name, row)
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


@dataclass(frozen=True)
class When:
    """The days and the clock that a region states, and where."""

    days: tuple[Day, ...] = ()
    clock: Clock = Clock()
    fact: Fact | None = None
    text: str = ""


def stated(facts: Facts) -> When:
    """Day and clock by labels such as 时间, 日期, 开始时间."""
    days: list[Day] = []
    clock, place = Clock(), None
    text = ""
    for fact in facts.all("when"):
        found = days_of(fact)
        if found and not days:
            days, place = found, fact
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
    days = [day for day in days_in(fact.text, loose=True) if day.month or day.day]
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
    for piece in ("星期", "周", "上午", "下午", "晚上", "举行", "召开", "日期", "时间"):
        rest = rest.replace(piece, "")
    return days[0] if len(rest) - len(tight(days[0].text)) <= 14 and not _words(rest) else None


def _words(rest: str) -> bool:
    letters = [
        c
        for c in rest
        if "\u4e00" <= c <= "\u9fff" and c not in "年月日号点时分半至到一二三四五六天"
    ]
    return len(letters) > 2
