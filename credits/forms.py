"""Forms of programmes, exemptions, certificates and bulletins: they parse; the verbs decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from credits.bulletin_columns import MOST
from credits.models import Bulletin, BulletinMeasure, Form, RankingPermit, View
from portal.forms import DayField
from portal.models import Cohort, Organization
from portal.templatetags.portal import hours


class HoursField(forms.DecimalField):
    """Credit hours as people write them; cleaned to hundredths."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=6, decimal_places=2, min_value=0, **kwargs)

    def clean(self, value: Any) -> int | None:
        entered = super().clean(value)
        return None if entered is None else int(entered * 100)


def as_hours(hundredths: int | None) -> Decimal | None:
    """What a field of hours shows: 2400 → 24, 25 → 0.25."""
    return None if hundredths is None else Decimal(hours(hundredths))


class ExemptionForm(forms.Form):
    """A request for a full or lowered target."""

    kind = forms.ChoiceField(label="减免方式", choices=[("full", "免学"), ("lowered", "减少学时")])
    target = HoursField(label="减至学时", required=False, help_text="免学时不填。")
    since = DayField(label="自")
    until = DayField(label="至（不填为长期）", required=False)
    reason = forms.CharField(label="理由", max_length=200, widget=forms.Textarea(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == "lowered" and not values.get("target"):
            self.add_error("target", "请填写减至多少学时。")
        if values.get("kind") == "full":
            values["target"] = None
        return values


class WindowForm(forms.Form):
    """A catch-up window: over which organisation, which days of study, when they are entered."""

    organization = forms.CharField(
        label="党组织", max_length=80, help_text="对它和它的下级都有效；填写全称、简称或编码。"
    )
    first_day = DayField(label="学习日期自")
    last_day = DayField(label="学习日期至")
    opens_on = DayField(label="补录自")
    closes_on = DayField(label="补录至")
    reason = forms.CharField(label="理由", max_length=200, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, within: QuerySet[Organization], **kwargs: Any) -> None:
        """within: the organisations over which a window may be opened."""
        super().__init__(*args, **kwargs)
        self.within = within

    def clean_organization(self) -> Organization:
        text = self.cleaned_data["organization"].strip()
        for field in ("code", "name", "short_name"):
            found = list(self.within.filter(**{field: text})[:2])
            if len(found) == 1:
                return found[0]
        raise ValidationError(f"没有找到唯一的党组织“{text}”，请填写您范围内的全称或编码。")


class ReasonForm(forms.Form):
    """A reason, where an act needs nothing else."""

    reason = forms.CharField(label="理由", max_length=200, widget=forms.Textarea(attrs={"rows": 3}))


class PermitForm(forms.Form):
    level = forms.ChoiceField(label="排行范围", choices=RankingPermit.Level.choices)
    document = forms.CharField(label="依据文件", max_length=120, help_text="文件名称和文号。")


class NextProgrammeForm(forms.Form):
    """The next programme: what it is called and when."""

    name = forms.CharField(label="名称", max_length=60)
    code = forms.CharField(label="代码", max_length=30, help_text="小写字母、数字和连字符。")
    starts = DayField(label="开始")
    ends = DayField(label="结束")
    authority = forms.CharField(label="依据文件", max_length=120)


class RulesForm(forms.Form):
    """A rule set in fields, filled from the one it changes; applied only after a rehearsal."""

    target = HoursField(label="应学学时")
    minutes_per_hour = forms.IntegerField(label="多少分钟为 1 学时", min_value=1)
    step = HoursField(label="学时取整到", help_text="不足的零头舍去。")
    half_day = HoursField(label="半天计学时")
    day = HoursField(label="全天计学时")
    daily_cap = HoursField(label="每日最多计学时")
    back_dating = forms.IntegerField(label="补记期限（天）", min_value=0)
    make_up = forms.IntegerField(label="补学期限（天）", min_value=0)
    since = DayField(label="自哪天起")
    authority = forms.CharField(label="依据文件", max_length=120)
    reason = forms.CharField(label="理由", max_length=200)

    PLAIN = ("minutes_per_hour", "back_dating", "make_up")  # the others are hours
    HOURS = ("target", "step", "half_day", "day", "daily_cap")

    def __init__(self, data: Any = None, *, current: Mapping[str, Any], since: date) -> None:
        initial = {name: current.get(name) for name in self.PLAIN} | {"since": since}
        initial |= {name: as_hours(current.get(name)) for name in self.HOURS}
        super().__init__(data, initial=initial)
        self.current, labels = current, dict(Form.choices)
        for period in current.get("periods", ()):
            self.fields[f"minimum_{period['code']}"] = HoursField(
                label=period["name"], initial=as_hours(period["minimum"])
            )
        for form in current.get("forms", ()):
            label = labels.get(form["code"], form["code"])
            self.fields[f"cap_{form['code']}"] = HoursField(
                label=f"{label}最多计学时", required=False, initial=as_hours(form["cap"])
            )
            self.fields[f"points_{form['code']}"] = forms.IntegerField(
                label=f"{label}每学时积分", min_value=0, initial=form["points"]
            )

    def conversion(self) -> list[forms.BoundField]:
        names = ("target", "minutes_per_hour", "step", "half_day", "day", "daily_cap")
        return [self[name] for name in (*names, "back_dating", "make_up")]

    def minimums(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("minimum_")]

    def by_form(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(("cap_", "points_"))]

    def grounds(self) -> list[forms.BoundField]:
        return [self["since"], self["authority"], self["reason"]]

    def rules(self) -> dict[str, Any]:
        """The rule set as entered; what has no field stays as it is."""
        values = self.cleaned_data
        periods = [p | {"minimum": values[f"minimum_{p['code']}"]} for p in self.current["periods"]]
        admitted = [
            f | {"cap": values[f"cap_{f['code']}"], "points": values[f"points_{f['code']}"]}
            for f in self.current["forms"]
        ]
        plain = {name: values[name] for name in (*self.PLAIN, *self.HOURS)}
        return {**self.current, **plain, "periods": periods, "forms": admitted}


class NewDraftForm(forms.Form):
    title = forms.CharField(label="标题", max_length=80)
    cohorts = forms.MultipleChoiceField(
        label="系统", choices=Cohort.choices, widget=forms.CheckboxSelectMultiple
    )
    measures = forms.MultipleChoiceField(
        label="栏目",
        choices=BulletinMeasure.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=f"名次、升降、学满率、学满和应学总在表中；另选最多 {MOST} 项。",
    )
    minimum = forms.IntegerField(
        label="排名的最少应学人数",
        min_value=0,
        max_value=10000,
        required=False,
        help_text="应学人数不足的单位单列，不排名；不填则都排名。",
    )
    cutoff = forms.DateTimeField(
        label="截止时间",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="不填则到发布时为止；填过去的时间在后台统计。",
    )
    replaces = forms.ModelChoiceField(
        Bulletin.objects.none(), label="替代已撤回的一期", required=False, empty_label="不替代"
    )

    def __init__(self, *args: Any, replaceable: QuerySet[Bulletin], **kwargs: Any) -> None:
        """replaceable: the withdrawn numbers in whose place this one may be published."""
        super().__init__(*args, **kwargs)
        if replaceable:
            self.fields["replaces"].queryset = replaceable  # type: ignore[attr-defined] # a choice of models
        else:
            del self.fields["replaces"]

    def clean_minimum(self) -> int:
        return self.cleaned_data["minimum"] or 0


class DraftForm(forms.Form):
    """Title and texts of a draft; the figures are beside it and cannot be edited."""

    title = forms.CharField(label="标题", max_length=80)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, written: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        """written: the units, by id and name, whose own texts may be left out."""
        super().__init__(*args, **kwargs)
        for view, label in View.choices:
            rows = 3 if view == View.OPENING else 5
            self.fields[view] = forms.CharField(
                label=label,
                required=False,
                max_length=4000,
                widget=forms.Textarea(attrs={"rows": rows}),
            )
        if written:
            self.fields["left_out"] = forms.TypedMultipleChoiceField(
                label="不采用这些单位写的做法",
                required=False,
                coerce=int,
                choices=written,
                widget=forms.CheckboxSelectMultiple,
                help_text="单位写的文字只能整段采用或不采用，不能改动。",
            )
