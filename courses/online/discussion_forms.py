"""The form in which a discussion is asked: it parses; the verb decides."""

from __future__ import annotations

from typing import Any

from django import forms

from courses.forms import periods_of
from courses.online.discussions import FORMS, Question
from credits import rule_book
from credits.models import Programme
from portal.forms import DayField


class QuestionForm(forms.Form):
    """A question to a group, by one programme's rules."""

    title = forms.CharField(label="题目", max_length=80)
    text = forms.CharField(
        label="说明（可不填）", max_length=2000, required=False,
        widget=forms.Textarea({"rows": 4, "maxlength": 2000}),
    )  # fmt: skip
    first_day = DayField(label="开始日期")
    last_day = DayField(label="截止日期", help_text="到这一天为止都可以回答和修改。")
    minutes = forms.IntegerField(
        label="每个回答计时（分钟）", initial=45, min_value=1, max_value=1440,
        help_text="认定的回答都按这个时长记学时，记在首次回答的那一天。",
    )  # fmt: skip
    form = forms.ChoiceField(label="学习方式")
    period = forms.ChoiceField(label="历史时期", required=False)

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = rule_book.of(programme).current.rules
        admitted = [(f.value, f.label) for f in FORMS if rules.form(f.value)]
        self.fields["form"].choices = admitted  # type: ignore[attr-defined] # a ChoiceField
        periods = periods_of(programme)
        self.fields["period"].choices = [("", "请选择"), *periods]  # type: ignore[attr-defined] # as above
        if not periods:
            del self.fields["period"]

    def question(self) -> Question:
        return Question(**self.cleaned_data)
