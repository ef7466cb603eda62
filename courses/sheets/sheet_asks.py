"""What has to be answered before a sheet can be written: one list, each with its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from django.utils import timezone

from courses.models import Occasion, StudySession
from courses.sheets.sheet_reading import Question
from courses.sheets.sheet_reading import Session as Told
from courses.sheets.sheet_reading.cells import tight
from courses.sheets.sheet_reading.questions import SKIP
from credits import rule_book
from credits.models import Form, Programme

NEW = "new"
ALL = "all"  # every programme that is asked about
Choice = tuple[str, str]
# Words by which sheets name a kind of meeting, the more special first.
OCCASIONS = (
    ("中心组", Occasion.CENTRAL_GROUP),
    ("党日", Occasion.THEME_DAY),
    ("读书班", Occasion.READING_CLASS),
    ("宣讲", Occasion.REPORT),
    ("报告会", Occasion.REPORT),
    ("培训", Occasion.TRAINING),
    ("党课", Occasion.THREE_MEETINGS),
    ("党员大会", Occasion.THREE_MEETINGS),
    ("支委会", Occasion.THREE_MEETINGS),
    ("党小组会", Occasion.THREE_MEETINGS),
    ("三会一课", Occasion.THREE_MEETINGS),
)
FORMS = (
    ("研讨", Form.SEMINAR),
    ("集体学习", Form.SEMINAR),
    ("讲课", Form.LECTURE),
    ("授课", Form.LECTURE),
    ("现场", Form.ON_SITE),
    ("体验", Form.IMMERSIVE),
    ("网上", Form.ONLINE),
    ("网络", Form.ONLINE),
)


@dataclass(frozen=True)
class Ask:
    """One thing to answer. kind: choice, date, time or text; given: what was answered so far."""

    key: str
    text: str
    kind: str
    choices: Sequence[Choice] = ()
    more: Sequence[Choice] = ()
    given: str = ""
    place: str = ""
    required: bool = True

    @property
    def is_open(self) -> bool:
        """Whether it still has to be answered."""
        return self.required and not self.is_answered

    @property
    def is_answered(self) -> bool:
        if self.kind == "choice":
            return any(value == self.given for value, _ in (*self.choices, *self.more))
        if self.kind == "date":
            return day(self.given) is not None
        if self.kind == "time":
            return clock(self.given) is not None
        return bool(self.given.strip())


def day(text: str) -> date | None:
    """A day as a browser sends it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def clock(text: str) -> time | None:
    """A time of day as a browser sends it."""
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def local(on: date, at: time) -> datetime:
    """A local moment."""
    return timezone.make_aware(datetime.combine(on, at))


def of_question(question: Question, people: Sequence[Choice], given: str, *, is_open: bool) -> Ask:
    """A question of the reading; who is meant may also be anybody of the branch."""
    given = "" if is_open else given
    choices = [(str(c["value"]), str(c["label"])) for c in question.candidates]
    if question.skippable:
        choices.append((SKIP, "不导入这一行"))
    named = {value for value, _ in choices}
    more = [c for c in people if c[0] not in named] if question.skippable else []
    kind = "date" if question.about == "date" and not choices else "choice"
    place = f"工作表「{question.sheet}」"
    place += f"第 {question.row} 行" if question.row else ""
    return Ask(question.key, question.text, kind, choices, more, given, place, is_open)


def which_session(
    index: int, told: Told, found: Sequence[StudySession], answers: Mapping[str, str]
) -> Ask:
    """Several sessions of the day could be the one that the sheet tells of."""
    choices = [(str(s.pk), f"{s.title}（{_span(s)}，{s.get_state_display()}）") for s in found]
    return _choice(
        f"{index}:session",
        f"{told.date} 有这些活动，表中是哪一次？",
        [*choices, (NEW, "都不是，另建一次活动")],
        answers,
    )


def of_new_session(
    index: int, told: Told, programmes: Sequence[Programme], answers: Mapping[str, str]
) -> list[Ask]:
    """What a session needs that nobody has planned and the sheet does not tell."""
    asks = []
    for name, label, known in (("start", "开始", told.start), ("end", "结束", told.end)):
        if known is None:
            key = f"{index}:{name}"
            asks.append(Ask(key, f"活动几点{label}？", "time", given=answers.get(key, "")))
    if not title_of(told):
        key = f"{index}:title"
        asks.append(Ask(key, "活动主题是什么？", "text", given=answers.get(key, "")))
    if form_of(told) is None:
        asks.append(_choice(f"{index}:form", "学习方式是哪一种？", Form.choices, answers))
    if occasion_of(told) is None:
        asks.append(_choice(f"{index}:occasion", "活动是哪一类？", Occasion.choices, answers))
    key = f"{index}:programme"
    if len(programmes) > 1:
        choices = [(p.code, str(p)) for p in programmes]
        choices.append((ALL, f"{len(programmes)} 个都记入"))
        asks.append(_choice(key, "记入哪个专题教育？", choices, answers))
    counted = counted_in(programmes, answers.get(key, ""))
    periods = _periods(counted)
    if period_of(told, counted) is None and periods:
        choices = [*periods, ("none", "不限")]
        asks.append(_choice(f"{index}:period", "学的是哪个历史时期？", choices, answers))
    return asks


def of_made_up(index: int, *, dated: bool, known: bool, answers: Mapping[str, str]) -> list[Ask]:
    """When somebody made up what they missed, and how they missed it."""
    asks = []
    if not dated:
        key = f"{index}:made_up_on"
        given = answers.get(key, "")
        asks.append(Ask(key, "标为补学的人是哪一天补学的？", "date", given=given))
    if not known:
        choices = [("leave:unstated", "请假"), ("absent", "缺席")]
        key = f"{index}:made_up_was"
        asks.append(_choice(key, "标为补学的人，活动当天按什么记？", choices, answers))
    return asks


def of_unlisted(index: int, names: Sequence[str], answers: Mapping[str, str]) -> Ask:
    """What becomes of people who are due and do not stand in the sheet."""
    shown = "、".join(names[:8]) + ("等" if len(names) > 8 else "")
    choices = [("later", "先不记，导入后在点名页补齐"), ("absent", "按缺席记")]
    text = f"应到的 {len(names)} 人不在表中（{shown}），怎么办？"
    return _choice(f"{index}:unlisted", text, choices, answers)


def title_of(told: Told) -> str:
    return (told.topic or told.title or "").strip()[:80]


def form_of(told: Told) -> str | None:
    """The form of study, where the sheet names one."""
    word = tight(told.form or "")
    exact = next((value for value, label in Form.choices if label == word), None)
    return exact or next((form.value for known, form in FORMS if known in word), None)


def occasion_of(told: Told) -> str | None:
    """The kind of meeting, by the sheet's own label or by its title."""
    word = tight(told.occasion or "")
    exact = next((value for value, label in Occasion.choices if label == word), None)
    said = word or tight(told.title or "")
    return exact or next((kind.value for known, kind in OCCASIONS if known in said), None)


def counted_in(programmes: Sequence[Programme], chosen: str) -> list[Programme]:
    """The programmes for which a session counts, by what was chosen: one by its code, or all."""
    return [p for p in programmes if p.code == chosen] or list(programmes)


def period_of(told: Told, programmes: Sequence[Programme]) -> str | None:
    """The history period, where the sheet names one as the rules do."""
    word = tight(told.period or "")
    return next((code for code, name in _periods(programmes) if word and tight(name) == word), None)


def _periods(programmes: Sequence[Programme]) -> list[Choice]:
    """The history periods of the first programme that has some."""
    for programme in programmes:
        if periods := rule_book.of(programme).current.rules.periods:
            return [(period.code, period.name) for period in periods]
    return []


def _choice(key: str, text: str, choices: Sequence[Choice], answers: Mapping[str, str]) -> Ask:
    return Ask(key, text, "choice", tuple(choices), given=answers.get(key, ""))


def _span(session: StudySession) -> str:
    start, end = timezone.localtime(session.starts_at), timezone.localtime(session.ends_at)
    return f"{start:%H:%M}–{end:%H:%M}"
