"""Forms of classes, sessions and logs: they parse; the verbs decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from courses.models import Course, Lesson, Occasion, StudySession
from courses.sessions import Plan
from courses.study_logs import OWN_FORMS, Study
from credits import rule_book, rule_words
from credits.forms import HoursField
from credits.models import Form, Programme
from portal.forms import DayField, MemberField
from portal.models import Member
from portal.querysets import MemberQuerySet


class ClockField(forms.TimeField):
    """A time of day, entered with the browser's own picker."""

    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


def periods_of(programme: Programme) -> list[tuple[str, str]]:
    """The programme's history periods, as choices."""
    return [(p.code, p.name) for p in rule_book.of(programme).current.rules.periods]


def local(day: Any, clock: time) -> datetime:
    """A local moment."""
    return timezone.make_aware(datetime.combine(day, clock))


# Half days of a class of several days; each counts as the rules' half day.
HALVES = {"morning": (time(8, 30), time(11, 30)), "afternoon": (time(14, 0), time(17, 0))}


def link_field() -> forms.CharField:
    """Where it meets at a distance; the verb says which addresses are good."""
    return forms.CharField(
        label="会议链接（线上活动）",
        max_length=StudySession.MOST_OF_LINK,
        required=False,
        help_text="从会议软件里复制，以 https 开头；只有该参加的人看得到。现场活动不填。",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )


class CountsFor:
    """A choice of the programmes that something counts for, where there are several; each says
    which forms of study it admits."""

    fields: dict[str, forms.Field]
    cleaned_data: dict[str, Any]

    def offer(self, programmes: Sequence[Programme]) -> None:
        """programmes: those in which the organiser takes part, the one that is shown first."""
        self.offered = list(programmes)
        if len(self.offered) > 1:
            self.fields["programmes"] = forms.MultipleChoiceField(
                label="计入",
                choices=[(p.code, f"{p}（计{_admitted(p)}）") for p in self.offered],
                initial=[p.code for p in self.offered],
                widget=forms.CheckboxSelectMultiple,
                help_text="一次活动可以同时计入几个专题教育，各记一次。",
            )

    def counted(self) -> list[Programme]:
        """The chosen ones, in the order in which they were offered."""
        chosen = self.cleaned_data.get("programmes", [p.code for p in self.offered])
        return [p for p in self.offered if p.code in chosen]


def _admitted(programme: Programme) -> str:
    return rule_words.admitted(rule_book.of(programme).current.rules)


class ClassForm(CountsFor, forms.Form):
    """A reading class in one form: its sessions are laid out over the history periods."""

    name = forms.CharField(label="名称", max_length=60)
    first = DayField(label="第一次活动日期")
    layout = forms.ChoiceField(
        label="怎样安排",
        required=False,
        choices=[
            ("", "每次一场，按时长计学时"),
            ("morning", "每次上午半天（8:30–11:30）"),
            ("afternoon", "每次下午半天（14:00–17:00）"),
            ("morning afternoon", "每次一天，上午、下午各半天"),
        ],
    )
    clock = ClockField(label="开始时间", initial="14:30", help_text="半天的不看这一项。")
    minutes = forms.IntegerField(
        label="每次时长（分钟）", initial=90, min_value=12, max_value=720,
        help_text="半天的不看这一项。",
    )  # fmt: skip
    each = forms.IntegerField(label="每个历史时期安排几场", initial=3, min_value=1, max_value=12)
    every = forms.TypedChoiceField(
        label="间隔",
        coerce=int,
        choices=[(7, "每周一次"), (14, "两周一次"), (28, "四周一次"), (1, "连续几天，每天一次")],
    )
    form = forms.ChoiceField(
        label="学习方式", choices=[(f.value, f.label) for f in (Form.SEMINAR, Form.LECTURE)]
    )
    method = forms.ChoiceField(label="考勤方式", choices=StudySession.Method.choices)
    place = forms.CharField(label="地点", max_length=60, required=False)
    link = link_field()
    lecturer = forms.CharField(label="主讲人", max_length=40, required=False)

    def __init__(self, *args: Any, programmes: Sequence[Programme], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(programmes)

    def plans(self) -> list[Plan]:
        """The sessions: each period in turn, at the same hours, at the chosen interval; a programme
        without periods has one turn of them."""
        values, plans = self.cleaned_data, []
        labels = dict(Form.choices)
        found = [periods_of(programme) for programme in self.counted()]
        periods = max(found, key=len) or [("", "")]
        halves = [HALVES[name] for name in values["layout"].split()]
        turns = [p for p in periods for _ in range(values["each"])]
        for number, (code, _) in enumerate(turns):
            meeting, half = divmod(number, len(halves) or 1)
            day = values["first"] + timedelta(days=meeting * values["every"])
            start = local(day, halves[half][0] if halves else values["clock"])
            length = timedelta(minutes=values["minutes"])
            plans.append(
                Plan(
                    f"{values['name'].strip()}第 {number + 1} 次 · {labels[values['form']]}"[:80],
                    values["form"],
                    start,
                    local(day, halves[half][1]) if halves else start + length,
                    period=code,
                    place=values["place"],
                    lecturer=values["lecturer"],
                    link=values["link"],
                    method=values["method"],
                    band=StudySession.Band.HALF_DAY if halves else StudySession.Band.MINUTES,
                )
            )
        return plans


class SessionForm(CountsFor, forms.Form):
    """One session; hours follow from the rule, by minutes or as half a day or a day."""

    title = forms.CharField(label="主题", max_length=80)
    occasion = forms.ChoiceField(label="类别", choices=Occasion.choices)
    form = forms.ChoiceField(label="学习方式", choices=Form.choices)
    period = forms.ChoiceField(label="历史时期", required=False)
    day = DayField(label="日期")
    start = ClockField(label="开始")
    end = ClockField(label="结束")
    band = forms.ChoiceField(label="计时方式", required=False, choices=StudySession.Band.choices)
    place = forms.CharField(label="地点", max_length=60, required=False)
    link = link_field()
    lecturer = forms.CharField(label="主讲人", max_length=40, required=False)
    host = forms.CharField(label="主持人", max_length=40, required=False)
    recorder = forms.CharField(label="记录人", max_length=40, required=False)
    content = forms.ChoiceField(label="所学课程（每人只计一次的）", required=False)
    method = forms.ChoiceField(label="考勤方式", choices=StudySession.Method.choices)
    ceiling = HoursField(label="学时减计为", required=False, help_text="一般不填；只能减，不能加。")
    ceiling_reason = forms.CharField(label="减计理由", max_length=100, required=False)

    def __init__(
        self, *args: Any, programmes: Sequence[Programme], fixed: bool = False, **kwargs: Any
    ) -> None:
        """fixed: what the session counts for stays as it is."""
        super().__init__(*args, **kwargs)
        found = max(map(periods_of, programmes), key=len)
        self.fields["period"].choices = [("", "不限"), *found]  # type: ignore[attr-defined] # a ChoiceField
        if not fixed:
            self.offer(programmes)
        self.fields["content"].choices = [("", "无"), *named_contents()]  # type: ignore[attr-defined] # a ChoiceField

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("ceiling") and not values.get("ceiling_reason", "").strip():
            self.add_error("ceiling_reason", "减计学时要写明理由。")
        if values.get("start") and values.get("end") and values["end"] <= values["start"]:
            self.add_error("end", "结束时间要晚于开始时间。")
        return values

    def values(self) -> dict[str, Any]:
        """What a plan or a change takes."""
        values = dict(self.cleaned_data)
        values.pop("programmes", None)
        day = values.pop("day")
        values["starts_at"] = local(day, values.pop("start"))
        values["ends_at"] = local(day, values.pop("end"))
        return values

    @staticmethod
    def initial_of(session: StudySession) -> dict[str, Any]:
        """The form's values for a session that is there."""
        starts, ends = timezone.localtime(session.starts_at), timezone.localtime(session.ends_at)
        names = ["title", "occasion", "form", "period", "band", "place", "link", "lecturer",
                 "host", "recorder", "content", "method", "ceiling_reason"]  # fmt: skip
        values = {name: getattr(session, name) for name in names}
        return values | {
            "day": starts.date(),
            "start": starts.strftime("%H:%M"),
            "end": ends.strftime("%H:%M"),
            "ceiling": None if session.ceiling is None else session.ceiling / 100,
        }


class LinkForm(forms.Form):
    """Another link for a meeting at a distance."""

    link = link_field()


def named_contents(*, logged: bool = False) -> list[tuple[str, str]]:
    """Courses and lessons that are credited once, as choices; logged: without the lessons whose
    hours come from their questions."""
    lessons = Lesson.objects.logged() if logged else Lesson.objects.published()
    courses = [(c.content, c.title) for c in Course.objects.filter(once=True)]
    return courses + [(n.content, n.title) for n in lessons]


class PeopleForm(forms.Form):
    """Members by number, one a line: an exact number names one person. people: among whom they
    are looked for; nothing is learnt of others."""

    numbers = forms.CharField(
        label="党员编号（每行一个）", max_length=4000, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, *args: Any, people: MemberQuerySet | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = Member.objects.active() if people is None else people

    def clean_numbers(self) -> list[Member]:
        wanted = self.cleaned_data["numbers"].replace("，", " ").replace(",", " ").split()
        people = self.people.filter(number__in=wanted).select_related("branch")
        found = {m.number: m for m in people}
        missing = [n for n in wanted if n not in found]
        if missing:
            raise ValidationError(f"没有找到这些编号的在册党员：{'、'.join(missing[:5])}。")
        return [found[n] for n in wanted]


class GuestForm(forms.Form):
    """Somebody who takes part without being due."""

    number = MemberField(label="党员编号", max_length=24)
    status = forms.ChoiceField(
        label="身份", choices=[("present", "客人（记学时）"), ("observer", "列席（不记学时）")]
    )


class LogForm(forms.Form):
    """One piece of own study."""

    key = forms.CharField(max_length=24, widget=forms.HiddenInput, required=False)
    day = DayField(label="学习日期")
    form = forms.ChoiceField(
        label="学习方式",
        choices=[(f.value, f.label) for f in OWN_FORMS],
        widget=forms.RadioSelect,
    )
    period = forms.ChoiceField(label="历史时期", widget=forms.RadioSelect)
    content = forms.ChoiceField(label="学习材料", required=False)
    topic = forms.CharField(label="学了什么", max_length=80, required=False)
    minutes = forms.IntegerField(label="时长（分钟）", min_value=1, max_value=1440)
    start = ClockField(label="开始时间（可不填）", required=False)

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["period"].choices = periods_of(programme)  # type: ignore[attr-defined] # a ChoiceField
        self.fields["period"].required = bool(periods_of(programme))
        rules = rule_book.of(programme).current.rules
        admitted = [(f.value, f.label) for f in OWN_FORMS if rules.form(f.value)]
        if admitted:
            self.fields["form"].choices = admitted  # type: ignore[attr-defined] # a ChoiceField
        self.titles = dict(named_contents(logged=True))
        self.fields["content"].choices = [("", "其他（写在下面）"), *self.titles.items()]  # type: ignore[attr-defined] # a ChoiceField

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        values["topic"] = values.get("topic", "").strip() or self.titles.get(
            values.get("content", ""), ""
        )
        if not values["topic"]:
            self.add_error("topic", "请选择学习材料，或写明学了什么。")
        return values

    def study(self) -> Study:
        """What the verb takes."""
        values = self.cleaned_data
        start = local(values["day"], values["start"]) if values.get("start") else None
        return Study(
            values["form"],
            values["day"],
            values["minutes"],
            values["topic"],
            values["period"],
            values["content"],
            start,
        )
